"""Files that other programs read and write at the same time: lock, append, rewrite, read."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.errors import StoreBusyError
from agentstate.filesystem import create_file, fsync, make_folder, system_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

BLOCK: Final = 1 << 18
"""Bytes read at once: what fits a processor's cache is searched without waiting for memory."""
_LONGEST_PAUSE: Final = 0.005
_WRITER_PATIENCE: Final = 0.5
"""Seconds that a rewrite waits for programs which had the old file open for writing."""


def acquire_lock(path: Path, timeout: float) -> int:
    """Return a descriptor that holds the exclusive lock `path`; closing it lets go.

    Creates the file and its folder. A link is not followed: whoever planted it would choose what
    is made. Raises `StoreBusyError` after `timeout` seconds.
    """
    with system_errors("lock the session index with", path):
        make_folder(path.parent)
        descriptor = _open_or_create(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            _wait_for_lock(descriptor, path, timeout)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


def _wait_for_lock(descriptor: int, path: Path, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    pause = 0.0005
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _busy(path, timeout) from None
            pause = min(2 * pause, left, _LONGEST_PAUSE)
            time.sleep(pause)
        else:
            return


def _busy(path: Path, timeout: float) -> StoreBusyError:
    from agentstate.holders import describe, locks_on, named  # noqa: PLC0415 - rarely needed

    who = describe(named(lock.pid for lock in locks_on(path, "FLOCK")))
    return StoreBusyError(
        f"the session index's lock {path} is held by {who}; waited {timeout:g} s "
        "(--timeout waits longer)"
    )


def append_line(path: Path, line: bytes) -> tuple[int, int]:
    """Append a whole line durably and return the file's size before and after.

    A torn line that another program left at the end is ended first. A link is followed.
    """
    with system_errors("write to the session index", path):
        target = Path(os.path.realpath(path))
        descriptor = _open_or_create(target, os.O_RDWR | os.O_APPEND)
        try:
            before = os.fstat(descriptor).st_size
            if before and os.pread(descriptor, 1, before - 1) != b"\n":
                line = b"\n" + line
            _write_all(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not before:
            fsync(target.parent)
    return before, before + len(line)


def open_to_read(path: Path) -> BinaryIO | None:
    """Open a file, or return None where there is none."""
    with system_errors("read the session index", path), suppress(FileNotFoundError):
        return open(_open_regular(path, os.O_RDONLY), "rb", BLOCK)
    return None


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, newlines included; none where there is no file."""
    if (file := open_to_read(path)) is not None:
        with file, system_errors("read the session index", path):
            yield from file


def read_blocks_from_end(path: Path, block: int = BLOCK) -> Iterator[bytes]:
    """Yield a file in pieces of about `block` bytes, the last first, each of whole lines.

    Read and not mapped: a file that another program truncates would kill us through a map.
    """
    if (file := open_to_read(path)) is None:
        return
    with file, system_errors("read the session index", path):
        end = os.fstat(file.fileno()).st_size
        span = block
        while end > 0:
            start = max(0, end - span)
            piece = os.pread(file.fileno(), end - start, start)
            cut = piece.find(b"\n") + 1 if start else 0
            if start and cut in (0, len(piece)):
                span *= 2  # one line fills it: look further back
                continue
            yield piece[cut:]
            end = start + cut
            span = block


def rewrite(
    target: Path,
    lines: Iterable[bytes],
    old: BinaryIO | None = None,
    *,
    offset: int = 0,
    backup: Path | None = None,
) -> None:
    """Put a new file of `lines` in place of `target` in one step, and durably.

    `old` is the open old file. What other programs append to it past `offset`, without the lock,
    is carried over. The old file stays as `backup` if one is named, which must not exist yet.
    Owner and mode stay. Raises `OSError`; until the new file is in place that changes nothing.
    """
    temporary = _clear_temporary(target)
    descriptor = create_file(temporary, os.O_RDWR | os.O_APPEND)
    with open(descriptor, "ab", BLOCK) as new:  # noqa: PTH123 - a descriptor
        linked = False
        try:
            new.writelines(lines)
            new.flush()
            if old is not None:
                _keep_owner_and_mode(old.fileno(), descriptor)
                offset = _carry_lines(old.fileno(), offset, descriptor)
            os.fsync(descriptor)
            if backup is not None:
                os.link(target, backup)
                linked = True
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            if backup is not None and linked:
                backup.unlink(missing_ok=True)
            raise
        if old is not None:
            _carry_late_lines(old.fileno(), offset, descriptor)
            os.fsync(descriptor)
        fsync(target.parent)


def _clear_temporary(target: Path) -> Path:
    """Remove the temporary files of rewrites that were killed, and name one of our own.

    Only the holder of the lock comes here, so none of them is in use.
    """
    prefix = f".{target.name}.tmp-"
    for path in target.parent.iterdir():
        if path.name.startswith(prefix):
            path.unlink(missing_ok=True)
    return target.with_name(f"{prefix}{os.getpid()}")


def _keep_owner_and_mode(old: int, new: int) -> None:
    before, after = os.fstat(old), os.fstat(new)
    # Root tidying a user's index must not lock the user's agent out of it.
    if (before.st_uid, before.st_gid) != (after.st_uid, after.st_gid):
        os.fchown(new, before.st_uid, before.st_gid)
    os.fchmod(new, stat.S_IMODE(before.st_mode))


def _carry_late_lines(old: int, offset: int, new: int) -> None:
    """Carry over what programs still write that opened the old file before it was replaced."""
    deadline = time.monotonic() + _WRITER_PATIENCE
    while True:
        # Asked before reading, so that what the last of them wrote is read.
        last = not _may_be_written(old) or time.monotonic() > deadline
        offset = _carry_lines(old, offset, new)
        if last:
            break
        time.sleep(0.001)
    if rest := _read_from(old, offset):
        _write_all(new, rest + b"\n")


def _carry_lines(old: int, offset: int, new: int) -> int:
    """Append the whole lines of `old` past `offset` to `new`, and return where they end."""
    grown = _read_from(old, offset)
    whole = grown[: grown.rfind(b"\n") + 1]
    _write_all(new, whole)
    return offset + len(whole)


def _read_from(descriptor: int, offset: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, max(0, size - offset), offset)


def _may_be_written(descriptor: int) -> bool:
    """Tell whether a program may have the file open for writing; True where nobody can say.

    Linux grants a read lease only on a file that nobody has open for writing.
    """
    try:
        # The signal to who holds a lease would by default be SIGIO, which ends a process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (OSError, AttributeError):  # no such calls outside Linux
        return True
    return False


def _open_or_create(path: Path, flags: int) -> int:
    try:
        return create_file(path, flags)
    except FileExistsError:
        return _open_regular(path, flags)


def _open_regular(path: Path, flags: int) -> int:
    # Without O_NONBLOCK a named pipe in place of the file would block for good.
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is not a regular file")
    return descriptor


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
