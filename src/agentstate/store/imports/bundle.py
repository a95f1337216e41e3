"""A bundle back into a store: as it was, or as a copy with ids of its own."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from agentstate.db import own_schema, schema
from agentstate.db.inspection import fresh_own_schema, fresh_schema
from agentstate.errors import BadInputError, ConflictError
from agentstate.store import bundle_reading, bundles
from agentstate.store.imports.rewriting import Facts, Rewriting
from agentstate.store.rows import batches, in_list
from agentstate.store.thread_rows import has_thread

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import BinaryIO

    from agentstate.db.port import Database
    from agentstate.reports.imports import ImportedThread
    from agentstate.store.bundle_reading import BundleRow
    from agentstate.store.context import Context

_LOOKED_UP: Final = 4000
"""Ids in one statement."""


def foretell(file: BinaryIO, *, new_ids: bool) -> ImportedThread:
    """Say what would come of a bundle in a store that has nothing.

    Raises `BadInputError` where it is not whole, or none.
    """
    header, rows = bundle_reading.read(file)
    facts = Facts()
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
            rewrite = Rewriting(self._db, self._remap, thread_id, ids)
            try:
                added = bundle_reading.insert(self._db, file, rewrite)
            except ConflictError as error:
                raise ConflictError(f"{error}; --new-ids imports a copy") from error
        bundle_reading.publish(self._context, added)
        return rewrite.facts.report(header, added.thread_id, created=True)

    def _compare(self, file: BinaryIO) -> ImportedThread:
        """Return what is said of a thread that is there already, as the bundle has it."""
        header, rows = bundle_reading.read(file)
        facts = Facts()
        rewrite = Rewriting(self._db, self._remap)
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
        facts = Facts()
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
    for some in batches(ids, _LOOKED_UP):
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
