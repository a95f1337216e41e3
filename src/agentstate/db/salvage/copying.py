"""A private copy of a store's files, brought to its last commit; the original is only read."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING, Final

from agentstate.db.reading import beside, resolve
from agentstate.db.salvage.header import read_header
from agentstate.db.salvage.logs import apply_log, roll_back
from agentstate.errors import NotAStoreError, StoreBusyError, StoreNotFoundError
from agentstate.filesystem import system_errors

if TYPE_CHECKING:
    from pathlib import Path

_TRIES: Final = 3
_SUFFIXES: Final = ("", "-wal", "-journal")


def copy_store(path: Path, folder: Path) -> Path:
    """Copy a store's files into a folder of this process's own; return the file's copy.

    It then holds all that was committed: a log's whole transactions are carried into it, and an
    unfinished one is rolled back. Raises `StoreNotFoundError`, `NotAStoreError` for what is no
    file, `StoreBusyError` where the files change meanwhile, `StoreUnavailableError`.
    """
    source, copy = resolve(path), folder / "copy.db"
    with system_errors("copy", path):
        _require_file(path, source)
        for _ in range(_TRIES):
            before = _state(source)
            _copy_files(source, copy)
            if _state(source) == before:
                break
        else:
            raise StoreBusyError(f"{path} is being written; stop the program that does, and retry")
        roll_back(copy, beside(copy, "-journal"))
        apply_log(copy, beside(copy, "-wal"))
        _cut_to_pages(copy)
    return copy


def _require_file(path: Path, source: Path) -> None:
    try:
        status = source.stat()
    except FileNotFoundError:
        raise StoreNotFoundError(f"no store at {path}") from None
    if not stat.S_ISREG(status.st_mode):
        raise NotAStoreError(f"{path} is not a file")
    if not status.st_size:
        raise StoreNotFoundError(f"no store at {path}: the file is empty")


def _state(source: Path) -> list[tuple[int, ...] | None]:
    """Return what shows that a file was written: its place on the disk, its size and its time."""
    found: list[tuple[int, ...] | None] = []
    for suffix in _SUFFIXES:
        try:
            status = beside(source, suffix).stat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found


def _copy_files(source: Path, copy: Path) -> None:
    for suffix in _SUFFIXES:
        target = beside(copy, suffix)
        target.unlink(missing_ok=True)
        if beside(source, suffix).is_file():
            shutil.copyfile(beside(source, suffix), target)


def _cut_to_pages(copy: Path) -> None:
    """Leave out a last page that is not whole: what it lacks would look like zeros."""
    size, page_size = copy.stat().st_size, read_header(copy).page_size
    os.truncate(copy, max(size // page_size, 1) * page_size)
