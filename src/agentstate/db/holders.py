"""Which processes use a SQLite file, and which hold the lock that keeps a writer out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db.reading import beside, resolve
from agentstate.holders import locks_on, named, processes_using

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate.holders import Holder

_LOG_WRITE: Final = 120
_LOG_RECOVER: Final = 122
"""Bytes of `-shm`: who writes to the log, and who makes its index again."""
_LOG_READ: Final = (123, 127)
"""The first and the last of those that say how much of the log a reader needs."""

_PENDING: Final = 0x40000000
_SHARED_END: Final = 0x40000002 + 509
"""Bytes of the database file: from the first that a writer locks to the last that readers do."""


def users_of(path: Path) -> list[Holder]:
    """Return the other processes that have a store open: its file, its log or the log's index.

    Empty where the system does not tell; it tells of other users' processes only to root.
    """
    file = resolve(path)
    return processes_using(file, beside(file, "-wal"), beside(file, "-shm"))


def lock_holders(path: Path) -> list[Holder]:
    """Return the other processes whose lock keeps a writer out; empty where none is known.

    Where nobody writes, those that read a file without a log: a commit waits for them.
    """
    file = resolve(path)
    of_index = locks_on(beside(file, "-shm"), "POSIX")
    writers = {
        lock.pid
        for lock in of_index
        for byte in (_LOG_WRITE, _LOG_RECOVER)
        if lock.exclusive and lock.overlaps(byte, byte)
    }
    of_file = [lock for lock in locks_on(file, "POSIX") if lock.overlaps(_PENDING, _SHARED_END)]
    writers |= {lock.pid for lock in of_file if lock.exclusive}
    if not writers:
        # Who works with a log has a lock on the file for good, which is in nobody's way.
        with_log = {lock.pid for lock in of_index}
        writers = {lock.pid for lock in of_file} - with_log
    return named(writers)


def log_readers(path: Path) -> list[Holder]:
    """Return the other processes that read a state which is in the log, so it must stay."""
    locks = locks_on(beside(resolve(path), "-shm"), "POSIX")
    return named({lock.pid for lock in locks if lock.overlaps(*_LOG_READ)})
