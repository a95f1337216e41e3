"""A bundle back into a store: as it was, or as a copy with ids of its own."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from agentstate.db import catalog, own_schema, schema
from agentstate.db.inspection import fresh_own_schema, fresh_schema
from agentstate.db.own_schema import IMPORTED_MESSAGES, IMPORTS
from agentstate.errors import BadInputError, ConflictError
from agentstate.reports import ImportedThread, LeafMove
from agentstate.store import bundle_reading, bundles
from agentstate.store.imports.describing import remapped
from agentstate.store.rows import in_list
from agentstate.store.thread_rows import has_thread

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from agentstate.db.port import Database
    from agentstate.store.bundle_lines import Header
    from agentstate.store.bundle_reading import BundleRow
    from agentstate.store.context import Context

_MESSAGE_COLUMNS: Final = {
    "messages": {"id", "parent_entry_id"},
    "threads": {"current_leaf_id"},
    IMPORTS: {"leaf_id"},
    IMPORTED_MESSAGES: {"message_id"},
}
"""Columns that hold ids of messages, whether or not a foreign key says so."""
_THREAD_COLUMNS: Final = {"threads": {"id"}, IMPORTED_MESSAGES: {"thread_id"}}
_PATHS: Final = ("cwd", "rollout_path")
_LOOKED_UP: Final = 4000
"""Ids in one statement."""


class _Facts:
    """What a bundle says of its thread, gathered while its rows pass by."""

    def __init__(self) -> None:
        self.hidden = 0
        self.session: dict[str, Any] = {}
        self.rows: dict[str, int] = {}

    def passing(self, rows: Iterable[BundleRow]) -> Iterator[BundleRow]:
        for row in rows:
            self.see(row)
            yield row

    def see(self, row: BundleRow) -> None:
        self.rows[row.table] = self.rows.get(row.table, 0) + 1
        if row.table == IMPORTED_MESSAGES:
            self.hidden += row.values.get("hidden") == 1
        elif row.table == IMPORTS:
            self.session = dict(row.values)

    def report(self, header: Header, thread_id: str | None, *, created: bool) -> ImportedThread:
        messages = header.rows.get("messages", 0)
        return ImportedThread(
            thread_id=thread_id,
            session_id=header.thread_id,
            name=header.name,
            created=created,
            messages=messages,
            hidden=self.hidden,
            added=messages if created else 0,
            leaf=LeafMove.MOVED if created else LeafMove.UNCHANGED,
            parent_session_id=_text(self.session.get("parent_session_id")),
            relation=_text(self.session.get("relation")),
        )


def foretell(file: BinaryIO, *, new_ids: bool) -> ImportedThread:
    """Say what would come of a bundle in a store that has nothing.

    Raises `BadInputError` where it is not whole, or none.
    """
    header, rows = bundle_reading.read(file)
    facts = _Facts()
    known = _columns_of_fresh()
    for row in facts.passing(rows):
        bundle_reading.require_known(known, row)
    bundle_reading.require_announced(header, facts.rows)
    return facts.report(header, None if new_ids else header.thread_id, created=True)


class BundleImport:
    """One import of one bundle."""

    def __init__(
        self, context: Context, *, new_ids: bool, remap: Sequence[tuple[str, str]]
    ) -> None:
        """Work on the store of `context`; nothing is read."""
        self._context = context
        self._db = context.database
        self._new_ids = new_ids
        self._remap = remap

    def run(self, file: BinaryIO, *, dry_run: bool) -> ImportedThread:
        """Add the thread, or say what that would do; see `Imports.insert_bundle`."""
        if not file.seekable():
            import tempfile  # noqa: PLC0415 - for a stream only

            with tempfile.TemporaryFile() as kept:
                kept.writelines(file)
                kept.seek(0)
                return self.run(kept, dry_run=dry_run)
        header, _ = bundle_reading.read(file)
        file.seek(0)
        with self._db.snapshot():
            if not self._new_ids and has_thread(self._db, header.thread_id):
                return self._compare(file)
            if dry_run:
                return self._foretell(file)
        ids = _message_ids(file) if self._new_ids else None
        thread_id = self._context.new_id() if self._new_ids else None
        with self._db.transaction():
            rewrite = _Rewriting(self._db, self._remap, thread_id, ids)
            try:
                added = bundle_reading.insert(self._db, file, rewrite)
            except ConflictError as error:
                raise ConflictError(f"{error}; --new-ids imports a copy") from error
        bundle_reading.publish(self._context, added)
        return rewrite.facts.report(header, added.thread_id, created=True)

    def _compare(self, file: BinaryIO) -> ImportedThread:
        """Return what is said of a thread that is there already, as the bundle has it."""
        header, rows = bundle_reading.read(file)
        facts = _Facts()
        rewrite = _Rewriting(self._db, self._remap)
        there = {
            table.name: bundles.values_of(self._db, table, header.thread_id)
            for table in bundles.tables_of(self._db)
        }
        difference: str | None = None
        for row in facts.passing(rows):
            if difference is None:
                found = next(there.get(row.table, iter(())), None)
                difference = _difference(rewrite.remap(row), found)
        bundle_reading.require_announced(header, facts.rows)
        for table, more in there.items():
            if difference is None and next(more, None) is not None:
                difference = f"it has more in {table} than the bundle"
        if difference is not None:
            raise ConflictError(
                f"thread {header.thread_id!r} is there already and differs: {difference}; nothing "
                "was written; --new-ids imports a copy"
            )
        return facts.report(header, header.thread_id, created=False)

    def _foretell(self, file: BinaryIO) -> ImportedThread:
        """Say what would come of a bundle whose thread is not there."""
        header, rows = bundle_reading.read(file)
        facts = _Facts()
        known = _columns_of_fresh() | {
            table.name: table.columns for table in bundles.tables_of(self._db)
        }
        ids: list[object] = []
        for row in facts.passing(rows):
            bundle_reading.require_known(known, row)
            if row.table == "messages" and not self._new_ids:
                ids.append(row.values.get("id"))
        bundle_reading.require_announced(header, facts.rows)
        if (taken := _taken(self._db, ids)) is not None:
            raise ConflictError(
                f"message {taken} exists already; --new-ids imports a copy of thread "
                f"{header.thread_id!r}"
            )
        return facts.report(header, None if self._new_ids else header.thread_id, created=True)


class _Rewriting:
    """Puts new ids and other paths into the rows of a bundle."""

    def __init__(
        self,
        database: Database,
        remap: Sequence[tuple[str, str]],
        thread_id: str | None = None,
        ids: array[int] | None = None,
    ) -> None:
        """Give the thread another id, and each of its messages, whose ids are sorted."""
        self.facts = _Facts()
        self._db = database
        self._remap = remap
        self._thread_id = thread_id
        self._ids = ids
        self._highest = 0
        self._of_messages: dict[str, set[str]] = {}
        self._of_threads: dict[str, set[str]] = {}

    def header(self, header: Header) -> Header:
        """Return the header with the new id and path."""
        if self._ids is not None:
            row = self._db.one("SELECT max(id) FROM messages")
            highest = row[0] if row and row[0] is not None else 0
            self._highest = max(highest, catalog.highest_id(self._db, "messages"))
            self._of_messages = _joined(
                catalog.referring_columns(self._db, "messages", "id"), _MESSAGE_COLUMNS
            )
            self._of_threads = _joined(
                catalog.referring_columns(self._db, "threads", "id"), _THREAD_COLUMNS
            )
        thread_id = self._thread_id or header.thread_id
        index = header.index
        if index is not None:
            path = index.rollout_path
            path = None if path is None else remapped(path, self._remap)
            index = replace(index, thread_id=thread_id, rollout_path=path)
        return replace(header, thread_id=thread_id, index=index)

    def row(self, row: BundleRow) -> BundleRow | None:
        """Return a row with new ids and paths; None for one of an import that is there already."""
        self.facts.see(row)
        row = self.remap(row)
        if self._ids is None:
            return row
        if row.table == IMPORTS and self._is_imported(row):
            return None
        values = dict(row.values)
        for column in self._of_threads.get(row.table, ()):
            if values.get(column) is not None:
                values[column] = self._thread_id
        for column in self._of_messages.get(row.table, ()):
            values[column] = self._new_id(values.get(column), self._ids)
        return row._replace(values={name: values[name] for name in row.values})

    def remap(self, row: BundleRow) -> BundleRow:
        """Return a thread's row with other paths."""
        if row.table != "threads" or not self._remap:
            return row
        values = dict(row.values)
        for name in _PATHS:
            if type(path := values.get(name)) is str:
                values[name] = remapped(path, self._remap)
        return row._replace(values=values)

    def _new_id(self, old: object, ids: array[int]) -> object:
        if type(old) is not int:
            return old
        place = bisect_left(ids, old)
        # What refers to no message of the thread must not refer to another thread's.
        return self._highest + 1 + place if place < len(ids) and ids[place] == old else None

    def _is_imported(self, row: BundleRow) -> bool:
        names = ("format", "session_id")
        found = self._db.one(
            f"SELECT 1 FROM {IMPORTS} WHERE format = :format AND session_id = :session_id",
            {name: row.values.get(name) for name in names},
        )
        return found is not None


def _message_ids(file: BinaryIO) -> array[int]:
    """Return the ids of a bundle's messages, sorted; all of it is read, and again from its start.

    Raises `BadInputError` where it is not whole, or a message has no id.
    """
    _, rows = bundle_reading.read(file)
    ids = array("q")
    for row in rows:
        if row.table == "messages":
            message_id = row.values.get("id")
            if type(message_id) is not int:
                raise BadInputError(f"line {row.number} of the bundle: a message without an id")
            ids.append(message_id)
    file.seek(0)
    return array("q", sorted(ids))


def _difference(row: BundleRow, found: Mapping[str, object] | None) -> str | None:
    """Say in what a row is not the one that was found; None where it is."""
    number = row.values.get("id", row.values.get("message_id"))
    what = f"message {number}" if row.table == "messages" else f"a row of {row.table}"
    if row.table == "threads":
        what = "the thread itself"
    if found is None:
        return f"{what} is only in the bundle"
    for column, value in row.values.items():
        if column not in found:
            return f"{what} has no {column} there"
        if type(found[column]) is not type(value) or repr(found[column]) != repr(value):
            return f"{what}, in its {column}"
    return None


def _taken(database: Database, ids: Iterable[object]) -> object:
    """Return an id that a message of the store has already, or None."""
    wanted = iter(ids)
    while some := list(islice(wanted, _LOOKED_UP)):
        names, params = in_list("i", some)
        row = database.one(f"SELECT id FROM messages WHERE id IN ({names}) LIMIT 1", params)
        if row is not None:
            return row[0]
    return None


def _columns_of_fresh() -> dict[str, Collection[str]]:
    """Return the columns of the tables that hold rows of threads in a fresh store."""
    tables = fresh_schema(schema.NEWEST).tables | fresh_own_schema().tables
    names = ("threads", *schema.OF_THREADS, *own_schema.OF_THREADS)
    return {name: tuple(tables[name]) for name in names}


def _joined(first: Mapping[str, set[str]], second: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {
        table: first.get(table, set()) | second.get(table, set()) for table in {*first, *second}
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
