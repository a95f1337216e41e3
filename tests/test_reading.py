"""Reading leaves no trace, whoever reads and whatever lies there."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    StateStore,
    StoreBusyError,
    StoreUnavailableError,
)
from agentstate.db.opening import open_for_reading
from stores import (
    READ,
    WRITE,
    index_of_log,
    killed_store,
    log_of,
    read,
    store_with,
    to_rollback_mode,
    with_hot_journal,
)
from support import (
    OWNER,
    STRANGER,
    as_root,
    copy_store,
    finish,
    give,
    raw,
    rows,
    run_python,
    snapshot,
    start_python,
    thread,
)

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

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


def test_what_an_older_log_left_in_a_log_is_not_read_and_kept(tmp_path: Path) -> None:
    """A log is begun anew by writing its header, with other salts, over the old one."""
    path = killed_store(tmp_path / "state.db", "second")
    log = log_of(path).read_bytes()
    store_with(tmp_path / "other.db", "first")
    shutil.move(tmp_path / "other.db", path)
    index_of_log(path).unlink()
    log_of(path).write_bytes(log[:16] + b"new salt" + log[24:])
    before = snapshot(tmp_path)
    assert read(path) == "first"
    assert snapshot(tmp_path) == before


def test_a_log_whose_first_page_was_torn_is_not_read_and_kept(tmp_path: Path) -> None:
    """SQLite reads up to the first page that does not fit its checksum; here that is all."""
    path = killed_store(tmp_path / "state.db", "second")
    log = bytearray(log_of(path).read_bytes())
    store_with(tmp_path / "other.db", "first")
    shutil.move(tmp_path / "other.db", path)
    index_of_log(path).unlink()
    log[100] ^= 1
    log_of(path).write_bytes(log)
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


def test_a_reader_of_a_log_lets_its_own_process_write(tmp_path: Path) -> None:
    path = killed_store(tmp_path / "state.db", "second")
    with StateStore.open(path, read_only=True) as reader, StateStore.open(path) as writer:
        writer.messages.append("t0", "user", "third")
        assert len(reader.messages.branch("t0")) == 3


def test_a_connection_for_reading_refuses_any_statement_that_writes(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    with (
        closing(open_for_reading(path, timeout=1)) as database,
        pytest.raises(StoreUnavailableError, match="readonly"),
    ):
        database.execute("DELETE FROM messages")
    assert read(path) == "one"


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


# A program in exclusive mode keeps the log's index in its memory

EXCLUSIVE: Final = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("PRAGMA wal_autocheckpoint = 5")
for number in range(20):
    connection.execute("UPDATE threads SET preview = ?", (f"theirs {number}",))
print("holds", flush=True)
sys.stdin.readline()
connection.close()
"""


def exclusive_writer(path: Path) -> Popen[str]:
    """Start a process that has written in exclusive mode and holds the store till a line comes."""
    writer = start_python(EXCLUSIVE, path)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "holds\n"
    assert log_of(path).exists()
    assert not index_of_log(path).exists()
    return writer


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("with_transaction", [True, False])
def test_a_store_that_a_program_holds_in_exclusive_mode_is_busy(
    tmp_path: Path, *, read_only: bool, with_transaction: bool
) -> None:
    path = store_with(tmp_path / "state.db", "one")
    writer = exclusive_writer(path)
    if not with_transaction:  # as when it has just begun; it goes by what it has in memory
        os.truncate(log_of(path), 0)
    before = snapshot(tmp_path)
    with pytest.raises(StoreBusyError, match=r"waited 0\.3 s") as raised:
        StateStore.open(path, read_only=read_only, timeout=0.3)
    assert raised.value.exit_code == 5
    assert snapshot(tmp_path) == before
    writer.kill()
    writer.communicate()


def test_a_wait_for_a_program_in_exclusive_mode_ends_when_it_does(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    writer = exclusive_writer(path)
    reader = start_python(READ.replace("timeout=0.2", "timeout=30"), path)
    finish(writer)
    assert finish(reader) == "one\n"


def test_what_a_killed_program_in_exclusive_mode_left_is_read_and_kept(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    writer = exclusive_writer(path)
    writer.kill()
    writer.communicate()
    before = snapshot(tmp_path)
    with StateStore.open(path, read_only=True) as store:
        assert [found.preview for found in store.threads.list()] == ["theirs 19"]
    assert snapshot(tmp_path) == before
    # Looking before the write has not kept this process from writing.
    with StateStore.open(path) as store:
        store.messages.append("t0", "user", "two")
    assert read(path) == "one two"


# What is said of a store that SQLite takes for immutable


def test_no_journal_mode_is_said_where_none_is_known(tmp_path: Path) -> None:
    path = killed_store(tmp_path / "state.db", "second")
    index_of_log(path).unlink()
    with StateStore.open(path, read_only=True) as store:
        assert store.info().journal_mode == "wal"
    os.truncate(log_of(path), 0)
    with StateStore.open(path, read_only=True) as store:
        assert store.info().journal_mode == "unknown"


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
