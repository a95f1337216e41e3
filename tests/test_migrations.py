"""Every old version ends as a fresh file: whoever opens it, however often, whatever kills it."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import suppress
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, Any, Final

import pytest

from agentstate import (
    CorruptStoreError,
    NotAStoreError,
    StateStore,
    StoreBusyError,
    StoreTooNewError,
    StoreTooOldError,
)
from support import (
    DATA,
    copy_store,
    finish,
    new_store,
    raw,
    rows,
    run_python,
    set_version,
    snapshot,
    start_python,
)

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

VERSION_3: Final = """
CREATE TABLE thread_goals (
    thread_id TEXT PRIMARY KEY NOT NULL, goal_id TEXT NOT NULL, objective TEXT NOT NULL,
    status TEXT NOT NULL CHECK(status IN ('active', 'paused', 'blocked', 'usage_limited',
        'budget_limited', 'complete')),
    token_budget INTEGER, tokens_used INTEGER NOT NULL DEFAULT 0,
    time_used_seconds INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    FOREIGN KEY(thread_id) REFERENCES threads(id) ON DELETE CASCADE
);
INSERT INTO thread_goals(thread_id, goal_id, objective, status, created_at, updated_at)
VALUES ('t-run', 'g', 'ship it', 'paused', 1, 2);
PRAGMA user_version = 3;
"""

OLD: Final = ("v0", "v1", "v2_rich", "v3")
FORKED: Final = {"v1": 3, "v2_rich": 8, "v3": 8}
"""How many leaves the tree of a forked thread has; those of version 0 are lines."""


def old_store(name: str, folder: Path) -> Path:
    if name != "v3":
        return copy_store(name, folder)
    path = copy_store("v2_rich", folder)
    with raw(path) as connection:
        connection.executescript(VERSION_3)
    return path


def migrate(path: Path) -> None:
    StateStore.open(path).close()


def schema(path: Path) -> dict[str, Any]:
    """Return tables with columns and foreign keys, and indexes, without their SQL's layout."""
    with raw(path) as connection:
        names = connection.execute(
            "SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"
        ).fetchall()
        pragmas = {
            "table": ("table_xinfo", "foreign_key_list", "index_list"),
            "index": ("index_xinfo",),
        }
        return {
            f"{kind} {name}": [
                table,
                *(
                    sorted(connection.execute(f"PRAGMA {pragma}('{name}')").fetchall())
                    for pragma in pragmas[kind]
                ),
            ]
            for kind, name, table in names
        }


def tree(path: Path) -> list[tuple[Any, ...]]:
    """Return all that a migration could damage: every message, and every thread's leaf."""
    sql = "SELECT id, thread_id, content, item_json, parent_entry_id FROM messages ORDER BY id"
    return rows(path, sql) + rows(path, "SELECT id, current_leaf_id FROM threads ORDER BY id")


def everything(path: Path, table: str) -> list[tuple[Any, ...]]:
    return rows(path, f"SELECT * FROM {table}")  # noqa: S608 - our own tables' names


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


# Several processes

OPEN: Final = """
import sys
from agentstate import StateStore
print("ready", flush=True)
sys.stdin.readline()
StateStore.open(sys.argv[1], timeout=30).close()
"""


def start_openers(path: Path, count: int) -> list[Popen[str]]:
    """Start processes that wait, with everything imported, for the word to open a store."""
    openers = [start_python(OPEN, path) for _ in range(count)]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    return openers


def say_go(opener: Popen[str]) -> None:
    assert opener.stdin is not None
    opener.stdin.write("\n")
    opener.stdin.flush()


@pytest.mark.parametrize("name", [*OLD, "none", "0 bytes"])
def test_several_processes_open_one_file_at_once(tmp_path: Path, name: str) -> None:
    path = old_store(name, tmp_path) if name in OLD else tmp_path / "state.db"
    if name == "0 bytes":
        path.touch()
    before = tree(path) if name in FORKED else None
    openers = start_openers(path, 6)
    for opener in openers:
        say_go(opener)
    for opener in openers:
        finish(opener)
    assert rows(path, "PRAGMA user_version") == [(4,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert schema(path) == schema(new_store(tmp_path / "fresh.db"))
    if before is not None:
        assert tree(path) == before


def test_a_migration_does_not_overtake_a_writer(tmp_path: Path) -> None:
    path = copy_store("v1", tmp_path)
    with raw(path) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE threads SET preview = 'theirs' WHERE id = 'y-lin'")
        with pytest.raises(StoreBusyError, match="locked by another program"):
            StateStore.open(path, timeout=0.1)
        writer.execute("COMMIT")
    migrate(path)
    assert rows(path, "SELECT preview FROM threads WHERE id = 'y-lin'") == [("theirs",)]


# Killed


@pytest.fixture
def large_v0(tmp_path: Path) -> Path:
    """Make a store of version 0 that takes some tenths of a second to migrate."""
    path = tmp_path / "large.db"
    messages = [(f"t{number % 50}", "user", "x" * 100, number // 7) for number in range(30_000)]
    with raw(path) as connection:
        connection.executescript((DATA / "v0" / "schema.sql").read_text(encoding="utf-8"))
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, updated_at, "
            "status, cwd, cli_version, source) VALUES (?, '', 0, '', 1, 1, 'idle', '/', '', 'api')",
            [(f"t{number}",) for number in range(50)],
        )
        connection.executemany(
            "INSERT INTO messages(thread_id, role, content, created_at) VALUES (?, ?, ?, ?)",
            messages,
        )
        connection.execute("COMMIT")
    return path


def test_a_killed_migration_leaves_an_old_or_a_new_version(large_v0: Path, tmp_path: Path) -> None:
    """Kill it at moments spread over the time it takes; what is left is whole, and goes on."""
    whole = tmp_path / "whole.db"
    shutil.copyfile(large_v0, whole)
    started = time.monotonic()
    migrate(whole)
    duration = time.monotonic() - started
    expected = tree(whole)
    left = set()
    for round_ in range(1, 9):
        path = tmp_path / f"killed{round_}.db"
        shutil.copyfile(large_v0, path)
        (opener,) = start_openers(path, 1)
        say_go(opener)
        with suppress(TimeoutExpired):
            opener.wait(timeout=duration * round_ / 6)
        opener.kill()
        opener.communicate()
        log = path.with_name(f"{path.name}-wal")
        logged = log.exists() and log.stat().st_size > 0
        left.add((version_left(path, expected), logged))
        migrate(path)
        assert tree(path) == expected
        path.unlink()
    assert (0, True) in left  # killed within a step, which had begun to write


def version_left(path: Path, expected: list[tuple[Any, ...]]) -> int:
    """Read what a killed migration left, as a reader would, then look whether it is whole."""
    try:
        with StateStore.open(path, read_only=True) as store:
            version = store.info().schema_version
            assert len(store.messages.branch("t7", None)) == 600
    except StoreTooOldError:
        version = 0
    count = rows(path, "SELECT count(*) FROM messages")
    assert count == [(30_000,)]
    if version:
        assert tree(path) == expected
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    return version


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
