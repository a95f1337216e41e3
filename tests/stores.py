"""Stores in the states that programs leave them in: open, killed, half written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate import (
    StateStore,
)
from support import (
    new_store,
    raw,
    run_python,
)

if TYPE_CHECKING:
    from pathlib import Path

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
