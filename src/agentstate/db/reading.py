"""Choosing how to read a SQLite file so that nothing in its folder changes.

A plain read-only connection to a clean WAL file leaves `-shm` and `-wal` behind, and one of a
user who may not write the file leaves a `-shm` that locks the owner out. So what is there
decides; each way below was tried on such a file. Paths are resolved: SQLite follows a symbolic
link and keeps the log beside the target.

The database file itself is never opened here: closing it would drop the locks of another
connection that this process may have to it.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentstate.errors import StoreBusyError, StoreUnavailableError
from agentstate.filesystem import size_of
from agentstate.record import Record, record

_NEVER_CHANGES: Final = "immutable=1"


@record
class Way(Record):
    """How to connect: URI parameters, and statements to run before the first read."""

    parameters: str
    prepare: tuple[str, ...] = ()
    lockless: bool = False
    """It takes no lock, so it is only for a file that no other program has open; see `Watch`."""
    probe: bool = False
    """Whether `PROBE` must have shown first that nobody holds the file."""

    @property
    def immutable(self) -> bool:
        """Whether SQLite takes the file for one that nobody changes."""
        return self.parameters == _NEVER_CHANGES

    @property
    def reads_log(self) -> bool:
        """Whether a connection that takes no lock opens the log, and may delete it at its end."""
        return self.lockless and not self.immutable


WRITE: Final = Way(parameters="mode=rw")

_READ_ONLY: Final = Way(parameters="mode=ro")
# A second user must not make the log's index either. This keeps every connection of the process
# to this file from writing, so it is only for those who may not write anyhow.
_READ_ONLY_SHARED: Final = Way(parameters="mode=ro&readonly_shm=1")
# A program that holds a store in exclusive mode has a log and no index beside the file, as one
# that was killed has in a copy. The lock on the file tells them apart: with the log's index shut
# out, SQLite says that the file is busy, or that it cannot open the index; it makes no file. It
# must not wait, for where the log goes away meanwhile it would make an empty one. The connection
# must be closed before another is opened (see above).
PROBE: Final = Way(parameters="mode=ro&readonly_shm=1", prepare=("PRAGMA busy_timeout = 0",))
# Exclusive mode keeps the log's index in memory, so none is made beside the file. The lock it
# would take needs a writable file, so it goes without.
_PRIVATE_INDEX: Final = Way(
    parameters="mode=ro&vfs=unix-none",
    prepare=("PRAGMA locking_mode = EXCLUSIVE",),
    lockless=True,
    probe=True,
)
_CLEAN: Final = WRITE
IMMUTABLE: Final = Way(parameters=_NEVER_CHANGES, lockless=True)
_IMMUTABLE_WITH_LOG: Final = Way(parameters=_NEVER_CHANGES, lockless=True, probe=True)

_ROOM: Final = 1 << 17
"""Bytes that a reader's log and index may take; there are four times as many as they do."""

SIDES: Final = ("-wal", "-journal", "-shm")
"""What SQLite adds to the name of a file for those that it keeps beside it."""


class Watch:
    """Whether a file is as it was, for a connection that takes no lock and so holds nobody off.

    Another program that opens the file begins a log, or changes the one that is there. What was
    read since may be half of one state and half of another.

    The log is also why it must be known at once. SQLite deletes it when the last connection is
    closed, and a connection without locks takes itself for the last. It does so only where it
    found no transaction in the log: in that, if the log has changed meanwhile, of another program.
    """

    def __init__(self, path: Path, name: Path) -> None:
        """Remember how a resolved path is; `name` names it in errors."""
        self._path = path
        self._name = name
        self._seen = self._look()

    def holds(self) -> bool:
        """Tell whether the file is as it was."""
        return self._look() == self._seen

    def __call__(self) -> None:
        """Raise `StoreBusyError` where the file has changed."""
        if not self.holds():
            raise StoreBusyError(
                f"{self._name} was opened by another program while it was read; try again"
            )

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_identity(one) for one in (self._path, *side_files(self._path))]


def _identity(path: Path) -> tuple[int, int, int] | None:
    with suppress(OSError):
        status = path.stat(follow_symlinks=False)
        return status.st_ino, status.st_size, status.st_mtime_ns
    return None


def way_to_read(path: Path) -> Way:
    """Choose how to read a resolved path; raises `StoreUnavailableError` where nothing serves."""
    require_files_beside(path)
    writable = os.access(path, os.W_OK)
    if (log := beside(path, "-wal")).exists():
        if beside(path, "-shm").exists():
            return _READ_ONLY if writable else _READ_ONLY_SHARED
        # The last program to close the file deletes its log, perhaps right now.
        with suppress(FileNotFoundError):
            # Closing a connection deletes a log without a transaction; nothing in it is missed.
            return _PRIVATE_INDEX if _has_transaction(log) else _IMMUTABLE_WITH_LOG
    if writable and os.access(path.parent, os.W_OK) and _has_room(path.parent):
        return _CLEAN
    if is_hot(beside(path, "-journal")):
        raise StoreUnavailableError(
            f"{path} has an unfinished transaction in {path.name}-journal, and only a user who "
            "may write the file and its folder, on a disk with room, can roll it back"
        )
    return IMMUTABLE


def _has_room(folder: Path) -> bool:
    """Tell whether a log and its index can be made; half of them would stay on a full disk."""
    disk = os.statvfs(folder)
    free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
    return free * disk.f_frsize >= _ROOM


def require_files_beside(path: Path) -> None:
    """Refuse a link, a named pipe or the like in place of a file that SQLite keeps beside a store.

    SQLite follows no link there either; a pipe would block whoever opens it to read, for good.
    """
    for side in side_files(path):
        with suppress(OSError):
            if not stat.S_ISREG(side.lstat().st_mode):
                raise StoreUnavailableError(f"{side} is not a regular file; remove it")


def resolve(path: Path) -> Path:
    """Follow symbolic links, as SQLite does."""
    return Path(os.path.realpath(path))


def beside(path: Path, suffix: str) -> Path:
    """Return the file beside a resolved path whose name goes on with `suffix`."""
    return path.with_name(path.name + suffix)


def side_files(path: Path) -> list[Path]:
    """Return what SQLite keeps beside a resolved path: log, journal, and the log's index."""
    return [beside(path, suffix) for suffix in SIDES]


def size_with_log(path: Path) -> int:
    """Return the bytes of a resolved path and of its log."""
    return size_of(path) + size_of(beside(path, "-wal"))


def uri(path: Path, way: Way) -> str:
    """Return the URI that opens a resolved path."""
    escaped = str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file://{escaped}?{way.parameters}"


def _has_transaction(log: Path) -> bool:
    """Tell whether a log holds a whole transaction.

    Raises `FileNotFoundError` where it has gone.
    """
    from agentstate.db.log import frames  # noqa: PLC0415 - few logs have no index beside them

    try:
        with log.open("rb") as file:
            return any(frame.commit for frame in frames(file))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreUnavailableError(f"{log} cannot be read: {error.strerror}") from error


def is_hot(journal: Path) -> bool:
    """Tell whether a rollback journal must be played back; a zeroed one is done."""
    try:
        with journal.open("rb") as file:
            return file.read(1) not in {b"", b"\0"}
    except FileNotFoundError:
        return False
    except OSError:
        return True  # unreadable: we cannot know that it is done
