"""How messages begin: enough to tell them apart, whatever their size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.store.rows import in_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.db.port import Database

_LENGTH: Final = 400
_BATCH: Final = 400


class MessageOpening(NamedTuple):
    """A message's first characters, and where they are from."""

    id: int
    thread_id: str
    role: str
    text: str


def newest_ids(database: Database, thread_id: str | None, prefix: str, limit: int) -> list[int]:
    """Return the newest ids, of a thread or of all, whose digits start with `prefix`."""
    conditions = ["substr(CAST(id AS TEXT), 1, length(:prefix)) = :prefix"] if prefix else []
    if thread_id is not None:
        conditions.append("thread_id = :thread_id")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = database.all(
        f"SELECT id FROM messages {where} ORDER BY id DESC LIMIT :limit",
        {"prefix": prefix, "thread_id": thread_id, "limit": limit},
    )
    return [message_id for (message_id,) in rows]


def openings(database: Database, message_ids: Sequence[int]) -> list[MessageOpening]:
    """Return how messages begin, in the order of `message_ids`; those that are gone are missing."""
    found = {}
    for start in range(0, len(message_ids), _BATCH):
        batch = message_ids[start : start + _BATCH]
        names, params = in_list("id", batch)
        rows = database.all(
            f"SELECT id, thread_id, role, substr(content, 1, {_LENGTH}) FROM messages "
            f"WHERE id IN ({names})",
            params,
        )
        found.update({row[0]: MessageOpening(*row) for row in rows})
    return [found[message_id] for message_id in message_ids if message_id in found]
