"""What a file's tables show: whether it is a store, of which version, and who may write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db import schema
from agentstate.db.trust import require_plain_tables
from agentstate.errors import (
    CorruptStoreError,
    NotAStoreError,
    StoreNotFoundError,
    StoreTooNewError,
)
from agentstate.record import Record, record

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate.db.sqlite import SQLiteDatabase

ADVICE: Final = "run 'agentstate init' to"


@record
class Shape(Record):
    """What a file's tables show: empty, a store, historic tables, or not ours."""

    version: int
    empty: bool
    ours: bool
    tree: bool


def shape_of(database: SQLiteDatabase) -> Shape:
    """Look at the tables of an open file."""
    # One state for all three, for another process may be migrating the file.
    with database.snapshot():
        require_plain_tables(database)
        rows = database.all(
            "SELECT tables.name, columns.name FROM sqlite_schema AS tables "
            "LEFT JOIN pragma_table_info(tables.name) AS columns "
            "WHERE tables.type = 'table' AND tables.name IN ('threads', 'messages')"
        )
        version = int(database.pragma("user_version"))
        count = database.one("SELECT count(*) FROM sqlite_schema")
    found: dict[str, set[str]] = {"threads": set(), "messages": set()}
    for table, column in rows:
        found[table].add(column)
    ours = found["threads"].issuperset(schema.THREADS_BASE) and found["messages"].issuperset(
        schema.MESSAGES_BASE
    )
    return Shape(
        version=version,
        # A version without tables is the mark of another program, which has yet to write.
        empty=count == (0,) and version == 0,
        ours=ours,
        tree="current_leaf_id" in found["threads"] and "parent_entry_id" in found["messages"],
    )


def require_ours(path: Path, shape: Shape) -> None:
    """Raise `NotAStoreError` for another program's file."""
    if not shape.ours:
        raise NotAStoreError(f"{path} is a SQLite file of another program, not a store")


def require_writable(path: Path, shape: Shape, *, create: bool) -> None:
    """Refuse what this program may not write, or not migrate."""
    if shape.empty:
        if not create:
            raise missing(path)
        return
    require_ours(path, shape)
    if shape.version < 0:
        raise CorruptStoreError(f"{path} is at version {shape.version}; see agentstate doctor")
    if shape.version > schema.NEWEST:
        raise StoreTooNewError(
            f"{path} is at version {shape.version}; this agentstate writes up to "
            f"{schema.NEWEST} and only reads it"
        )
    if shape.version > 0 and not shape.tree:
        raise CorruptStoreError(
            f"{path} is at version {shape.version}, yet has no tree columns; see agentstate doctor"
        )


def missing(path: Path) -> StoreNotFoundError:
    """Return an error that says where there is no store."""
    return StoreNotFoundError(f"no store at {path}; {ADVICE} create it")
