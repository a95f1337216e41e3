"""Where a branch forks: the other branches, each with its size, without reading all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agentstate.db.own_schema import IMPORTED_MESSAGES
from agentstate.records import SideBranch
from agentstate.store.branches import COLUMNS, decode_in_part
from agentstate.store.rows import in_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.db.port import Database, Row
    from agentstate.records import MessageRecord

_BATCH: Final = 400

# coalesce keeps the planner from reading the whole thread by its index on thread_id, where the
# few answers of the given messages are found by theirs: 0.8 against 42 ms in 100,000 messages.
# From the first message of each side branch down to all that answers it. UNION, not UNION ALL:
# in a damaged tree the walk must end.
_SIZES: Final = """
WITH RECURSIVE inside(first_id, id) AS (
    SELECT id, id FROM messages WHERE coalesce(thread_id, '') = :thread_id AND {leaving}
    UNION
    SELECT inside.first_id, answer.id FROM inside
    JOIN messages AS answer ON answer.parent_entry_id = inside.id
        AND answer.thread_id = :thread_id
)
SELECT first_id, sum(is_shown), sum(is_leaf), max(CASE WHEN is_leaf = 1 THEN id END),
    min(CASE WHEN is_shown = 1 THEN id END)
FROM (
    SELECT first_id, id, CASE WHEN EXISTS (
        SELECT 1 FROM messages AS answer
        WHERE answer.parent_entry_id = inside.id AND answer.thread_id = :thread_id
    ) THEN 0 ELSE 1 END AS is_leaf, {is_shown} AS is_shown FROM inside
) AS sized GROUP BY first_id ORDER BY first_id
"""
_NEWEST_LEAF: Final = """
WITH RECURSIVE inside(id, thread_id) AS (
    SELECT id, thread_id FROM messages WHERE id = :message_id
    UNION
    SELECT answer.id, answer.thread_id FROM inside
    JOIN messages AS answer ON answer.parent_entry_id = inside.id
        AND answer.thread_id = inside.thread_id
)
SELECT max(id) FROM inside WHERE NOT EXISTS (
    SELECT 1 FROM messages AS answer
    WHERE answer.parent_entry_id = inside.id AND answer.thread_id = inside.thread_id
)
"""
_ALL: Final = "1"
_NOT_HIDDEN: Final = f"""CASE WHEN EXISTS (
    SELECT 1 FROM {IMPORTED_MESSAGES} WHERE message_id = inside.id AND hidden = 1
) THEN 0 ELSE 1 END"""
"""Which messages count for the size of a branch."""


def newest_leaf_below(database: Database, message_id: int) -> int:
    """Return the newest leaf that goes back to a message in its thread."""
    row = database.one(_NEWEST_LEAF, {"message_id": message_id})
    return message_id if row is None or row[0] is None else int(row[0])


def side_branches(
    database: Database, thread_id: str, path: Sequence[int], *, skip_hidden: bool = False
) -> list[SideBranch]:
    """Return the branches that leave a path of messages, by their first message's id.

    With `skip_hidden`, which only a store with imports knows, a branch begins with its first
    message that is not hidden, put where the branch leaves, and its size counts no hidden ones.
    """
    is_shown = _NOT_HIDDEN if skip_hidden else _ALL
    sizes = _other_roots(database, thread_id, path[0], is_shown) if path else []
    for start in range(0, len(path), _BATCH):
        points = path[start : start + _BATCH]
        following = path[start + 1 : start + _BATCH + 1]
        sizes += _leaving(database, thread_id, points, following, is_shown)
    sizes = [row for row in sizes if row[1]]
    found = _messages(database, [message_id for row in sizes for message_id in {row[0], row[4]}])
    branches = []
    for first_id, size, leaves, leaf_id, shown_id in sizes:
        message = found[shown_id]
        if shown_id != first_id:
            message = replace(message, parent_entry_id=found[first_id].parent_entry_id)
        branches.append(SideBranch(message, size, leaves, leaf_id or first_id))
    return sorted(branches, key=lambda branch: branch.message.id)


def _leaving(
    database: Database,
    thread_id: str,
    points: Sequence[int],
    following: Sequence[int],
    is_shown: str,
) -> list[Row]:
    """Size what answers one of `points` and is not the next message of the path."""
    on_path, params = in_list("p", points)
    condition = f"parent_entry_id IN ({on_path})"
    if following:
        excluded, more = in_list("f", following)
        params |= more
        condition += f" AND id NOT IN ({excluded})"
    sql = _SIZES.format(leaving=condition, is_shown=is_shown)
    return database.all(sql, {**params, "thread_id": thread_id})


def _other_roots(database: Database, thread_id: str, first_id: int, is_shown: str) -> list[Row]:
    sql = "SELECT 1 FROM messages WHERE id = :first_id AND parent_entry_id IS NULL"
    if database.one(sql, {"first_id": first_id}) is None:
        return []
    condition = "parent_entry_id IS NULL AND id <> :first_id"
    return database.all(
        _SIZES.format(leaving=condition, is_shown=is_shown),
        {"thread_id": thread_id, "first_id": first_id},
    )


def _messages(database: Database, ids: Sequence[int]) -> dict[int, MessageRecord]:
    found = {}
    for start in range(0, len(ids), _BATCH):
        names, params = in_list("i", ids[start : start + _BATCH])
        sql = f"SELECT {COLUMNS} FROM messages WHERE id IN ({names})"
        for row in database.all(sql, params):
            message = decode_in_part(row)
            found[message.id] = message
    return found
