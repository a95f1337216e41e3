"""The files that SQLite keeps beside the store: its log, the log's index, its journal."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.db.holders import users_of
from agentstate.db.reading import beside, is_hot, resolve, side_files
from agentstate.filesystem import size_of
from agentstate.holders import locks_on
from agentstate.reports.doctor import Severity
from agentstate.store.doctor.problems import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.config import Location
    from agentstate.store.doctor.problems import Problem

LEFT: Final = Kind(
    "log_left",
    Severity.NOTE,
    "No program has the store open, and files of one that had are beside it: a log, its index, or "
    "a journal.",
    "the store is opened and closed, which carries over what they hold",
    tidies=True,
)
LARGE: Final = Kind(
    "log_large",
    Severity.NOTE,
    "The log beside the store is larger than 64 MiB.",
    "it is carried over into the store and emptied, if nobody reads meanwhile",
    tidies=True,
)

_LARGE: Final = 64 << 20
"""Bytes. SQLite carries a log over at 4 MiB, unless a program reads for long."""
_DESCRIPTORS: Final = Path("/proc/self/fd")


def log(location: Location) -> Iterator[Problem]:
    """Look at what a program that is gone left behind, before the store is opened.

    Opening it to write and closing it takes these files away.
    """
    file = resolve(location.path)
    journal = beside(file, "-journal")
    left = [
        path
        for path in side_files(file)
        # A journal that is done with is kept by some modes of SQLite.
        if _is_file(path) and (path != journal or is_hot(path))
    ]
    if left and not _is_used(file):
        yield LEFT.problem(
            "no program has the store open, and files of one that had are beside it",
            tuple(path.name for path in left),
        )
    size = size_of(beside(file, "-wal"))
    if size > _LARGE:
        yield LARGE.problem(
            f"the log beside the store holds {size >> 20} MiB", (beside(file, "-wal").name,)
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
