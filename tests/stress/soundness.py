"""What must hold of a store's folder whatever befell its writers."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Final

from agentstate.session_index import SessionIndex
from support import rows

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate.records import SessionIndexEntry

USUAL: Final = frozenset(
    {
        *(f"state.db{suffix}" for suffix in ("", "-wal", "-shm", "-journal")),
        *(f"session_index.jsonl{suffix}" for suffix in ("", ".lock")),
    }
)
"""The files that a store's folder may hold for good."""

_PROCESS: Final = re.compile(r"\.(?:new|scratch|tmp)-([0-9]+)")
"""What a temporary file is named after."""

_BROKEN_TREE: Final = """
WITH RECURSIVE reached(id, thread_id) AS (
    SELECT id, thread_id FROM messages WHERE parent_entry_id IS NULL
    UNION ALL
    SELECT messages.id, messages.thread_id FROM reached
    JOIN messages ON messages.parent_entry_id = reached.id
                 AND messages.thread_id = reached.thread_id
)
SELECT 'message', id FROM messages WHERE id NOT IN (SELECT id FROM reached)
UNION ALL
SELECT 'leaf', threads.id FROM threads
LEFT JOIN messages AS leaf ON leaf.id = threads.current_leaf_id
WHERE CASE WHEN threads.current_leaf_id IS NULL
           THEN EXISTS (SELECT 1 FROM messages WHERE thread_id = threads.id)
           ELSE leaf.thread_id IS NOT threads.id END
"""
"""Messages that no root of their thread leads to; leaves that are none of their thread."""


def assert_whole(db: Path) -> None:
    """Find a file that SQLite finds nothing wrong with, and every reference kept."""
    try:
        assert rows(db, "PRAGMA integrity_check") == [("ok",)]
        assert rows(db, "PRAGMA foreign_key_check") == []
    except sqlite3.DatabaseError as error:
        raise AssertionError(f"{db}: {error}") from error


def assert_sound(db: Path) -> None:
    """Find the file whole, and every thread's tree a tree."""
    assert_whole(db)
    if rows(db, "SELECT 1 FROM pragma_table_info('messages') WHERE name = 'parent_entry_id'"):
        assert rows(db, _BROKEN_TREE) == []


def index_of(db: Path) -> dict[str, SessionIndexEntry]:
    """Return the last line of each thread."""
    return SessionIndex(db.with_name("session_index.jsonl")).latest()


def bad_lines(db: Path) -> int:
    """Return how many lines of the index cannot be read."""
    return len(SessionIndex(db.with_name("session_index.jsonl")).read().bad_lines)


def assert_few_leftovers(folder: Path) -> None:
    """Find temporary files of one process at most: the next of its kind clears them away."""
    names = [name for name in unusual(folder) if "/." in f"/{name}"]
    processes = {found for name in names for found in _PROCESS.findall(name)}
    assert len(processes) == (names != []), names


def unusual(folder: Path) -> list[str]:
    """Return the files in a folder, and in those below it, that are none of a store's own."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name not in USUAL)
