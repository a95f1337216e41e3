"""A bundle back into a store: as it was, or as a copy with ids of its own."""

from __future__ import annotations

from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from agentstate.db.own_schema import IMPORTS
from agentstate.errors import BadInputError, ConflictError
from agentstate.store import bundle_reading, bundles
from agentstate.store.imports.rewriting import Facts, Rewriting
from agentstate.store.imports.trial import trial_store
from agentstate.store.rows import batches, in_list
from agentstate.store.thread_rows import has_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import BinaryIO

    from agentstate.db.port import Database
    from agentstate.reports.imports import ImportedThread
    from agentstate.store.bundle_reading import BundleRow
    from agentstate.store.context import Context

_LOOKED_UP: Final = 4000
"""Ids in one statement."""
_IDS: Final = "SELECT id FROM messages"
_IMPORTED: Final = (
    f"SELECT thread_id FROM {IMPORTS} WHERE format = :format AND session_id = :session_id"
)


def foretell(file: BinaryIO, *, new_ids: bool, database: Database | None = None) -> ImportedThread:
    """Say what would come of a bundle in a store; None for one that has nothing.

    It is added where nothing is kept, so what a store would refuse is refused. Raises
    `BadInputError` where it is not whole, or none, and `ConflictError` where an id is taken.
    """
    with _seekable(file) as kept, trial_store(database) as trial:
        header, _ = bundle_reading.read(kept)
        kept.seek(0)
        ids = _message_ids(kept) if new_ids else None
        rewrite = Rewriting(trial, (), header.thread_id, ids)
        with trial.transaction():
            bundle_reading.insert(trial, kept, rewrite)
        if database is not None and not new_ids:
            _require_free(database, trial, header.thread_id)
    return rewrite.facts.report(header, None if new_ids else header.thread_id, created=True)


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
        with _seekable(file) as kept:
            return self._run(kept, dry_run=dry_run)

    def _run(self, file: BinaryIO, *, dry_run: bool) -> ImportedThread:
        header, _ = bundle_reading.read(file)
        file.seek(0)
        with self._db.snapshot():
            if not self._new_ids and has_thread(self._db, header.thread_id):
                return self._compare(file)
            if dry_run:
                return foretell(file, new_ids=self._new_ids, database=self._db)
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


@contextmanager
def _seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """Give a file that can be read again: this one, or where it is a pipe, all that comes of it."""
    if file.seekable():
        yield file
        return
    import tempfile  # noqa: PLC0415 - for a stream only

    with tempfile.TemporaryFile() as kept:
        kept.writelines(file)
        kept.seek(0)
        yield kept


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


def _require_free(database: Database, trial: Database, thread_id: str) -> None:
    """Raise `ConflictError` where a store has something with the key of what is in another."""
    for some in batches((message_id for (message_id,) in trial.stream(_IDS)), _LOOKED_UP):
        names, params = in_list("i", some)
        row = database.one(f"SELECT id FROM messages WHERE id IN ({names}) LIMIT 1", params)
        if row is not None:
            raise ConflictError(
                f"message {row[0]} exists already; --new-ids imports a copy of thread {thread_id!r}"
            )
    if not (database.has_table(IMPORTS) and trial.has_table(IMPORTS)):
        return
    for format_name, session_id in trial.all(f"SELECT format, session_id FROM {IMPORTS}"):
        params = {"format": format_name, "session_id": session_id}
        row = database.one(_IMPORTED, params)
        if row is not None:
            raise ConflictError(
                f"the session of thread {thread_id!r} was imported again since, as thread "
                f"{row[0]!r}; --new-ids imports a copy"
            )
