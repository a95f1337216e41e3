"""Which other processes have a file open or hold locks on it, where the system tells.

Linux does, in `/proc`: of every process that it holds a lock, and of those of the same user (to
root of all) which files they have open. Elsewhere, and of processes in another container, nothing
is known and the answers are empty. Nothing here raises, waits, or opens the file asked about:
closing it would drop the locks that this process has on it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PROCESSES: Final = Path("/proc")
_NAMED: Final = 3
"""How many processes an error line names."""

_FileId = tuple[int, int]
"""Device and inode."""


class Holder(NamedTuple):
    """A process other than this one."""

    pid: int
    command: str
    """The name of its program, safe for a screen; never its arguments, which may be secret."""

    def __str__(self) -> str:
        """Return its name and number."""
        return f"{self.command} (process {self.pid})"


class Lock(NamedTuple):
    """A lock that another process holds on a range of a file's bytes."""

    pid: int
    exclusive: bool
    first: int
    last: int
    """The range ends with this byte."""

    def overlaps(self, first: int, last: int) -> bool:
        """Tell whether the lock holds one of these bytes."""
        return self.first <= last and first <= self.last


def processes_using(*paths: Path) -> list[Holder]:
    """Return the processes that have one of the files open, by process id."""
    wanted = set(filter(None, map(_identity, paths)))
    if not wanted:
        return []
    own = os.getpid()
    return named(pid for pid in _process_ids() if pid != own and _has_open(pid, wanted))


def locks_on(path: Path, kind: str) -> list[Lock]:
    """Return the locks of other processes on a file; `kind` is `POSIX` or `FLOCK`."""
    if (identity := _identity(path)) is None:
        return []
    try:
        lines = (_PROCESSES / "locks").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return list(_find_locks(lines, kind, identity))


def named(pids: Iterable[int]) -> list[Holder]:
    """Return the processes with their names, each once; those that have ended are left out."""
    found = []
    for pid in sorted(set(pids)):
        with suppress(OSError):
            name = (_PROCESSES / str(pid) / "comm").read_text("utf-8", "replace").strip()
            safe = "".join(letter if letter.isprintable() else "?" for letter in name)
            found.append(Holder(pid, safe or "a program"))
    return found


def describe(holders: list[Holder]) -> str:
    """Return the processes as words of a sentence; `another program` where none is known."""
    words = [str(holder) for holder in holders[:_NAMED]]
    if more := len(holders) - _NAMED:
        words += [f"{more} more"] if more > 0 else []
    return " and ".join(words) or "another program"


def _find_locks(lines: list[str], kind: str, identity: _FileId) -> Iterator[Lock]:
    device, inode = identity
    here = f"{os.major(device):02x}:{os.minor(device):02x}"
    own = os.getpid()
    for line in lines:
        # "1: POSIX  ADVISORY  WRITE 4711 fe:00:2179771 120 120"; "->" is one that waits.
        match line.split():
            case [_, found, _, mode, pid, place, first, last] if found == kind:
                where, _, number = place.rpartition(":")
                lock = _lock(mode, pid, first, last)
            case _:
                continue
        if lock is None or lock.pid == own or number != str(inode):
            continue
        # A lock that outlived its process, as one that is shared with a child may, is named
        # after a process that is gone, or whose number another one has by now. And some file
        # systems (overlays, subvolumes) show programs another device than is meant here.
        is_open = _has_open(lock.pid, {identity})
        if is_open or (is_open is None and where == here):
            yield lock


def _lock(mode: str, pid: str, first: str, last: str) -> Lock | None:
    try:
        end = (1 << 63) if last == "EOF" else int(last)
        lock = Lock(int(pid), mode == "WRITE", int(first), end)
    except ValueError:
        return None
    # Locks that belong to no process have -1, those of processes that we may not see 0.
    return lock if lock.pid > 0 else None


def _has_open(pid: int, wanted: set[_FileId]) -> bool | None:
    """Tell whether a process has one of the files open; None where the system does not tell."""
    try:
        descriptors = list((_PROCESSES / str(pid) / "fd").iterdir())
    except PermissionError:
        return None
    except OSError:
        return False
    found: bool | None = False
    for descriptor in descriptors:
        try:
            # Pipes and sockets have no path.
            if str(descriptor.readlink()).startswith("/") and _identity(descriptor) in wanted:
                return True
        except PermissionError:
            found = None
        except OSError:
            continue  # closed meanwhile
    return found


def _process_ids() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROCESSES) if name.isdecimal()]  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return []


def _identity(path: Path) -> _FileId | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
