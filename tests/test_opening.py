"""Opening a file as it lies: what is read leaves no trace, what is refused stays as it was."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    AgentStateError,
    CorruptStoreError,
    NotAStoreError,
    StateStore,
    StoreBusyError,
    StoreNotFoundError,
    StoreUnavailableError,
    UsageError,
)
from support import (
    OWNER,
    STRANGER,
    as_root,
    copy_store,
    finish,
    give,
    mode,
    new_store,
    raw,
    rows,
    run_python,
    snapshot,
    start_python,
    thread,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import Popen

READ: Final = """
import sys
from agentstate import AgentStateError, StateStore
try:
    with StateStore.open(sys.argv[1], read_only=True, timeout=0.2) as store:
        print(*(message.content for message in store.messages.branch("t0")))
except AgentStateError as error:
    print(error.exit_code, error.slug)
"""
WRITE: Final = """
import sys
from agentstate import AgentStateError, StateStore
try:
    with StateStore.open(sys.argv[1], timeout=0.2) as store:
        store.messages.append("t0", "user", "theirs")
except AgentStateError as error:
    print(error.exit_code, error.slug)
"""


def store_with(path: Path, *contents: str) -> Path:
    new_store(path)
    with StateStore.open(path) as store:
        for content in contents:
            store.messages.append("t0", "user", content)
    return path


def killed_store(path: Path, *contents: str) -> Path:
    """Make a store whose last messages are in the `-wal` that a killed process left."""
    store_with(path, "first")
    code = """
import os, sys
from agentstate import StateStore
store = StateStore.open(sys.argv[1])
for content in sys.argv[2:]:
    store.messages.append("t0", "user", content)
os._exit(0)
"""
    run_python(code, path, *contents)
    assert log_of(path).stat().st_size > 0
    return path


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def index_of_log(path: Path) -> Path:
    return path.with_name(f"{path.name}-shm")


def read(path: Path) -> str:
    with StateStore.open(path, read_only=True) as store:
        return " ".join(message.content for message in store.messages.branch("t0"))


def to_rollback_mode(path: Path) -> Path:
    with raw(path) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    return path


def with_hot_journal(path: Path) -> Path:
    """Let a writer be killed when it has written half a transaction into the file itself."""
    to_rollback_mode(path)
    code = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 5")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE messages SET content = 'torn'")
connection.executemany("INSERT INTO jobs VALUES (?, 'n', 'queued', 0, ?, 1, 1)",
                       ((str(number), "x" * 3000) for number in range(100)))
os._exit(0)
"""
    run_python(code, path)
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0
    return path


# Reading leaves no trace


def test_a_clean_store_is_read_without_a_trace(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one", "two")
    before = snapshot(tmp_path)
    assert "state.db-wal" not in before
    assert read(path) == "one two"
    assert snapshot(tmp_path) == before


def test_every_reading_operation_leaves_no_trace(tmp_path: Path) -> None:
    path = copy_store("v2_rich", tmp_path)
    before = snapshot(tmp_path)
    with StateStore.open(path, read_only=True) as store:
        threads = [one.id for one in store.threads.list()]
        store.threads.stats(threads)
        store.info()
        store.jobs.list()
        store.index.check()
        store.index.rebuild(dry_run=True)
        for thread_id in threads:
            list(store.messages.stream(thread_id))
            store.messages.leaves(thread_id)
            store.checkpoints.list(thread_id)
            store.tools.list(thread_id)
            store.goals.get(thread_id)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("with_index", [True, False])
def test_a_log_that_a_killed_process_left_is_read_and_kept(
    tmp_path: Path, *, with_index: bool
) -> None:
    path = killed_store(tmp_path / "state.db", "second", "third")
    if not with_index:  # as in a copy of the store and its log
        index_of_log(path).unlink()
    before = snapshot(tmp_path)
    assert read(path) == "first second third"
    assert snapshot(tmp_path) == before
    assert index_of_log(path).exists() == with_index


def test_a_log_beside_the_target_of_a_link_is_read_and_kept(tmp_path: Path) -> None:
    target, linked = tmp_path / "target", tmp_path / "linked"
    target.mkdir()
    linked.mkdir()
    path = killed_store(target / "real.db", "second")
    (linked / "state.db").symlink_to(path)
    before = snapshot(target), snapshot(linked)
    assert read(linked / "state.db") == "first second"
    assert (snapshot(target), snapshot(linked)) == before


@pytest.mark.parametrize("size", [0, 20, 32, 40])
def test_a_log_without_a_transaction_is_kept(tmp_path: Path, size: int) -> None:
    path = killed_store(tmp_path / "state.db", "second")
    whole = log_of(path).read_bytes()
    store_with(tmp_path / "other.db", "first")
    shutil.move(tmp_path / "other.db", path)
    index_of_log(path).unlink()
    log_of(path).write_bytes(whole[:size])
    before = snapshot(tmp_path)
    assert read(path) == "first"
    assert snapshot(tmp_path) == before


def test_an_unfinished_transaction_of_a_log_is_not_read(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "first")
    code = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 5")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE messages SET content = 'torn'")
connection.executemany("INSERT INTO jobs VALUES (?, 'n', 'queued', 0, ?, 1, 1)",
                       ((str(number), "x" * 3000) for number in range(100)))
os._exit(0)
"""
    run_python(code, path)
    assert log_of(path).stat().st_size > 10_000
    for with_index in (True, False):
        if not with_index:
            index_of_log(path).unlink()
        before = snapshot(tmp_path)
        assert read(path) == "first"
        assert snapshot(tmp_path) == before


def test_a_store_in_rollback_mode_is_read_without_a_trace(tmp_path: Path) -> None:
    path = to_rollback_mode(store_with(tmp_path / "state.db", "one"))
    before = snapshot(tmp_path)
    assert read(path) == "one"
    assert snapshot(tmp_path) == before


def test_a_hot_journal_is_rolled_back_by_one_who_may_write(tmp_path: Path) -> None:
    path = with_hot_journal(store_with(tmp_path / "state.db", "one"))
    assert read(path) == "one"
    assert not path.with_name("state.db-journal").exists()
    assert rows(path, "SELECT count(*) FROM jobs") == [(0,)]


def test_a_store_that_is_in_use_is_read_as_it_grows(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    with (
        StateStore.open(path, read_only=True) as reader,
        StateStore.open(path) as writer,
        StateStore.open(path, read_only=True) as second,
    ):
        writer.messages.append("t0", "user", "two")
        assert [len(one.messages.branch("t0")) for one in (reader, second)] == [2, 2]


def test_a_store_opened_for_reading_refuses_to_write(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    before = snapshot(tmp_path)
    with StateStore.open(path, read_only=True) as store:
        for write in (
            lambda: store.messages.append("t0", "user", "x"),
            lambda: store.threads.create(thread("t1")),
            lambda: store.threads.delete("t0"),
            lambda: store.index.append("t0", "x", 1, None),
            store.index.compact,
            store.index.rebuild,
        ):
            with pytest.raises(StoreUnavailableError, match="for reading only"):
                write()
    assert snapshot(tmp_path) == before


# Users and permissions


@pytest.fixture
def shared(public_folder: Path) -> Path:
    """Make a folder with a store that other users may read, and its owner may write."""
    store_with(public_folder / "state.db", "one")
    for path in public_folder.iterdir():
        path.chmod(0o644)
    give(public_folder, OWNER)
    return public_folder


@as_root
@pytest.mark.parametrize("user", [OWNER, STRANGER])
@pytest.mark.parametrize(
    ("folder_mode", "file_mode"), [(0o755, 0o644), (0o777, 0o644), (0o555, 0o644), (0o755, 0o444)]
)
def test_each_user_reads_a_clean_store_without_a_trace(
    shared: Path, user: int, folder_mode: int, file_mode: int
) -> None:
    shared.chmod(folder_mode)
    (shared / "state.db").chmod(file_mode)
    before = snapshot(shared)
    assert run_python(READ, shared / "state.db", user=user) == "one\n"
    assert snapshot(shared) == before


@as_root
@pytest.mark.parametrize("user", [OWNER, STRANGER])
@pytest.mark.parametrize("folder_mode", [0o755, 0o777, 0o555])
@pytest.mark.parametrize("with_index", [True, False])
def test_each_user_reads_a_log_without_a_trace(
    public_folder: Path, user: int, folder_mode: int, *, with_index: bool
) -> None:
    path = killed_store(public_folder / "state.db", "second")
    if not with_index:
        index_of_log(path).unlink()
    for file in public_folder.iterdir():
        file.chmod(0o644)
    give(public_folder, OWNER)
    public_folder.chmod(folder_mode)
    before = snapshot(public_folder)
    assert run_python(READ, path, user=user) == "first second\n"
    assert snapshot(public_folder) == before


@as_root
def test_a_stranger_reads_a_store_in_use_and_does_not_lock_its_owner_out(shared: Path) -> None:
    path = shared / "state.db"
    code = """
import sys
from agentstate import StateStore
with StateStore.open(sys.argv[1]) as store:
    for line in sys.stdin:
        store.messages.append("t0", "user", line.strip())
        print("written", flush=True)
"""
    shared.chmod(0o777)
    owner = start_python(code, path, user=OWNER)
    assert owner.stdin is not None
    assert owner.stdout is not None
    for number in range(3):
        owner.stdin.write(f"more{number}\n")
        owner.stdin.flush()
        assert owner.stdout.readline() == "written\n"
        seen = " ".join(["one", *(f"more{one}" for one in range(number + 1))])
        assert run_python(READ, path, user=STRANGER) == f"{seen}\n"
        assert {file.stat().st_uid for file in shared.iterdir()} == {OWNER}
    finish(owner)
    assert run_python(READ, path, user=STRANGER) == f"{seen}\n"
    assert run_python(WRITE, path, user=OWNER) == ""


@as_root
def test_a_stranger_does_not_read_past_a_hot_journal(shared: Path) -> None:
    path = with_hot_journal(shared / "state.db")
    for file in shared.iterdir():
        file.chmod(0o644)
    give(shared, OWNER)
    before = snapshot(shared)
    assert run_python(READ, path, user=STRANGER) == "5 store_unavailable\n"
    assert snapshot(shared) == before
    assert run_python(READ, path, user=OWNER) == "one\n"
    assert run_python(READ, path, user=STRANGER) == "one\n"


@as_root
def test_a_journal_that_is_done_with_stops_nobody(shared: Path) -> None:
    path = to_rollback_mode(shared / "state.db")
    with raw(path) as connection:
        connection.execute("PRAGMA journal_mode = PERSIST")
        connection.execute("UPDATE threads SET preview = 'p'")
    assert (shared / "state.db-journal").stat().st_size > 0
    give(shared, OWNER)
    before = snapshot(shared)
    assert run_python(READ, path, user=STRANGER) == "one\n"
    assert snapshot(shared) == before


@as_root
@pytest.mark.parametrize("code", [READ, WRITE])
def test_a_store_that_a_user_may_not_read_is_unavailable(shared: Path, code: str) -> None:
    (shared / "state.db").chmod(0o600)
    before = snapshot(shared)
    assert run_python(code, shared / "state.db", user=STRANGER) == "5 store_unavailable\n"
    shared.chmod(0o700)
    assert run_python(code, shared / "state.db", user=STRANGER) == "5 store_unavailable\n"
    shared.chmod(0o755)
    assert snapshot(shared) == before


@as_root
@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "user"),
    [
        (0o755, 0o644, STRANGER),
        (0o777, 0o644, STRANGER),
        (0o555, 0o644, OWNER),
        (0o755, 0o444, OWNER),
    ],
)
def test_what_may_not_be_written_is_not_opened_to_write(
    shared: Path, folder_mode: int, file_mode: int, user: int
) -> None:
    (shared / "state.db").chmod(file_mode)
    shared.chmod(folder_mode)
    before = snapshot(shared)
    assert run_python(WRITE, shared / "state.db", user=user) == "5 store_unavailable\n"
    assert snapshot(shared) == before


@as_root
def test_a_store_cannot_be_made_where_a_user_may_not_write(shared: Path) -> None:
    before = snapshot(shared)
    for name in ("new.db", "sub/new.db"):
        assert run_python(WRITE, shared / name, user=STRANGER) == "5 store_unavailable\n"
    assert snapshot(shared) == before


# What is no store


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("size", [None, 0])
def test_a_missing_or_empty_file_is_no_store(
    tmp_path: Path, size: int | None, *, read_only: bool
) -> None:
    path = tmp_path / "state.db"
    if size is not None:
        path.touch()
    before = snapshot(tmp_path)
    with pytest.raises(StoreNotFoundError, match="run 'agentstate init'") as raised:
        StateStore.open(path, read_only=read_only, create=False)
    assert (raised.value.exit_code, str(path) in str(raised.value)) == (3, True)
    assert snapshot(tmp_path) == before


def test_a_database_without_tables_is_no_store_until_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with raw(path) as connection:
        connection.execute("CREATE TABLE t(x)")
        connection.execute("DROP TABLE t")
    before = snapshot(tmp_path)
    for read_only in (True, False):
        with pytest.raises(StoreNotFoundError):
            StateStore.open(path, read_only=read_only, create=False)
    assert snapshot(tmp_path) == before
    StateStore.open(path).close()
    assert rows(path, "PRAGMA user_version") == [(4,)]


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("content", [b"hello\n", b"x" * 100_000, b"SQLite format 2\0" + b"x" * 999])
def test_a_file_that_is_not_sqlite_is_left_alone(
    tmp_path: Path, content: bytes, *, read_only: bool
) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    before = snapshot(tmp_path)
    with pytest.raises(NotAStoreError, match="is not a SQLite file") as raised:
        StateStore.open(path, read_only=read_only)
    assert raised.value.exit_code == 6
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_folder_a_pipe_and_a_socket_are_no_store(tmp_path: Path, *, read_only: bool) -> None:
    folder, pipe, listener = tmp_path / "folder", tmp_path / "pipe", tmp_path / "socket"
    folder.mkdir()
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(listener))
    for path, message in ((folder, "is a folder"), (pipe, "not a file"), (listener, "not a file")):
        with pytest.raises(NotAStoreError, match=message):
            StateStore.open(path, read_only=read_only)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_path_below_a_file_is_unavailable(tmp_path: Path, *, read_only: bool) -> None:
    path = store_with(tmp_path / "state.db", "one")
    with pytest.raises(StoreUnavailableError, match="Not a directory") as raised:
        StateStore.open(path / "below.db", read_only=read_only)
    assert raised.value.exit_code == 5


def test_a_link_in_a_circle_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for read_only in (True, False):
        with pytest.raises(StoreUnavailableError):
            StateStore.open(tmp_path / "a", read_only=read_only)


@pytest.mark.parametrize("size", [50, 512, 4096, 9000])
def test_a_truncated_store_is_said_to_be_damaged(tmp_path: Path, size: int) -> None:
    path = store_with(tmp_path / "state.db", *("x" * 9000 for _ in range(5)))
    path.write_bytes(path.read_bytes()[:size])
    before = snapshot(tmp_path)
    for read_only in (True, False):
        with pytest.raises((CorruptStoreError, NotAStoreError)) as raised:
            StateStore.open(path, read_only=read_only).messages.branch("t0")
        assert raised.value.exit_code == 6
    assert {name: file[0] for name, file in snapshot(tmp_path).items()} == {
        name: file[0] for name, file in before.items()
    }


# Making one


def test_a_new_store_and_its_folders_are_private(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "state.db"
    with StateStore.open(path) as store:
        store.threads.create(thread("t", name="n"))
        files = {file.name: mode(file) for file in path.parent.iterdir()}
    assert set(files.values()) == {0o600}
    assert files.keys() >= {"state.db", "state.db-wal", "session_index.jsonl"}
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


def test_a_store_is_made_in_a_file_that_is_there_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(mode=0o640)
    path.chmod(0o640)
    new_store(path)
    assert mode(path) == 0o640


def test_a_store_is_made_at_the_target_of_a_link(tmp_path: Path) -> None:
    link = tmp_path / "state.db"
    link.symlink_to(tmp_path / "elsewhere" / "real.db")
    new_store(link)
    assert link.is_symlink()
    assert mode(tmp_path / "elsewhere" / "real.db") == 0o600
    assert StateStore.open(link, read_only=True).info().wal_size == 0


@pytest.mark.parametrize("name", ["a b.db", "per%20cent.db", "what?.db", "hash#.db", "naïve 語.db"])
def test_a_path_may_hold_what_urls_may_not(tmp_path: Path, name: str) -> None:
    path = store_with(tmp_path / name, "one")
    assert read(path) == "one"
    assert path.exists()


def test_a_relative_path_and_one_with_two_slashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with StateStore.open("state.db") as store:
        store.threads.create(thread("t0"))
    for path in ("./state.db", f"/{tmp_path}/state.db", "sqlite:///state.db"):
        with StateStore.open(path, read_only=True) as store:
            assert store.threads.ids() == ["t0"]


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
        assert 0.5 <= time.monotonic() - started < 1.5
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
    assert 0.3 <= time.monotonic() - started < 1.3
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
import sys
from agentstate import StateStore
store = StateStore.open(sys.argv[1], timeout=60)
print("waiting", flush=True)
try:
    store.messages.append("t0", "user", "x")
except KeyboardInterrupt:
    print("interrupted")
"""
    waiter = start_python(code, path)
    assert waiter.stdout is not None
    assert waiter.stdout.readline() == "waiting\n"
    started = time.monotonic()
    waiter.send_signal(signal.SIGINT)
    assert finish(waiter) == "interrupted\n"
    assert time.monotonic() - started < 5
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
