"""Dynamic tools: replaced together or not at all, listed by position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agentstate import (
    BadInputError,
    CorruptStoreError,
    DynamicToolRecord,
    JsonText,
    StateStore,
    ThreadNotFoundError,
)
from support import raw, rows, thread

if TYPE_CHECKING:
    from collections.abc import Iterator


def tool(position: int, **fields: Any) -> DynamicToolRecord:  # noqa: ANN401 - a tool's fields
    return DynamicToolRecord(
        **{"position": position, "name": f"tool {position}", "input_schema": {}, **fields}
    )


@pytest.fixture
def equipped(store: StateStore) -> StateStore:
    """Fill a store with threads t and u; t has tools at 0 and 1."""
    for thread_id in "tu":
        store.threads.create(thread(thread_id))
    store.tools.replace("t", [tool(1), tool(0, description="d\0", input_schema={"b": 1, "a": 2})])
    return store


def test_tools_are_listed_by_position(equipped: StateStore) -> None:
    expected = [tool(0, description="d\0", input_schema={"b": 1, "a": 2}), tool(1)]
    assert equipped.tools.list("t") == expected
    assert equipped.tools.list("u") == equipped.tools.list("no") == []


def test_replace_takes_the_old_ones_away(equipped: StateStore) -> None:
    equipped.tools.replace("u", [tool(5)])
    equipped.tools.replace("t", iter([tool(-3), tool(7)]))
    assert [one.position for one in equipped.tools.list("t")] == [-3, 7]
    equipped.tools.replace("t", [])
    assert equipped.tools.list("t") == []
    assert [one.position for one in equipped.tools.list("u")] == [5]


def test_a_schema_given_as_text_is_kept_byte_for_byte(equipped: StateStore) -> None:
    text = ' {"n": 1.0, "m":1E2} '
    equipped.tools.replace("t", [tool(0, input_schema=JsonText(text))])
    assert rows(equipped.path, "SELECT input_schema FROM thread_dynamic_tools") == [(text,)]
    assert equipped.tools.list("t", raw_json=True)[0].input_schema == text


@pytest.mark.parametrize(
    "tools",
    [
        [tool(2), tool(2)],
        [tool(2), tool(2**63)],
        [tool(2), tool("2")],  # type: ignore[arg-type]  # on purpose
        [tool(2), tool(3, name=None)],
        [tool(2), tool(3, name="\ud800")],
        [tool(2), tool(3, input_schema=float("nan"))],
        [tool(2), tool(3, input_schema=JsonText("{"))],
    ],
)
def test_bad_tools_replace_nothing(equipped: StateStore, tools: list[DynamicToolRecord]) -> None:
    before = equipped.tools.list("t")
    with pytest.raises(BadInputError):
        equipped.tools.replace("t", tools)
    assert equipped.tools.list("t") == before


def test_tools_that_fail_to_come_replace_nothing(equipped: StateStore) -> None:
    def failing() -> Iterator[DynamicToolRecord]:
        yield tool(5)
        raise KeyError("gone")

    before = equipped.tools.list("t")
    with pytest.raises(KeyError, match="gone"):
        equipped.tools.replace("t", failing())
    assert equipped.tools.list("t") == before


@pytest.mark.parametrize("tools", [[], [tool(0)]])
def test_an_unknown_thread_is_refused(equipped: StateStore, tools: list[DynamicToolRecord]) -> None:
    with pytest.raises(ThreadNotFoundError, match="no thread 'no'"):
        equipped.tools.replace("no", tools)
    assert rows(equipped.path, "SELECT count(*) FROM thread_dynamic_tools") == [(2,)]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("input_schema", "{", "the schema of tool 'tool 1' in thread 't' is not JSON"),
        ("input_schema", b"{}", "tool 'tool 1' in thread 't' has a value of the wrong type"),
        ("description", b"d", "tool 'tool 1' in thread 't' has a value of the wrong type"),
        ("name", b"n", "tool b'n' in thread 't' has a value of the wrong type"),
    ],
)
def test_a_tool_that_cannot_be_read_is_named(
    equipped: StateStore, column: str, value: object, message: str
) -> None:
    with raw(equipped.path) as agent:
        agent.execute(
            f"UPDATE thread_dynamic_tools SET {column} = ? WHERE position = 1",  # noqa: S608 - a name of the test
            (value,),
        )
    with pytest.raises(CorruptStoreError, match="doctor") as raised:
        equipped.tools.list("t")
    assert message in str(raised.value)
    equipped.tools.replace("t", [tool(0)])
    assert equipped.tools.list("t") == [tool(0)]
