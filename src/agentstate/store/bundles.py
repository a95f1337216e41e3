"""Bundles: all of one thread as a file, and back; docs/bundle-format.md.

A bundle holds what the file holds, not what this program knows: tables and columns are found
through the file, and every value keeps its type and its bytes. Both ways go row by row, so that
a thread of any size needs no more memory than its largest message. The way back is in
`agentstate.store.bundle_reading`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from agentstate.db import catalog
from agentstate.errors import CorruptStoreError
from agentstate.store import bundle_lines as lines
from agentstate.store.bundle_lines import Header, RawText
from agentstate.store.rows import count
from agentstate.store.thread_rows import unknown_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from agentstate.db.catalog import Table
    from agentstate.db.port import Database, Row
    from agentstate.records import SessionIndexEntry

    Text = str | RawText
    Change = Callable[[str, str, Text], Text]


def _unchanged(_table: str, _column: str, text: Text) -> Text:
    return text


def tables_of(database: Database) -> list[Table]:
    """Return the tables that hold rows of a thread, `threads` first; `:key` is its id."""
    return catalog.family(database, "threads", "id")


def write(  # noqa: PLR0913 - what the file does not know of the thread, and where it goes
    database: Database,
    thread_id: str,
    file: BinaryIO,
    *,
    written_at: int,
    expires_at: int | None = None,
    index: SessionIndexEntry | None = None,
) -> Header:
    """Write a thread as a bundle, within a transaction or snapshot of the caller.

    Raises `ThreadNotFoundError`; `OSError` where `file` cannot be written; `CorruptStoreError`
    for a text in UTF-16 that is none, whose bytes SQLite would not give back.
    """
    header = head(database, thread_id, written_at=written_at, expires_at=expires_at, index=index)
    file.writelines(stream(database, header))
    return header


def head(
    database: Database,
    thread_id: str,
    *,
    written_at: int,
    expires_at: int | None = None,
    index: SessionIndexEntry | None = None,
) -> Header:
    """Return the header of a thread's bundle; raises `ThreadNotFoundError`."""
    tables = tables_of(database)
    rows = counts_of(database, tables, thread_id)
    if not rows["threads"]:
        raise unknown_thread(thread_id)
    name = _name(database, thread_id, catalog.text_codec(database))
    return Header(
        thread_id=thread_id,
        name=name or (index.thread_name if index else None),
        written_at=written_at,
        expires_at=expires_at,
        schema_version=database.about().schema_version,
        rows=rows,
        index=index,
    )


def stream(database: Database, header: Header, change: Change = _unchanged) -> Iterator[bytes]:
    """Yield all lines of the bundle of a header, whose own texts are as they shall be.

    What `change` gives for the texts of a table's columns stands in their place.
    """
    digest = hashlib.sha256()
    written = 0
    for line in _lines(database, header, change):
        digest.update(line)
        yield line
        written += 1
    yield lines.trailer_line(written - 1, digest.hexdigest())


def _lines(database: Database, header: Header, change: Change) -> Iterator[bytes]:
    """Yield all lines but the last."""
    yield lines.header_line(header)
    codec = catalog.text_codec(database)
    for table in tables_of(database):
        for row in _rows(database, table, header.thread_id):
            values: dict[str, object] = {}
            for column, kind, stored in zip(table.columns, row[::2], row[1::2], strict=True):
                value = stored
                if kind == "text":
                    value = change(table.name, column, _text(stored, codec))
                values[column] = lines.encode_value(kind, value)
            yield lines.row_line(table.name, values)


def values_of(database: Database, table: Table, thread_id: str) -> Iterator[dict[str, object]]:
    """Yield the rows that a table holds of a thread, as `bundle_reading.read` does."""
    codec = catalog.text_codec(database)
    for row in _rows(database, table, thread_id):
        cells = zip(table.columns, row[::2], row[1::2], strict=True)
        yield {
            column: _text(value, codec) if kind == "text" else value
            for column, kind, value in cells
        }


def _rows(database: Database, table: Table, thread_id: str) -> Iterator[Row]:
    """Yield the type and the value of each column of each row, text as its bytes."""
    values = ", ".join(
        f"typeof({column}), CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) "
        f"ELSE {column} END"
        for column in map(catalog.quoted, table.columns)
    )
    name = catalog.quoted(table.name)
    chosen = f"WHERE {table.condition} ORDER BY {table.order}"
    if table.rowid is None:
        yield from database.stream(f"SELECT {values} FROM {name} {chosen}", {"key": thread_id})
        return
    # To sort whole rows, SQLite would hold all of them in memory.
    for (rowid,) in database.stream(
        f"SELECT {table.rowid} FROM {name} {chosen}", {"key": thread_id}
    ):
        yield from database.all(
            f"SELECT {values} FROM {name} WHERE {table.rowid} = :rowid", {"rowid": rowid}
        )


def _text(data: bytes, codec: str) -> str | RawText:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        if codec == "utf-8":
            return RawText(data)
        raise CorruptStoreError(
            f"the thread holds text that is not {codec}, which no bundle can keep: {error}; "
            "--no-bundle deletes it all the same"
        ) from error


def _name(database: Database, thread_id: str, codec: str) -> str | None:
    sql = "SELECT CAST(title AS BLOB) FROM threads WHERE id = :id AND typeof(title) = 'text'"
    row = database.one(sql, {"id": thread_id})
    return str(row[0].decode(codec, "replace")) if row else None


def counts_of(database: Database, tables: Iterable[Table], thread_id: str) -> dict[str, int]:
    """Return how many rows each table holds of a thread."""
    return {
        table.name: count(
            database,
            f"SELECT count(*) FROM {catalog.quoted(table.name)} WHERE {table.condition}",
            {"key": thread_id},
        )
        for table in tables
    }
