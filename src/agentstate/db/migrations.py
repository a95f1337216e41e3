"""Migrations: forward only, one transaction a step, safe for several processes at once.

Each step reads the version again inside its transaction and does nothing where another process
has done it meanwhile. The backfill of parents and leaves runs only when the column was added in
that very step: on a file whose `user_version` a restore has reset to 0 the tree is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentstate.db.sqlite import SQLiteDatabase


def migrate(database: SQLiteDatabase) -> None:
    """Bring the file to the newest version; stands for the Rust program's `init_schema`."""
    while (version := int(database.pragma("user_version"))) < schema.NEWEST:
        with database.transaction():
            if int(database.pragma("user_version")) == version:
                _STEPS[version](database)
                database.execute(f"PRAGMA user_version = {version + 1}")


def take_steps(database: SQLiteDatabase, until: int = schema.NEWEST) -> None:
    """Take every step up to a version inside the caller's transaction, also those done before.

    What a step makes and somebody removed is made again; the rest stays as it is.
    """
    for step in _STEPS[:until]:
        step(database)
    database.execute(f"PRAGMA user_version = {until}")


def _to_1_tree(database: SQLiteDatabase) -> None:
    _run_script(database, schema.HISTORIC)
    if _add_column(database, "messages", "parent_entry_id", "INTEGER NULL"):
        database.execute(schema.BACKFILL_PARENTS)
    _run_script(database, schema.PARENT_INDEX)
    if _add_column(database, "threads", "current_leaf_id", "INTEGER NULL"):
        database.execute(schema.BACKFILL_LEAVES)


def _to_2_workflows(database: SQLiteDatabase) -> None:
    _run_script(database, schema.WORKFLOWS)


def _to_3_goals(database: SQLiteDatabase) -> None:
    _run_script(database, schema.GOALS)


def _to_4_continuations(database: SQLiteDatabase) -> None:
    _add_column(database, "thread_goals", "continuation_count", "INTEGER NOT NULL DEFAULT 0")


_STEPS: Final[tuple[Callable[[SQLiteDatabase], None], ...]] = (
    _to_1_tree,
    _to_2_workflows,
    _to_3_goals,
    _to_4_continuations,
)


def _run_script(database: SQLiteDatabase, script: str) -> None:
    """Run statements one by one: sqlite3's own executescript would commit the transaction."""
    for statement in script.split(";\n"):
        if statement.strip():
            database.execute(statement)


def _add_column(database: SQLiteDatabase, table: str, column: str, declaration: str) -> bool:
    if database.has_column(table, column):
        return False
    database.execute(f"ALTER TABLE {table} ADD COLUMN {column} {declaration}")
    return True
