"""What `doctor` finds beside a store: logs and journals, and room that is not used."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from agentstate import (
    Severity,
    StateStore,
    StoreUnavailableError,
    examine,
    repair,
)
from damage import copy_of, damage, everything, found
from stores import index_of_log, killed_store, log_of, to_rollback_mode, with_hot_journal
from support import (
    finish,
    rows,
    run_python,
    snapshot,
    start_python,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """Return a sound store that may be damaged."""
    return copy_of(sound, tmp_path)


def test_the_log_of_a_killed_program_is_a_note_and_carried_over(tmp_path: Path) -> None:
    path = killed_store(tmp_path / "state.db", "second", "third")
    before = snapshot(tmp_path)
    report = examine(path)
    assert [(one.slug, one.severity, one.ids) for one in report.findings] == [
        ("log_left", Severity.NOTE, ("state.db-wal", "state.db-shm"))
    ]
    assert snapshot(tmp_path) == before
    mended = repair(path)
    assert ([one.fixed for one in mended.findings], mended.backup) == ([True], None)
    assert not log_of(path).exists()
    assert not index_of_log(path).exists()
    assert rows(path, "SELECT content FROM messages") == [("first",), ("second",), ("third",)]
    assert examine(path).findings == ()


def test_a_log_without_its_index_is_looked_at_all_the_same(tmp_path: Path) -> None:
    path = killed_store(tmp_path / "state.db", "second")
    damage_in_log = "UPDATE messages SET parent_entry_id = 99 WHERE id = 2"
    code = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint = 0")
connection.execute(sys.argv[2])
os._exit(0)
"""
    run_python(code, path, damage_in_log)
    index_of_log(path).unlink()
    before = snapshot(tmp_path)
    assert found(path) == ["parent_missing"]
    assert snapshot(tmp_path) == before
    assert repair(path).healthy


def test_a_log_that_is_in_use_is_nobodys_leftover(path: Path) -> None:
    with StateStore.open(path) as ours:
        ours.messages.append("t", "user", "more")
        assert log_of(path).exists()
        assert examine(path).findings == ()
    code = """
import sys
from agentstate import StateStore
with StateStore.open(sys.argv[1]) as store:
    store.messages.append("t", "user", "more")
    print("ready", flush=True)
    sys.stdin.read()
"""
    with start_python(code, path) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == "ready\n"
        assert examine(path).findings == ()
        # What an agent may be about to write is looked at again, and then is missing.
        path.with_name("session_index.jsonl").unlink()
        assert found(path) == ["index_missing"]
        finish(agent)


def test_a_large_log_is_emptied_while_its_program_runs(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as agent:
        agent.execute("PRAGMA wal_autocheckpoint = 0")
        agent.execute("INSERT INTO jobs VALUES ('big', 'n', 'queued', 1, NULL, 1, 1)")
        # It grows by room for frames that were never written, which SQLite passes over.
        os.truncate(log_of(path), 65 << 20)
        (large,) = examine(path).findings
        assert (large.slug, large.severity, large.ids) == (
            "log_large",
            Severity.NOTE,
            ("state.db-wal",),
        )
        mended = repair(path)
        assert [one.slug for one in mended.findings if one.fixed] == ["log_large"]
        assert mended.backup is None
        assert log_of(path).stat().st_size == 0
        assert rows(path, "SELECT name FROM jobs WHERE id = 'big'") == [("n",)]


def test_a_hot_journal_is_rolled_back_as_sqlite_must(tmp_path: Path) -> None:
    path = killed_store(tmp_path / "state.db", "second")
    with_hot_journal(path)
    assert examine(path).healthy
    assert rows(path, "SELECT content FROM messages") == [("first",), ("second",)]
    assert repair(path).healthy
    assert examine(path).findings == ()


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_pipe_in_place_of_a_log_is_refused_and_not_waited_for(path: Path, suffix: str) -> None:
    os.mkfifo(f"{path}{suffix}")
    for doctor in (examine, repair):
        with pytest.raises(StoreUnavailableError, match="is not a regular file"):
            doctor(path)


def test_rollback_mode_stays(path: Path) -> None:
    to_rollback_mode(path)
    before = snapshot(path.parent)
    assert examine(path).findings == ()
    assert snapshot(path.parent) == before
    damage(path, "UPDATE jobs SET progress = 200")
    assert repair(path).healthy
    assert rows(path, "PRAGMA journal_mode") == [("delete",)]


def test_free_pages_are_given_back(path: Path) -> None:
    damage(
        path,
        "UPDATE jobs SET detail = hex(zeroblob(2000000))",
        "UPDATE jobs SET detail = NULL",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    )
    before = path.stat().st_size
    content = everything(path, ["threads", "messages", "checkpoints"])
    (note,) = examine(path).findings
    assert (note.slug, note.severity) == ("free_pages", Severity.NOTE)
    mended = repair(path)
    assert ([one.fixed for one in mended.findings], mended.backup) == ([True], None)
    assert path.stat().st_size < before / 4
    assert everything(path, ["threads", "messages", "checkpoints"]) == content
    assert examine(path).findings == ()


def test_where_the_index_alone_is_wrong_the_store_is_kept(path: Path) -> None:
    path.with_name("session_index.jsonl").unlink()
    path.chmod(0o644)
    mended = repair(path)
    assert [one.slug for one in mended.findings if one.fixed] == [
        "index_missing",
        "file_open_to_others",
    ]
    assert mended.backup is not None
    assert (path.parent / mended.backup).exists()
