"""Recovering: every row of a damaged store that can be read whole, in a fresh store."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.config import INDEX_NAME, Location, locate
from agentstate.db import schema
from agentstate.db.opening import open_for_writing
from agentstate.db.port import ConstraintError
from agentstate.db.reading import beside
from agentstate.db.salvage import Salvage, parameter
from agentstate.errors import AgentStateError, ConflictError, CorruptStoreError, NotAStoreError
from agentstate.filesystem import make_folder, replacing, scratch_folder, system_errors
from agentstate.reports import RecoverReport, TableSalvage
from agentstate.store.context import warn
from agentstate.store.lost_parents import make_lost_parents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentstate.db.port import Database
    from agentstate.db.salvage import SalvagedRow

_BATCH: Final = 2000
"""Rows in a transaction."""
_NAMED: Final = 5
"""Tables and columns that a warning names."""


def recover(
    source: str | os.PathLike[str] | Location | None,
    out: str | os.PathLike[str],
    *,
    before_commit: Callable[[], object] | None = None,
) -> RecoverReport:
    """Save every row of a store that can be read whole into a fresh store at `out`.

    The store may be damaged in any way, or not at all; it is only read, and should not be in use.
    Deleted rows stay deleted. A row whose parent is lost gets one made for it, such as a thread
    for its messages; leaves and parents of messages stay as they are. A row that is not whole is
    lost, for nobody could tell half a text from a whole one. What a store does not have, such as
    the tables of another program, is not saved, and a warning names it. The session index is
    copied where there is one. `before_commit` is called when `out` is about to appear.

    Raises `StoreNotFoundError`, `NotAStoreError` where nothing of a store is found,
    `ConflictError` where `out` exists, `StoreBusyError` where the store is being written, and
    `StoreUnavailableError`; then `out` is not there.
    """
    if not isinstance(source, Location):
        source = locate(source, os.environ, rule="given")
    target = Path(os.path.abspath(out))  # noqa: PTH100 - links are not followed
    _refuse_taken(target)
    with (
        system_errors("write", target),
        _folder_of(target),
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
    for suffix in ("", "-wal", "-journal", "-shm"):
        if os.path.lexists(beside(target, suffix)):
            raise ConflictError(f"{beside(target, suffix)} exists; name another file")


@contextmanager
def _folder_of(target: Path) -> Iterator[None]:
    """Make the folder of a file where it is missing; remove it again where the block raises."""
    missing = [one for one in target.parents if not os.path.lexists(one)]
    make_folder(target.parent)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for one in missing:
                one.rmdir()
        raise


def _recover(path: Path, scratch: Path) -> tuple[TableSalvage, ...]:
    """Make `new.db` in the scratch folder, and verify it."""
    database = open_for_writing(scratch / "new.db", 0, create=True).database
    try:
        # What is not whole is thrown away, so nothing of it need survive a crash.
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA foreign_keys = OFF")
        with Salvage(path, scratch, database) as salvage:
            inserted, refused = _insert(database, salvage.rows())
            if not inserted and not salvage.has_tables:
                raise NotAStoreError(f"{path} holds nothing of a store; nothing was written")
            with database.transaction():
                made = make_lost_parents(database)
                if salvage.is_historic:
                    database.execute(schema.BACKFILL_PARENTS)
                    database.execute(schema.BACKFILL_LEAVES)
                _reserve_ids(database, salvage.highest_id())
            _verify(database)
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
            )
    finally:
        database.close()


def _insert(database: Database, rows: Iterator[SalvagedRow]) -> tuple[Counter[str], Counter[str]]:
    """Insert rows; return how many of each table were, and how many the schema refuses.

    Of two rows with the same key the first stays: it was read in the more trusted way.
    """
    inserted, refused = Counter[str](), Counter[str]()
    while (first := next(rows, None)) is not None:
        with database.transaction():
            # One at a time, for a row may be large.
            for row in chain([first], islice(rows, _BATCH)):
                try:
                    inserted[row.table] += database.execute(_statement(row), row.values)
                except ConstraintError:
                    refused[row.table] += 1
    return inserted, refused


def _statement(row: SalvagedRow) -> str:
    given = ", ".join(parameter(name, value) for name, value in row.values.items())
    return (
        f"INSERT INTO {row.table}({', '.join(row.values)}) VALUES ({given}) ON CONFLICT DO NOTHING"
    )


def _reserve_ids(database: Database, highest: int) -> None:
    """See to it that no id of a message is given again, be the message lost or deleted."""
    sql = "UPDATE sqlite_sequence SET seq = max(seq, :highest) WHERE name = 'messages'"
    if highest and not database.execute(sql, {"highest": highest}):
        sql = "INSERT INTO sqlite_sequence(name, seq) VALUES ('messages', :highest)"
        database.execute(sql, {"highest": highest})


def _verify(database: Database) -> None:
    """Raise `CorruptStoreError` where the new store is not sound."""
    problems = database.all("PRAGMA integrity_check(1)") + database.all("PRAGMA foreign_key_check")
    if problems != [("ok",)]:
        raise CorruptStoreError(f"what was saved does not make a sound store: {problems[0]}")


def _copy_index(source: Path, target: Path) -> str | None:
    """Copy the session index beside the new store, unless there is one; return where it is."""
    if os.path.lexists(target):
        return str(target)
    if not source.is_file():
        return None
    try:
        with system_errors("write", target), replacing(target) as new:
            new.write_bytes(source.read_bytes())
    except AgentStateError as error:
        warn(f"the store was recovered, the session index was not copied: {error}")
        return None
    return str(target)
