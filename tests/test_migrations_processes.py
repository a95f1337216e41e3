"""Migrations by several processes at once, beside a writer, and killed in the middle."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from agentstate import (
    StateStore,
    StoreBusyError,
    StoreTooOldError,
)
from old_stores import FORKED, OLD, migrate, old_store, schema, tree
from support import (
    DATA,
    copy_store,
    finish,
    new_store,
    raw,
    rows,
    start_python,
)

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

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
    """Kill it when it has written so much; what is left is whole, and goes on."""
    whole = tmp_path / "whole.db"
    shutil.copyfile(large_v0, whole)
    migrate(whole)
    expected = tree(whole)
    left = set()
    for size in (0, 1, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000):
        path = tmp_path / f"killed{size}.db"
        shutil.copyfile(large_v0, path)
        (opener,) = start_openers(path, 1)
        say_go(opener)
        while opener.poll() is None and log_size(path) < size:
            time.sleep(0.0005)
        opener.kill()
        opener.communicate()
        logged = log_size(path) > 0
        left.add((version_left(path, expected), logged))
        migrate(path)
        assert tree(path) == expected
        path.unlink()
    assert (0, True) in left  # killed within a step, which had begun to write


def log_size(path: Path) -> int:
    """Return how much of a transaction has been written beside the file."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size
    except FileNotFoundError:
        return 0


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
