"""`agentstate vacuum`: what it gives back, what it keeps, and who is waited for."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from agentstate import StateStore, StoreUnavailableError, UsageError
from cli_support import run, the_error
from stores import log_of, store_with, to_rollback_mode
from support import raw, rows, start_python

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """Make a store of which most was deleted."""
    path = store_with(tmp_path / "sparse" / "state.db", *("x" * 15_000 for _ in range(40)))
    with StateStore.open(path) as store:
        for name in ("b", "a", "c"):
            store.checkpoints.save("t0", name, {"name": name})
        store.checkpoints.delete("t0", "b")
        store.checkpoints.save("t0", "b", {"again": True})
        store.messages.clear("t0")
        store.messages.append("t0", "user", "last")
    return path


def size(path: Path) -> int:
    return sum(one.stat().st_size for one in (path, log_of(path)) if one.exists())


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_it_gives_back_what_it_says(cli: Cli, sparse: Path, journal: str) -> None:
    if journal == "delete":
        to_rollback_mode(sparse)
    before = size(sparse)
    found = cli.on(sparse)("vacuum", "-o", "json").json
    after = size(sparse)
    assert found == {
        "path": str(sparse),
        "bytes_before": before,
        "bytes_after": after,
        "reclaimed": before - after,
    }
    assert after < before / 2
    assert rows(sparse, "PRAGMA freelist_count") == [(0,)]
    assert rows(sparse, "PRAGMA integrity_check") == [("ok",)]
    again = cli.on(sparse)("vacuum", "-o", "tsv").cells
    assert again == [[str(sparse), str(after), str(after), "0"]]
    assert cli.on(sparse)("vacuum").cells == again
    assert cli.on(sparse)("vacuum", "-o", "id").lines == [str(sparse)]


def test_the_table(cli: Cli, sparse: Path) -> None:
    seen = cli.on(sparse).screen("--color", "never", "vacuum", width=200).lines
    assert [line.split("  ")[0] for line in seen] == ["store", "before", "after", "given back"]
    assert seen[0].endswith(str(sparse))


def test_orders_and_ids_stay(sparse: Path) -> None:
    with StateStore.open(sparse) as store:
        order = [found.checkpoint_id for found in store.checkpoints.list("t0")]
        assert order == ["b", "c", "a"]
        store.vacuum()
        assert [found.checkpoint_id for found in store.checkpoints.list("t0")] == order
        assert [message.id for message in store.messages.branch("t0")] == [41]
        store.messages.clear("t0")
        assert store.messages.append("t0", "user", "new") == 42


def test_others_who_have_the_store_open_and_do_nothing_are_not_in_the_way(sparse: Path) -> None:
    with StateStore.open(sparse, read_only=True) as reader, StateStore.open(sparse) as store:
        assert len(reader.messages.branch("t0")) == 1
        done = store.vacuum()
        assert done.reclaimed > done.bytes_before / 2
        assert log_of(sparse).stat().st_size == 0
        assert len(reader.messages.branch("t0")) == 1


@pytest.mark.parametrize("in_log", [True, False])
def test_who_reads_is_waited_for(cli: Cli, sparse: Path, *, in_log: bool) -> None:
    """With a state that is read the log stays, and would only grow by a whole new file."""
    code = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM messages").fetchone()
print("reads", flush=True)
sys.stdin.readline()
"""
    with StateStore.open(sparse) as store:
        if in_log:
            store.messages.append("t0", "user", "what is read")
        process = start_python(code, sparse)
        assert process.stdout is not None
        assert process.stdout.readline() == "reads\n"
        before = size(sparse)
        line = cli.on(sparse).fails(5, "--timeout", "0.1", "vacuum")
        assert " is being read by " in line
        assert f" (process {process.pid}); waited 0.1 s" in line
        assert before <= size(sparse) < before + 10_000  # a page in the log found it out
        process.communicate("\n", timeout=30)
    assert cli.on(sparse)("vacuum", "-o", "json").json["reclaimed"] > 0
    assert rows(sparse, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_who_writes_is_waited_for(cli: Cli, sparse: Path, journal: str) -> None:
    if journal == "delete":
        to_rollback_mode(sparse)
    code = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("writes", flush=True)
sys.stdin.readline()
"""
    process = start_python(code, sparse)
    assert process.stdout is not None
    assert process.stdout.readline() == "writes\n"
    line = cli.on(sparse).fails(5, "--timeout", "0.1", "vacuum")
    assert str(sparse) in line
    assert str(process.pid) in line
    process.communicate("\n", timeout=30)
    cli.on(sparse)("vacuum")


def test_without_space_nothing_is_changed(cli: Cli, sparse: Path) -> None:
    """A limit on the size of files stands for the disk."""
    full = store_with(sparse.parent / "full.db", *("x" * 30_000 for _ in range(30)))
    before = full.read_bytes()
    result = run(
        "vacuum",
        db=full,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    )
    line = the_error(result, 5)
    assert "nothing was changed" in line
    assert "$SQLITE_TMPDIR" in line
    assert full.read_bytes()[100:] == before[100:]  # the header counts the looks at who reads
    assert cli.on(full)("vacuum", "--output", "id").lines == [str(full)]


def test_what_may_not_be_vacuumed(sparse: Path) -> None:
    with (
        StateStore.open(sparse, read_only=True) as store,
        pytest.raises(StoreUnavailableError, match="for reading only"),
    ):
        store.vacuum()
    with StateStore.open(sparse) as store:
        for _ in range(300):
            store.messages.append("t0", "user", "x")
        stream = store.messages.stream("t0")
        next(stream)
        with pytest.raises(UsageError, match="finish reading"):
            store.vacuum()
        assert len(list(stream)) == 300
        store.vacuum()


def test_a_vacuum_migrates_like_every_write(cli: Cli, tmp_path: Path) -> None:
    with raw(store_with(tmp_path / "old" / "state.db", "one")) as connection:
        connection.execute("ALTER TABLE thread_goals DROP COLUMN continuation_count")
        connection.execute("PRAGMA user_version = 3")
    old = cli.on(tmp_path / "old" / "state.db")
    assert old("vacuum").notes == [f"migrated {old.db} from version 3 to 4"]
