"""What tests of the store share: fixture stores, a clock, folders as they lie, other processes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

import forked
from agentstate import StateStore, ThreadMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA: Final = Path(__file__).parent / "data"
NOW: Final = 1_800_000_000

OWNER: Final = 65533
STRANGER: Final = 65534
"""User ids of children, where the tests run as root and may choose."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start other users' processes")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def copy_store(name: str, folder: Path) -> Path:
    """Copy a fixture's store and index into a folder; return the store's path."""
    for file in ("state.db", "session_index.jsonl"):
        shutil.copyfile(DATA / name / file, folder / file)
    return folder / "state.db"


def thread(thread_id: str = "t", **fields: Any) -> ThreadMetadata:  # noqa: ANN401 - a thread's fields
    return ThreadMetadata(
        **{"id": thread_id, "cwd": "/w", "created_at": 1, "updated_at": 1, **fields}
    )


def new_store(path: Path, threads: int = 1) -> Path:
    """Make a store that holds threads t0, t1, …; return its path."""
    with StateStore.open(path, clock=Clock()) as store:
        for number in range(threads):
            store.threads.create(thread(f"t{number}"))
    return path


@contextmanager
def raw(path: Path, **options: Any) -> Iterator[sqlite3.Connection]:  # noqa: ANN401 - sqlite3's options
    """Open a plain connection in autocommit, standing for another program."""
    with closing(sqlite3.connect(path, isolation_level=None, **options)) as connection:
        yield connection


def rows(path: Path, sql: str, *params: object) -> list[tuple[Any, ...]]:
    with raw(path) as connection:
        return connection.execute(sql, params).fetchall()


def set_version(path: Path, version: int) -> None:
    with raw(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


def snapshot(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return each file's bytes, mode and time of change; of `-shm`, which is locks, the mode."""
    found = {}
    for path in sorted(folder.iterdir()):
        status = path.lstat()
        if path.name.endswith("-shm"):
            found[path.name] = (b"", status.st_mode, 0)
        else:
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
            found[path.name] = (content, status.st_mode, status.st_mtime_ns)
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def give(folder: Path, user: int) -> None:
    """Make a user the owner of a folder and what is in it."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user)


# Another user may not be able to read this interpreter's files, so all are read before.
_BECOME: Final = """
import importlib, os, pkgutil, sys
for name in ("agentstate.db", "agentstate.store", "agentstate.session_index"):
    for found in pkgutil.iter_modules(importlib.import_module(name).__path__, f"{name}."):
        importlib.import_module(found.name)
user = int(sys.argv.pop(1))
os.setgroups([])
os.setgid(user)
os.setuid(user)
"""


def start_python(code: str, *arguments: object, user: int | None = None) -> subprocess.Popen[str]:
    """Start a process that runs a snippet, with `sys.argv[1:]` for its arguments."""
    if user is not None:
        code, arguments = _BECOME + code, (user, *arguments)
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 60) -> str:
    """Wait for a process that should do well; return what it printed."""
    output, errors = process.communicate(timeout=timeout)
    assert process.returncode == 0, errors
    return output


def run_forked(code: str, *arguments: object, user: int | None = None) -> forked.Ended:
    """Run a snippet to its end, in a process in which the program is already loaded."""
    words = [str(argument) for argument in arguments]
    return forked.run(forked.Request(code, words, os.environ, user))


def run_python(code: str, *arguments: object, user: int | None = None) -> str:
    """Run a snippet that should do well, as a process; return what it printed."""
    ended = run_forked(code, *arguments, user=user)
    assert ended.code == 0, ended.stderr.decode()
    return ended.stdout.decode()
