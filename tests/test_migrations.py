"""Every old version ends as a fresh file, with every row and every tree as it was."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from agentstate import (
    CorruptStoreError,
    NotAStoreError,
    StateStore,
    StoreTooNewError,
    StoreTooOldError,
)
from old_stores import FORKED, OLD, everything, migrate, old_store, schema, tree
from support import (
    copy_store,
    new_store,
    raw,
    rows,
    run_python,
    set_version,
    snapshot,
)

if TYPE_CHECKING:
    from pathlib import Path

# One schema


@pytest.mark.parametrize("name", [*OLD, "none", "0 bytes"])
def test_every_file_ends_with_the_schema_of_a_fresh_one(tmp_path: Path, name: str) -> None:
    fresh = new_store(tmp_path / "fresh.db")
    folder = tmp_path / "old"
    folder.mkdir()
    path = old_store(name, folder) if name in OLD else folder / "state.db"
    if name == "0 bytes":
        path.touch()
    migrate(path)
    assert schema(path) == schema(fresh)
    assert rows(path, "PRAGMA user_version") == [(4,)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []


def test_the_newest_schema_is_the_one_that_is_documented(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    columns = rows(
        path,
        "SELECT name, type, [notnull], dflt_value, pk FROM pragma_table_info(?)",
        "thread_goals",
    )
    assert columns == [
        ("thread_id", "TEXT", 1, None, 1),
        ("goal_id", "TEXT", 1, None, 0),
        ("objective", "TEXT", 1, None, 0),
        ("status", "TEXT", 1, None, 0),
        ("token_budget", "INTEGER", 0, None, 0),
        ("tokens_used", "INTEGER", 1, "0", 0),
        ("time_used_seconds", "INTEGER", 1, "0", 0),
        ("created_at", "INTEGER", 1, None, 0),
        ("updated_at", "INTEGER", 1, None, 0),
        ("continuation_count", "INTEGER", 1, "0", 0),
    ]  # fmt: skip
    with raw(path) as connection, pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        connection.execute("INSERT INTO thread_goals VALUES ('t0','g','o','x',1,0,0,1,1,0)")


@pytest.mark.parametrize("name", OLD)
def test_a_migration_keeps_every_row(tmp_path: Path, name: str) -> None:
    path = old_store(name, tmp_path)
    tables = [table for (table,) in rows(path, "SELECT name FROM sqlite_schema WHERE type='table'")]
    before = {table: everything(path, table) for table in tables}
    migrate(path)
    for table in tables:
        columns = len(before[table][0]) if before[table] else 0
        assert [row[:columns] for row in everything(path, table)] == before[table]


def test_a_goal_of_version_3_is_kept_and_counts_from_0(tmp_path: Path) -> None:
    path = old_store("v3", tmp_path)
    with StateStore.open(path, read_only=True) as store:
        before = store.goals.get("t-run")
    with StateStore.open(path) as store:
        assert store.goals.get("t-run") == before
    assert before is not None
    assert (before.objective, before.continuation_count) == ("ship it", 0)


@pytest.mark.parametrize("name", ["v1", "v2_rich"])
def test_a_version_before_goals_is_read_as_having_none(tmp_path: Path, name: str) -> None:
    with StateStore.open(copy_store(name, tmp_path), read_only=True) as store:
        assert store.goals.get("t-run") is None


def test_version_0_must_be_migrated_before_it_is_read(tmp_path: Path) -> None:
    path = copy_store("v0", tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(StoreTooOldError, match="agentstate init") as raised:
        StateStore.open(path, read_only=True)
    assert raised.value.exit_code == 6
    assert snapshot(tmp_path) == before


# A tree is never filled in twice


@pytest.mark.parametrize("name", FORKED)
@pytest.mark.parametrize("migrated_before", [True, False])
def test_a_version_reset_by_a_restore_keeps_the_tree(
    tmp_path: Path, name: str, *, migrated_before: bool
) -> None:
    path = old_store(name, tmp_path)
    if migrated_before:
        migrate(path)
    before = tree(path)
    set_version(path, 0)
    with StateStore.open(path, read_only=True) as store:  # its columns say what it is
        thread_id = "y-fork" if name == "v1" else "t-tree"
        assert len(store.messages.leaves(thread_id)) == FORKED[name]
    migrate(path)
    assert tree(path) == before
    assert rows(path, "PRAGMA user_version") == [(4,)]


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = copy_store("v2_rich", tmp_path)
    migrate(path)
    before = snapshot(tmp_path)
    migrate(path)
    assert snapshot(tmp_path) == before


# What this program may not write


def with_log(path: Path, *statements: str) -> None:
    """Run statements in a process that is killed: what it wrote is in `-wal` alone."""
    code = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
for statement in sys.argv[2:]:
    connection.execute(statement)
os._exit(0)
"""
    run_python(code, path, *statements)
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0


def assert_untouched(path: Path, reading: type[Exception] | None, writing: type[Exception]) -> None:
    """Open a file in every way; what is refused, and what is read, changes nothing."""
    before = snapshot(path.parent)
    if reading is None:
        StateStore.open(path, read_only=True).close()
    else:
        with pytest.raises(reading):
            StateStore.open(path, read_only=True)
    for create in (True, False):
        with pytest.raises(writing) as raised:
            StateStore.open(path, create=create)
        assert getattr(raised.value, "exit_code", None) == 6
    assert snapshot(path.parent) == before


@pytest.mark.parametrize("logged", [True, False])
def test_a_newer_version_is_read_and_not_written(tmp_path: Path, *, logged: bool) -> None:
    path = copy_store("v2_rich", tmp_path)
    if logged:
        with_log(path, "PRAGMA user_version = 99")
    else:
        set_version(path, 99)
    assert_untouched(path, None, StoreTooNewError)
    with StateStore.open(path, read_only=True) as store:
        assert store.info().schema_version == 99
        assert len(store.messages.branch("t-tree")) == 23


@pytest.mark.parametrize("version", range(5))
@pytest.mark.parametrize(
    "table",
    [
        "notes(id TEXT, title TEXT)",
        "threads(id TEXT PRIMARY KEY, title TEXT, updated_at INTEGER)",
        "messages(id INTEGER PRIMARY KEY, thread_id TEXT, role TEXT, content TEXT)",
    ],
)
def test_another_programs_file_is_not_touched(tmp_path: Path, table: str, version: int) -> None:
    path = tmp_path / "state.db"
    with raw(path) as connection:
        connection.execute(f"CREATE TABLE {table}")
        connection.execute(f"PRAGMA user_version = {version}")
    assert_untouched(path, NotAStoreError, NotAStoreError)


def test_another_programs_log_is_not_carried_into_its_file(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with_log(path, "CREATE TABLE notes(id TEXT)", "INSERT INTO notes VALUES ('n')")
    assert_untouched(path, NotAStoreError, NotAStoreError)


def test_a_version_without_tables_is_another_programs(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    set_version(path, 3)
    assert_untouched(path, NotAStoreError, NotAStoreError)


def test_historic_tables_of_a_later_version_are_not_filled_in(tmp_path: Path) -> None:
    path = copy_store("v0", tmp_path)
    set_version(path, 2)
    assert_untouched(path, StoreTooOldError, CorruptStoreError)
