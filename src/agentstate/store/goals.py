"""Goals: what a thread is meant to achieve; at most one a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentstate.db.port import MissingReferenceError
from agentstate.errors import CorruptStoreError, GoalNotFoundError
from agentstate.records import ThreadGoalRecord, ThreadGoalStatus
from agentstate.store.binding import bind, bind_changes, field_names
from agentstate.store.rows import fill, is_sound
from agentstate.store.thread_rows import unknown_thread

if TYPE_CHECKING:
    from agentstate.db.port import Row
    from agentstate.store.context import Context

_FIELDS: Final = field_names(ThreadGoalRecord)
_UPDATES: Final = ", ".join(f"{field} = excluded.{field}" for field in _FIELDS[1:])


class Goals:
    """Get, set and delete a thread's goal."""

    def __init__(self, context: Context) -> None:
        """Work on the store of `context`."""
        self._context = context
        self._db = context.database

    def get(self, thread_id: str) -> ThreadGoalRecord | None:
        """Return a thread's goal; None too for a file of version 1 or 2, which has no goals."""
        if not self._db.has_column("thread_goals", "goal_id"):
            return None
        # Version 3 has the table without the count.
        counted = self._db.has_column("thread_goals", "continuation_count")
        count = "continuation_count" if counted else "0"
        row = self._db.one(
            f"SELECT {', '.join(_FIELDS[:-1])}, {count} FROM thread_goals "
            "WHERE thread_id = :thread_id",
            {"thread_id": thread_id},
        )
        return _goal(row) if row else None

    def set(self, goal: ThreadGoalRecord) -> None:
        """Write a thread's goal, in place of one it has; raises `ThreadNotFoundError`."""
        with self._db.transaction():
            self._write(goal)

    def change(self, thread_id: str, **columns: Any) -> None:  # noqa: ANN401 - a goal's fields
        """Set the named columns of a thread's goal only, and bump `updated_at`, in one transaction.

        A goal that is not there yet begins now, under a new id, and needs its objective. Raises
        `ThreadNotFoundError`, and `GoalNotFoundError` where there is no goal and no objective.
        """
        settings, params = bind_changes(ThreadGoalRecord, columns)
        now = self._context.now()
        sql = f"UPDATE thread_goals SET {settings} WHERE thread_id = :thread_id"
        with self._db.transaction():
            if self._db.execute(sql, {**params, "thread_id": thread_id, "now": now}):
                return
            if "objective" not in columns:
                raise GoalNotFoundError(f"thread {thread_id!r} has no goal yet; give its objective")
            begun = {"goal_id": self._context.new_id(), "created_at": now, "updated_at": now}
            self._write(ThreadGoalRecord(thread_id=thread_id, **{**begun, **columns}))

    def delete(self, thread_id: str) -> None:
        """Delete a thread's goal; raises `GoalNotFoundError`."""
        sql = "DELETE FROM thread_goals WHERE thread_id = :thread_id"
        with self._db.transaction():
            if not self._db.execute(sql, {"thread_id": thread_id}):
                raise GoalNotFoundError(f"thread {thread_id!r} has no goal")

    def _write(self, goal: ThreadGoalRecord) -> None:
        values = ", ".join(f":{field}" for field in _FIELDS)
        try:
            self._db.execute(
                f"INSERT INTO thread_goals({', '.join(_FIELDS)}) VALUES ({values}) "
                f"ON CONFLICT(thread_id) DO UPDATE SET {_UPDATES}",
                bind(goal),
            )
        except MissingReferenceError as error:
            raise unknown_thread(goal.thread_id) from error


_STATUS: Final = {status.value: status for status in ThreadGoalStatus}


def _goal(row: Row) -> ThreadGoalRecord:
    goal = fill(ThreadGoalRecord, _FIELDS, row)
    if not is_sound(goal) or goal.status not in _STATUS:
        raise CorruptStoreError(
            f"the goal of thread {goal.thread_id!r} cannot be read; see agentstate doctor"
        )
    vars(goal)["status"] = _STATUS[goal.status]
    return goal
