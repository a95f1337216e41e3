"""The files that SQLite keeps beside the store: its log, the log's index, its journal."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.db.holders import users_of
from agentstate.db.reading import beside, resolve
from agentstate.holders import locks_on
from agentstate.reports import Severity
from agentstate.store.doctor.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.config import Location

LEFT: Final = "log_left"
LARGE: Final = "log_large"

_LARGE: Final = 64 << 20
"""Bytes. SQLite carries a log over at 4 MiB, unless a program reads for long."""
_DESCRIPTORS: Final = Path("/proc/self/fd")


def log(location: Location) -> Iterator[Problem]:
    """Look at what a program that is gone left behind, before the store is opened.

    Opening it to write and closing it takes these files away.
    """
    file = resolve(location.path)
    left = [beside(file, suffix) for suffix in ("-wal", "-shm", "-journal")]
    left = [path for path in left if _is_file(path) and not _is_done(path)]
    if left and not _is_used(file):
        yield Problem(
            LEFT,
            Severity.NOTE,
            "no program has the store open, and files of one that had are beside it",
            tuple(path.name for path in left),
            fix="the store is opened and closed, which carries over what they hold",
        )
    size = _size(beside(file, "-wal"))
    if size > _LARGE:
        yield Problem(
            LARGE,
            Severity.NOTE,
            f"the log beside the store holds {size >> 20} MiB",
            (beside(file, "-wal").name,),
            fix="it is carried over into the store and emptied, if nobody reads meanwhile",
        )


def _is_used(file: Path) -> bool:
    """Tell whether a program has the store open; yes, where the system does not tell."""
    files = [file, beside(file, "-wal"), beside(file, "-shm")]
    try:
        ours = {os.path.realpath(one) for one in _DESCRIPTORS.iterdir()}
    except OSError:
        return True
    return (
        not ours.isdisjoint(map(str, files))
        or bool(users_of(file))
        # Of other users' processes the system tells their locks alone.
        or any(locks_on(one, "POSIX") for one in files)
    )


def _is_file(path: Path) -> bool:
    """Tell whether there is a regular file; reading a pipe in its place would never end."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _is_done(path: Path) -> bool:
    """Tell whether a journal is one that a mode of SQLite keeps when it is done with it."""
    if not path.name.endswith("-journal"):
        return False
    with suppress(OSError), path.open("rb") as file:
        return file.read(1) in {b"", b"\0"}
    return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
