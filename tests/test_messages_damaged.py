"""Trees that another program damaged: named, never followed in circles, and a way out of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    AgentStateWarning,
    CorruptStoreError,
    MessageRecord,
    StateStore,
)
from support import raw, rows, thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def ids(messages: Sequence[MessageRecord]) -> list[int]:
    return [message.id for message in messages]


def damage(store: StateStore, sql: str, *params: object) -> None:
    """Change rows as another program could, which has foreign keys off."""
    with raw(store.path) as connection:
        connection.execute(sql, params)


# Damaged trees

READERS: Final[dict[str, Callable[[StateStore], object]]] = {
    "branch": lambda store: store.messages.branch("t"),
    "whole branch": lambda store: store.messages.branch("t", None),
    "huge limit": lambda store: store.messages.branch("t", 10**12),
    "ids": lambda store: store.messages.branch_ids("t"),
    "stream": lambda store: list(store.messages.stream("t")),
}

DAMAGE: Final[dict[str, tuple[str, str]]] = {
    "cycle": (
        "UPDATE messages SET parent_entry_id = 4 WHERE id = 1",
        "messages 4, 2, 1 are a cycle of parents",
    ),
    "own parent": (
        "UPDATE messages SET parent_entry_id = 2 WHERE id = 2",
        "message 2 is its own parent",
    ),
    "parent missing": (
        "UPDATE messages SET parent_entry_id = 99 WHERE id = 1",
        "message 1 has parent 99, which is missing",
    ),
    "parent no number": (
        "UPDATE messages SET parent_entry_id = 'x' WHERE id = 2",
        "message 2 has parent x, which is missing",
    ),
    "parent in another thread": (
        "UPDATE messages SET parent_entry_id = 5 WHERE id = 2",
        "message 2 has parent 5 in thread 'u'",
    ),
}

BAD_LEAVES: Final[dict[str, tuple[object, str]]] = {
    "dangling": (99, "its leaf 99 is no message"),
    "foreign": (5, "its leaf 5 is a message of thread 'u'"),
    "text": ("x", "its leaf x is no message"),
    "real": (1.5, "its leaf 1.5 is no message"),
    "blob": (b"4", "its leaf b'4' is no message"),
}


def assert_people_can_get_out(store: StateStore) -> None:
    """Whatever the tree looks like, it is listed, and another leaf can be chosen."""
    store.messages.leaves("t")
    assert ids(list(store.messages.all("t"))) == [1, 2, 3, 4]
    assert [one.id for one in store.threads.list()] == ["t", "u"]
    assert store.threads.stats(["t"])["t"].messages == 4
    assert store.threads.get("t") is not None
    damage(store, "UPDATE messages SET parent_entry_id = NULL WHERE id = 3")
    store.messages.checkout("t", 3)
    assert ids(store.messages.branch("t")) == [3]
    store.messages.append("t", "user", "six")
    store.messages.fork(3, "user", "seven")
    assert ids(store.messages.branch("t")) == [3, 7]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_branch_is_refused_with_its_ids(talk: StateStore, kind: str, reader: str) -> None:
    sql, message = DAMAGE[kind]
    damage(talk, sql)
    started = time.monotonic()
    with pytest.raises(CorruptStoreError) as raised:
        READERS[reader](talk)
    assert time.monotonic() - started < 10  # it does not go round and round
    assert str(raised.value) == (
        f"thread 't' is damaged: {message}; see agentstate doctor, or choose a leaf with "
        "agentstate messages checkout"
    )
    assert raised.value.exit_code == 6


@pytest.mark.parametrize("kind", DAMAGE)
def test_people_can_get_out_of_a_damaged_branch(talk: StateStore, kind: str) -> None:
    damage(talk, DAMAGE[kind][0])
    assert_people_can_get_out(talk)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", BAD_LEAVES)
def test_a_bad_leaf_is_refused(talk: StateStore, kind: str, reader: str) -> None:
    value, message = BAD_LEAVES[kind]
    damage(talk, "UPDATE threads SET current_leaf_id = ? WHERE id = 't'", value)
    with pytest.raises(CorruptStoreError, match="doctor") as raised:
        READERS[reader](talk)
    assert message in str(raised.value)


@pytest.mark.parametrize("kind", BAD_LEAVES)
def test_append_refuses_a_bad_leaf_and_people_can_get_out(talk: StateStore, kind: str) -> None:
    value, message = BAD_LEAVES[kind]
    damage(talk, "UPDATE threads SET current_leaf_id = ? WHERE id = 't'", value)
    for expected in ({}, {"expect_leaf": 4}, {"expect_leaf": None}):
        with pytest.raises(CorruptStoreError, match="doctor") as raised:
            talk.messages.append("t", "user", "x", **expected)
        assert message in str(raised.value)
    assert rows(talk.path, "SELECT count(*) FROM messages") == [(5,)]
    assert_people_can_get_out(talk)


@pytest.mark.parametrize("parent", ["x", 1.5, b"2"])
def test_a_parent_that_is_no_number_reads_as_none(talk: StateStore, parent: object) -> None:
    damage(talk, "UPDATE messages SET parent_entry_id = ? WHERE id = 4", parent)
    assert [message.parent_entry_id for message in talk.messages.all("t")] == [None, 1, 2, None]
    with pytest.raises(CorruptStoreError, match="message 4 has parent"):
        talk.messages.branch("t")


def test_a_short_look_at_the_end_of_a_damaged_branch_is_good(talk: StateStore) -> None:
    damage(talk, DAMAGE["parent missing"][0])
    assert ids(talk.messages.branch("t", 2)) == [2, 4]
    assert ids(talk.messages.branch("t", 3)) == [1, 2, 4]


def test_a_cycle_beside_the_branch_is_not_met(talk: StateStore) -> None:
    damage(talk, "UPDATE messages SET parent_entry_id = 3 WHERE id = 3")
    assert ids(talk.messages.branch("t", None)) == [1, 2, 4]


def test_a_long_cycle_is_named_in_short(store: StateStore) -> None:
    store.threads.create(thread("t"))
    for _ in range(40):
        store.messages.append("t", "user", "x")
    damage(store, "UPDATE messages SET parent_entry_id = 40 WHERE id = 1")
    with pytest.raises(CorruptStoreError, match=r"messages 40, 39, .*31, … are a cycle"):
        store.messages.branch("t")


def test_fork_at_a_message_whose_thread_is_missing(talk: StateStore) -> None:
    damage(talk, "DELETE FROM threads WHERE id = 'u'")
    with pytest.raises(CorruptStoreError, match=r"message 5 is in thread 'u', which is missing"):
        talk.messages.fork(5, "user", "x")
    assert rows(talk.path, "SELECT count(*) FROM messages") == [(5,)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("content", b"blob"),
        ("content", b"\xff"),
        ("role", b"user"),
        ("created_at", "now"),
        ("created_at", 1.5),
    ],
)
def test_a_message_of_wrong_types_is_named(talk: StateStore, column: str, value: object) -> None:
    damage(talk, f"UPDATE messages SET {column} = ? WHERE id = 4", value)  # noqa: S608 - ours
    for read in (
        lambda: talk.messages.branch("t"),
        lambda: talk.messages.get(4),
        lambda: talk.messages.leaves("t"),
        lambda: list(talk.messages.all("t")),
        lambda: list(talk.messages.stream("t")),
    ):
        with pytest.raises(CorruptStoreError, match=r"message 4 .*doctor"):
            read()
    assert ids(talk.messages.branch("t", leaf=3)) == [1, 2, 3]


def test_listings_for_showing_go_on_past_what_cannot_be_read(talk: StateStore) -> None:
    damage(talk, "UPDATE messages SET item_json = '{' WHERE id = 3")
    damage(talk, "UPDATE messages SET content = X'61ff', created_at = 'x' WHERE id = 4")
    with pytest.warns(AgentStateWarning, match=r"shown in part: .*message [34] .*doctor") as warned:
        leaves = talk.messages.leaves("t", raw_json=True)
    assert len(warned) == 2
    assert [(one.id, one.item) for one in leaves] == [(3, None), (4, None)]
    assert (leaves[1].content, leaves[1].created_at) == ("a\ufffd", 0)
    with pytest.warns(AgentStateWarning, match="shown in part"):
        assert ids(list(talk.messages.all("t", raw_json=True))) == [1, 2, 3, 4]
    with pytest.warns(AgentStateWarning, match="shown in part"):
        (side,) = talk.messages.side_branches("t", [1, 2, 4])
    assert side.message == leaves[0]
    for message_id in (3, 4):
        with pytest.raises(CorruptStoreError):
            talk.messages.get(message_id, raw_json=True)


def test_an_answer_in_another_thread_does_not_count_in_sizes(talk: StateStore) -> None:
    damage(talk, "UPDATE messages SET parent_entry_id = 3 WHERE id = 5")
    (side,) = talk.messages.side_branches("t", [1, 2, 4])
    assert (side.message.id, side.leaves, side.leaf_id) == (3, 1, 3)
    assert talk.threads.stats(["t"])["t"].branches == 2


def test_text_that_is_not_utf_8_is_damage(talk: StateStore) -> None:
    damage(talk, "UPDATE messages SET content = CAST(X'ff' AS TEXT) WHERE id = 4")
    with pytest.raises(CorruptStoreError, match="not UTF-8"):
        talk.messages.branch("t")


@pytest.mark.parametrize("text", ["{", "", "NaN", "1e999", "[1] x", "[" * 100_000, b"{}"])
@pytest.mark.parametrize("raw_json", [True, False])
def test_an_item_that_is_not_json_is_named(
    talk: StateStore, text: object, *, raw_json: bool
) -> None:
    damage(talk, "UPDATE messages SET item_json = ? WHERE id = 4", text)
    with pytest.raises(CorruptStoreError, match=r"the item of message 4 is not JSON .*doctor"):
        talk.messages.branch("t", raw_json=raw_json)
