"""A store that is locked or whose disk is full: waited for, then refused, and never harmed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    AgentStateError,
    StateStore,
    StoreBusyError,
    StoreUnavailableError,
    UsageError,
)
from stores import (
    READ,
    WRITE,
    read,
    store_with,
    to_rollback_mode,
)
from support import (
    finish,
    new_store,
    raw,
    rows,
    run_python,
    snapshot,
    start_python,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import Popen

# Locks


HOLD: Final = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(f"BEGIN {sys.argv[2]}")
connection.execute("UPDATE threads SET preview = 'theirs'")
print("held", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""


def hold(path: Path, kind: str) -> Popen[str]:
    """Start a process that holds a lock until a line comes."""
    holder = start_python(HOLD, path, kind)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def release(holder: Popen[str]) -> None:
    finish_input = holder.communicate("\n", timeout=30)
    assert holder.returncode == 0, finish_input


def test_a_locked_store_is_busy_within_the_timeout(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    holder = hold(path, "IMMEDIATE")
    with StateStore.open(path, timeout=0.5) as store:
        started = time.monotonic()
        with pytest.raises(StoreBusyError, match=r"waited 0\.5 s") as raised:
            store.messages.append("t0", "user", "x")
        assert 0.5 <= time.monotonic() - started < 10
        assert raised.value.exit_code == 5
        assert len(store.messages.branch("t0")) == 1  # readers are not locked out by a log
        release(holder)
        assert store.messages.append("t0", "user", "two")


@pytest.mark.parametrize("read_only", [True, False])
def test_an_exclusive_lock_without_a_log_is_busy_for_readers(
    tmp_path: Path, *, read_only: bool
) -> None:
    path = to_rollback_mode(store_with(tmp_path / "state.db", "one"))
    holder = hold(path, "EXCLUSIVE")
    started = time.monotonic()
    with pytest.raises(StoreBusyError):
        StateStore.open(path, read_only=read_only, timeout=0.3)
    assert 0.3 <= time.monotonic() - started < 10
    release(holder)
    assert read(path) == "one"


def test_a_wait_for_a_lock_ends_when_it_is_released(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    holder = hold(path, "IMMEDIATE")
    waiter = start_python(WRITE.replace("timeout=0.2", "timeout=30"), path)
    release(holder)
    assert finish(waiter) == ""
    assert read(path) == "one theirs"


def test_a_wait_for_a_lock_hears_an_interrupt(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    holder = hold(path, "IMMEDIATE")
    code = """
import signal, sys
from agentstate import StateStore
store = StateStore.open(sys.argv[1], timeout=60)
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.3)  # it comes while SQLite waits
try:
    store.messages.append("t0", "user", "x")
except KeyboardInterrupt:
    print("interrupted")
"""
    started = time.monotonic()
    assert run_python(code, path) == "interrupted\n"
    assert time.monotonic() - started < 30
    release(holder)
    assert read(path) == "one"


def test_where_the_log_cannot_be_had_work_goes_on_without_it(tmp_path: Path) -> None:
    path = to_rollback_mode(store_with(tmp_path / "state.db", "one"))
    with raw(path) as reader:
        cursor = reader.execute("SELECT * FROM messages, (SELECT 1 UNION SELECT 2)")
        cursor.fetchone()  # a statement that is not finished holds a lock on the file
        with StateStore.open(path, timeout=0.3) as store:
            assert store.info().journal_mode == "delete"
            with pytest.raises(StoreBusyError):
                store.messages.append("t0", "user", "not while they read")
            cursor.fetchall()
            store.messages.append("t0", "user", "two")
    with StateStore.open(path) as store:
        assert store.info().journal_mode == "wal"
    assert read(path) == "one two"


# No space


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk, which a test cannot fill everywhere."""
    path = store_with(tmp_path / "state.db", "one")
    code = """
import resource, signal, sys
from agentstate import AgentStateError, StateStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
with StateStore.open(sys.argv[1]) as store:
    try:
        store.messages.append("t0", "user", "x" * 1_000_000)
    except AgentStateError as error:
        print(error.exit_code, error.slug)
    print(store.messages.append("t0", "user", "small"))
"""
    assert run_python(code, path) == "5 store_unavailable\n2\n"
    assert read(path) == "one small"
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run([mount, *options], check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let a test mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - it belongs to mount


def test_a_disk_that_fills_up_loses_nothing_that_was_said_to_be_written(small_disk: Path) -> None:
    path = store_with(small_disk / "state.db", "one")
    written = 1
    with StateStore.open(path) as store:
        while written < 1000:
            try:
                store.messages.append("t0", "user", "x" * 5000)
            except StoreUnavailableError:
                break
            written += 1
    assert 1 < written < 1000
    with StateStore.open(path, read_only=True) as store:
        assert len(store.messages.branch("t0", None)) == written


def test_a_store_on_a_full_disk_is_read_and_nothing_is_left(small_disk: Path) -> None:
    path = store_with(small_disk / "state.db", "one")
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"x" * 4096)
    before = snapshot(small_disk)
    assert read(path) == "one"
    assert snapshot(small_disk) == before


def test_a_store_is_not_half_made_on_a_full_disk(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 1_990_000)
    path = small_disk / "state.db"
    with pytest.raises(AgentStateError) as raised:
        StateStore.open(path)
    assert raised.value.exit_code == 5
    filler.unlink()
    new_store(path)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_writing_while_a_stream_is_read_is_refused(tmp_path: Path) -> None:
    """It would be uncommitted for as long as the reading lasts."""
    path = store_with(tmp_path / "state.db", *map(str, range(300)))
    with StateStore.open(path) as store:
        stream = store.messages.stream("t0")
        next(stream)
        with pytest.raises(UsageError, match="finish reading"):
            store.messages.append("t0", "user", "x")
        assert len(list(stream)) == 299
        store.messages.append("t0", "user", "x")


def test_a_stream_that_is_left_open_when_the_store_closes_is_harmless(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one", "two")
    with StateStore.open(path) as store:
        stream = store.messages.stream("t0")
        next(stream)
    del stream
    assert read(path) == "one two"


def test_a_second_store_in_one_process_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    """Closing a descriptor of a file drops every lock that the process holds on it."""
    path = to_rollback_mode(store_with(tmp_path / "state.db", "one"))
    with raw(path) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusyError):
            StateStore.open(path, read_only=True, timeout=0)
        assert run_python(READ, path) == "5 store_busy\n"
        holder.execute("COMMIT")
    assert run_python(READ, path) == "one\n"
