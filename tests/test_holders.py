"""Who holds a lock or has a file open: named after real processes, and never anybody else."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import SessionIndexEntry, StateStore, StoreBusyError
from agentstate.db.holders import lock_holders, users_of
from agentstate.holders import Holder, describe, processes_using
from agentstate.session_index import SessionIndex
from old_stores import old_store
from stores import WRITE, read, store_with, to_rollback_mode
from support import STRANGER, as_root, new_store, raw, rows, run_python, start_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import Popen

    from cli_support import Cli

pytestmark = pytest.mark.skipif(
    not Path("/proc/locks").exists(), reason="this system does not tell who holds a lock"
)

HOLD: Final = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchone()
print("held", flush=True)
sys.stdin.readline()
"""
CHANGE: Final = "UPDATE threads SET preview = 'theirs'"
# A statement that is not finished keeps its lock; one row of the answer is read.
READING: Final = ("BEGIN", "SELECT * FROM threads, (SELECT 1 UNION SELECT 2)")
WRITERS: Final = {
    "wal": ("BEGIN IMMEDIATE", CHANGE),
    "rollback": ("PRAGMA journal_mode = DELETE", "BEGIN IMMEDIATE", CHANGE),
    "rollback, exclusive": ("PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE"),
    "exclusive mode": ("PRAGMA locking_mode = EXCLUSIVE", "BEGIN IMMEDIATE", CHANGE, "COMMIT"),
}
"""What keeps a writer out, in each way that SQLite locks."""


@contextmanager
def running(code: str, *arguments: object, user: int | None = None) -> Iterator[Popen[str]]:
    """Run a process until the block ends, from when it says that it holds what it should."""
    process = start_python(code, *arguments, user=user)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        _, errors = process.communicate("\n", timeout=30)
        assert process.returncode == 0, errors


@contextmanager
def holding(path: Path, *statements: str, user: int | None = None) -> Iterator[Holder]:
    """Run a process that has run statements on a store and keeps what locks they took."""
    with running(HOLD, path, *statements, user=user) as process:
        yield holder_of(process)


def holder_of(process: Popen[str]) -> Holder:
    return Holder(process.pid, Path(f"/proc/{process.pid}/comm").read_text().strip())


def busy_line(path: Path, holder: Holder, timeout: str) -> str:
    return (
        f"{path} is locked by {holder.command} (process {holder.pid}); "
        f"waited {timeout} s (--timeout waits longer)"
    )


@pytest.mark.parametrize("kind", WRITERS)
def test_a_writer_is_named_who_keeps_writers_out(tmp_path: Path, kind: str) -> None:
    path = store_with(tmp_path / "state.db", "one")
    with holding(path, *WRITERS[kind]) as holder:
        assert lock_holders(path) == [holder]
        assert users_of(path) == [holder]
        started = time.monotonic()
        with pytest.raises(StoreBusyError) as raised, StateStore.open(path, timeout=0.3) as store:
            store.messages.append("t0", "user", "not now")
        assert 0.3 <= time.monotonic() - started < 10
        assert str(raised.value) == busy_line(path, holder, "0.3")
        assert raised.value.exit_code == 5
    assert lock_holders(path) == users_of(path) == []
    assert read(path) == "one"


@pytest.mark.parametrize("kind", ["rollback, exclusive", "exclusive mode"])
def test_a_writer_is_named_who_keeps_readers_out(tmp_path: Path, kind: str) -> None:
    path = store_with(tmp_path / "state.db", "one")
    with holding(path, *WRITERS[kind]) as holder:
        with pytest.raises(StoreBusyError) as raised:
            StateStore.open(path, read_only=True, timeout=0)
        assert str(raised.value) == busy_line(path, holder, "0")


def test_a_reader_is_named_whom_a_commit_waits_for(tmp_path: Path) -> None:
    path = to_rollback_mode(store_with(tmp_path / "state.db", "one"))
    with holding(path, *READING) as holder, StateStore.open(path, timeout=0.3) as store:
        assert store.info().journal_mode == "delete"
        with pytest.raises(StoreBusyError) as raised:
            store.messages.append("t0", "user", "not while they read")
        assert str(raised.value) == busy_line(path, holder, "0.3")
    assert read(path) == "one"


def test_a_migration_names_who_it_waits_for(tmp_path: Path) -> None:
    path = old_store("v1", tmp_path)
    with holding(path, *WRITERS["wal"]) as holder:
        with pytest.raises(StoreBusyError) as raised:
            StateStore.open(path, timeout=0.3)
        assert str(raised.value) == busy_line(path, holder, "0.3")
    assert rows(path, "PRAGMA user_version") == [(1,)]


def test_who_only_reads_a_store_with_a_log_is_in_nobodys_way(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    with holding(path, *READING) as reader, holding(path, *READING) as other:
        assert lock_holders(path) == []
        assert users_of(path) == sorted([reader, other])
        with holding(path, *WRITERS["wal"]) as writer:
            assert lock_holders(path) == [writer]
            assert users_of(path) == sorted([reader, other, writer])
        with StateStore.open(path, timeout=0) as store:
            store.messages.append("t0", "user", "two")


def test_a_process_does_not_name_itself(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    with raw(path) as ours, StateStore.open(path, timeout=0) as store:
        ours.execute("BEGIN IMMEDIATE")
        assert lock_holders(path) == users_of(path) == []
        with pytest.raises(StoreBusyError, match="is locked by another program; waited 0 s"):
            store.messages.append("t0", "user", "two")


def test_asking_drops_no_lock_of_ours(tmp_path: Path) -> None:
    """Closing a descriptor of a file drops every lock that the process has on it."""
    path = to_rollback_mode(store_with(tmp_path / "state.db", "one"))
    with raw(path) as ours:
        ours.execute("BEGIN EXCLUSIVE")
        assert lock_holders(path) == users_of(path) == []
        assert run_python(WRITE, path) == "5 store_busy\n"


def test_a_link_to_a_store_is_asked_about_as_the_store(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    (tmp_path / "other").mkdir()
    link = tmp_path / "other" / "linked.db"
    link.symlink_to(path)
    with holding(path, *WRITERS["wal"]) as holder:
        assert lock_holders(link) == users_of(link) == [holder]


LOCK_INDEX: Final = """
import fcntl, sys
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
"""
# The lock lives on in the process that the block sees; the one that took it has ended.
INHERIT_LOCK: Final = """
import fcntl, os, sys
lock = open(sys.argv[1], "w")
if child := os.fork():
    os.waitpid(child, 0)
else:
    fcntl.flock(lock, fcntl.LOCK_EX)
    os._exit(0)
print("held", flush=True)
sys.stdin.readline()
"""


def test_who_holds_the_lock_of_the_index_is_named(tmp_path: Path) -> None:
    index = SessionIndex(tmp_path / "session_index.jsonl", timeout=0.3)
    lock = tmp_path / "session_index.jsonl.lock"
    with running(LOCK_INDEX, lock) as process:
        holder = holder_of(process)
        started = time.monotonic()
        with pytest.raises(StoreBusyError) as raised:
            index.append(SessionIndexEntry(thread_id="t", updated_at=1))
        assert 0.3 <= time.monotonic() - started < 10
        assert str(raised.value) == (
            f"the session index's lock {lock} is held by {holder.command} (process {holder.pid}); "
            "waited 0.3 s (--timeout waits longer)"
        )
    assert not index.path.exists()
    index.append(SessionIndexEntry(thread_id="t", updated_at=1))


def test_a_lock_whose_taker_has_ended_is_nobodys(tmp_path: Path) -> None:
    index = SessionIndex(tmp_path / "session_index.jsonl", timeout=0)
    with (
        running(INHERIT_LOCK, tmp_path / "session_index.jsonl.lock"),
        pytest.raises(StoreBusyError, match="is held by another program; waited 0 s"),
    ):
        index.append(SessionIndexEntry(thread_id="t", updated_at=1))


def test_a_command_says_who_holds_the_lock(cli: Cli) -> None:
    with holding(cli.db, *WRITERS["wal"]) as holder:
        line = cli.fails(
            5, "--timeout", "0", "messages", "append", "t-main", "--role", "user", "--content", "x"
        )
        assert line == busy_line(cli.db, holder, "0")
    lock = cli.db.with_name("session_index.jsonl.lock")
    with running(LOCK_INDEX, lock) as process:
        result = cli("--timeout", "0", "threads", "rename", "t-main", "Written all the same")
        (note,) = result.notes
        assert f"is held by {holder_of(process).command} (process {process.pid})" in note
    assert cli("threads", "show", "t-main", "-o", "tsv", "--fields", "name").lines == [
        "Written all the same"
    ]


def test_a_name_is_safe_and_no_argument_is_shown(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    code = "open('/proc/self/comm', 'wb').write(b'e\\x1b[1m\\nv\\xff')\n" + HOLD.replace(
        "sys.argv[2:]", "sys.argv[3:]"
    )
    with running(code, path, "--token=SECRET", *WRITERS["wal"]) as process:
        assert lock_holders(path) == [Holder(process.pid, "e?[1m?v\ufffd")]


@as_root
def test_a_holder_of_another_user_is_named_from_the_list_of_locks(public_folder: Path) -> None:
    """Whose files may not be looked at has its lock in a list that everybody reads."""
    path = new_store(public_folder / "state.db")
    code = """
import sys
from pathlib import Path
from agentstate.db.holders import lock_holders, users_of
print([holder.pid for holder in lock_holders(Path(sys.argv[1]))], users_of(Path(sys.argv[1])))
"""
    with holding(path, *WRITERS["wal"]) as holder:
        assert run_python(code, path, user=STRANGER) == f"[{holder.pid}] []\n"


def test_of_what_is_not_there_nothing_is_known(tmp_path: Path) -> None:
    assert lock_holders(tmp_path / "none") == users_of(tmp_path / "none") == []
    assert processes_using() == []


def test_many_holders_are_counted() -> None:
    holders = [Holder(number, f"p{number}") for number in range(1, 6)]
    assert describe([]) == "another program"
    assert describe(holders[:2]) == "p1 (process 1) and p2 (process 2)"
    assert describe(holders) == "p1 (process 1) and p2 (process 2) and p3 (process 3) and 2 more"


def test_all_who_have_a_file_open_are_found(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    code = """
import sys
kept = open(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""
    with ExitStack() as stack, file.open():
        users = [holder_of(stack.enter_context(running(code, file))) for _ in range(3)]
        os.link(file, tmp_path / "other name")
        assert processes_using(tmp_path / "other name") == sorted(users)
