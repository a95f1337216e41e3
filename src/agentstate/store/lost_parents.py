"""Rows for parents that are lost: what referred to them is kept, and the references hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from agentstate.db.port import Database

_NEWEST_LEAF: Final = """coalesce(
    (SELECT max(id) FROM messages AS leaf WHERE thread_id = child.parent AND NOT EXISTS (
        SELECT 1 FROM messages WHERE parent_entry_id = leaf.id AND thread_id = leaf.thread_id
    )),
    (SELECT max(id) FROM messages WHERE thread_id = child.parent)
)"""
_FIRST_TIME: Final = "coalesce(min(child.time), :otherwise)"
_LAST_TIME: Final = "coalesce(max(child.time), :otherwise)"


class _Parent(NamedTuple):
    """How a row is made of those that refer to it."""

    table: str
    children: tuple[tuple[str, str, str, str], ...]
    """Tables that refer to it, with the columns of the reference, of a time, and of the run."""
    values: dict[str, str]
    """The columns that must have a value, but for the id, in SQL; times are Unix seconds."""


_THREAD: Final = _Parent(
    "threads",
    (
        ("messages", "thread_id", "created_at", "NULL"),
        ("checkpoints", "thread_id", "created_at", "NULL"),
        ("thread_goals", "thread_id", "updated_at", "NULL"),
        ("thread_dynamic_tools", "thread_id", "NULL", "NULL"),
    ),
    {
        "preview": "''",
        "ephemeral": "0",
        "model_provider": "''",
        "created_at": _FIRST_TIME,
        "updated_at": _LAST_TIME,
        "status": "'idle'",
        "cwd": "''",
        "cli_version": "''",
        "source": "'unknown'",
        "current_leaf_id": _NEWEST_LEAF,
    },
)

_PARENTS: Final = (
    _THREAD,
    _Parent(
        "branch_runs",
        (
            ("leaf_runs", "branch_run_id", "started_at", "workflow_run_id"),
            ("teacher_candidates", "branch_run_id", "created_at", "workflow_run_id"),
        ),
        {
            "workflow_run_id": "min(child.run)",
            "branch_id": "''",
            "node_id": "''",
            "status": "'unknown'",
            "started_at": _FIRST_TIME,
        },
    ),
    _Parent(
        "control_node_runs",
        (("teacher_candidates", "control_node_run_id", "created_at", "workflow_run_id"),),
        {
            "workflow_run_id": "min(child.run)",
            "node_id": "''",
            "kind": "''",
            "status": "'unknown'",
            "started_at": _FIRST_TIME,
        },
    ),
    _Parent(
        "workflow_runs",
        (
            ("branch_runs", "workflow_run_id", "started_at", "NULL"),
            ("leaf_runs", "workflow_run_id", "started_at", "NULL"),
            ("control_node_runs", "workflow_run_id", "started_at", "NULL"),
            ("teacher_candidates", "workflow_run_id", "created_at", "NULL"),
        ),
        {
            "workflow_id": "''",
            "goal": "''",
            "status": "'unknown'",
            "started_at": _FIRST_TIME,
        },
    ),
)
"""In an order in which those made first find their own parents made after them."""


def make_lost_parents(database: Database) -> dict[str, int]:
    """Make a row for each parent that is missing; return how many, by table.

    A thread's leaf is the newest one among its messages, and its times are those of what is in
    it; where that has none, they are 0.
    """
    params = {"otherwise": 0}
    return {parent.table: database.execute(_statement(parent), params) for parent in _PARENTS}


def make_lost_threads(database: Database, now: int) -> int:
    """Make a row for each thread that is missing, and return how many, as above.

    One without a time of its own is of now.
    """
    return database.execute(_statement(_THREAD), {"otherwise": now})


def _statement(parent: _Parent) -> str:
    children = " UNION ALL ".join(
        f"SELECT {column} AS parent, {run} AS run, "
        f"CASE WHEN typeof({time}) = 'integer' THEN {time} END AS time FROM {table}"
        for table, column, time, run in parent.children
    )
    return (
        f"INSERT INTO {parent.table}(id, {', '.join(parent.values)}) "
        f"SELECT child.parent, {', '.join(parent.values.values())} FROM ({children}) AS child "
        f"WHERE child.parent IS NOT NULL "
        f"AND NOT EXISTS (SELECT 1 FROM {parent.table} WHERE id = child.parent) "
        "GROUP BY child.parent"
    )
