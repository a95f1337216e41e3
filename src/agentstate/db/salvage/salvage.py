"""The rows of a damaged store, each once, from the most trusted way to the least."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from agentstate.db.salvage.cells import rows_of
from agentstate.db.salvage.copying import copy_store
from agentstate.db.salvage.header import read_header
from agentstate.db.salvage.pages import PageFile
from agentstate.db.salvage.queries import Queries
from agentstate.db.salvage.survey import Survey
from agentstate.db.salvage.tables import tables_of
from agentstate.db.salvage.values import ENCODINGS, DamagedError, Text, decode, to_utf8
from agentstate.errors import AgentStateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from agentstate.db.port import Database
    from agentstate.db.salvage.cells import Cell
    from agentstate.db.salvage.tables import Table
    from agentstate.db.salvage.values import Value


_TOO_HIGH: Final = 1 << 62
"""From here on a number is damage: after the highest of all SQLite gives no id any more."""


class SalvagedRow(NamedTuple):
    """A row that could be read whole."""

    table: str
    values: dict[str, Value]
    """By column, `rowid` among them where the file's table has one."""


class Salvage:
    """A reading of one damaged store; a context manager.

    A row that is torn, such as a long text one of whose pages is lost, is not read in part: who
    reads it later could not tell.
    """

    def __init__(self, path: Path, folder: Path, fresh: Database) -> None:
        """Copy the store at `path` into a private `folder`, and look at every page of it.

        `fresh` is a new store, of which it is learned what tables there are. Raises what
        `copy_store` raises.
        """
        self.saved: dict[str, set[int]] = defaultdict(set)
        """The rowids of the rows that `rows` has yielded."""
        self._known: dict[str, set[int]] = {}
        with ExitStack() as stack:
            copy = copy_store(path, folder)
            header = read_header(copy)
            self._file = stack.enter_context(PageFile(copy, header.page_size, header.reserved))
            self._survey = Survey(self._file, tables_of(fresh))
            self._queries: Queries | None = None
            # Where pages are too small for the schema, they are read without SQLite alone.
            with suppress(DamagedError, AgentStateError):
                self._queries = stack.enter_context(
                    Queries(copy, header, self._survey, self._file.count)
                )
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        """Return the salvage itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the copy."""
        self._stack.close()

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of a store."""
        return tuple(self._survey.tables)

    @property
    def has_tables(self) -> bool:
        """Whether the file names a table of a store, be it one without rows."""
        return any(name in self._survey.roots for name in self._survey.tables)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the file has besides the tables of a store and their columns; it is not read."""
        return tuple(self._survey.unknown)

    @property
    def unread(self) -> tuple[str, ...]:
        """The tables that are there, and of whose rows nothing is known, not even that none are."""
        dark = self._survey.named - self._survey.whole
        return tuple(
            name
            for name in self._survey.tables
            if name in dark and not self.saved[name] and not self._known_lost(name)
        )

    @property
    def is_historic(self) -> bool:
        """Whether the messages read so far are from before the tree, and have no parents."""
        width = self._survey.widths["messages"]
        return 0 < width <= self._survey.tables["messages"].least

    def rows(self) -> Iterator[SalvagedRow]:
        """Yield the rows of every table, each rowid once."""
        for table in self._survey.tables.values():
            for rowid, values in self._queried(table):
                if rowid not in self._survey.torn[table.name]:
                    yield from self._once(table, rowid, values)
            yield from self._from_pages(table)
        if not self._survey.foreign:
            yield from self._from_strays()

    def lost(self, table: str) -> int:
        """Return how many rows of a table are known to have been there and were not yielded.

        It is to be asked when `rows` has come to its end.
        A row is known by its place on a page, or by an index that names it. Where both are gone
        nothing is known of it, so there may have been more; a table that is not read counts as a
        row, for it must not look as if it were empty.
        """
        return self._known_lost(table) or int(table in self.unread)

    def highest_id(self) -> int:
        """Return the highest id of a message that the file knows of, also of those deleted."""
        found = ([self._survey.sequence], self.saved["messages"], self._missing("messages"))
        if self._survey.tables["messages"].keyed:
            return 0
        return max((one for ids in found for one in ids if one < _TOO_HIGH), default=0)

    def _known_lost(self, table: str) -> int:
        on_pages = len(self._survey.torn[table]) + self._survey.unreadable[table]
        return max(len(self._missing(table)), on_pages)

    def _missing(self, table: str) -> set[int]:
        """Return the rowids that are known and were not yielded; looked for once."""
        if table not in self._known:
            saved = self.saved[table]
            self._known[table] = {
                rowid for rowid in self._survey.indexed(table) if rowid not in saved
            } | (self._survey.torn[table] - saved)
        return self._known[table]

    def _queried(self, table: Table) -> Iterator[tuple[int, list[Value]]]:
        # A cell that is no row may have another's rowid, and SQLite would take it for that one.
        if self._queries is not None and not self._survey.unreadable[table.name]:
            yield from self._queries.rows(table.name, self.saved[table.name])

    def _from_pages(self, table: Table) -> Iterator[SalvagedRow]:
        """Yield what SQLite could not read of the pages to which the table's tree leads."""
        torn, misnumbered = self._survey.torn[table.name], self._survey.misnumbered[table.name]
        for page in self._survey.leaves(table.name):
            for cell in rows_of(page, self._file):
                if cell is None or cell.rowid in torn or cell.place in misnumbered:
                    continue
                if cell.rowid not in self.saved[table.name]:
                    with suppress(DamagedError):
                        values = decode(self._survey.chains.whole(cell))
                        row = table.arrange(cell.rowid, values)
                        yield from self._once(table, cell.rowid, row)

    def _from_strays(self) -> Iterator[SalvagedRow]:
        """Yield the rows of pages to which no tree leads, unless an index says they are deleted."""
        for page, tables in self._survey.strays():
            for cell in rows_of(page, self._file):
                unread = [one for one in tables if cell and cell.rowid not in self.saved[one.name]]
                if cell is not None and unread:
                    yield from self._from_stray(cell, unread, sole=len(tables) == 1)

    def _from_stray(self, cell: Cell, tables: list[Table], *, sole: bool) -> Iterator[SalvagedRow]:
        types = self._survey.types(cell)
        if not (types and self._survey.chains.take(cell)):
            # A deleted row may be torn as well; where there is an index, it names those that live.
            if sole and not self._survey.has_index(tables[0].name):
                self._survey.torn[tables[0].name].add(cell.rowid)
            return
        values = decode(self._survey.chains.whole(cell))
        doubtful = []
        for table in tables:
            row = table.arrange(cell.rowid, values)
            belongs = self._belongs(table, cell.rowid, row, sole=sole and table.fits(types))
            if belongs:
                widths = self._survey.widths
                widths[table.name] = max(widths[table.name], len(values))
                yield from self._once(table, cell.rowid, row)
                return
            if belongs is None:
                doubtful.append(table.name)
        if doubtful:
            self._survey.torn[doubtful[0]].add(cell.rowid)

    def _belongs(self, table: Table, rowid: int, row: list[Value], *, sole: bool) -> bool | None:
        """Tell whether a stray row is one of a table and was not deleted; None where none can tell.

        Its indexes decide, or those of its parent, and where they are lost the row's values.
        """
        if self._queries is not None:
            known = self._queries.knows(table.name, rowid, row)
            if known is not None:
                return known
            if not self._queries.may_have_parents(table.name, row):
                return False
        return True if sole else None

    def _once(self, table: Table, rowid: int, row: list[Value]) -> Iterator[SalvagedRow]:
        if rowid in self.saved[table.name]:
            return
        try:
            values = self._converted(table.named(row))
        except DamagedError:
            self._survey.torn[table.name].add(rowid)
            return
        self.saved[table.name].add(rowid)
        if table.alias is not None:
            del values[table.columns[table.alias].name]
        own: dict[str, Value] = {} if table.keyed else {"rowid": rowid}
        yield SalvagedRow(table.name, own | values)

    def _converted(self, values: dict[str, Value]) -> dict[str, Value]:
        """Return values with their texts in UTF-8; a UTF-8 text is not looked into."""
        encoding = self._survey.encoding
        if encoding == ENCODINGS[0]:
            return values
        return {
            name: to_utf8(value, encoding) if isinstance(value, Text) else value
            for name, value in values.items()
        }
