"""Messages: a tree that grows, forks and moves its leaf; and trees that someone else damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agentstate import (
    BadInputError,
    ConflictError,
    CorruptStoreError,
    JsonText,
    MessageNotFoundError,
    MessageRecord,
    StateStore,
    ThreadNotFoundError,
)
from support import NOW, Clock, raw, rows, thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentstate.records import JsonValue


def ids(messages: Sequence[MessageRecord]) -> list[int]:
    return [message.id for message in messages]


def leaf(store: StateStore, thread_id: str = "t") -> object:
    return rows(store.path, "SELECT current_leaf_id FROM threads WHERE id = ?", thread_id)[0][0]


def updated_at(store: StateStore, thread_id: str = "t") -> int:
    found = store.threads.get(thread_id)
    assert found is not None
    return found.updated_at


def damage(store: StateStore, sql: str, *params: object) -> None:
    """Change rows as another program could, which has foreign keys off."""
    with raw(store.path) as connection:
        connection.execute(sql, params)


# Growing


def test_append_answers_the_leaf_and_becomes_it(store: StateStore) -> None:
    store.threads.create(thread("t"))
    item = {"b": [1, 1.5, None, True, "漢\0"], "a": {}}
    first = store.messages.append("t", "user", "")
    second = store.messages.append("t", "any role\n", "\0 \x1b[2J \u202e 😀", item)
    assert store.messages.branch("t") == [
        MessageRecord(id=first, thread_id="t", role="user", content="", created_at=NOW),
        MessageRecord(
            id=second,
            thread_id="t",
            role="any role\n",
            content="\0 \x1b[2J \u202e 😀",
            item=item,
            created_at=NOW,
            parent_entry_id=first,
        ),
    ]
    assert leaf(store) == second


def test_fork_answers_any_message_of_any_thread_and_becomes_its_leaf(talk: StateStore) -> None:
    forked = talk.messages.fork(1, "system", "six", {"x": 1})
    assert talk.messages.get(forked) == MessageRecord(
        id=6,
        thread_id="t",
        role="system",
        content="six",
        item={"x": 1},
        created_at=NOW,
        parent_entry_id=1,
    )
    assert (leaf(talk), leaf(talk, "u")) == (6, 5)
    talk.messages.fork(5, "user", "seven")
    assert ids(talk.messages.branch("u")) == [5, 7]


def test_checkout_moves_the_leaf(talk: StateStore) -> None:
    talk.messages.checkout("t", 1)
    assert ids(talk.messages.branch("t")) == [1]
    talk.messages.append("t", "user", "six")
    assert ids(talk.messages.branch("t")) == [1, 6]
    assert ids(talk.messages.leaves("t")) == [3, 4, 6]


def test_clear_deletes_the_messages_and_never_uses_their_ids_again(talk: StateStore) -> None:
    assert talk.messages.clear("t") == 4
    assert leaf(talk) is None
    assert talk.messages.clear("t") == 0
    assert talk.messages.clear("u") == 1
    assert talk.messages.append("t", "user", "x") == 6
    assert ids(talk.messages.branch("t")) == [6]


def test_writing_a_message_bumps_the_time_and_never_moves_it_back(
    talk: StateStore, clock: Clock
) -> None:
    writes: list[Callable[[], object]] = [
        lambda: talk.messages.append("t", "user", "x"),
        lambda: talk.messages.fork(1, "user", "x"),
        lambda: talk.messages.checkout("t", 1),
    ]
    for number, write in enumerate(writes, 1):
        clock.now = NOW + 10 * number
        write()
        assert updated_at(talk) == NOW + 10 * number
        clock.now = 5
        write()
        assert updated_at(talk) == NOW + 10 * number
    clock.now = NOW + 99
    talk.messages.clear("t")
    assert updated_at(talk) == NOW + 30


# expect_leaf


def test_append_where_the_leaf_is_as_expected(talk: StateStore) -> None:
    assert talk.messages.append("t", "user", "x", expect_leaf=4) == 6
    talk.messages.clear("u")
    assert talk.messages.append("u", "user", "x", expect_leaf=None) == 7


@pytest.mark.parametrize(
    ("thread_id", "expected", "message"),
    [
        ("t", 3, "leaf of thread 't' is 4, not 3"),
        ("t", None, "leaf of thread 't' is 4, not none"),
        ("empty", 4, "leaf of thread 'empty' is none, not 4"),
    ],
)
def test_append_where_the_leaf_has_moved_writes_nothing(
    talk: StateStore, thread_id: str, expected: int | None, message: str
) -> None:
    talk.threads.create(thread("empty"))
    before = updated_at(talk, thread_id)
    with pytest.raises(ConflictError, match=f"{message}; nothing was appended") as raised:
        talk.messages.append(thread_id, "user", "x", expect_leaf=expected)
    assert raised.value.exit_code == 4
    assert rows(talk.path, "SELECT count(*) FROM messages") == [(5,)]
    assert updated_at(talk, thread_id) == before


# Reading


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(0, []), (1, [4]), (2, [2, 4]), (3, [1, 2, 4]), (500, [1, 2, 4]), (None, [1, 2, 4])],
)
def test_a_limit_keeps_the_messages_nearest_the_leaf(
    talk: StateStore, limit: int | None, expected: list[int]
) -> None:
    assert ids(talk.messages.branch("t", limit)) == expected
    assert talk.messages.branch_ids("t", limit) == expected


def test_a_branch_may_start_at_another_message(talk: StateStore) -> None:
    assert ids(talk.messages.branch("t", leaf=3)) == [1, 2, 3]
    assert ids(talk.messages.branch("t", 1, leaf=2)) == [2]
    assert talk.messages.branch_ids("t", leaf=3) == [1, 2, 3]
    assert ids(list(talk.messages.stream("t", leaf=3))) == [1, 2, 3]
    assert leaf(talk) == 4


@pytest.mark.parametrize("other", [5, 99])
def test_a_branch_does_not_start_at_a_message_of_no_or_another_thread(
    talk: StateStore, other: int
) -> None:
    for read in (talk.messages.branch, talk.messages.branch_ids, talk.messages.stream):
        with pytest.raises(MessageNotFoundError, match=f"no message {other} in thread 't'"):
            list(read("t", leaf=other))


def test_the_newest_ids_of_a_thread_or_of_all(talk: StateStore) -> None:
    assert talk.messages.newest_ids() == [5, 4, 3, 2, 1]
    assert talk.messages.newest_ids("t", limit=2) == [4, 3]
    assert talk.messages.newest_ids("no") == []
    for _ in range(10):
        talk.messages.append("u", "user", "more")
    assert talk.messages.newest_ids(prefix="1") == [15, 14, 13, 12, 11, 10, 1]
    assert talk.messages.newest_ids("t", prefix="1") == [1]
    assert talk.messages.newest_ids(prefix="%") == []


def test_how_messages_begin_in_the_order_asked_for(talk: StateStore) -> None:
    long = talk.messages.append("u", "tool", "x" * 10_000)
    found = talk.messages.openings([long, 99, 1])
    assert [opening[:3] for opening in found] == [(long, "u", "tool"), (1, "t", "user")]
    assert found[0].text == "x" * 400
    assert found[1].text == "one"
    assert talk.messages.openings([]) == []
    assert len(talk.messages.openings([1, 2, 3] * 300)) == 900


def test_reading_what_is_not_there_gives_none(talk: StateStore) -> None:
    talk.threads.create(thread("empty"))
    for thread_id in ("empty", "no"):
        assert talk.messages.branch(thread_id) == []
        assert talk.messages.branch_ids(thread_id) == []
        assert list(talk.messages.stream(thread_id)) == []
        assert list(talk.messages.all(thread_id)) == []
        assert talk.messages.leaves(thread_id) == []
    assert talk.messages.get(99) is None


def test_leaves_and_all_come_by_id(talk: StateStore) -> None:
    talk.messages.fork(1, "user", "six")
    assert ids(talk.messages.leaves("t")) == [3, 4, 6]
    assert ids(list(talk.messages.all("t"))) == [1, 2, 3, 4, 6]


@pytest.mark.parametrize("limit", [-1, -500])
def test_a_negative_limit_is_refused(talk: StateStore, limit: int) -> None:
    with pytest.raises(BadInputError, match="limit"):
        talk.messages.branch("t", limit)


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.messages.append("no", "user", "x"),
        lambda store: store.messages.append("no", "user", "x", expect_leaf=None),
        lambda store: store.messages.fork(99, "user", "x"),
        lambda store: store.messages.checkout("no", 1),
        lambda store: store.messages.checkout("t", 99),
        lambda store: store.messages.checkout("t", 5),
        lambda store: store.messages.clear("no"),
    ],
)
def test_changing_what_is_not_there_raises(
    talk: StateStore, change: Callable[[StateStore], object]
) -> None:
    before = rows(talk.path, "SELECT * FROM messages") + rows(talk.path, "SELECT * FROM threads")
    with pytest.raises((ThreadNotFoundError, MessageNotFoundError)) as raised:
        change(talk)
    assert raised.value.exit_code == 3
    after = rows(talk.path, "SELECT * FROM messages") + rows(talk.path, "SELECT * FROM threads")
    assert after == before


# Text and JSON


@pytest.mark.parametrize(
    ("role", "content", "item", "message"),
    [
        ("", "x", None, "role must not be empty"),
        ("user", "\ud800", None, "lone surrogate"),
        ("\udfff", "x", None, "lone surrogate"),
        ("user", b"x", None, "content must be text, not bytes"),
        (None, "x", None, "role must be text, not NoneType"),
        ("user", "x", float("nan"), "item holds a number beyond"),
        ("user", "x", JsonText("{"), "item is not valid JSON"),
        ("user", "x", {1: 2}, "item has a key that is not a string: 1"),
    ],
)
def test_bad_input_writes_nothing(
    talk: StateStore, role: JsonValue, content: JsonValue, item: JsonValue, message: str
) -> None:
    writes: list[Callable[[], object]] = [
        lambda: talk.messages.append("t", role, content, item),
        lambda: talk.messages.fork(1, role, content, item),
    ]
    for write in writes:
        with pytest.raises(BadInputError, match=message) as raised:
            write()
        assert raised.value.exit_code == 7
    assert rows(talk.path, "SELECT count(*) FROM messages") == [(5,)]


def test_an_item_given_as_text_is_kept_byte_for_byte(talk: StateStore) -> None:
    text = ' {"z": 1.10, "a" : 1e2,\n"big":123456789012345678901234567890, "a":"\\u6f22"} '
    kept = talk.messages.append("t", "user", "x", JsonText(text))
    assert rows(talk.path, "SELECT item_json FROM messages WHERE id = ?", kept) == [(text,)]
    message = talk.messages.branch("t", 1, raw_json=True)[0]
    assert (type(message.item), message.item) == (JsonText, text)


def test_null_as_an_item_is_no_item_and_null_as_text_is_one(talk: StateStore) -> None:
    talk.messages.append("t", "user", "x", None)
    talk.messages.append("t", "user", "x", JsonText("null"))
    assert rows(talk.path, "SELECT item_json FROM messages WHERE id > 5") == [(None,), ("null",)]


def test_a_content_of_100_mb(talk: StateStore) -> None:
    content = "x" * 100_000_000
    kept = talk.messages.append("t", "user", content)
    found = talk.messages.get(kept)
    assert found is not None
    assert found.content == content


# Size


def test_a_branch_of_100_000_messages(store: StateStore) -> None:
    store.threads.create(thread("t"))
    with raw(store.path) as agent:
        agent.execute("BEGIN")
        agent.executemany(
            "INSERT INTO messages(id, thread_id, role, content, created_at, parent_entry_id) "
            "VALUES (?, 't', 'user', 'x', 1, ?)",
            ((number, number - 1 or None) for number in range(1, 100_001)),
        )
        agent.execute("UPDATE threads SET current_leaf_id = 100000")
        agent.execute("COMMIT")
    whole = list(range(1, 100_001))
    assert ids(store.messages.branch("t", None)) == whole
    assert store.messages.branch_ids("t") == whole
    assert [message.id for message in store.messages.stream("t")] == whole
    assert ids(store.messages.branch("t", 600)) == whole[-600:]
    damage(store, "UPDATE messages SET parent_entry_id = 100000 WHERE id = 1")
    with pytest.raises(CorruptStoreError, match="cycle"):
        store.messages.branch("t", None)


@pytest.mark.parametrize("length", [1, 249, 250, 251, 500, 501])
def test_a_stream_gives_the_whole_branch_page_by_page(store: StateStore, length: int) -> None:
    store.threads.create(thread("t"))
    with raw(store.path) as agent:
        agent.execute("BEGIN")
        agent.executemany(
            "INSERT INTO messages(id, thread_id, role, content, created_at, parent_entry_id) "
            "VALUES (?, 't', 'user', 'x', 1, ?)",
            ((number, number - 1 or None) for number in range(1, length + 1)),
        )
        agent.execute("UPDATE threads SET current_leaf_id = ?", (length,))
        agent.execute("COMMIT")
    assert list(store.messages.stream("t")) == store.messages.branch("t", None)


def test_a_stream_sees_one_state(talk: StateStore) -> None:
    stream = talk.messages.stream("t")
    first = next(stream)
    with StateStore.open(talk.path) as other:
        other.messages.clear("t")
    assert [first.id, *(message.id for message in stream)] == [1, 2, 4]
    assert talk.messages.branch("t") == []
