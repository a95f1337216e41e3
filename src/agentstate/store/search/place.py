"""Where the index of a store lies: beside it, or in the user's cache."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from agentstate.config import SEARCH_SUFFIX
from agentstate.db.reading import beside, resolve, side_files
from agentstate.filesystem import create_file, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


def place_for(store: Path) -> Path | None:
    """Return the file for the index of a store, made where it was missing; None for nowhere.

    Beside the store only its owner keeps one, whom another user's file would be in the way of.
    """
    for path in _places(resolve(store)):
        with suppress(OSError):
            if _is_usable(path):
                return path
    return None


def remove(path: Path) -> None:
    """Remove an index and what SQLite keeps beside it; raises `OSError`."""
    for one in (path, *side_files(path)):
        one.unlink(missing_ok=True)


def _places(store: Path) -> Iterator[Path]:
    """Yield the resolved paths that may be tried, the best first."""
    owner = store.stat().st_uid
    if os.geteuid() in {0, owner} and os.access(store.parent, os.W_OK):
        yield beside(store, SEARCH_SUFFIX)
    if (folder := _cache_folder()) is not None:
        import hashlib  # noqa: PLC0415 - few stores lie where nothing can be kept beside them

        name = hashlib.sha256(os.fsencode(store)).hexdigest()[:32]
        with suppress(OSError):
            make_folder(folder)
            yield folder / f"{name}{SEARCH_SUFFIX}"


def _cache_folder() -> Path | None:
    """Return where this program caches, by the rules of XDG; None where there is no home."""
    home = os.path.expanduser("~/.cache")  # noqa: PTH111 - Path.home() raises where none is known
    for folder in (os.environ.get("XDG_CACHE_HOME", ""), home):
        if os.path.isabs(folder):  # noqa: PTH117 - it may be empty
            return Path(folder) / "agentstate"
    return None


def _is_usable(path: Path) -> bool:
    """Tell whether the file is ours to write, after making it (0600) where there is none.

    A link or a pipe in its place, or another's file, may be somebody's trap.
    """
    for side in side_files(path):
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(side.lstat().st_mode):
                return False
    try:
        status = path.lstat()
    except FileNotFoundError:
        with suppress(FileExistsError):  # another search was faster
            os.close(create_file(path))
        status = path.lstat()
    ours = {os.geteuid(), path.parent.stat().st_uid}
    return stat.S_ISREG(status.st_mode) and status.st_uid in ours and os.access(path, os.W_OK)
