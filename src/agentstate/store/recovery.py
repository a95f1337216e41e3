"""Recovering: every row of a damaged store that can be read whole, in a fresh store."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.config import INDEX_NAME, located
from agentstate.db import own_schema, schema
from agentstate.db.catalog import reserve_ids
from agentstate.db.integrity import count_broken_references, fault_of
from agentstate.db.opening import open_for_writing
from agentstate.db.port import ConstraintError
from agentstate.db.reading import beside, resolve, side_files
from agentstate.db.salvage import Salvage, parameter
from agentstate.errors import (
    AgentStateError,
    ConflictError,
    CorruptStoreError,
    NotAStoreError,
    StoreUnavailableError,
)
from agentstate.filesystem import new_folder, place_of, replacing, scratch_folder, system_errors
from agentstate.reports.recovery import RecoverReport, TableSalvage
from agentstate.store.backups import copy_index, require_own_name
from agentstate.store.context import warn
from agentstate.store.lost_parents import make_lost_parents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentstate.config import Location
    from agentstate.db.port import Database
    from agentstate.db.salvage import SalvagedRow
    from agentstate.db.sqlite import SQLiteDatabase

_BATCH: Final = 2000
"""Rows in a transaction."""
_NAMED: Final = 5
"""Tables and columns that a warning names."""


def recover(
    store: str | os.PathLike[str] | Location | None,
    out: str | os.PathLike[str],
    *,
    before_commit: Callable[[], object] | None = None,
) -> RecoverReport:
    """Save every row of a store that can be read whole into a fresh store at `out`.

    `out` is a file, or a folder: one that exists, or a path that ends in a slash.
    The store may be damaged in any way, or not at all; it is only read, and should not be in use.
    Deleted rows stay deleted. A row whose parent is lost gets one made for it, such as a thread
    for its messages; leaves and parents of messages stay as they are. A row that is not whole is
    lost, for nobody could tell half a text from a whole one. A table of whose rows
    nothing is known counts as one lost row, and a warning names it. Texts of a store in UTF-16 are
    saved in UTF-8. What a store does not have, such as the tables of another program, is not
    saved, and a warning names it. The session index is copied where there is one. `before_commit`
    is called when `out` is about to appear.

    Raises `StoreNotFoundError`, `NotAStoreError` where nothing of a store is found,
    `ConflictError` where `out` exists, `UsageError` where its name is one of a log or of the
    session index, `StoreBusyError` where the store is being written, and
    `StoreUnavailableError`; then `out` is not there.
    """
    source = located(store)
    place = place_of(out, source.path.name)
    target = Path(os.path.abspath(place))  # noqa: PTH100 - links are not followed
    require_own_name(target)
    _refuse_taken(target)
    with (
        system_errors("write", target),
        new_folder(target.parent),
        replacing(target) as new,
        scratch_folder(target) as scratch,
    ):
        tables = _recover(source.path, scratch)
        (scratch / "new.db").replace(new)
        if before_commit is not None:
            before_commit()
    return RecoverReport(
        path=str(target),
        source=str(source.path),
        saved=sum(table.saved for table in tables),
        lost=sum(table.lost for table in tables),
        made=sum(table.made for table in tables),
        index_path=_copy_index(source.index_path, target.with_name(INDEX_NAME)),
        tables=tables,
    )


def _refuse_taken(target: Path) -> None:
    """Refuse a path beside which SQLite would find the files of another store."""
    for path in (target, *side_files(target)):
        if os.path.lexists(path):
            raise ConflictError(f"{path} exists; name another file")


def _recover(path: Path, scratch: Path) -> tuple[TableSalvage, ...]:
    """Make `new.db` in the scratch folder, and verify it."""
    database = open_for_writing(scratch / "new.db", 0, create=True).database
    try:
        # What is not whole is thrown away, so nothing of it need survive a crash.
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA foreign_keys = OFF")
        if _may_have_imports(path):
            with database.transaction():
                own_schema.create(database)
                database.execute(f"DELETE FROM {own_schema.META}")
        with Salvage(path, scratch, database) as salvage:
            inserted, refused = _insert(database, salvage.rows())
            if not inserted and not salvage.has_tables:
                raise NotAStoreError(f"{path} holds nothing of a store; nothing was written")
            with database.transaction():
                made = make_lost_parents(database)
                if salvage.is_historic:
                    database.execute(schema.BACKFILL_PARENTS)
                    database.execute(schema.BACKFILL_LEAVES)
                reserve_ids(database, "messages", salvage.highest_id())
                refused += _settle_imports(database, inserted)
            # What closing it would carry over unseen is carried over now, or it says why not.
            if database.set_journal_mode("delete") != "delete":
                raise StoreUnavailableError(f"the log of {scratch / 'new.db'} cannot be emptied")
            _verify(database)
            database.set_journal_mode("wal")
            if unread := salvage.unread:
                warn(f"cannot be read, and counted as one lost row each: {', '.join(unread)}")
            if unknown := salvage.unknown:
                more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
                warn(f"not of a store, and not saved: {', '.join(unknown[:_NAMED])}{more}")
            return tuple(
                TableSalvage(
                    table=table,
                    saved=inserted[table],
                    lost=salvage.lost(table) + refused[table],
                    made=made.get(table, 0),
                )
                for table in salvage.tables
                if database.has_table(table)
            )
    finally:
        database.close()


def _may_have_imports(path: Path) -> bool:
    """Tell whether the store's files may hold this program's own tables."""
    files = (resolve(path), beside(resolve(path), "-wal"))
    with suppress(OSError):  # what cannot be read is told when it is copied
        return own_schema.may_be_in(tuple(file for file in files if file.is_file()))
    return False


def _settle_imports(database: Database, inserted: Counter[str]) -> Counter[str]:
    """Remove rows of our own tables that speak of what was lost, and the tables if nothing is left.

    Returns how many rows of each were removed.
    """
    if not database.has_table(own_schema.IMPORTS):
        return Counter()
    if not any(inserted[table] for table in own_schema.OF_THREADS):
        own_schema.drop(database)
        return Counter()
    own_schema.create(database)
    removed = Counter(own_schema.remove_lost(database))
    inserted.subtract(removed)
    return removed


def _insert(database: Database, rows: Iterator[SalvagedRow]) -> tuple[Counter[str], Counter[str]]:
    """Insert rows; return how many of each table were, and how many could not be.

    Those are rows that the schema refuses. Of two rows with the same key the first stays, for it
    was read in the more trusted way, and the other is lost: both were there, under other keys.
    """
    inserted, refused = Counter[str](), Counter[str]()
    while (first := next(rows, None)) is not None:
        with database.transaction():
            # One at a time, for a row may be large.
            for row in chain([first], islice(rows, _BATCH)):
                try:
                    done = database.execute(_statement(row), row.values)
                except ConstraintError:
                    done = 0
                inserted[row.table] += done
                refused[row.table] += not done
    return inserted, refused


def _statement(row: SalvagedRow) -> str:
    given = ", ".join(parameter(name, value) for name, value in row.values.items())
    return (
        f"INSERT INTO {row.table}({', '.join(row.values)}) VALUES ({given}) ON CONFLICT DO NOTHING"
    )


def _verify(database: SQLiteDatabase) -> None:
    """Raise `CorruptStoreError` where the new store is not sound."""
    fault = fault_of(database)
    if broken := count_broken_references(database):
        fault = fault or f"rows that refer to what is not there: {broken}"
    if fault:
        raise CorruptStoreError(f"what was saved does not make a sound store: {fault}")


def _copy_index(source: Path, target: Path) -> str | None:
    """Copy the session index beside the new store, unless there is one; return where it is."""
    if os.path.lexists(target):
        return str(target)
    try:
        with system_errors("write", target):
            copied = copy_index(source, target)
    except AgentStateError as error:
        warn(f"the store was recovered, the session index was not copied: {error}")
        return None
    return None if copied is None else str(copied)
