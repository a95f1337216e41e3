"""Private files and folders, and writing them so that a crash leaves the old or the new.

What root makes in a user's folder is given to that user, whose agent must open it too.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from agentstate.errors import ConflictError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def system_errors(action: str, path: Path) -> Iterator[None]:
    """Turn what the system refuses into `StoreUnavailableError`, naming `action` and `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreUnavailableError(f"cannot {action} {path}: {reason}") from error


def make_folder(folder: Path) -> None:
    """Make a folder (0700), and those above it that are missing; raises `OSError`."""
    missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        if _is_root():
            descriptor = os.open(one, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                give_to_folders_owner(descriptor, one.parent)
            finally:
                os.close(descriptor)


def create_file(path: Path, flags: int = os.O_RDWR) -> int:
    """Make a new file (0600) and return its descriptor; raises `OSError` where the name is taken.

    A link of that name is not followed.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        give_to_folders_owner(descriptor, path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def give_to_folders_owner(descriptor: int, folder: Path) -> None:
    """As root, give what is open to the owner of its folder."""
    if _is_root():
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def require_own_links(path: Path) -> None:
    """Refuse to write through a link that another user made, except to that user's own file.

    Who may write in the folder could have us write to any file of ours. Raises
    `StoreUnavailableError`.
    """
    try:
        owner = path.stat().st_uid
    except FileNotFoundError:
        owner = os.geteuid()  # of the file that would be made
    except OSError:
        return  # links in a circle, or a folder that is closed: opening it says so
    link = path
    while link.is_symlink():
        if (maker := link.lstat().st_uid) not in {0, os.geteuid(), owner}:
            raise StoreUnavailableError(
                f"{link} is a link of the user {maker}, which is not followed to write; "
                "name the file that it leads to"
            )
        link = link.parent / link.readlink()


@contextmanager
def replacing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give the name of a new empty file beside `path`, which takes its place when the block ends.

    It is fsynced first and its folder after, so that a crash leaves the old or the new, whole.
    Where the block raises, the file is removed and `path` is as it was. Without `overwrite` a
    file at `path` raises `ConflictError`, also one that came meanwhile. Raises `OSError`.
    """
    if not overwrite and os.path.lexists(path):
        raise _exists(path)
    remove_leftovers(path)
    temporary = path.with_name(f"{_prefix(path)}{os.getpid()}")
    os.close(create_file(temporary))
    try:
        yield temporary
        fsync(temporary)
        if overwrite:
            temporary.replace(path)
        else:
            _rename_to_new(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    fsync(path.parent)


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files that killed programs left of `replacing` the same path."""
    prefix = _prefix(path)
    for name in os.listdir(path.parent):  # noqa: PTH208 - there may be thousands of others
        if name.startswith(prefix) and not _is_running(name.removeprefix(prefix)):
            path.with_name(name).unlink(missing_ok=True)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Make a private folder beside `path`, and remove it with all in it when the block ends.

    Those that killed programs left for the same path are removed first. Raises `OSError`.
    """
    prefix = f".{path.name}.scratch-"
    for found in path.parent.iterdir():
        if found.name.startswith(prefix) and not _is_running(found.name.removeprefix(prefix)):
            shutil.rmtree(found)
    folder = path.with_name(f"{prefix}{os.getpid()}")
    make_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def fsync(path: Path) -> None:
    """Have the system put a file, or the names in a folder, on the disk; raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename_to_new(temporary: Path, path: Path) -> None:
    """Rename without replacing: a link to a name that is taken fails."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:
        # A file system without hard links; nothing else can ask and rename in one step.
        if os.path.lexists(path):
            raise _exists(path) from None
        temporary.replace(path)


def _prefix(path: Path) -> str:
    return f".{path.name}.new-"


def _is_running(pid: str) -> bool:
    """Tell whether the process that a temporary file is named after may still use it."""
    if not pid.isdigit():
        return True
    with suppress(PermissionError):
        try:
            os.kill(int(pid), 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


def _exists(path: Path) -> ConflictError:
    return ConflictError(f"{path} exists; nothing was written")


def _is_root() -> bool:
    return os.geteuid() == 0
