"""Sources that go on with one another: which message what begins each of them answers.

A source may come before those that it goes on with, so what begins it waits for good: it is put
below another whenever a better one comes. That it is below only what was there before its source
began, by position, makes the tree the same whatever comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db import own_schema
from agentstate.db.own_schema import IMPORTED_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.db.port import Database
    from agentstate.formats.events import Start


_END: Final = 2**62
"""Behind every position."""


class _Waiting(NamedTuple):
    """A message that begins a source which goes on with others, or begins it once more."""

    message_id: int
    native_id: str
    above: int | None
    """What it answers now, as far as that is there."""
    awaits: int
    """It answers the last message whose position is below this."""
    source: str | None
    """What the name of that message's source ends with; None where it may be of any."""
    turns: int
    """It answers what is above so many things that a person said instead."""


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

    def join(self, thread_id: str, *, write: bool) -> int:
        """Put what waits below the best message there is; return how many that are.

        Without `write` nothing is changed.
        """
        joined = 0
        waiting = self._waiting(thread_id)
        for one in waiting:
            best, is_certain = self._best(thread_id, one, waiting)
            if best == one.above or (best is None and not is_certain):
                continue
            if best is not None and self._is_below(best, one.message_id):
                continue
            joined += 1
            if write:
                self._db.execute(
                    "UPDATE messages SET parent_entry_id = :best WHERE id = :id",
                    {"best": best, "id": one.message_id},
                )
        return joined

    def place(self, thread_id: str, start: Start, turns: int) -> int | None:
        """Return what a message would answer that begins a source, or begins it once more."""
        if start.continues_before is None:
            return None
        one = _Waiting(0, "", None, start.continues_before, start.continues, turns)
        best, _ = self._best(thread_id, one, self._waiting(thread_id))
        return best

    def _waiting(self, thread_id: str) -> list[_Waiting]:
        if not own_schema.knows_sources(self._db):
            return []
        rows = self._db.all(
            "SELECT message_id, native_id, above.id, awaits, awaits_source, awaits_turns "
            f"FROM {IMPORTED_MESSAGES} AS waiting "
            "JOIN messages ON messages.id = message_id "
            "LEFT JOIN messages AS above ON above.id = messages.parent_entry_id "
            "WHERE waiting.thread_id = :thread_id AND awaits IS NOT NULL "
            "ORDER BY awaits, native_id",
            {"thread_id": thread_id},
        )
        return [_Waiting(*row) for row in rows]

    def _best(
        self, thread_id: str, one: _Waiting, waiting: Sequence[_Waiting]
    ) -> tuple[int | None, bool]:
        """Return the message that another answers, and whether that is certain.

        It is where the source is there of which it is, or which would have it.
        """
        last, is_certain = self._last_of(thread_id, one, waiting)
        if last is not None and one.turns:
            last = self._above(last, one.turns)
        return last, is_certain

    def _last_of(
        self, thread_id: str, one: _Waiting, waiting: Sequence[_Waiting]
    ) -> tuple[int | None, bool]:
        """Return the last message that was there when what goes on with it began."""
        before, source = one.awaits, one.source
        seen: set[str] = set()
        while source is not None and source not in seen:
            seen.add(source)
            found = self._last_before(thread_id, before, source)
            if found is not None:
                return found, True
            # All of that source comes later; so it is where that one goes on with another.
            base = next((it for it in waiting if _is_of(it.native_id, source)), None)
            if base is None:
                if self._last_before(thread_id, _END, source) is not None:
                    return None, True
                break
            before, source = min(before, base.awaits), base.source
        return self._last_before(thread_id, before, None), False

    def _last_before(self, thread_id: str, before: int, source: str | None) -> int | None:
        """Return the last message before a position; of several, that of the last source."""
        row = self._db.one(
            f"SELECT message_id FROM {IMPORTED_MESSAGES} AS imported "
            "JOIN messages ON messages.id = message_id "
            "WHERE imported.thread_id = :thread_id AND position < :before "
            "AND (:source IS NULL OR instr(native_id, :source || ':') > 0) "
            "ORDER BY position DESC, native_id DESC LIMIT 1",
            {"thread_id": thread_id, "before": before, "source": source},
        )
        return row[0] if row else None

    def _above(self, message_id: int, turns: int) -> int | None:
        """Return what the last so many things answer that a person said on the way to a message."""
        above: int | None = message_id
        seen: set[int] = set()
        while turns and above is not None and above not in seen:
            seen.add(above)
            row = self._db.one(
                "SELECT parent_entry_id, role = 'user' AND hidden IS NOT 1 FROM messages "
                f"LEFT JOIN {IMPORTED_MESSAGES} ON message_id = id WHERE id = :id",
                {"id": above},
            )
            above, is_turn = row or (None, False)
            turns -= bool(is_turn)
        return above

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


def _is_of(native_id: str, source: str) -> bool:
    return f"{source}:" in native_id
