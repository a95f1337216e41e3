"""What each page of a file belongs to: read once, without SQLite, before any row is taken.

The schema names the first page of each table and index, and interior pages name those below. A
table's leaf to which no way leads any more, for the page above is damaged, is told by the number
and the types of its rows' values. Pages that hold deleted rows are on the list of free ones, and
are left alone.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from agentstate.db.salvage.cells import Chains, children_of, rows_of
from agentstate.db.salvage.pages import INTERIORS, TABLE_INTERIOR, TABLE_LEAF
from agentstate.db.salvage.tables import placed
from agentstate.db.salvage.values import DamagedError, Text, decode, types_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentstate.db.salvage.cells import Cell
    from agentstate.db.salvage.pages import BtreePage, PageFile
    from agentstate.db.salvage.tables import Table
    from agentstate.db.salvage.values import Value

_SCHEMA_OWNER: Final = 1
"""By its place among the names; 0 is nobody."""
_SCHEMA: Final = "sqlite_schema"
_SCHEMA_VALUES: Final = 5
_LONGEST_SCHEMA: Final = 1 << 16
"""Bytes of a row of the schema that is looked into; the longest of ours has some hundreds."""
_SEQUENCE: Final = "sqlite_sequence"


class Survey:
    """Where the rows of each table stand."""

    def __init__(self, file: PageFile, tables: Mapping[str, Table]) -> None:
        """Look at every page of a file for the tables of a store."""
        self.tables = dict(tables)
        """The tables, with their columns where this file has them."""
        self.roots: dict[str, int] = {}
        """The first page of each table and index of a store that the schema names."""
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
        return (page for page in self._owned(table) if page.kind == TABLE_LEAF)

    def strays(self) -> Iterator[tuple[BtreePage, list[Table]]]:
        """Yield leaves to which no tree leads, each with the tables that its rows fit best."""
        for page in self._strays():
            if tables := self._fitting(page):
                yield page, tables

    def indexed(self, table: str) -> Iterator[int]:
        """Yield the rowids in a table's indexes, as far as their trees lead."""
        chains = Chains(self._file)
        for index in self.tables[table].indexes:
            for page in self._owned(index):
                for cell in rows_of(page, self._file):
                    if cell and chains.take(cell) and (rowid := self._last_value(cell)) is not None:
                        yield rowid

    def has_index(self, table: str) -> bool:
        """Tell whether the schema names an index of a table."""
        return any(index in self.roots for index in self.tables[table].indexes)

    def _owned(self, name: str) -> Iterator[BtreePage]:
        owner = self._names.index(name)
        number = self._owners.find(owner, 1)
        while number > 0:
            page = self._file.btree(number)
            if page is not None:
                yield page
            number = self._owners.find(owner, number + 1)

    def _strays(self) -> Iterator[BtreePage]:
        for number in range(2, self._file.count + 1):
            if not self._owners[number] and number not in self._free:
                page = self._file.btree(number)
                if page is not None and page.kind == TABLE_LEAF:
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
        whole = self._walk(1, _SCHEMA_OWNER)
        for page in self._owned(_SCHEMA):
            self._read_schema_page(page)
        self.foreign = whole and not any(name in self.roots for name in self.tables)
        if not whole:
            for page in self._strays():
                self._read_schema_page(page)

    def _read_schema_page(self, page: BtreePage) -> None:
        for cell in rows_of(page, self._file) if page.kind == TABLE_LEAF else ():
            values = self._values(cell) if cell and cell.size <= _LONGEST_SCHEMA else []
            if len(values) != _SCHEMA_VALUES:
                continue
            kind, name, _, root, sql = values
            if isinstance(kind, Text) and isinstance(name, Text) and isinstance(root, int):
                self._note_root(kind, name.decode(errors="replace"), root, sql)

    def _note_root(self, kind: bytes, name: str, root: int, sql: object) -> None:
        if name in self.roots or not 1 < root <= self._file.count:
            return
        if kind == b"table" and name in self.tables:
            text = sql.decode(errors="replace") if isinstance(sql, Text) else ""
            table = placed(self.tables[name], text)
            if table is None:
                return
            self.tables[name] = table
            self.roots[name] = root
            self.unknown += (f"column {name}.{column}" for column in table.unknown)
        elif kind == b"table" and not name.startswith("sqlite_"):
            self.unknown.append(f"table {name}")
        elif (kind == b"index" or name == _SEQUENCE) and name in self._names:
            self.roots[name] = root

    def _walk_roots(self) -> None:
        for name, root in list(self.roots.items()):
            owner = self._names.index(name)
            self._walk(root, owner)
            if self._owners[root] not in {0, owner} or not self._may_be(name):
                # The page is of another tree: its number is damaged.
                del self.roots[name]
                self._owners = self._owners.replace(bytes((owner,)), b"\0")

    def _may_be(self, name: str) -> bool:
        """Tell whether the first rows of a tree do not rather fit another table."""
        page = next((page for page in self.leaves(name) if page.cells), None)
        best = self._fitting(page) if page and name in self.tables else []
        return not best or self.tables[name] in best

    def _read_sequence(self) -> None:
        for page in self._owned(_SEQUENCE):
            for cell in rows_of(page, self._file):
                values = self._values(cell) if cell and cell.size <= _LONGEST_SCHEMA else []
                if values[:1] == [b"messages"] and isinstance(values[-1], int):
                    self.sequence = max(self.sequence, values[-1])

    def _walk(self, root: int, owner: int) -> bool:
        """Give the pages of a tree to an owner; tell whether all could be read."""
        whole = True
        waiting = [root]
        is_table: bool | None = None
        while waiting:
            number = waiting.pop()
            page = self._file.btree(number)
            if page is None or self._owners[number]:
                whole = False
                continue
            table = page.kind in {TABLE_LEAF, TABLE_INTERIOR}
            is_table = table if is_table is None else is_table
            if table != is_table:
                whole = False
                continue
            self._owners[number] = owner
            if page.kind in INTERIORS:
                waiting += children_of(page)
                whole = whole and not page.misplaced
        return whole

    def _find_torn(self) -> None:
        """Find rows whose chains are torn, before SQLite would take them for whole."""
        self.chains.leave_alone(number for number, owner in enumerate(self._owners) if owner)
        for name in self.tables:
            for page in self.leaves(name):
                for cell in rows_of(page, self._file):
                    if cell is None:
                        self.unreadable[name] += 1
                        continue
                    low, high = self.spans.get(name, (cell.rowid, cell.rowid))
                    self.spans[name] = min(low, cell.rowid), max(high, cell.rowid)
                    types = self.types(cell)
                    self.widths[name] = max(self.widths[name], len(types))
                    if not (types and self.chains.take(cell)):
                        self.torn[name].add(cell.rowid)

    def _fitting(self, page: BtreePage) -> list[Table]:
        """Return the tables that most rows of a page fit; a page holds rows of one table."""
        fitting = dict.fromkeys(self.tables, 0)
        for cell in rows_of(page, self._file):
            types = self.types(cell) if cell else []
            for name, table in self.tables.items():
                fitting[name] += table.fits(types)
        most = max(fitting.values())
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
