"""Having a SQLite file to oneself, so that all of it can be replaced."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from agentstate.db.holders import users_of
from agentstate.db.reading import WRITE, beside, resolve, uri
from agentstate.db.sqlite import SQLiteDatabase
from agentstate.errors import AgentStateError, StoreBusyError, StoreUnavailableError
from agentstate.holders import describe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_PAUSE: Final = 0.05
"""Seconds between two looks at who has the file open."""

_LOCK_BYTES: Final = 0x40000000
_LOCK_LENGTH: Final = 512
"""Where SQLite locks a file: one byte each for who waits and who writes, 510 for who reads."""


@contextmanager
def alone(path: Path, timeout: float) -> Iterator[SQLiteDatabase]:
    """Open a SQLite file that nobody else has open, and keep everybody out until the end.

    In exclusive mode a connection's first transaction needs the lock that everybody who works
    with a log has a share in for as long as the file is open. Without a log there is a lock only
    while something is read or written, and what replaces the content does no harm to who has the
    file open and does nothing; the system may tell of them all the same, and then they count.

    Raises `StoreBusyError`, naming who has it, after `timeout` seconds; `NotAStoreError` and
    `CorruptStoreError` where SQLite cannot open the file.
    """
    database = _open_alone(path, timeout)
    try:
        yield database
    finally:
        database.close()


def _open_alone(path: Path, timeout: float) -> SQLiteDatabase:
    deadline = time.monotonic() + timeout
    while True:
        left = max(0.0, deadline - time.monotonic())
        database = SQLiteDatabase(uri(resolve(path), WRITE), path, left)
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("COMMIT")
            if not users_of(path):
                return database
        except StoreBusyError:
            database.close()
            raise in_use(path, timeout) from None
        except BaseException:
            database.close()
            raise
        database.close()
        if time.monotonic() >= deadline:
            raise in_use(path, timeout)
        time.sleep(_PAUSE)


def replace_content(old: SQLiteDatabase, new: SQLiteDatabase) -> None:
    """Make the file that `alone` opened the same as another, in one transaction.

    The file itself stays, so nobody can be left with one that has no name any more. A crash
    leaves a journal, from which whoever opens the file next brings the old content back.
    """
    old.execute("PRAGMA synchronous = FULL")
    # A log is carried into the file and removed: with it, pages of another size cannot be taken.
    if old.set_journal_mode("delete") != "delete":
        raise StoreUnavailableError("the store's log cannot be carried into its file")
    # The log's index of a program that was killed; nobody has it open while we are alone.
    beside(resolve(old.path), "-shm").unlink(missing_ok=True)
    new.copy_to(old)
    # In exclusive mode the journal stays, emptied, and is removed by leaving both modes at once.
    # Reading anything before would find that the new content may be one with a log. All is done
    # by now: what fails here leaves a file that is in nobody's way.
    with suppress(AgentStateError):
        old.execute("PRAGMA locking_mode = NORMAL")
        old.one("PRAGMA journal_mode = DELETE")
        old.set_journal_mode("wal")


@contextmanager
def held(path: Path, timeout: float) -> Iterator[BinaryIO | None]:
    """Keep every SQLite out of a file that SQLite cannot open; give the file, None without one.

    Raises `StoreBusyError` where another process has it. This process must have no connection to
    the file, for that one's locks are lost, and read it only from what is given: to close any
    other descriptor of it would end this lock, too.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        _wait_for_lock(descriptor, path, timeout)
        yield file


def _wait_for_lock(descriptor: int, path: Path, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_LENGTH, _LOCK_BYTES)
        except (BlockingIOError, PermissionError):
            pass
        else:
            if not users_of(path):
                return
        if time.monotonic() >= deadline:
            raise in_use(path, timeout)
        time.sleep(_PAUSE)


def in_use(path: Path, timeout: float) -> StoreBusyError:
    """Return an error that names who has a file open."""
    return StoreBusyError(
        f"{path} is open in {describe(users_of(path))}; waited {timeout:g} s: end it first, "
        "or wait longer with --timeout"
    )
