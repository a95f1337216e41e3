"""Who else may read or write the store's files and folders."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from agentstate.config import INDEX_NAME, SEARCH_SUFFIX
from agentstate.db.reading import beside, resolve, side_files
from agentstate.filesystem import system_errors
from agentstate.reports.doctor import Severity
from agentstate.store import backups, trash_folder
from agentstate.store.doctor.problems import Kind, many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agentstate.config import Location
    from agentstate.store.doctor.problems import Problem

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700

_FILE: Final = Kind(
    "file_open_to_others",
    Severity.WARNING,
    "Others may read or write the store, a file beside it, its index, or an old index. Files of "
    "another user are named, and left to that user.",
    f"each is closed to others (mode {_PRIVATE_FILE:04o})",
    tidies=True,
)
_FOLDER: Final = Kind(
    "folder_open_to_others",
    Severity.WARNING,
    "Others may look into the folder of the store, of its backups, or of its trash.",
    f"each is closed to others (mode {_PRIVATE_FOLDER:04o})",
    tidies=True,
)
_SHARED: Final = Kind(
    "folder_shared",
    Severity.NOTE,
    "Others may look into the store's folder, which is left so: it is a home, holds other things "
    "and is not hidden, or belongs to another user.",
)


def modes(location: Location) -> Iterator[Problem]:
    """Look at the modes of everything that holds what the store holds."""
    for kind, noun, paths, is_kind, mode in (
        (_FILE, "file", _files(location), stat.S_ISREG, _PRIVATE_FILE),
        (_FOLDER, "folder", _folders(location), stat.S_ISDIR, _PRIVATE_FOLDER),
    ):
        found = [(path, status) for path in paths if (status := _if_open(path, is_kind))]
        ours = [path for path, status in found if _is_ours(status)]
        theirs = [path for path, status in found if not _is_ours(status)]
        if ours:
            yield kind.problem(
                f"{many(len(ours), noun)} that others may read or write",
                tuple(map(str, ours)),
                partial(_close, ours, mode),
            )
        if theirs:
            yield kind.problem(
                f"{many(len(theirs), noun)} of another user that others may read or write",
                tuple(map(str, theirs)),
            )._replace(fix=None)
    yield from _store_folder(location)


def _store_folder(location: Location) -> Iterator[Problem]:
    folder = resolve(location.path).parent
    status = _if_open(folder, stat.S_ISDIR)
    if status is None:
        return
    if _is_ours(status) and not status.st_mode & stat.S_ISVTX and _is_for_store(folder, location):
        yield _FOLDER.problem(
            "others may look into the store's folder",
            (str(folder),),
            partial(_close, [folder], _PRIVATE_FOLDER),
        )
    else:
        yield _SHARED.problem(
            "others may look into the store's folder, which is not the store's alone",
            (str(folder),),
        )


def _is_for_store(folder: Path, location: Location) -> bool:
    """Tell whether a folder is there for the store: by its name, or by all that it holds."""
    home = os.path.realpath(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where HOME is unknown
    if str(folder) == home:
        return False
    if folder.name.startswith("."):
        return True
    names = (resolve(location.path).name, location.path.name, INDEX_NAME)
    try:
        return all(name.removeprefix(".").startswith(names) for name in os.listdir(folder))  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return False


def _files(location: Location) -> Iterator[Path]:
    store = resolve(location.path)
    search = beside(store, SEARCH_SUFFIX)
    for file in (store, search):
        yield file
        yield from side_files(file)
    index = resolve(location.index_path)
    yield index
    yield beside(location.index_path, ".lock")
    with system_errors("list", index.parent):
        old_indexes = sorted(index.parent.glob(f"{index.name}.bak*"))
    yield from old_indexes


def _folders(location: Location) -> Iterator[Path]:
    yield from (
        beside(resolve(location.path), suffix) for suffix in (backups.FOLDER, trash_folder.FOLDER)
    )


def _if_open(path: Path, is_kind: Callable[[int], bool]) -> os.stat_result | None:
    """Return what a file or folder of that kind is, if others may do something with it.

    Of a link None: what it leads to is asked about by itself.
    """
    try:
        status = path.lstat()
    except OSError:
        return None
    return status if is_kind(status.st_mode) and status.st_mode & _OTHERS else None


def _is_ours(status: os.stat_result) -> bool:
    """Tell whether this user may change the mode of a file."""
    return os.geteuid() in {0, status.st_uid}


def _close(paths: list[Path], mode: int) -> None:
    for path in paths:
        with system_errors("close to others", path), suppress(FileNotFoundError):
            path.chmod(mode)
