"""Bundles: all of one thread as a file, and back; docs/bundle-format.md.

A bundle holds what the file holds, not what this program knows: tables and columns are found
through the file, and every value keeps its type and its bytes. Both ways go row by row, so that
a thread of any size needs no more memory than its largest message.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from agentstate.db import catalog
from agentstate.db.port import ConstraintError, DuplicateKeyError
from agentstate.errors import BadInputError, ConflictError, CorruptStoreError
from agentstate.store import bundle_lines as lines
from agentstate.store.bundle_lines import Header, RawText
from agentstate.store.rows import count
from agentstate.store.thread_rows import unknown_thread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import BinaryIO

    from agentstate.db.catalog import Table
    from agentstate.db.port import Database, Row
    from agentstate.records import SessionIndexEntry


_ENOUGH: Final = 2**53
"""A message id that leaves as many as a store will ever give out."""


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
    tables = tables_of(database)
    rows = _counts(database, tables, thread_id)
    if not rows["threads"]:
        raise unknown_thread(thread_id)
    codec = catalog.text_codec(database)
    header = Header(
        thread_id=thread_id,
        name=_name(database, thread_id, codec) or (index.thread_name if index else None),
        written_at=written_at,
        expires_at=expires_at,
        schema_version=database.about().schema_version,
        rows=rows,
        index=index,
    )
    digest = hashlib.sha256()
    written = 0
    for line in _lines(database, tables, header):
        digest.update(line)
        file.write(line)
        written += 1
    file.write(lines.trailer_line(written - 1, digest.hexdigest()))
    return header


def _lines(database: Database, tables: Iterable[Table], header: Header) -> Iterator[bytes]:
    """Yield all lines but the last."""
    yield lines.header_line(header)
    codec = catalog.text_codec(database)
    for table in tables:
        for row in _rows(database, table, header.thread_id):
            cells = zip(table.columns, row[::2], row[1::2], strict=True)
            values = {
                column: lines.encode_value(kind, _text(value, codec) if kind == "text" else value)
                for column, kind, value in cells
            }
            yield lines.row_line(table.name, values)


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


def _counts(database: Database, tables: Iterable[Table], thread_id: str) -> dict[str, int]:
    return {
        table.name: count(
            database,
            f"SELECT count(*) FROM {catalog.quoted(table.name)} WHERE {table.condition}",
            {"key": thread_id},
        )
        for table in tables
    }


def insert(database: Database, file: BinaryIO) -> Header:
    """Add the thread of a bundle, within a transaction of the caller, who rolls back an error.

    Raises `ConflictError` where the thread, or a message of one of its ids, exists, and
    `BadInputError` where the bundle is cut short, was changed, or is none.
    """
    digest = hashlib.sha256()
    first = file.readline()
    header = lines.read_header(first)
    digest.update(first)
    adding = _Adding(database, header)
    for number, line in enumerate(file, start=2):
        members = lines.read_line(line, number)
        if lines.is_trailer(members):
            if members != {"rows": number - 2, "sha256": digest.hexdigest()} or file.read(1):
                raise BadInputError("the bundle was changed: its end does not fit the rest")
            adding.check()
            return header
        digest.update(line)
        adding.add(*lines.read_row(members, number), number=number)
    raise BadInputError("the bundle is cut short: it has no end")


class _Adding:
    """The rows of one bundle on their way into the file."""

    def __init__(self, database: Database, header: Header) -> None:
        """Look at what is there; raises `ConflictError` where the thread exists."""
        self._db = database
        self._header = header
        self._tables = {table.name: table for table in tables_of(database)}
        self._added = dict.fromkeys(self._tables, 0)
        self._codec = catalog.text_codec(database)
        self._highest = max(_ENOUGH, catalog.highest_id(database, "messages"))
        found = _counts(database, self._tables.values(), header.thread_id)
        if found["threads"]:
            raise ConflictError(f"thread {header.thread_id!r} exists; nothing was written")
        if left := [table for table, rows in found.items() if rows]:
            raise ConflictError(
                f"the store has rows of thread {header.thread_id!r} in {left[0]}, without the "
                "thread; see agentstate doctor"
            )

    def add(self, table_name: str, values: Mapping[str, object], *, number: int) -> None:
        """Add the row of one line."""
        table = self._tables.get(table_name)
        if table is None:
            raise BadInputError(f"line {number}: the store has no table {table_name!r} of threads")
        if unknown := [name for name in values if name not in table.columns]:
            raise BadInputError(f"line {number}: {table_name} has no column {unknown[0]!r} here")
        raw = {name for name, value in values.items() if isinstance(value, RawText)}
        if raw and self._codec != "utf-8":
            raise BadInputError(f"line {number}: the store keeps {self._codec}, and no other text")
        # The names are the file's own, compared above. A cast of bytes to text keeps the bytes.
        names = {name: f"v{place}" for place, name in enumerate(values)}
        sql = (
            f"INSERT INTO {catalog.quoted(table_name)}({', '.join(map(catalog.quoted, names))}) "
            "VALUES ("
            + ", ".join(
                f"CAST(:{v} AS TEXT)" if name in raw else f":{v}" for name, v in names.items()
            )
            + ")"
        )
        params = {names[name]: value for name, value in values.items()}
        try:
            self._db.execute(sql, params)
        except DuplicateKeyError as error:
            what = (
                f"message {values['id']}" if table_name == "messages" else f"a row of {table_name}"
            )
            raise ConflictError(
                f"{what} of thread {self._header.thread_id!r} exists already; nothing was written"
            ) from error
        except ConstraintError as error:
            raise BadInputError(f"line {number} of the bundle: {error}") from error
        self._added[table_name] += 1

    def check(self) -> None:
        """Raise `BadInputError` unless all that was added, and was announced, is the thread's."""
        found = _counts(self._db, self._tables.values(), self._header.thread_id)
        announced = {**dict.fromkeys(self._tables, 0), **self._header.rows}
        if found["threads"] != 1 or found != self._added:
            raise BadInputError("the bundle holds rows of another thread")
        if announced != found:
            raise BadInputError("the bundle was changed: its start does not fit the rest")
        # Ids go on from the highest there ever was, and beyond the last no message can be added.
        if catalog.highest_id(self._db, "messages") > self._highest:
            raise BadInputError("a message of the bundle has an id that leaves none for others")
