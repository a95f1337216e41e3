"""Private files and folders, and writing them so that a crash leaves the old or the new.

What root makes in a user's folder is given to that user, whose agent must open it too.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.errors import ConflictError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW: Final = "new"
_SCRATCH: Final = "scratch"


@contextmanager
def system_errors(action: str, path: Path) -> Iterator[None]:
    """Turn what the system refuses into `StoreUnavailableError`, naming `action` and `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreUnavailableError(f"cannot {action} {path}: {reason}") from error


def place_of(out: str | os.PathLike[str], name: str) -> Path:
    """Return the file that `out` means: `name` in it for a folder, or where a slash ends it."""
    text = os.fspath(out)
    path = Path(text)
    return path / name if text.endswith("/") or path.is_dir() else path


def make_folder(folder: Path) -> None:
    """Make a folder (0700), and those above it that are missing; raises `OSError`."""
    for one in reversed(_missing(folder)):
        _make_one(one, exist_ok=True)


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Make a folder durably, and those above it that are missing, for what the block puts there.

    Where the block raises, those that were made and are empty go again. Raises
    `StoreUnavailableError`.
    """
    made = _missing(folder)
    try:
        with system_errors("make the folder", folder):
            make_folder(folder)
            for one in made:
                fsync(one.parent)
        yield
    except BaseException:
        for one in made:
            with suppress(OSError):
                one.rmdir()
        raise


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
    temporary = _own_name(path, _NEW)
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
    for left in _abandoned(path, _NEW):
        left.unlink(missing_ok=True)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Make a private folder beside `path`, and remove it with all in it when the block ends.

    Those that killed programs left for the same path are removed first. Raises `OSError`.
    """
    for left in _abandoned(path, _SCRATCH):
        shutil.rmtree(left)
    folder = _own_name(path, _SCRATCH)
    _make_one(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def size_of(path: Path) -> int:
    """Return the bytes of a file; 0 for one that is not there, or cannot be looked at."""
    with suppress(OSError):
        return path.stat().st_size
    return 0


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


def _missing(folder: Path) -> list[Path]:
    """Return a folder and those above it that are not there, the folder itself first."""
    return [one for one in (folder, *folder.parents) if not os.path.lexists(one)]


def _make_one(folder: Path, *, exist_ok: bool = False) -> None:
    folder.mkdir(mode=0o700, exist_ok=exist_ok)
    if _is_root():
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            give_to_folders_owner(descriptor, folder.parent)
        finally:
            os.close(descriptor)


def _own_name(path: Path, kind: str) -> Path:
    """Return a name beside `path` that says whose it is, and that nobody can foresee."""
    # Of a killed process the next one may have the number; in a container it often does.
    return path.with_name(f".{path.name}.{kind}-{os.getpid()}-{os.urandom(4).hex()}")


def _abandoned(path: Path, kind: str) -> Iterator[Path]:
    """Yield what processes that are gone left beside `path` under names like `_own_name`'s."""
    prefix = f".{path.name}.{kind}-"
    for name in os.listdir(path.parent):  # noqa: PTH208 - there may be thousands of others
        pid = name.removeprefix(prefix).partition("-")[0]
        if name.startswith(prefix) and pid.isdecimal() and not _is_running(int(pid)):
            yield path.with_name(name)


def _is_running(pid: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


def _exists(path: Path) -> ConflictError:
    return ConflictError(f"{path} exists; nothing was written")


def _is_root() -> bool:
    return os.geteuid() == 0
