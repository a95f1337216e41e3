"""How a SQLite store is opened: for writing, and for reading without leaving a trace."""

from __future__ import annotations

import os
import stat
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db import migrations
from agentstate.db.connection import check_version
from agentstate.db.reading import (
    PROBE,
    WRITE,
    Watch,
    Way,
    beside,
    require_files_beside,
    resolve,
    uri,
    way_to_read,
)
from agentstate.db.shape import ADVICE, Shape, missing, require_ours, require_writable, shape_of
from agentstate.db.sqlite import SQLiteDatabase
from agentstate.db.trust import SchemaGuard, require_no_actions
from agentstate.errors import (
    AgentStateError,
    NotAStoreError,
    StoreBusyError,
    StoreTooOldError,
    StoreUnavailableError,
)
from agentstate.filesystem import create_file, make_folder, require_own_links

if TYPE_CHECKING:
    from pathlib import Path

_TRIES: Final = 5
"""How often a way to read is chosen, where other programs open and close the file meanwhile."""
_PAUSE: Final = 0.01
"""Seconds between two looks at a file that another program holds."""


def open_for_reading(path: Path, timeout: float) -> SQLiteDatabase:
    """Open a store so that nothing in its folder changes.

    Raises `StoreNotFoundError`, `NotAStoreError`, `StoreTooOldError` for historic tables, and
    `StoreUnavailableError` where the file cannot be read as it is.
    """
    database, shape = look(path, timeout)
    try:
        if shape.empty:
            raise missing(path)
        require_ours(path, shape)
        if not shape.tree:
            raise StoreTooOldError(
                f"{path} has the historic tables, without the tree; {ADVICE} migrate it"
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


def open_for_writing(
    path: Path, timeout: float, *, create: bool, trust_schema: bool = False
) -> Opened:
    """Open a store to write, after migrating it; with `create`, make it where there is none.

    Raises what `open_for_reading` raises, `StoreTooNewError`, `StoreUnavailableError` for a file
    that this user may not write, and without `trust_schema` `UntrustedSchemaError`; then nothing
    has changed.
    """
    check_version()
    target = resolve(path)
    if create:
        require_own_links(path)
        _create(path, target)
    require_files_beside(target)
    require_file(path, empty_is_missing=not create)
    require_permission(path, target)
    if beside(target, "-wal").exists():
        # Closing a connection that may write carries the log into the file: look without one.
        database, shape = look(path, timeout)
        with closing(database):
            require_writable(path, shape, create=create)
            if not trust_schema:
                require_no_actions(database)
    database = SQLiteDatabase(uri(target, WRITE), path, timeout)
    try:
        if not trust_schema:
            database.after_begin = SchemaGuard(database)
        found = _prepare(database, path, create=create)
    except BaseException:
        database.close()
        raise
    return Opened(database, None if found.empty else found.version)


def look(path: Path, timeout: float) -> tuple[SQLiteDatabase, Shape]:
    """Connect without a trace to whatever SQLite file there is, and see what it is.

    Other programs may open the file, or close it as the last, between our choosing a way and our
    going it. Then what we find contradicts the choice, and we choose again.
    """
    check_version()
    require_file(path, empty_is_missing=True)
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
    watch = Watch(target, path)
    way = way_to_read(target)
    if way.probe:
        # Another program may be closing the file just now. The pause is also longer than the
        # steps of a file system's clock, so that the watch sees any change after it.
        time.sleep(_PAUSE)
        if way_to_read(target) != way or not _is_unused(path, target, timeout):
            return None
    return _look_this_way(path, target, way, timeout, watch)


def _is_unused(path: Path, target: Path, timeout: float) -> bool:
    """Tell whether a log without an index is one that a killed program left.

    Raises `StoreBusyError` where a program holds the file.
    """
    with closing(SQLiteDatabase(uri(target, PROBE), path, timeout, read_only=True)) as database:
        for statement in PROBE.prepare:
            database.execute(statement)
        return database.lacks_index_of_log()


def _look_this_way(
    path: Path, target: Path, way: Way, timeout: float, watch: Watch
) -> tuple[SQLiteDatabase, Shape]:
    database = SQLiteDatabase(
        uri(target, way), path, timeout, read_only=True, immutable=way.immutable
    )
    try:
        for statement in way.prepare:
            database.execute(statement)
        if way.lockless:
            database.watch = watch
        return database, shape_of(database)
    except BaseException as error:
        if way.reads_log and not watch.holds():
            database.close_without_log()
        else:
            database.close()
        if not isinstance(error, StoreUnavailableError):
            raise
        raise StoreUnavailableError(
            f"{path} cannot be read without changing its folder ({error}); "
            "ask a user who may write there"
        ) from error


def _prepare(database: SQLiteDatabase, path: Path, *, create: bool) -> Shape:
    """Set the connection up; look whose file it is before anything of it is changed."""
    database.execute("PRAGMA foreign_keys = ON")
    found = shape_of(database)
    require_writable(path, found, create=create)
    with database.snapshot():
        database.after_begin()
    if database.pragma("journal_mode") != "wal":
        # Where WAL can't be had (another connection is reading, the file system has no shared
        # memory) the file is as safe in the mode it has; `agentstate info` shows which.
        database.set_journal_mode("wal")
    database.execute("PRAGMA synchronous = FULL")
    migrations.migrate(database)
    return found


def require_file(path: Path, *, empty_is_missing: bool) -> None:
    """Refuse what is missing, empty, a folder or the like, or unreadable.

    The file is not opened for this: see `agentstate.db.reading`.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise missing(path) from None
    except OSError as error:
        raise StoreUnavailableError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a file"
        raise NotAStoreError(f"{path} is {kind}, not a store")
    if not os.access(path, os.R_OK):
        raise StoreUnavailableError(f"{path} cannot be read: Permission denied")
    if empty_is_missing and status.st_size == 0:
        raise missing(path)


def require_permission(path: Path, target: Path) -> None:
    """Refuse to write what this user may only read; SQLite would open it and leave files.

    Nor is it written through a link that another user made.
    """
    require_own_links(path)
    if not os.access(target, os.W_OK):
        raise StoreUnavailableError(f"{path} may not be written by this user")
    if not os.access(target.parent, os.W_OK):
        raise StoreUnavailableError(
            f"{path} cannot be written: this user may not write its folder, {target.parent}"
        )


def _create(path: Path, target: Path) -> None:
    """Make the file (0600) and the folders above it (0700) where they are missing."""
    try:
        make_folder(target.parent)
        os.close(create_file(target))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreUnavailableError(f"{path} cannot be created: {error.strerror}") from error
