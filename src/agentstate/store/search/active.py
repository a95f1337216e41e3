"""A thread's active branch, read from its leaf upward only as far as is asked for."""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agentstate.db.port import Database

_STEPS: Final = 1000
"""Messages that are read one by one at once, and the fewest that are taken as a run."""

_LEAF: Final = "SELECT current_leaf_id FROM threads WHERE id = :thread_id"
_WALK: Final = """
WITH RECURSIVE walk(id, above) AS (
    SELECT id, parent_entry_id FROM messages WHERE id = :start AND thread_id = :thread_id
    UNION ALL
    SELECT messages.id, messages.parent_entry_id FROM walk JOIN messages ON messages.id = walk.above
    WHERE messages.thread_id = :thread_id
)
SELECT id, above FROM walk LIMIT :most
"""
_IN_A_ROW: Final = """
SELECT count(*) FROM messages
WHERE parent_entry_id >= :first AND parent_entry_id < :last AND id = parent_entry_id + 1
"""
"""How many messages answer the one before them; the index of the parents alone tells that."""


class ActiveBranch:
    """The messages from a thread's leaf to its root, as far as they can be read.

    A message's id is often the one behind its parent's, in runs that the index of the parents
    tells twenty times as fast as the messages themselves. Other ids are followed one by one.
    """

    def __init__(self, database: Database, thread_id: str) -> None:
        """Begin at the leaf; no message is read."""
        self._db = database
        self._thread_id = thread_id
        self._single: set[int] = set()
        self._runs: list[tuple[int, int]] = []
        """First and last of each run, negated, so that they ascend; each is below all before."""
        self._lowest: float = inf
        self._length = _STEPS
        leaf = database.one(_LEAF, {"thread_id": thread_id})
        self._next: object = leaf[0] if leaf else None
        """The message that comes next; None at the end."""

    def has(self, message_id: int) -> bool:
        """Tell whether a message is on the branch."""
        while not self._has_read(message_id):
            if not isinstance(self._next, int):
                return False
            if not self._read_run(self._next):
                self._read_steps(self._next)
        return True

    def _has_read(self, message_id: int) -> bool:
        if message_id in self._single:
            return True
        place = bisect_left(self._runs, (-message_id,))
        near = self._runs[max(place - 1, 0) : place + 1]
        return any(last <= -message_id <= first for last, first in near)

    def _read_run(self, last: int) -> bool:
        """Read a run that ends with a message, longer each time; return whether there is one."""
        # Below all that was read, none of it can come again.
        length = min(self._length, last - 1)
        while length >= _STEPS and last < self._lowest:
            first = last - length
            if self._db.one(_IN_A_ROW, {"first": first, "last": last}) == (length,):
                self._length = 2 * length
                return self._take_run(first, last)
            self._length = length = length // 2
        self._length = _STEPS
        return False

    def _take_run(self, first: int, last: int) -> bool:
        found = self._db.all(_WALK, {"start": first, "thread_id": self._thread_id, "most": 1})
        if not found:
            return False
        self._runs.append((-last, -first))
        self._lowest = first
        self._next = found[0][1]
        return True

    def _read_steps(self, start: int) -> None:
        self._next = None
        params = {"start": start, "thread_id": self._thread_id, "most": _STEPS}
        for message_id, above in self._db.all(_WALK, params):
            if self._has_read(message_id):
                self._next = None  # they go round in a circle
                return
            self._single.add(message_id)
            self._lowest = min(message_id, self._lowest)
            self._next = above
