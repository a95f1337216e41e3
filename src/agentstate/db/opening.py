"""How a SQLite store is opened: for writing, and for reading without leaving a trace.

A plain read-only connection to a clean WAL file leaves `-shm` and `-wal` behind, and one of a
user who may not write the file leaves a `-shm` that locks the owner out. So what is there
decides how to open; each way below was tried on such a file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from agentstate.db import migrations, schema
from agentstate.db.sqlite import SQLiteDatabase, check_version
from agentstate.errors import (
    AgentStateError,
    NotAStoreError,
    StoreNotFoundError,
    StoreTooNewError,
    StoreTooOldError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from pathlib import Path

_HEADER: Final = b"SQLite format 3\0"
_ADVICE: Final = "run 'agentstate init' to"


@dataclass(frozen=True)
class Shape:
    """What a file's tables show: empty, a store, historic tables, or not ours."""

    version: int
    empty: bool
    ours: bool
    tree: bool


def open_for_reading(path: Path, timeout: float) -> SQLiteDatabase:
    """Open a store so that nothing in its folder changes.

    Raises `StoreNotFoundError`, `NotAStoreError`, `StoreTooOldError` for historic tables, and
    `StoreUnavailableError` where the file cannot be read as it is.
    """
    check_version()
    _require_file(path)
    mode = _reading_mode(path)
    try:
        database = SQLiteDatabase(_uri(path, mode), path, timeout)
    except AgentStateError as error:
        raise _unreadable(path, error) from error
    try:
        database.execute("PRAGMA query_only = ON")
        _require_readable(path, _shape(database))
    except StoreUnavailableError as error:
        database.close()
        raise _unreadable(path, error) from error
    except BaseException:
        database.close()
        raise
    return database


def open_for_writing(path: Path, timeout: float, *, create: bool) -> SQLiteDatabase:
    """Open a store to write, after migrating it; with `create`, make it where there is none.

    Raises what `open_for_reading` raises, and `StoreTooNewError`.
    """
    check_version()
    if create:
        _create(path)
    else:
        _require_file(path)
    database = SQLiteDatabase(_uri(path, "mode=rw"), path, timeout)
    try:
        _prepare(database, path, create=create)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: SQLiteDatabase, path: Path, *, create: bool) -> None:
    """Set the connection up; look whose file it is before anything of it is changed."""
    database.execute("PRAGMA foreign_keys = ON")
    shape = _shape(database)
    if shape.empty and not create:
        raise _missing(path)
    if not shape.empty and not shape.ours:
        raise NotAStoreError(f"{path} is a SQLite file of another program, not a store")
    if shape.version > schema.NEWEST:
        raise StoreTooNewError(
            f"{path} is at version {shape.version}; this agentstate writes up to "
            f"{schema.NEWEST} and only reads it"
        )
    if database.pragma("journal_mode") != "wal":
        # Where WAL can't be had (another connection is reading, the file system has no shared
        # memory) the file is as safe in the mode it has; `agentstate info` shows which.
        database.set_journal_mode("wal")
    database.execute("PRAGMA synchronous = FULL")
    migrations.migrate(database)


def _reading_mode(path: Path) -> str:
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if _size(path, "-wal") is not None:
        return "mode=ro"
    if not writable and _size(path, "-journal"):
        raise StoreUnavailableError(
            f"{path} has an unfinished transaction in {path.name}-journal, and only a user who "
            "may write the file and its folder can roll it back"
        )
    return "mode=rw" if writable else "immutable=1"


def _size(path: Path, suffix: str) -> int | None:
    try:
        return os.stat(f"{path}{suffix}").st_size  # noqa: PTH116 - pathlib costs more per call
    except OSError:
        return None


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(os.fsencode(path))}?{mode}"


def _require_file(path: Path) -> None:
    """Refuse what is missing, empty, a folder, unreadable, or not SQLite."""
    try:
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
    except FileNotFoundError:
        raise _missing(path) from None
    except IsADirectoryError:
        raise NotAStoreError(f"{path} is a folder, not a store") from None
    except OSError as error:
        raise StoreUnavailableError(f"{path} cannot be read: {error.strerror}") from error
    if not header:
        raise _missing(path)
    if header != _HEADER:
        raise NotAStoreError(f"{path} is not a SQLite file")


def _create(path: Path) -> None:
    """Make the file (0600) and the folders above it (0700) where they are missing."""
    try:
        _create_folder(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_file() and path.stat().st_size == 0:
            return
        _require_file(path)
    except OSError as error:
        raise StoreUnavailableError(f"{path} cannot be created: {error.strerror}") from error


def _create_folder(folder: Path) -> None:
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)


def _shape(database: SQLiteDatabase) -> Shape:
    rows = database.all(
        "SELECT tables.name, columns.name FROM sqlite_schema AS tables "
        "LEFT JOIN pragma_table_info(tables.name) AS columns "
        "WHERE tables.type = 'table' AND tables.name IN ('threads', 'messages')"
    )
    found: dict[str, set[str]] = {"threads": set(), "messages": set()}
    for table, column in rows:
        found[table].add(column)
    count = database.one("SELECT count(*) FROM sqlite_schema")
    ours = found["threads"].issuperset(schema.THREADS_BASE) and found["messages"].issuperset(
        schema.MESSAGES_BASE
    )
    return Shape(
        version=int(database.pragma("user_version")),
        empty=count == (0,),
        ours=ours,
        tree="current_leaf_id" in found["threads"] and "parent_entry_id" in found["messages"],
    )


def _require_readable(path: Path, shape: Shape) -> None:
    if shape.empty:
        raise _missing(path)
    if not shape.ours:
        raise NotAStoreError(f"{path} is a SQLite file of another program, not a store")
    if not shape.tree:
        raise StoreTooOldError(
            f"{path} has the historic tables, without the tree; {_ADVICE} migrate it"
        )


def _missing(path: Path) -> StoreNotFoundError:
    return StoreNotFoundError(f"no store at {path}; {_ADVICE} create it")


def _unreadable(path: Path, error: AgentStateError) -> AgentStateError:
    if not isinstance(error, StoreUnavailableError):
        return error
    return StoreUnavailableError(
        f"{path} cannot be read without changing its folder ({error}); "
        "ask a user who may write there"
    )
