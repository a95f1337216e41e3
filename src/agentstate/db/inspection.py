"""Opening a file as it is, to look at it or to mend it, and what its schema is made of."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db import migrations, own_schema, schema
from agentstate.db.opening import look, require_permission
from agentstate.db.reading import WRITE, require_files_beside, resolve, uri
from agentstate.db.sqlite import SQLiteDatabase
from agentstate.db.trust import SchemaGuard

if TYPE_CHECKING:
    from collections.abc import Collection

    from agentstate.db.port import Row
    from agentstate.db.shape import Shape


class Column(NamedTuple):
    """A column as it is declared."""

    type: str
    not_null: bool
    is_key: bool
    """Whether it belongs to the table's primary key."""


class Schema(NamedTuple):
    """What a file's tables are made of, without the layout of the SQL that made them."""

    tables: dict[str, dict[str, Column]]
    indexes: dict[str, str]
    """Names of indexes, each with its table; those that a key implies are left out."""
    references: dict[str, set[Row]]
    """The foreign keys of each table."""


def open_to_inspect(path: Path, timeout: float) -> tuple[SQLiteDatabase, Shape]:
    """Open any SQLite file so that nothing in its folder changes, and see what is there.

    Text that is not UTF-8 comes as `NotUtf8`. Raises `StoreNotFoundError`, `NotAStoreError` for
    what is not SQLite, `CorruptStoreError`, `StoreBusyError`, `StoreUnavailableError`.
    """
    database, shape = look(path, timeout)
    database.keep_broken_text()
    return database, shape


def open_to_mend(path: Path, timeout: float, *, trust_schema: bool) -> SQLiteDatabase:
    """Open a file to write as it is: it is not migrated, and its journal mode stays.

    Foreign keys are not enforced, so no repair cascades. Text that is not UTF-8 comes as
    `NotUtf8`. Raises `StoreUnavailableError` where this user may not write, or should not; a
    transaction raises `UntrustedSchemaError`.
    """
    target = resolve(path)
    require_files_beside(target)
    require_permission(path, target)
    database = SQLiteDatabase(uri(target, WRITE), path, timeout)
    try:
        if not trust_schema:
            database.after_begin = SchemaGuard(database)
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("PRAGMA synchronous = FULL")
        database.keep_broken_text()
    except BaseException:
        database.close()
        raise
    return database


def schema_of(database: SQLiteDatabase, known: Collection[str]) -> Schema:
    """Return what those tables of the open file are made of that are known.

    To look at another program's virtual table would run it.
    """
    found = Schema({}, {}, {})
    objects = database.all("SELECT type, name, tbl_name, sql FROM sqlite_schema")
    for kind, name, table, sql in objects:
        if table not in known:
            continue
        if kind == "index" and sql is not None:
            found.indexes[name] = table
        if kind == "table":
            found.tables[name] = _columns(database, name)
            found.references[name] = _references(database, name)
    return found


_BASE: Final = {"threads": schema.THREADS_BASE, "messages": schema.MESSAGES_BASE}


def is_nearly_ours(database: SQLiteDatabase) -> bool:
    """Tell whether one of the two tables by which a store is known is whole."""
    lacking = missing_of_base(database)
    return any(all(part.partition(".")[0] != table for part in lacking) for table in _BASE)


def missing_of_base(database: SQLiteDatabase) -> list[str]:
    """Return the tables, and the columns as `table.column`, that every store has and this not."""
    missing = []
    for table, columns in _BASE.items():
        if not database.has_table(table):
            missing.append(table)
            continue
        missing += [f"{table}.{one}" for one in columns if not database.has_column(table, one)]
    return missing


@cache
def fresh_schema(version: int) -> Schema:
    """Return what a file that was made at a version, from 1 on, is made of; not to be changed."""
    database = SQLiteDatabase("file::memory:", Path(":memory:"), 0)
    try:
        migrations.take_steps(database, version)
        names = database.all("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return schema_of(database, {name for (name,) in names if not name.startswith("sqlite_")})
    finally:
        database.close()


@cache
def fresh_own_schema() -> Schema:
    """Return what this program's own tables are made of; not to be changed."""
    database = SQLiteDatabase("file::memory:", Path(":memory:"), 0)
    try:
        own_schema.create(database)
        return schema_of(database, own_schema.TABLES)
    finally:
        database.close()


def _columns(database: SQLiteDatabase, table: str) -> dict[str, Column]:
    rows = database.all(
        'SELECT name, type, "notnull", pk FROM pragma_table_info(:table)', {"table": table}
    )
    return {
        name: Column(kind.upper(), bool(not_null), bool(key)) for name, kind, not_null, key in rows
    }


def _references(database: SQLiteDatabase, table: str) -> set[Row]:
    return set(
        database.all(
            'SELECT "table", "from", "to", on_delete FROM pragma_foreign_key_list(:table)',
            {"table": table},
        )
    )
