"""The folder of the trash: one file a deleted thread, and nothing of anybody else's."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final

from agentstate.errors import BadInputError, StoreUnavailableError
from agentstate.filesystem import make_folder, remove_leftovers, system_errors
from agentstate.reports.trash import TrashEntry
from agentstate.store import bundle_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FOLDER: Final = ".trash"
"""What the name of the trash adds to the store's."""

KEPT: Final = 30 * 86_400
"""Seconds from a deletion until its bundle has expired."""

# A name is made of nothing that a store holds: an id may be "../x".
_NAME: Final = r"\d+-[0-9a-f]{24}-[0-9a-f]{12}\.ndjson"
_LEFTOVER: Final = rf"\.({_NAME})\.new-.+"
_DIGITS: Final = 16
"""No time has so many."""
_TAIL: Final = 200
"""The last line of a bundle is shorter, in bytes."""


class TrashFolder:
    """Where the bundles of deleted threads are; made when the first comes."""

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is opened."""
        self.path = path

    def exists(self) -> bool:
        """Tell whether there is one; raises `StoreUnavailableError` where others may fill it.

        What they put there would be brought back as if it had been this user's.
        """
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreUnavailableError(f"cannot read {self.path}: {error.strerror}") from error
        owners = {os.geteuid()}
        if os.geteuid() == 0:
            # What root makes in a user's folder is given to that user.
            owners.add(self.path.parent.stat().st_uid)
        if not stat.S_ISDIR(found.st_mode):
            fault = "is no folder"
        elif found.st_uid not in owners:
            fault = "belongs to another user"
        elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            fault = "may be written by other users"
        else:
            return True
        raise StoreUnavailableError(f"the trash {self.path} {fault}, so it is not used")

    def bundles(self) -> Sequence[Path]:
        """Return the bundles there are, in any state."""
        if not self.exists():
            return []
        with system_errors("read", self.path):
            return sorted(path for path in self.path.iterdir() if path.suffix == ".ndjson")

    def prepare(self, thread_id: str, now: int) -> Path:
        """Make room for a bundle, and return its path; raises `OSError`.

        Of two deletions within a second the later has the name that sorts behind.
        """
        make_folder(self.path)
        self.purge(now)
        short = hashlib.sha256(thread_id.encode()).hexdigest()[:12]
        unique = f"{time.time_ns():016x}{os.urandom(4).hex()}"
        return self.path / f"{now}-{unique}-{short}.ndjson"

    def purge(self, now: int) -> None:
        """Remove bundles that have expired, and what killed programs left of writing one."""
        if not self.exists():
            return
        # What cannot be removed today can be another day, and keeps nobody from deleting. A
        # pruning comes by for each of thousands of threads, so most names are but glanced at.
        with suppress(OSError):
            for name in os.listdir(self.path):  # noqa: PTH208 - paths cost ten times as much
                then = name.partition("-")[0]
                if then.isdecimal() and len(then) < _DIGITS and int(then) <= now - KEPT:
                    if re.fullmatch(_NAME, name):
                        (self.path / name).unlink(missing_ok=True)
                elif name.startswith(".") and (left := re.fullmatch(_LEFTOVER, name)):
                    remove_leftovers(self.path / left[1])


def look(path: Path) -> TrashEntry:
    """Read how a bundle begins, which is with the thread's row, and that it ends as one does.

    Raises `OSError`, and `BadInputError` where it is not whole.
    """
    with open_bundle(path) as file:
        header = bundle_lines.read_header(file.readline())
        table, thread = bundle_lines.read_row(bundle_lines.read_line(file.readline(), 2), 2)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        *_, last = [b"", *file.read().splitlines(keepends=True)]
    if not bundle_lines.is_trailer(bundle_lines.read_line(last, sum(header.rows.values()) + 2)):
        raise BadInputError("the bundle is cut short: it has no end")
    expires_at = header.expires_at
    known = thread if table == "threads" else {}
    return TrashEntry(
        id=header.thread_id,
        name=header.name,
        messages=header.rows.get("messages", 0),
        deleted_at=header.written_at,
        expires_at=header.written_at + KEPT if expires_at is None else expires_at,
        size=size,
        path=str(path),
        cwd=_text(known.get("cwd")),
        preview=_text(known.get("preview")),
    )


def open_bundle(path: Path) -> BinaryIO:
    """Open a file to read; a link, a pipe and the like are refused with `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file")
    return os.fdopen(descriptor, "rb")


def _text(value: object) -> str | None:
    """Return a column's text; of bytes that are not UTF-8 as much as is, of other types none."""
    if isinstance(value, bundle_lines.RawText):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else None
