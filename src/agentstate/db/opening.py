"""How a SQLite store is opened: for writing, and for reading without leaving a trace."""

from __future__ import annotations

import os
import stat
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db import migrations, schema
from agentstate.db.reading import IMMUTABLE, PROBE, WRITE, Way, beside, resolve, uri, way_to_read
from agentstate.db.sqlite import SQLiteDatabase, check_version
from agentstate.errors import (
    AgentStateError,
    CorruptStoreError,
    NotAStoreError,
    StoreBusyError,
    StoreNotFoundError,
    StoreTooNewError,
    StoreTooOldError,
    StoreUnavailableError,
)
from agentstate.record import Record, record

if TYPE_CHECKING:
    from pathlib import Path

_ADVICE: Final = "run 'agentstate init' to"

_TRIES: Final = 5
"""How often a way to read is chosen, where other programs open and close the file meanwhile."""
_PAUSE: Final = 0.01
"""Seconds between two looks at a file that another program holds."""


@record
class Shape(Record):
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
    database, shape = _look(path, timeout)
    try:
        if shape.empty:
            raise _missing(path)
        _require_ours(path, shape)
        if not shape.tree:
            raise StoreTooOldError(
                f"{path} has the historic tables, without the tree; {_ADVICE} migrate it"
            )
    except AgentStateError:
        database.close()
        raise
    return database


class Opened(NamedTuple):
    """An open store, and what was there before."""

    database: SQLiteDatabase
    version: int | None
    """The version that was found; None for a file that was made."""


def open_for_writing(path: Path, timeout: float, *, create: bool) -> Opened:
    """Open a store to write, after migrating it; with `create`, make it where there is none.

    Raises what `open_for_reading` raises, `StoreTooNewError`, and `StoreUnavailableError` for a
    file that this user may not write.
    """
    check_version()
    target = resolve(path)
    if create:
        _create(path, target)
    _require_file(path, empty_is_missing=not create)
    _require_permission(path, target)
    if beside(target, "-wal").exists():
        # Closing a connection that may write carries the log into the file: look without one.
        database, shape = _look(path, timeout)
        database.close()
        _require_writable(path, shape, create=create)
    database = SQLiteDatabase(uri(target, WRITE), path, timeout)
    try:
        found = _prepare(database, path, create=create)
    except BaseException:
        database.close()
        raise
    return Opened(database, None if found.empty else found.version)


def _look(path: Path, timeout: float) -> tuple[SQLiteDatabase, Shape]:
    """Connect without a trace, and see what is there.

    Other programs may open the file, or close it as the last, between our choosing a way and our
    going it. Then what we find contradicts the choice, and we choose again.
    """
    check_version()
    _require_file(path, empty_is_missing=True)
    target = resolve(path)
    deadline = time.monotonic() + timeout
    tries = 0
    while True:
        try:
            if (seen := _look_once(path, target, timeout)) is not None:
                return seen
        except StoreBusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE)
        except StoreUnavailableError:
            tries += 1
            if tries == _TRIES:
                raise
        else:
            tries += 1
            if tries == _TRIES:
                raise StoreBusyError(f"{path} is opened and closed by other programs; try again")


def _look_once(path: Path, target: Path, timeout: float) -> tuple[SQLiteDatabase, Shape] | None:
    """Choose a way and go it; return None where it is not the way any more."""
    way = way_to_read(target)
    if way.probe and not _is_unused(path, target, timeout):
        return None
    seen = _look_this_way(path, target, way, timeout)
    if way.lockless and way_to_read(target) != way:
        seen[0].close()
        return None
    return seen


def _is_unused(path: Path, target: Path, timeout: float) -> bool:
    """Tell whether a log without an index is one that a killed program left.

    Raises `StoreBusyError` where a program holds the file.
    """
    with closing(SQLiteDatabase(uri(target, PROBE), path, timeout, read_only=True)) as database:
        for statement in PROBE.prepare:
            database.execute(statement)
        return database.lacks_index_of_log()


def _look_this_way(
    path: Path, target: Path, way: Way, timeout: float
) -> tuple[SQLiteDatabase, Shape]:
    immutable = way.parameters == IMMUTABLE
    database = SQLiteDatabase(uri(target, way), path, timeout, read_only=True, immutable=immutable)
    try:
        for statement in way.prepare:
            database.execute(statement)
        return database, _shape(database)
    except StoreUnavailableError as error:
        database.close()
        raise StoreUnavailableError(
            f"{path} cannot be read without changing its folder ({error}); "
            "ask a user who may write there"
        ) from error
    except BaseException:
        database.close()
        raise


def _prepare(database: SQLiteDatabase, path: Path, *, create: bool) -> Shape:
    """Set the connection up; look whose file it is before anything of it is changed."""
    database.execute("PRAGMA foreign_keys = ON")
    found = _shape(database)
    _require_writable(path, found, create=create)
    if database.pragma("journal_mode") != "wal":
        # Where WAL can't be had (another connection is reading, the file system has no shared
        # memory) the file is as safe in the mode it has; `agentstate info` shows which.
        database.set_journal_mode("wal")
    database.execute("PRAGMA synchronous = FULL")
    migrations.migrate(database)
    return found


def _require_file(path: Path, *, empty_is_missing: bool) -> None:
    """Refuse what is missing, empty, a folder or the like, or unreadable.

    The file is not opened for this: see `agentstate.db.reading`.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError as error:
        raise StoreUnavailableError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a file"
        raise NotAStoreError(f"{path} is {kind}, not a store")
    if not os.access(path, os.R_OK):
        raise StoreUnavailableError(f"{path} cannot be read: Permission denied")
    if empty_is_missing and status.st_size == 0:
        raise _missing(path)


def _require_permission(path: Path, target: Path) -> None:
    """Refuse to write what this user may only read; SQLite would open it and leave files."""
    if not os.access(target, os.W_OK):
        raise StoreUnavailableError(f"{path} may not be written by this user")
    if not os.access(target.parent, os.W_OK):
        raise StoreUnavailableError(
            f"{path} cannot be written: this user may not write its folder, {target.parent}"
        )


def _create(path: Path, target: Path) -> None:
    """Make the file (0600) and the folders above it (0700) where they are missing."""
    try:
        _create_folder(target.parent)
        _finish(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), target.parent)
    except FileExistsError:
        return
    except OSError as error:
        raise StoreUnavailableError(f"{path} cannot be created: {error.strerror}") from error


def _create_folder(folder: Path) -> None:
    missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        if _is_root():
            _finish(os.open(one, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW), one.parent)


def _finish(descriptor: int, folder: Path) -> None:
    """Close what was made; give what root makes in a user's folder to that user.

    The user's agent must open it too.
    """
    try:
        if _is_root():
            owner = folder.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    finally:
        os.close(descriptor)


def _is_root() -> bool:
    return os.geteuid() == 0


def _shape(database: SQLiteDatabase) -> Shape:
    # One state for all three, for another process may be migrating the file.
    with database.snapshot():
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


def _require_ours(path: Path, shape: Shape) -> None:
    if not shape.ours:
        raise NotAStoreError(f"{path} is a SQLite file of another program, not a store")


def _require_writable(path: Path, shape: Shape, *, create: bool) -> None:
    """Refuse what this program may not write, or not migrate."""
    if shape.empty:
        if not create:
            raise _missing(path)
        return
    _require_ours(path, shape)
    if shape.version > schema.NEWEST:
        raise StoreTooNewError(
            f"{path} is at version {shape.version}; this agentstate writes up to "
            f"{schema.NEWEST} and only reads it"
        )
    if shape.version > 0 and not shape.tree:
        raise CorruptStoreError(
            f"{path} is at version {shape.version}, yet has no tree columns; see agentstate doctor"
        )


def _missing(path: Path) -> StoreNotFoundError:
    return StoreNotFoundError(f"no store at {path}; {_ADVICE} create it")
