"""Reading one branch: from a leaf up its parents to the root, checked on the way.

The walk is one recursive statement, bounded by the limit or by the number of messages, so a
cycle ends it; what it went through is judged afterwards.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from agentstate import jsontext
from agentstate.errors import CorruptStoreError
from agentstate.records import MessageRecord
from agentstate.store.context import warn
from agentstate.store.rows import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agentstate.db.port import Database, Row
    from agentstate.records import JsonValue

    Decode = Callable[[str], JsonValue]

COLUMNS: Final = "id, thread_id, parent_entry_id, role, content, item_json, created_at"
"""The columns of a message, first those by which a walk is judged."""

_PAGE: Final = 250

_SHORT: Final = 1000
"""The longest walk that is bounded by its limit alone; counting would cost it more."""

# Each turn steps from a message of this thread to its parent, whatever thread that is in: a
# foreign one is reached once, as evidence, and not followed.
_WALK: Final = """
WITH RECURSIVE walk(id, thread_id, parent_entry_id, depth) AS (
    SELECT id, thread_id, parent_entry_id, 0 FROM messages WHERE id = :leaf
    UNION ALL
    SELECT above.id, above.thread_id, above.parent_entry_id, walk.depth + 1
    FROM walk JOIN messages AS above ON above.id = walk.parent_entry_id
    WHERE walk.thread_id = :thread_id AND walk.depth < :steps
)
"""
_READ: Final = f"""{_WALK}
SELECT {", ".join(f"messages.{column}" for column in COLUMNS.split(", "))}
FROM walk JOIN messages ON messages.id = walk.id ORDER BY walk.depth
"""
_IDS: Final = f"{_WALK} SELECT id, thread_id, parent_entry_id FROM walk ORDER BY depth"
_PAGES: Final = f"""{_WALK}
SELECT id, thread_id, parent_entry_id, depth FROM walk
WHERE depth % :page = 0 OR parent_entry_id IS NULL ORDER BY depth
"""
_LENGTH: Final = f"{_WALK} SELECT count(*) FROM walk"
_COUNT: Final = "SELECT count(*) FROM messages WHERE thread_id = :thread_id"


def read(
    database: Database, thread_id: str, leaf: int, limit: int | None, *, raw_json: bool
) -> list[MessageRecord]:
    """Return the `limit` messages nearest `leaf` (None: all), root first."""
    steps = _steps(database, thread_id, limit)
    params = {"leaf": leaf, "thread_id": thread_id, "steps": steps}
    rows = database.all(_READ, params)
    _judge(rows, thread_id, leaf, limit)
    rows.reverse()
    decode = decoder(raw_json=raw_json)
    return [decode_message(row, decode) for row in rows]


def ids(database: Database, thread_id: str, leaf: int, limit: int | None = None) -> list[int]:
    """Return the ids of the `limit` messages nearest `leaf` (None: all), root first."""
    params = {"leaf": leaf, "thread_id": thread_id, "steps": _steps(database, thread_id, limit)}
    steps = database.all(_IDS, params)
    _judge(steps, thread_id, leaf, limit)
    return [message_id for message_id, _, _ in reversed(steps)]


def length(database: Database, thread_id: str, leaf: int) -> int:
    """Return how many messages the whole branch has; a damaged one, how many are reached."""
    size = _size(database, thread_id)
    params = {"leaf": leaf, "thread_id": thread_id, "steps": size}
    return min(count(database, _LENGTH, params), size)


def stream(
    database: Database, thread_id: str, leaf: int, *, raw_json: bool
) -> Iterator[MessageRecord]:
    """Yield the whole branch, root first, reading a page of it at a time.

    A damaged branch raises before the first message is given.
    """
    params = {"leaf": leaf, "thread_id": thread_id, "page": _PAGE}
    found = database.all(_PAGES, {**params, "steps": _size(database, thread_id)})
    if not found or found[-1][1:3] != (thread_id, None):
        # It does not end at a root of this thread: walk it again to say why.
        ids(database, thread_id, leaf)
    for page_leaf, _, _, depth in reversed(found):
        if depth % _PAGE == 0:
            yield from read(database, thread_id, page_leaf, _PAGE, raw_json=raw_json)


def decoder(*, raw_json: bool) -> Decode:
    """Return how to read an item: as its text, checked, or as a value."""
    return jsontext.verify if raw_json else jsontext.decode


def decode_message(row: Row, decode: Decode) -> MessageRecord:
    """Decode a row of `COLUMNS`; raises `CorruptStoreError` where it cannot be read."""
    message_id, thread_id, parent_entry_id, role, content, item_json, created_at = row
    record = _new(MessageRecord)
    values = record.__dict__
    values["id"] = message_id
    values["thread_id"] = thread_id
    values["role"] = role
    values["content"] = content
    values["item"] = None if item_json is None else _item(message_id, item_json, decode)
    values["created_at"] = created_at
    values["parent_entry_id"] = parent_entry_id
    if type(content) is not str or type(role) is not str or type(created_at) is not int:
        raise CorruptStoreError(
            f"message {message_id} has a value of the wrong type; see agentstate doctor"
        )
    if parent_entry_id is not None and type(parent_entry_id) is not int:
        # Listed all the same, so that people can get out; reading the branch says what is wrong.
        values["parent_entry_id"] = None
    return record


def decode_in_part(row: Row) -> MessageRecord:
    """Decode what can be read of a row of `COLUMNS`, its item as text, and warn of the rest.

    Listings show such a message, so that people can get out: bytes as text with replacement
    characters, an item that is not JSON as none, a time that is no number as 0.
    """
    try:
        return decode_message(row, jsontext.verify)
    except CorruptStoreError as error:
        warn(f"shown in part: {error}")
    message_id, thread_id, parent_entry_id, role, content, item_json, created_at = row
    item = None
    if item_json is not None:
        with suppress(CorruptStoreError):
            item = _item(message_id, item_json, jsontext.verify)
    return MessageRecord(
        id=message_id,
        thread_id=thread_id,
        role=_text(role),
        content=_text(content),
        item=item,
        created_at=created_at if type(created_at) is int else 0,
        parent_entry_id=parent_entry_id if type(parent_entry_id) is int else None,
    )


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


_new: Final[Callable[[type[MessageRecord]], MessageRecord]] = object.__new__


def _item(message_id: int, item_json: str, decode: Decode) -> JsonValue:
    try:
        return decode(item_json)
    except (ValueError, TypeError) as error:
        raise CorruptStoreError(
            f"the item of message {message_id} is not JSON ({error}); see agentstate doctor"
        ) from error


def _steps(database: Database, thread_id: str, limit: int | None) -> int:
    """Return how often to step up, so that a cycle ends whatever the limit."""
    if limit is not None and limit <= _SHORT:
        return limit - 1
    size = _size(database, thread_id)
    return size if limit is None else min(limit - 1, size)


def _size(database: Database, thread_id: str) -> int:
    return count(database, _COUNT, {"thread_id": thread_id})


def _judge(steps: Sequence[Row], thread_id: str, leaf: int, limit: int | None) -> None:
    """Raise `CorruptStoreError` where the walk (leaf first) did not end as a tree's does.

    A step begins with a message's id, its thread's, and its parent's.
    """
    if not steps:
        raise bad_leaf(thread_id, leaf, None)
    if steps[0][1] != thread_id:
        raise bad_leaf(thread_id, leaf, steps[0][1])
    last_id, last_thread, last_parent = steps[-1][:3]
    if last_thread != thread_id:
        raise _corrupt(
            thread_id, f"message {steps[-2][0]} has parent {last_id} in thread {last_thread!r}"
        )
    if last_parent is None:
        return
    if len({step[0] for step in steps}) < len(steps):
        raise _corrupt(thread_id, _cycle(steps))
    if limit is None or len(steps) < limit:
        raise _corrupt(thread_id, f"message {last_id} has parent {last_parent}, which is missing")


def _cycle(steps: Sequence[Row], shown: int = 10) -> str:
    seen: dict[int, None] = {}
    for message_id, *_ in steps:
        if message_id in seen:
            break
        seen[message_id] = None
    members = list(seen)[list(seen).index(message_id) :]
    if len(members) == 1:
        return f"message {members[0]} is its own parent"
    named = ", ".join(map(str, members[:shown])) + (", …" if len(members) > shown else "")
    return f"messages {named} are a cycle of parents"


def bad_leaf(thread_id: str, leaf: object, leaf_thread: str | None) -> CorruptStoreError:
    """Say that a thread's leaf is no message, or another thread's."""
    if leaf_thread is None:
        return _corrupt(thread_id, f"its leaf {leaf} is no message")
    return _corrupt(thread_id, f"its leaf {leaf} is a message of thread {leaf_thread!r}")


def _corrupt(thread_id: str, what: str) -> CorruptStoreError:
    return CorruptStoreError(
        f"thread {thread_id!r} is damaged: {what}; see agentstate doctor, or choose a leaf with "
        "agentstate messages checkout"
    )
