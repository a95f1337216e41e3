"""Wrecked stores: one large enough to be hit in many places, and the ways to hit it."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from agentstate import StateStore
from support import Clock, raw, thread

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PAGE: Final = 4096
TABLES: Final = (
    "threads",
    "messages",
    "checkpoints",
    "thread_dynamic_tools",
    "thread_goals",
    "jobs",
    "workflow_runs",
    "branch_runs",
    "leaf_runs",
    "control_node_runs",
    "teacher_candidates",
)
Rows = dict[str, dict[int, tuple[Any, ...]]]
"""The rows of each table by rowid, texts as their bytes."""


def large_store(path: Path, messages: int = 2500, threads: int = 60) -> Path:
    """Make a store with forks, long items, checkpoints, and pages that deletions left free."""
    chance = random.Random(3)
    names = [f"t-{number:03}" for number in range(threads)]
    names += [f"gone-{number}" for number in range(10)]
    with StateStore.open(path, clock=Clock()) as store:
        for name in names:
            store.threads.create(thread(name, name=f"Thread {name}", preview="p" * 40))
    with raw(path) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("BEGIN")
        _add_messages(connection, chance, names, messages)
        for number, name in enumerate(names):
            _add_checkpoints(connection, chance, name)
            _add_one_of_each(connection, number, name)
        connection.execute("COMMIT")
        connection.execute("DELETE FROM threads WHERE id LIKE 'gone-%'")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def _add_messages(
    connection: sqlite3.Connection, chance: random.Random, threads: list[str], count: int
) -> None:
    said: dict[str, list[int]] = {name: [] for name in threads}
    for number in range(1, count + 1):
        name = chance.choice(threads)
        before = said[name]
        parent = before[-1] if before else None
        if before and chance.random() < 0.1:
            parent = chance.choice(before)
        item = json.dumps({"n": number, "long": "x" * chance.randrange(1, 30_000)})
        connection.execute(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                name,
                chance.choice(("user", "assistant", "tool")),
                f"{number} " + "wörd " * chance.randrange(60),
                item if chance.random() < 0.06 else None,
                1_700_000_000 + number,
                parent,
            ),
        )
        before.append(number)
        connection.execute("UPDATE threads SET current_leaf_id = ? WHERE id = ?", (number, name))


def _add_checkpoints(connection: sqlite3.Connection, chance: random.Random, name: str) -> None:
    for turn in range(3):
        state = json.dumps({"state": "s" * chance.randrange(6000)})
        row = (name, f"cp-{turn}", state, 1_700_000_000 + turn)
        connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?)", row)


def _add_one_of_each(connection: sqlite3.Connection, number: int, name: str) -> None:
    run, branch, node = f"w-{number}", f"b-{number}", f"c-{number}"
    for table, row in {
        "thread_dynamic_tools": (name, number, "tool", None, "{}"),
        "thread_goals": (name, f"g-{number}", "Green", "active", None, 1, 2, 3, 4, 5),
        "jobs": (f"j-{number:03}", "Job", "running", number, "detail", 1, 2),
        "workflow_runs": (run, "flow", "goal", "done", "hash", 1, 2, "{}"),
        "branch_runs": (branch, run, "main", "node", "done", 1, None, "{}"),
        "leaf_runs": (f"l-{number}", run, branch, "leaf", "task", None, "done", "{}", "[]", 1, 2),
        "control_node_runs": (node, run, "node", "choice", "done", "[]", "{}", 1, None),
        "teacher_candidates": (f"k-{number}", run, node, "cand", branch, 5.0, 1, "{}", 7),
    }.items():
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - our own tables' names


def all_rows(path: Path) -> Rows:
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        return {
            table: {
                rowid: tuple(row)
                for rowid, *row in connection.execute(f"SELECT rowid, * FROM {table}")  # noqa: S608 - our own tables' names
            }
            for table in TABLES
        }


def overwrite(path: Path, pages: Iterable[int], noise: random.Random | None = None) -> None:
    """Overwrite pages with noise, or with zeros."""
    with path.open("r+b") as file:
        for number in pages:
            file.seek((number - 1) * PAGE)
            file.write(noise.randbytes(PAGE) if noise else bytes(PAGE))


def patch(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def pages_of(path: Path) -> int:
    return path.stat().st_size // PAGE


def pages_with(path: Path, text: bytes) -> list[int]:
    """Return the pages that hold a text."""
    data = path.read_bytes()
    starts = range(0, len(data), PAGE)
    return [start // PAGE + 1 for start in starts if text in data[start : start + PAGE]]


def pages_of_kind(path: Path, *kinds: int) -> list[int]:
    """Return the pages that begin with one of these bytes, as those of tables and indexes do."""
    with path.open("rb") as file:
        return [
            number
            for number in range(1, pages_of(path) + 1)
            if file.seek((number - 1) * PAGE) >= 0 and file.read(1)[0] in kinds
        ]
