"""What each page of a file belongs to: read once, without SQLite, before any row is taken.

The schema names the first page of each table and index, and interior pages name those below. A
table's leaf to which no way leads any more, for the page above is damaged, is told by the number
and the types of its rows' values. Pages that hold deleted rows are on the list of free ones, and
are left alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Final

from agentstate.db.salvage.cells import Chains, children_of, in_order, rows_of
from agentstate.db.salvage.pages import INDEX_LEAF, INTERIORS, TABLE_INTERIOR, TABLE_LEAF
from agentstate.db.salvage.schema_rows import schema_rows, text_encodings
from agentstate.db.salvage.tables import placed
from agentstate.db.salvage.values import (
    ENCODINGS,
    DamagedError,
    decode,
    types_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentstate.db.salvage.cells import Cell
    from agentstate.db.salvage.pages import BtreePage, PageFile
    from agentstate.db.salvage.tables import Table
    from agentstate.db.salvage.values import Value

_SCHEMA_OWNER: Final = 1
"""By its place among the names; 0 is nobody."""
_SCHEMA: Final = "sqlite_schema"
_SEQUENCE: Final = "sqlite_sequence"
_SMALL: Final = 1 << 16
"""Bytes of a row that is looked into before it is taken; the longest of our schema has hundreds."""
_SAMPLE: Final = 100
"""Pages whose texts tell their encoding where the schema is lost."""


class Survey:
    """Where the rows of each table stand."""

    def __init__(self, file: PageFile, tables: Mapping[str, Table]) -> None:
        """Look at every page of a file for the tables of a store."""
        self.tables = dict(tables)
        """The tables, with their columns where this file has them."""
        self.roots: dict[str, int] = {}
        """The first page of each table and index of a store that the schema names."""
        self.named: set[str] = set()
        """The tables of a store that the schema names, or may name where it is damaged."""
        self.whole: set[str] = set()
        """The tables all of whose pages could be read."""
        self.encoding = ENCODINGS[0]
        """What the texts are in; the header may lie about it."""
        self.foreign = False
        """Whether the whole schema could be read and names no table of a store."""
        self.unknown: list[str] = []
        """Tables, and columns of a store's tables, that a store does not have."""
        self.sequence = 0
        """The highest id of a message that the file itself noted."""
        self.chains = Chains(file)
        self.torn: dict[str, set[int]] = defaultdict(set)
        """Rows on pages of each table that are not whole."""
        self.unreadable: dict[str, int] = defaultdict(int)
        """Cells on pages of each table that are no rows."""
        self.misnumbered: dict[str, set[int]] = defaultdict(set)
        """Places of rows of each table whose rowids are damaged, and may be those of others."""
        self.spans: dict[str, tuple[int, int]] = {}
        """The lowest and the highest rowid of each table."""
        self.widths: dict[str, int] = defaultdict(int)
        """How many values the rows of each table have at most."""
        self._file = file
        self._names = (
            "",
            _SCHEMA,
            _SEQUENCE,
            *tables,
            *(i for t in tables.values() for i in t.indexes),
        )
        self._owners = bytearray(file.count + 1)
        self._free = self._find_free()
        self._read_schema()
        self._walk_roots()
        self._read_sequence()
        self._find_torn()

    def leaves(self, table: str) -> Iterator[BtreePage]:
        """Yield the leaves of a table to which its tree leads."""
        return (page for page in self._owned(table) if self._has_rows(page, self.tables[table]))

    def strays(self) -> Iterator[tuple[BtreePage, list[Table]]]:
        """Yield leaves to which no tree leads, each with the tables that its rows fit best."""
        for page in self._strays():
            if tables := self._fitting(page):
                yield page, tables

    def indexed(self, table: str) -> Iterator[int]:
        """Yield the rowids in a table's indexes, as far as their trees lead."""
        chains = Chains(self._file)
        for index in () if self.tables[table].keyed else self.tables[table].indexes:
            for page in self._owned(index):
                for cell in rows_of(page, self._file):
                    if cell and chains.take(cell) and (rowid := self._last_value(cell)) is not None:
                        yield rowid

    def has_index(self, table: str) -> bool:
        """Tell whether the schema names an index of a table in which its rowids stand."""
        one = self.tables[table]
        return not one.keyed and any(index in self.roots for index in one.indexes)

    @staticmethod
    def _has_rows(page: BtreePage, table: Table) -> bool:
        """Tell whether a page can hold rows of a table; in an index those above leaves do too."""
        is_index = page.kind not in {TABLE_LEAF, TABLE_INTERIOR}
        return is_index if table.keyed else page.kind == TABLE_LEAF

    def _owned(self, name: str) -> Iterator[BtreePage]:
        owner = self._names.index(name)
        number = self._owners.find(owner, 1)
        while number > 0:
            page = self._file.btree(number)
            if page is not None:
                yield page
            number = self._owners.find(owner, number + 1)

    def _strays(self) -> Iterator[BtreePage]:
        keyed = any(table.keyed for table in self.tables.values())
        kinds = {TABLE_LEAF, INDEX_LEAF} if keyed else {TABLE_LEAF}
        for number in range(2, self._file.count + 1):
            if not self._owners[number] and number not in self._free:
                page = self._file.btree(number)
                if page is not None and page.kind in kinds:
                    yield page

    def _find_free(self) -> set[int]:
        """Return the pages on the list of free ones, which may still show deleted rows.

        A page of that list holds the numbers of others, and looks like nothing else, so each is
        found even where the list is torn or its beginning lost.
        """
        return {one for number in range(2, self._file.count + 1) for one in self._listed(number)}

    def _listed(self, number: int) -> list[int]:
        """Return what a page of the list of free ones lists; nothing for another page."""
        count = self._file.word(number, 4)
        if self._file.word(number) > self._file.count or not 0 < count <= self._file.usable // 4:
            return []
        data = self._file.page(number)[8 : 8 + 4 * count]
        listed = [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)]
        return listed if all(1 < one <= self._file.count for one in listed) else []

    def _read_schema(self) -> None:
        """Learn the roots from the schema, which begins on page 1; or from leaves of it."""
        whole = not self._walk(1, _SCHEMA_OWNER)
        encodings = Counter[str]()
        for page in self._owned(_SCHEMA):
            encodings += self._read_schema_page(page)
        self.foreign = whole and not any(name in self.roots for name in self.tables)
        if not whole:
            for page in self._strays():
                encodings += self._read_schema_page(page)
            self.named.update(self.tables)
        encodings = encodings or self._guess_encoding()
        self.encoding = max(ENCODINGS, key=encodings.__getitem__)

    def _read_schema_page(self, page: BtreePage) -> Counter[str]:
        """Learn the roots that rows of the schema name; return the encodings of those rows."""
        encodings = Counter[str]()
        for row in schema_rows(self._small_rows(page)):
            encodings[row.encoding] += 1
            self._note_root(row.kind, row.name, row.root, row.sql)
        return encodings

    def _guess_encoding(self) -> Counter[str]:
        """Count the encodings of some texts of the tables."""
        pages = islice(self._strays(), _SAMPLE)
        return text_encodings(values for page in pages for values in self._small_rows(page))

    def _small_rows(self, page: BtreePage) -> Iterator[list[Value]]:
        """Yield the values of the rows of a table's leaf, but for large ones."""
        for cell in rows_of(page, self._file) if page.kind == TABLE_LEAF else ():
            if cell and cell.size <= _SMALL:
                yield self._values(cell)

    def _note_root(self, kind: str, name: str, root: int, sql: str) -> None:
        if kind == "table" and name in self.tables:
            self.named.add(name)
        if name in self.roots or not 1 < root <= self._file.count:
            return
        if kind == "table" and name in self.tables:
            table = placed(self.tables[name], sql)
            if table is None:
                return
            self.tables[name] = table
            self.roots[name] = root
            self.unknown += (f"column {name}.{column}" for column in table.unknown)
        elif kind == "table" and not name.startswith("sqlite_"):
            self.unknown.append(f"table {name}")
        elif (kind == "index" or name == _SEQUENCE) and name in self._names:
            self.roots[name] = root

    def _walk_roots(self) -> None:
        for name, root in list(self.roots.items()):
            owner = self._names.index(name)
            unread = self._walk(root, owner)
            if self._owners[root] not in {0, owner} or not self._may_be(name):
                # The page is of another tree: its number is damaged.
                del self.roots[name]
                self._owners = self._owners.replace(bytes((owner,)), b"\0")
            elif name in self.tables:
                self._note_unread(self.tables[name], unread)

    def _note_unread(self, table: Table, pages: int) -> None:
        """Note whether a table is whole; each page of a keyed one, but an empty root, has rows."""
        page = self._file.btree(self.roots[table.name])
        if table.keyed:
            self.unreadable[table.name] += pages
        if page and not pages and (page.kind in {TABLE_LEAF, TABLE_INTERIOR}) != table.keyed:
            self.whole.add(table.name)

    def _may_be(self, name: str) -> bool:
        """Tell whether the first rows of a tree do not rather fit another table."""
        if name not in self.tables:
            return True
        page = next((page for page in self.leaves(name) if page.cells), None)
        best = self._fitting(page) if page else []
        return not best or self.tables[name] in best

    def _read_sequence(self) -> None:
        for page in self._owned(_SEQUENCE):
            for values in self._small_rows(page):
                if values[:1] == ["messages".encode(self.encoding)] and isinstance(values[-1], int):
                    self.sequence = max(self.sequence, values[-1])

    def _walk(self, root: int, owner: int) -> int:
        """Give the pages of a tree to an owner; return how many could not be read, or found."""
        unread = 0
        waiting = [root]
        is_table: bool | None = None
        while waiting:
            number = waiting.pop()
            page = self._file.btree(number)
            if page is None or self._owners[number]:
                unread += 1
                continue
            table = page.kind in {TABLE_LEAF, TABLE_INTERIOR}
            is_table = table if is_table is None else is_table
            if table != is_table:
                unread += 1
                continue
            self._owners[number] = owner
            if page.kind in INTERIORS:
                waiting += children_of(page)
                unread += page.misplaced
        return unread

    def _find_torn(self) -> None:
        """Find rows whose chains are torn, before SQLite would take them for whole."""
        self.chains.leave_alone(number for number, owner in enumerate(self._owners) if owner)
        for name in self.tables:
            rowids = set[int]()
            for page in self.leaves(name):
                cells = list(rows_of(page, self._file))
                self.unreadable[name] += cells.count(None)
                for cell in self._in_order(name, [cell for cell in cells if cell]):
                    low, high = self.spans.get(name, (cell.rowid, cell.rowid))
                    self.spans[name] = min(low, cell.rowid), max(high, cell.rowid)
                    types = self.types(cell)
                    self.widths[name] = max(self.widths[name], len(types))
                    # Of two rows with one rowid nobody could tell which is the one.
                    if cell.rowid in rowids or not (types and self.chains.take(cell)):
                        self.torn[name].add(cell.rowid)
                    rowids.add(cell.rowid)

    def _in_order(self, name: str, cells: list[Cell]) -> list[Cell]:
        """Return the rows of a page that stand in the order of their rowids; note the others."""
        kept = cells if self.tables[name].keyed else in_order(cells)
        if len(kept) < len(cells):
            places = {cell.place for cell in kept}
            others = [cell for cell in cells if cell.place not in places]
            self.unreadable[name] += len(others)
            self.misnumbered[name].update(cell.place for cell in others)
        return kept

    def _fitting(self, page: BtreePage) -> list[Table]:
        """Return the tables that most rows of a page fit; a page holds rows of one table."""
        tables = [table for table in self.tables.values() if self._has_rows(page, table)]
        fitting = {table.name: 0 for table in tables}
        for cell in rows_of(page, self._file):
            types = self.types(cell) if cell else []
            for table in tables:
                fitting[table.name] += table.fits(types)
        most = max(fitting.values(), default=0)
        best = [name for name, count in fitting.items() if count == most and most]
        return [self.tables[name] for name in best]

    def _last_value(self, cell: Cell) -> int | None:
        values = self._values(cell)
        return values[-1] if values and isinstance(values[-1], int) else None

    def _values(self, cell: Cell) -> list[Value]:
        """Return a row's values; none for one that cannot be read."""
        try:
            return decode(self.chains.whole(cell))
        except DamagedError:
            return []

    @staticmethod
    def types(cell: Cell) -> list[int]:
        """Return the types of a row's values; none for what is no row."""
        try:
            return types_of(cell.local, cell.size)
        except DamagedError:
            return []
