"""Sources that go on with one another: which message the first of each answers.

A source may come before those that it goes on with, so its first message waits for good: it is
put below another whenever a better one comes. That a message is below only what was there before
its source began, by position, makes the tree the same whatever comes first.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from agentstate.db.own_schema import IMPORTED_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentstate.db.port import Database


class _Waiting(NamedTuple):
    """The first message of a source that goes on with others."""

    message_id: int
    awaits: int
    """It answers the last message whose position is below this."""
    above: int | None
    """What it answers now, as far as that is there."""
    position: int | None
    """Where that stands; None also where it was not imported."""


def waits_in(thread_id: str) -> str:
    """Return SQL that tells whether a message of a thread waits; `thread_id` is SQL, too."""
    return (
        f"EXISTS (SELECT 1 FROM {IMPORTED_MESSAGES} AS waiting "
        f"WHERE waiting.thread_id = {thread_id} AND waiting.awaits IS NOT NULL)"
    )


class Joints:
    """Where the sources of a thread go on with one another."""

    def __init__(self, database: Database) -> None:
        """Work on an open store."""
        self._db = database

    def join(self, thread_id: str, added: Sequence[Sequence[object]], *, write: bool) -> int:
        """Put what waits below the best message there is; return how many that are.

        `added` has the rows of imported messages that have just come. Without `write` nothing
        is changed.
        """
        positions = sorted(row[4] for row in added if isinstance(row[4], int))
        joined = 0
        for one in list(self._waiting(thread_id)):
            if not _is_due(one, positions):
                continue
            best = self._best(thread_id, one.awaits)
            if best is None or best == one.above or self._is_below(best, one.message_id):
                continue
            joined += 1
            if write:
                self._db.execute(
                    "UPDATE messages SET parent_entry_id = :best WHERE id = :id",
                    {"best": best, "id": one.message_id},
                )
        return joined

    def _waiting(self, thread_id: str) -> Iterator[_Waiting]:
        rows = self._db.all(
            "SELECT waiting.message_id, waiting.awaits, above.id, known.position "
            f"FROM {IMPORTED_MESSAGES} AS waiting "
            "JOIN messages ON messages.id = waiting.message_id "
            "LEFT JOIN messages AS above ON above.id = messages.parent_entry_id "
            f"LEFT JOIN {IMPORTED_MESSAGES} AS known ON known.message_id = above.id "
            "WHERE waiting.thread_id = :thread_id AND waiting.awaits IS NOT NULL "
            "ORDER BY waiting.awaits, waiting.native_id",
            {"thread_id": thread_id},
        )
        return (_Waiting(*row) for row in rows)

    def _best(self, thread_id: str, before: int) -> int | None:
        """Return the last message before a position; of several, that of the last source."""
        row = self._db.one(
            f"SELECT message_id FROM {IMPORTED_MESSAGES} AS imported "
            "JOIN messages ON messages.id = message_id "
            "WHERE imported.thread_id = :thread_id AND position < :before "
            "ORDER BY position DESC, native_id DESC LIMIT 1",
            {"thread_id": thread_id, "before": before},
        )
        return row[0] if row else None

    def _is_below(self, message_id: int, other: int) -> bool:
        """Tell whether a message is another, or answers it over however many.

        A source whose start was written anew, under other positions, could come to that.
        """
        row = self._db.one(
            "WITH RECURSIVE above(id) AS (VALUES (:id) UNION SELECT parent_entry_id FROM messages "
            "JOIN above USING (id)) SELECT 1 FROM above WHERE id = :other LIMIT 1",
            {"id": message_id, "other": other},
        )
        return row is not None


def _is_due(one: _Waiting, positions: Sequence[int]) -> bool:
    """Tell whether a message answers nothing, or some that came may be better; they are sorted."""
    if one.above is None:
        return True
    place = bisect_left(positions, one.awaits)
    return one.position is not None and place > 0 and positions[place - 1] >= one.position
