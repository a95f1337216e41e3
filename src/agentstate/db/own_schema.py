"""The program's own tables in the store's file: where imported threads came from.

They are made by the first import and by nothing else, are deleted with the rows that they speak
of, and have a version of their own, for the file's belongs to the agent program. That program
never sees them: no trigger leads there, and no column of its tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.errors import StoreTooNewError

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate.db.port import Database

NEWEST: Final = 1
"""The version of these tables that is written today."""

META: Final = "agentstate_meta"
_VERSION: Final = "version"
_CHANGES: Final = "changes"
IMPORTS: Final = "agentstate_imports"
IMPORTED_MESSAGES: Final = "agentstate_imported_messages"
TABLES: Final = (META, IMPORTS, IMPORTED_MESSAGES)
OF_THREADS: Final = (IMPORTS, IMPORTED_MESSAGES)
"""Those whose rows go with their thread, which `thread_id` names."""

# What an import wrote last (title, rollout_path, archived, leaf_id) tells what others have changed
# since. The message's id is the key of the last table, so that rows are added at its end, and a
# message that is deleted finds its row at once. What begins a source that goes on with others
# answers the last of theirs whose position is below what it `awaits`, whenever that comes: of the
# source whose name ends so, where one is named, and above so many things that a person said.
_STATEMENTS: Final = (
    f"""CREATE TABLE IF NOT EXISTS {META} (
    key TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
)""",
    f"""CREATE TABLE IF NOT EXISTS {IMPORTS} (
    thread_id TEXT PRIMARY KEY NOT NULL,
    format TEXT NOT NULL,
    session_id TEXT NOT NULL,
    source_path TEXT,
    parent_session_id TEXT,
    relation TEXT,
    title TEXT,
    rollout_path TEXT,
    archived INTEGER NOT NULL DEFAULT 0,
    leaf_id INTEGER,
    source_updated_at INTEGER,
    imported_at INTEGER NOT NULL,
    UNIQUE(format, session_id),
    FOREIGN KEY(thread_id) REFERENCES threads(id) ON DELETE CASCADE
)""",
    f"""CREATE TABLE IF NOT EXISTS {IMPORTED_MESSAGES} (
    message_id INTEGER PRIMARY KEY NOT NULL,
    thread_id TEXT NOT NULL,
    native_id TEXT NOT NULL,
    hidden INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0,
    awaits INTEGER,
    awaits_source TEXT,
    awaits_turns INTEGER NOT NULL DEFAULT 0,
    UNIQUE(thread_id, native_id),
    FOREIGN KEY(message_id) REFERENCES messages(id) ON DELETE CASCADE
)""",
    f"""CREATE INDEX IF NOT EXISTS idx_agentstate_hidden_messages
    ON {IMPORTED_MESSAGES}(thread_id) WHERE hidden = 1""",
    f"""CREATE INDEX IF NOT EXISTS idx_agentstate_awaiting_messages
    ON {IMPORTED_MESSAGES}(thread_id) WHERE awaits IS NOT NULL""",
)


_LATER: Final = {"awaits_source": "TEXT", "awaits_turns": "INTEGER NOT NULL DEFAULT 0"}
"""Columns that tables made earlier may lack."""


def knows_sources(database: Database) -> bool:
    """Tell whether the tables have the columns that were added to them later."""
    return database.has_column(IMPORTED_MESSAGES, next(reversed(_LATER)))


def note_changes(database: Database) -> None:
    """Count that messages were changed in place, so that what was read of them is read again."""
    database.execute(
        f"INSERT INTO {META}(key, value) VALUES ('{_CHANGES}', 1) "  # noqa: S608 - our own names
        "ON CONFLICT(key) DO UPDATE SET value = value + 1"
    )


def changes(database: Database) -> int:
    """Return how often messages were changed in place."""
    return _value(database, _CHANGES)


def prepare(database: Database) -> None:
    """Make the tables where they are missing, inside the caller's transaction.

    Raises `StoreTooNewError` where a newer agentstate made them.
    """
    found = version(database)
    if found == NEWEST and knows_sources(database):
        return
    if found > NEWEST:
        raise StoreTooNewError(
            f"the tables of imports are at version {found}; this agentstate writes up to {NEWEST}, "
            "so nothing was imported"
        )
    create(database)


def create(database: Database) -> None:
    """Make every table and index that is missing, inside the caller's transaction."""
    for statement in _STATEMENTS:
        database.execute(statement)
    for column, kind in _LATER.items():
        if not database.has_column(IMPORTED_MESSAGES, column):
            database.execute(f"ALTER TABLE {IMPORTED_MESSAGES} ADD COLUMN {column} {kind}")
    database.execute(
        f"INSERT INTO {META}(key, value) VALUES ('{_VERSION}', :version) "  # noqa: S608 - our own names
        "ON CONFLICT(key) DO NOTHING",
        {"version": NEWEST},
    )


def version(database: Database) -> int:
    """Return the version of the tables; 0 where there are none."""
    return _value(database, _VERSION)


def _value(database: Database, key: str) -> int:
    if not database.has_column(META, "value"):
        return 0
    row = database.one(f"SELECT value FROM {META} WHERE key = :key", {"key": key})  # noqa: S608 - our own name
    return row[0] if row and isinstance(row[0], int) else 0


def drop(database: Database) -> None:
    """Remove the tables, which must be empty, inside the caller's transaction."""
    for table in reversed(TABLES):
        database.execute(f"DROP TABLE IF EXISTS {table}")


def remove_lost(database: Database) -> dict[str, int]:
    """Remove rows whose thread or message is gone; return how many, by table.

    So do the foreign keys, except for a program that does not have them enforced.
    """
    return {
        IMPORTS: database.execute(f"DELETE FROM {IMPORTS} WHERE {LOST[IMPORTS]}"),  # noqa: S608 - our own names
        IMPORTED_MESSAGES: database.execute(
            f"DELETE FROM {IMPORTED_MESSAGES} WHERE {LOST[IMPORTED_MESSAGES]}"  # noqa: S608 - as above
        ),
    }


LOST: Final = {
    IMPORTS: f"NOT EXISTS (SELECT 1 FROM threads WHERE id = {IMPORTS}.thread_id)",  # noqa: S608 - our own name
    IMPORTED_MESSAGES: (
        f"NOT EXISTS (SELECT 1 FROM messages WHERE id = {IMPORTED_MESSAGES}.message_id "  # noqa: S608 - as above
        f"AND thread_id = {IMPORTED_MESSAGES}.thread_id)"
    ),
}
"""The condition that is true of the rows of each table whose thread or message is gone."""


def may_be_in(files: tuple[Path, ...]) -> bool:
    """Tell whether files may hold these tables, whatever else is damaged in them."""
    names = [IMPORTS.encode(codec) for codec in ("utf-8", "utf-16-le", "utf-16-be")]
    longest = max(map(len, names))
    for path in files:
        with path.open("rb") as file:
            tail = b""
            while block := file.read(1 << 20):
                seen = tail + block
                if any(name in seen for name in names):
                    return True
                tail = seen[-longest:]
    return False
