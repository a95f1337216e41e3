"""Bundles back into a store: every line is looked at, and all of a thread is added, or nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from agentstate.db import catalog, own_schema
from agentstate.db.port import ConstraintError, DuplicateKeyError
from agentstate.errors import BadInputError, ConflictError, CorruptStoreError
from agentstate.records import SessionIndexEntry
from agentstate.store import bundle_lines as lines
from agentstate.store.bundle_lines import RawText
from agentstate.store.bundles import counts_of, tables_of
from agentstate.store.thread_rows import index_entry
from agentstate.store.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import BinaryIO

    from agentstate.db.port import Database
    from agentstate.store.bundle_lines import Header
    from agentstate.store.context import Context

_ENOUGH: Final = 2**53
"""A message id that leaves as many as a store will ever give out."""
_OF_ONE_THREAD: Final = ("threads", "checkpoints", "thread_dynamic_tools", "thread_goals")
"""Tables whose keys name the thread."""
_OWNERS: Final = {
    "messages": (("id",), "id = :id"),
    own_schema.IMPORTS: (("format", "session_id"), "format = :format AND session_id = :session_id"),
    own_schema.IMPORTED_MESSAGES: (
        ("message_id", "thread_id", "native_id"),
        "message_id = :message_id OR (thread_id = :thread_id AND native_id = :native_id)",
    ),
}
"""How to find the row of other tables that has the same key as another."""


class BundleRow(NamedTuple):
    """A row of a bundle."""

    number: int
    """Its line, counted from 1."""
    table: str
    values: dict[str, object]


class Rewrite(Protocol):
    """What changes a bundle on its way into a store."""

    def header(self, header: Header) -> Header:
        """Return the header as it is to be."""
        ...

    def row(self, row: BundleRow) -> BundleRow | None:
        """Return a row as it is to be added, or None for one that is not."""
        ...


def read(file: BinaryIO) -> tuple[Header, Iterator[BundleRow]]:
    """Return a bundle's header, and its rows as they are read; the last proves that it is whole.

    Raises `BadInputError`, also while rows are read, where it is cut short, was changed, or is
    none.
    """
    first = file.readline()
    return lines.read_header(first), _read_rows(file, hashlib.sha256(first))


def _read_rows(file: BinaryIO, digest: hashlib._Hash) -> Iterator[BundleRow]:
    for number, line in enumerate(file, start=2):
        members = lines.read_line(line, number)
        if lines.is_trailer(members):
            if members != {"rows": number - 2, "sha256": digest.hexdigest()} or file.read(1):
                raise BadInputError("the bundle was changed: its end does not fit the rest")
            return
        digest.update(line)
        yield BundleRow(number, *lines.read_row(members, number))
    raise BadInputError("the bundle is cut short: it has no end")


def insert(database: Database, file: BinaryIO, rewrite: Rewrite | None = None) -> Header:
    """Add the thread of a bundle, within a transaction of the caller, who rolls back an error.

    `rewrite` may change what the bundle says before it is added. Raises `ConflictError` where the
    thread, or a message of one of its ids, exists, and `BadInputError` where the bundle is cut
    short, was changed, or is none.
    """
    header, rows = read(file)
    if any(header.rows.get(table) for table in own_schema.OF_THREADS):
        own_schema.prepare(database)
    if rewrite is not None:
        header = rewrite.header(header)
    try:
        adding = _Adding(database, header)
        for row in rows:
            changed = row if rewrite is None else rewrite.row(row)
            adding.add(row if changed is None else changed, drop=changed is None)
    except (BadInputError, ConflictError):
        # Of a bundle that was changed nothing else is worth to be told.
        for _ in rows:
            pass
        raise
    adding.check()
    return header


def publish(context: Context, header: Header) -> None:
    """Append the index line of a thread that is back, with what only the index knew."""
    known = header.index or SessionIndexEntry(thread_id=header.thread_id, updated_at=0)
    try:
        thread = Threads(context).get(header.thread_id)
    except CorruptStoreError:
        thread = None
    if thread is not None:
        said = vars(index_entry(thread)).items()
        known = replace(known, **{name: value for name, value in said if value is not None})
    context.publish(known)


class _Adding:
    """The rows of one bundle on their way into the file."""

    def __init__(self, database: Database, header: Header) -> None:
        """Look at what is there; raises `ConflictError` where the thread exists."""
        self._db = database
        self._header = header
        self._tables = {table.name: table for table in tables_of(database)}
        self._columns = {name: table.columns for name, table in self._tables.items()}
        self._added = dict.fromkeys(self._tables, 0)
        self._dropped = dict.fromkeys(self._tables, 0)
        self._codec = catalog.text_codec(database)
        self._highest = max(_ENOUGH, catalog.highest_id(database, "messages"))
        found = counts_of(database, self._tables.values(), header.thread_id)
        if found["threads"]:
            raise ConflictError(f"thread {header.thread_id!r} exists; nothing was written")
        if left := [table for table, rows in found.items() if rows]:
            raise ConflictError(
                f"the store has rows of thread {header.thread_id!r} in {left[0]}, without the "
                "thread; see agentstate doctor"
            )

    def add(self, row: BundleRow, *, drop: bool) -> None:
        """Add the row of one line, or `drop` it, after the same look at it."""
        table_name, values, number = row.table, row.values, row.number
        require_known(self._columns, row)
        raw = {name for name, value in values.items() if isinstance(value, RawText)}
        if raw and self._codec != "utf-8":
            raise BadInputError(f"line {number}: the store keeps {self._codec}, and no other text")
        if drop:
            self._dropped[table_name] += 1
            return
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
            if self._owner(row) == self._header.thread_id:
                raise BadInputError(f"line {number} of the bundle: it holds this twice") from error
            raise ConflictError(f"{self._taken(row)}; nothing was written") from error
        except (BadInputError, ConstraintError) as error:
            raise BadInputError(f"line {number} of the bundle: {error}") from error
        self._added[table_name] += 1

    def _owner(self, row: BundleRow) -> object:
        """Return whose row is in the way; before the bundle there was none of its thread."""
        if row.table in _OF_ONE_THREAD:
            return self._header.thread_id
        if row.table not in _OWNERS:
            return None
        names, condition = _OWNERS[row.table]
        found = self._db.one(
            f"SELECT thread_id FROM {row.table} WHERE {condition}",
            {name: row.values.get(name) for name in names},
        )
        return found[0] if found else None

    def _taken(self, row: BundleRow) -> str:
        """Say what of a row the store has already."""
        thread = f"thread {self._header.thread_id!r}"
        if row.table == "messages":
            return f"message {row.values['id']} of {thread} exists already"
        if row.table == own_schema.IMPORTS and (other := self._owner(row)) is not None:
            return f"the session of {thread} was imported again since, as thread {other!r}"
        return f"a row of {row.table} of {thread} exists already"

    def check(self) -> None:
        """Raise `BadInputError` unless all that was added, and was announced, is the thread's."""
        found = counts_of(self._db, self._tables.values(), self._header.thread_id)
        came = {table: rows + self._dropped[table] for table, rows in self._added.items()}
        if found["threads"] != 1 or found != self._added:
            raise BadInputError("the bundle holds rows of another thread")
        require_announced(self._header, came)
        # Ids go on from the highest there ever was, and beyond the last no message can be added.
        if catalog.highest_id(self._db, "messages") > self._highest:
            raise BadInputError("a message of the bundle has an id that leaves none for others")


def require_known(tables: Mapping[str, Collection[str]], row: BundleRow) -> None:
    """Raise `BadInputError` for a row of a table, or with a column, that a store does not have."""
    if row.table not in tables:
        raise BadInputError(f"line {row.number}: the store has no table {row.table!r} of threads")
    if unknown := [name for name in row.values if name not in tables[row.table]]:
        raise BadInputError(f"line {row.number}: {row.table} has no column {unknown[0]!r} here")


def require_announced(header: Header, came: Mapping[str, int]) -> None:
    """Raise `BadInputError` unless as many rows came of each table as the header says."""
    if {**dict.fromkeys(came, 0), **header.rows} != {**dict.fromkeys(header.rows, 0), **came}:
        raise BadInputError("the bundle was changed: its start does not fit the rest")
