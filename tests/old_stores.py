"""Stores of every version there was, and what a migration must make of them or keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentstate import (
    StateStore,
)
from support import (
    copy_store,
    raw,
    rows,
)

if TYPE_CHECKING:
    from pathlib import Path

VERSION_3: Final = """
CREATE TABLE thread_goals (
    thread_id TEXT PRIMARY KEY NOT NULL, goal_id TEXT NOT NULL, objective TEXT NOT NULL,
    status TEXT NOT NULL CHECK(status IN ('active', 'paused', 'blocked', 'usage_limited',
        'budget_limited', 'complete')),
    token_budget INTEGER, tokens_used INTEGER NOT NULL DEFAULT 0,
    time_used_seconds INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    FOREIGN KEY(thread_id) REFERENCES threads(id) ON DELETE CASCADE
);
INSERT INTO thread_goals(thread_id, goal_id, objective, status, created_at, updated_at)
VALUES ('t-run', 'g', 'ship it', 'paused', 1, 2);
PRAGMA user_version = 3;
"""

OLD: Final = ("v0", "v1", "v2_rich", "v3")
FORKED: Final = {"v1": 3, "v2_rich": 8, "v3": 8}
"""How many leaves the tree of a forked thread has; those of version 0 are lines."""


def old_store(name: str, folder: Path) -> Path:
    if name != "v3":
        return copy_store(name, folder)
    path = copy_store("v2_rich", folder)
    with raw(path) as connection:
        connection.executescript(VERSION_3)
    return path


def migrate(path: Path) -> None:
    StateStore.open(path).close()


def schema(path: Path) -> dict[str, Any]:
    """Return tables with columns and foreign keys, and indexes, without their SQL's layout."""
    with raw(path) as connection:
        names = connection.execute(
            "SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"
        ).fetchall()
        pragmas = {
            "table": ("table_xinfo", "foreign_key_list", "index_list"),
            "index": ("index_xinfo",),
        }
        return {
            f"{kind} {name}": [
                table,
                *(
                    sorted(connection.execute(f"PRAGMA {pragma}('{name}')").fetchall())
                    for pragma in pragmas[kind]
                ),
            ]
            for kind, name, table in names
        }


def tree(path: Path) -> list[tuple[Any, ...]]:
    """Return all that a migration could damage: every message, and every thread's leaf."""
    sql = "SELECT id, thread_id, content, item_json, parent_entry_id FROM messages ORDER BY id"
    return rows(path, sql) + rows(path, "SELECT id, current_leaf_id FROM threads ORDER BY id")


def everything(path: Path, table: str) -> list[tuple[Any, ...]]:
    return rows(path, f"SELECT * FROM {table}")  # noqa: S608 - our own tables' names
