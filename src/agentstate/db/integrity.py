"""SQLite's own check of a file: its pages, its indexes, and rows that refer to others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.errors import AgentStateError, CorruptStoreError

if TYPE_CHECKING:
    from agentstate.db.port import Row
    from agentstate.db.sqlite import SQLiteDatabase

_LINES: Final = 100
"""How many lines of a check of the pages are asked for; a damaged file may give a million."""
_FIRST_ROW: Final = f"SELECT integrity_check FROM pragma_integrity_check({_LINES}) LIMIT 1"  # noqa: S608 - a number of ours
_HEADING: Final = "*** in database main ***"
_MALFORMED: Final = "database disk image is malformed"
"""SQLite's words for damage of which it says no more."""

# SQLite's words for an index that does not agree with its table, which can be made again.
_OF_INDEX: Final = re.compile(
    r"row \d+ missing from index|wrong # of entries in index|non-unique entry in index"
    r"|rowid not at end-of-record for row \d+ of index|row \d+ values differ from index"
)
# And for a value that breaks a promise of its column: the row can be read.
_OF_VALUE: Final = re.compile(r"(NULL|\S+) value in |CHECK constraint failed in ")


class Integrity(NamedTuple):
    """What SQLite's own check of a file found, in its words."""

    pages: list[str]
    """Damage to what holds the rows themselves."""
    indexes: list[str]
    """Indexes that do not agree with their table."""


def integrity(database: SQLiteDatabase) -> Integrity:
    """Check every page; values that break a promise of their column are left out."""
    found = Integrity([], [])
    try:
        rows = database.all(f"PRAGMA integrity_check({_LINES})")
        fails = False
    except CorruptStoreError:
        rows = _first_row_of_check(database)
        fails = True
    for line in (line for (text,) in rows for line in text.split("\n")):
        if line in {"ok", _HEADING} or _OF_VALUE.match(line):
            continue
        (found.indexes if _OF_INDEX.match(line) else found.pages).append(line)
    if fails and not found.pages:
        found.pages.append(_MALFORMED)
    return found


def _first_row_of_check(database: SQLiteDatabase) -> list[Row]:
    """Return the row that names the damaged pages, behind which the check fails for that damage.

    Asked for alone, for the driver drops a row that a failure follows.
    """
    try:
        return database.all(_FIRST_ROW)
    except CorruptStoreError:
        return []


def fault_of(database: SQLiteDatabase) -> str | None:
    """Return the first thing that is wrong with the pages and indexes of a file, or None."""
    found = integrity(database)
    return next(iter(found.pages + found.indexes), None)


def dangling_references(database: SQLiteDatabase) -> list[Row]:
    """Return the rows whose foreign key points nowhere: table, rowid, the table it points at."""
    return [row[:3] for row in database.all("PRAGMA foreign_key_check")]


def count_broken_references(database: SQLiteDatabase) -> int:
    """Return how many rows refer to one that is not there; 0 where their tables don't fit."""
    try:
        found = database.one("SELECT count(*) FROM pragma_foreign_key_check")
    except AgentStateError:
        return 0
    return int(found[0]) if found else 0
