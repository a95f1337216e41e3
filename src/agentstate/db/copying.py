"""Copying a whole SQLite file, and seeing whether one is sound."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from agentstate.db.reading import IMMUTABLE, WRITE, resolve, uri
from agentstate.db.sqlite import SQLiteDatabase

if TYPE_CHECKING:
    from pathlib import Path

_JOURNAL_VERSIONS: Final = 18
"""Where the header says how the file is journalled when it is written, and when it is read."""
_ROLLBACK: Final = b"\1\1"


def write_copy(source: SQLiteDatabase, path: Path, name: Path, *, compact: bool = False) -> None:
    """Write one state of an open file into an empty file; errors call it `name`.

    Nothing is left beside it, and reading it leaves nothing, also where nothing can be written:
    the copy is in rollback mode. With `compact` it has no free pages.
    """
    if compact:
        source.vacuum_into(resolve(path), name)
        return
    with closing(SQLiteDatabase(uri(resolve(path), WRITE), name, 0)) as copy:
        # Nobody knows this file yet; a journal beside it could only be left behind.
        copy.execute("PRAGMA journal_mode = MEMORY")
        copy.execute("PRAGMA synchronous = OFF")
        source.copy_to(copy)
    with path.open("r+b") as file:
        file.seek(_JOURNAL_VERSIONS)
        file.write(_ROLLBACK)


def open_copy(path: Path, name: Path) -> SQLiteDatabase:
    """Open what `write_copy` wrote, leaving nothing beside it; errors call it `name`."""
    return SQLiteDatabase(uri(resolve(path), IMMUTABLE), name, 0, read_only=True, immutable=True)
