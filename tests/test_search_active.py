"""Which messages are on the active branch, in long threads whose ids may run anyhow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentstate import StateStore
from agentstate.reports.search import SearchFilters
from agentstate.store.search.active import ActiveBranch
from examples import examples
from support import Clock, raw, thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INSERT: Final = (
    "INSERT INTO messages (id, thread_id, role, content, created_at, parent_entry_id) "
    "VALUES (?, ?, 'user', 'words', 1, ?)"
)
PIECES: Final = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 700, 1000, 1001, 2500, 4100]),
        st.sampled_from([1, 2]),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)
"""How many ids each, all or every second of them, whether they fall, and whether they come last."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateStore]:
    """Give a store that every example fills anew."""
    path = tmp_path_factory.mktemp("active") / "state.db"
    with StateStore.open(path, clock=Clock()) as store:
        store.threads.create(thread("t"))
        store.threads.create(thread("u"))
        yield store


def fill(store: StateStore, path: Sequence[int], others: Sequence[int], end: int | None) -> None:
    """Make a thread of the ids of a branch, leaf first, and of others that answer its leaf."""
    rows = [(one, "t", above) for one, above in zip(path, [*path[1:], end], strict=True)]
    rows += [(one, "t", path[0]) for one in others]
    with raw(store.path) as connection:
        connection.execute("BEGIN")
        connection.execute("DELETE FROM messages")
        connection.executemany(INSERT, rows)
        connection.execute("UPDATE threads SET current_leaf_id = ? WHERE id = 't'", path[:1])
        connection.execute("COMMIT")


@settings(max_examples=examples(8), deadline=None)
@given(PIECES, st.sampled_from(["root", "gone", "circle"]))
@example([(4100, 1, True, True), (1001, 1, True, False), (2500, 1, True, True)], "circle")
def test_the_active_branch_is_what_parents_say(
    empty: StateStore, pieces: list[tuple[int, int, bool, bool]], end: str
) -> None:
    path: list[int] = []
    others: list[int] = []
    begin = 1
    for count, step, falling, last in pieces:
        ids = range(begin, begin + count * step)
        begin = ids.stop
        members = ids[::-step] if falling else ids[::step]
        others += sorted({*ids} - {*members})
        path = [*members, *path] if last else [*path, *members]
    fill(empty, path, others, {"root": None, "gone": begin + 5, "circle": path[0]}[end])
    wanted = set(path)
    database = empty._context.database  # noqa: SLF001 - a search asks only of what it found
    at_once = ActiveBranch(database, "t")
    assert {one for one in range(begin + 6) if at_once.has(one)} == wanted
    for one in (path[0], path[-1], path[len(path) // 2], *others[:1], begin + 5):
        assert ActiveBranch(database, "t").has(one) == (one in wanted)
    assert not ActiveBranch(database, "u").has(1)
    assert not ActiveBranch(database, "nobody").has(1)


def test_a_branch_ends_where_another_thread_begins(empty: StateStore) -> None:
    fill(empty, list(range(5000, 3000, -1)), [], 3000)
    with raw(empty.path) as connection:
        connection.executemany(INSERT, [(one, "u", one - 1) for one in range(1, 3001)])
    database = empty._context.database  # noqa: SLF001 - as above
    found = ActiveBranch(database, "t")
    assert [one for one in (1, 2999, 3000, 3001, 5000) if found.has(one)] == [3001, 5000]


def test_of_a_long_branch_no_more_is_read_than_is_asked_for(empty: StateStore) -> None:
    fill(empty, list(range(9000, 0, -1)), [9001, 9002], None)
    found = empty.search.find("words", SearchFilters(active_only=True))
    assert [hit.message_id for hit in found.hits] == list(range(9000, 8980, -1))
    assert all(hit.on_active_branch for hit in found.hits)
    assert found.matches == 1000
    beside = empty.search.find("words", limit=3)
    assert [hit.on_active_branch for hit in beside.hits] == [False, False, True]
