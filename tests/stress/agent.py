"""The agent program, as the store sees it: plain SQLite, and transactions that begin deferred."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import Final

_PAUSE: Final = 0.002
"""Seconds before another try, for the others to go on."""


def append_as_the_agent(db: str, thread_id: str, role: str, text: str) -> tuple[int, int]:
    """Append a message; return how often it was tried, and the message's id.

    A connection for each message, which reads the leaf before it writes. Where another has
    written in between SQLite refuses the write at once, for what was read is old: then it is
    tried again from the beginning.
    """
    tries = 0
    while True:
        tries += 1
        try:
            with closing(sqlite3.connect(db, isolation_level=None, timeout=60)) as connection:
                return tries, _append(connection, thread_id, role, text)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        time.sleep(_PAUSE)


def _append(connection: sqlite3.Connection, thread_id: str, role: str, text: str) -> int:
    connection.execute("BEGIN")
    (leaf,) = connection.execute(
        "SELECT current_leaf_id FROM threads WHERE id = ?", (thread_id,)
    ).fetchone()
    (message_id,) = connection.execute(
        "INSERT INTO messages(thread_id, role, content, created_at, parent_entry_id) "
        "VALUES (?, ?, ?, 1, ?) RETURNING id",
        (thread_id, role, text, leaf),
    ).fetchone()
    connection.execute(
        "UPDATE threads SET current_leaf_id = ? WHERE id = ?", (message_id, thread_id)
    )
    connection.execute("COMMIT")
    return int(message_id)
