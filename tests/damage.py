"""Stores with one of everything, and damage as another program could do it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from agentstate import (
    DynamicToolRecord,
    JobStateRecord,
    Severity,
    StateStore,
    ThreadGoalRecord,
    ThreadStatus,
    examine,
)
from support import Clock, raw, thread

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agentstate import DoctorReport


def sound_store(folder: Path) -> Path:
    """Make a store in which nothing is wrong, in a folder of its own; return its path.

    Thread t has messages 1 - 2 - 3 and, below 2, the leaf 4; thread u has 5 - 6.
    """
    path = folder / "sound" / "state.db"
    with StateStore.open(path, clock=Clock()) as store:
        for thread_id in "tu":
            store.threads.create(thread(thread_id, name=f"Name {thread_id}"))
        store.threads.create(thread("a", status=ThreadStatus.ARCHIVED, archived=True))
        for content in ("one", "two", "three"):
            store.messages.append("t", "user", content, {"n": content})
        store.messages.fork(2, "user", "four")
        for content in ("five", "six"):
            store.messages.append("u", "user", content)
        store.checkpoints.save("t", "cp", {"n": 1})
        store.tools.replace("t", [DynamicToolRecord(position=0, name="grep", input_schema={})])
        store.goals.set(
            ThreadGoalRecord(
                thread_id="t", goal_id="g", objective="Green", created_at=1, updated_at=1
            )
        )
        store.jobs.create(JobStateRecord(id="j", name="Job", created_at=1, updated_at=1))
    return path


def copy_of(path: Path, folder: Path) -> Path:
    """Copy a store with its folder; return the new path."""
    return shutil.copytree(path.parent, folder / "copy") / path.name


def damage(path: Path, *statements: str, **options: Any) -> Path:  # noqa: ANN401 - sqlite3's options
    """Change a store as another program could, which checks nothing."""
    with raw(path, **options) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            connection.execute(statement)
    return path


def rewrite_schema(path: Path, old: str, new: str) -> None:
    """Change how tables were declared, without a look at what they hold."""
    with raw(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ?, ?)", (old, new))
        connection.execute("PRAGMA schema_version = 1000")


def slugs(report: DoctorReport) -> list[str]:
    """Return what was found, notes aside."""
    return [one.slug for one in report.findings if one.severity is not Severity.NOTE]


def found(path: Path) -> list[str]:
    """Return what is wrong with a store, notes aside."""
    return slugs(examine(path))


def everything(path: Path, tables: Iterable[str]) -> list[tuple[Any, ...]]:
    """Return every row of some tables."""
    with raw(path) as connection:
        connection.text_factory = bytes
        return [
            row
            for table in tables
            for row in connection.execute(f"SELECT rowid, * FROM {table} ORDER BY rowid")  # noqa: S608 - our own tables' names
        ]
