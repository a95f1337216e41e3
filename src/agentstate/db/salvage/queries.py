"""What SQLite itself can still read, from a copy whose first page is made anew.

The copy's schema is this program's, with the roots that the survey found, so nothing runs that
the file's own schema says: no trigger, no view, no default. A table is read from its start until
an error, from its end until an error, in between wherever a search for a rowid still arrives, and
by the rowids that its indexes name. A table WITHOUT ROWID is left to the reading of pages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from agentstate.db.reading import IMMUTABLE, uri
from agentstate.db.salvage.schema_page import SchemaEntry, write_schema
from agentstate.db.salvage.tables import PARENTS
from agentstate.db.salvage.values import Text, parameter
from agentstate.db.sqlite import SQLiteDatabase
from agentstate.errors import AgentStateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from agentstate.db.salvage.header import Header
    from agentstate.db.salvage.survey import Survey
    from agentstate.db.salvage.tables import Table
    from agentstate.db.salvage.values import Value

_FIRST: Final = -(1 << 63)
_LAST: Final = (1 << 63) - 1
_PROBES: Final = 500
"""Searches in the gaps of one table; what they miss is found by index, or page by page."""

Run = Generator[tuple[int, "list[Value]"], None, tuple[int | None, bool]]
"""Rows with their rowids; at the end the last rowid, and whether no error ended it."""


class Queries:
    """A connection to the copy; a context manager."""

    def __init__(self, path: Path, header: Header, survey: Survey, pages: int) -> None:
        """Give the copy a schema of our own, and connect; raises `DamagedError` where none fits."""
        self._spans = survey.spans
        self._roots = survey.roots
        self._indexes = {
            name: {index: keys for index, keys in table.indexes.items() if index in survey.roots}
            for name, table in survey.tables.items()
            if not table.keyed
        }
        self._tables = {
            name: table
            for name, table in survey.tables.items()
            if not table.keyed and (name in survey.roots or self._indexes[name])
        }
        # Short names, so that the schema fits on a page.
        self._names = {name: f"t{number}" for number, name in enumerate(self._tables)}
        self._names |= {index: f"i{number}" for number, index in enumerate(self._all_indexes())}
        self._entries = pages * header.page_size // 4
        """No index has more entries; one that leads in circles would seem to."""
        self._room = 2 * pages * header.page_size
        """Bytes of values that may still be read; rows that lie over each other have more."""
        write_schema(path, header, pages, list(self._schema()))
        self._database = SQLiteDatabase(uri(path, IMMUTABLE), path, timeout=0, read_only=True)

    def __enter__(self) -> Self:
        """Return the queries themselves."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        self._database.close()

    def rows(self, name: str, saved: set[int]) -> Iterator[tuple[int, list[Value]]]:
        """Yield the rows of a table that SQLite can read; those in `saved` may be left out."""
        if name not in self._roots or name not in self._tables:
            return
        table = self._tables[name]
        low, done = yield from self._run(table, _FIRST, _LAST)
        if not done:
            start = _FIRST if low is None else low + 1
            high, _ = yield from self._run(table, start, _LAST, "DESC")
            end = _LAST if high is None else high - 1
            yield from self._between(table, start, end)
            yield from self._by_index(table, saved)

    def knows(self, name: str, rowid: int, row: Sequence[Value]) -> bool | None:
        """Tell whether an index has a row; None where no index can tell."""
        if name not in self._tables:
            return None
        answer = None
        for index, columns in self._indexes[name].items():
            values = self._tables[name].named(row)
            keys = {key: values[key] for key, _ in _keys(columns)}
            found = self._finds(name, index, {**keys, "rowid": rowid})
            if found:
                return True
            answer = answer if found is None else False
        return answer

    def may_have_parents(self, name: str, row: Sequence[Value]) -> bool:
        """Tell whether no index says that what a row belongs to is deleted, and the row with it."""
        for column, value in self._tables[name].named(row).items() if name in self._tables else ():
            parent = PARENTS.get(column, name)
            for index, columns in self._indexes.get(parent, {}).items() if parent != name else ():
                if columns == "id" and self._finds(parent, index, {"id": value}) is False:
                    return False
        return True

    def _finds(self, name: str, index: str, values: dict[str, Value]) -> bool | None:
        table = self._tables[name]
        where = " AND ".join(
            f"{_short(table, key)} IS {parameter(key, value)}" for key, value in values.items()
        )
        sql = f"SELECT 1 FROM {self._from(name, index)} WHERE {where} LIMIT 1"  # noqa: S608 - our own names
        with suppress(AgentStateError):
            return self._database.one(sql, values) is not None
        return None

    def _between(self, table: Table, start: int, end: int) -> Iterator[tuple[int, list[Value]]]:
        """Search the gap between two rowids for rows, around whatever is damaged there."""
        first, last = self._spans.get(table.name, (0, -1))
        gaps = deque([(max(start, first), min(end, last))])
        for _ in range(_PROBES):
            if not gaps:
                return
            low, high = gaps.popleft()
            if low > high:
                continue
            middle = (low + high) // 2
            found, done = yield from self._run(table, middle, high)
            if not done:
                gaps.append(((middle if found is None else found) + 1, high))
            found, done = yield from self._run(table, low, middle - 1, "DESC")
            if not done:
                gaps.append((low, (middle if found is None else found) - 1))

    def _by_index(self, table: Table, saved: set[int]) -> Iterator[tuple[int, list[Value]]]:
        """Look up, one by one, the rowids that the indexes name."""
        tried = set[int]()
        for index in self._indexes[table.name]:
            for order in ("ASC", "DESC"):
                for rowid in self._rowids(table, index, order):
                    if rowid not in saved and rowid not in tried:
                        tried.add(rowid)
                        yield from self._run(table, rowid, rowid)

    def _rowids(self, table: Table, index: str, order: str) -> Iterator[int]:
        by = f"{_short(table, _keys(table.indexes[index])[0][0])} {order}"
        sql = f"SELECT rowid FROM {self._from(table.name, index)} ORDER BY {by} LIMIT :limit"  # noqa: S608 - our own names
        with suppress(AgentStateError):
            for (rowid,) in self._database.stream(sql, {"limit": self._entries}):
                yield rowid

    def _run(self, table: Table, low: int, high: int, order: str = "ASC") -> Run:
        """Yield the rows between two rowids, in order, up to an error."""
        columns = ", ".join(
            f"typeof({one}) = 'text', "
            f"CASE typeof({one}) WHEN 'text' THEN CAST({one} AS BLOB) ELSE {one} END"
            for one in (f"c{place}" for place in table.places)
        )
        sql = (
            f"SELECT rowid, {columns} FROM {self._names[table.name]} "  # noqa: S608 - our own names
            f"WHERE rowid BETWEEN :low AND :high ORDER BY rowid {order}"
        )
        last: int | None = None
        try:
            for rowid, *row in self._database.stream(sql, {"low": low, "high": high}):
                # A tree that leads in circles comes back to rows that it has shown.
                if last is not None and (rowid <= last) == (order == "ASC"):
                    return last, False
                self._room -= sum(len(one) for one in row if isinstance(one, bytes))
                if self._room < 0:
                    return last, False
                last = rowid
                texts = zip(row[::2], row[1::2], strict=True)
                yield rowid, [Text(value) if is_text else value for is_text, value in texts]
        except AgentStateError:
            return last, False
        return last, True

    def _all_indexes(self) -> list[str]:
        return [index for indexes in self._indexes.values() for index in indexes]

    def _from(self, name: str, index: str) -> str:
        return f"{self._names[name]} INDEXED BY {self._names[index]}"

    def _schema(self) -> Iterator[SchemaEntry]:
        for name, table in self._tables.items():
            ours = self._names[name]
            # A table whose root is lost has one that SQLite cannot read; its indexes it can.
            root = self._roots.get(name) or self._roots[next(iter(self._indexes[name]))]
            yield SchemaEntry("table", ours, ours, root, f"CREATE TABLE {ours}({_columns(table)})")
            for index, columns in self._indexes[name].items():
                keys = ",".join(f"{_short(table, key)}{order}" for key, order in _keys(columns))
                sql = f"CREATE INDEX {self._names[index]} ON {ours}({keys})"
                yield SchemaEntry("index", self._names[index], ours, self._roots[index], sql)


def _keys(columns: str) -> list[tuple[str, str]]:
    """Return the columns of an index, each with the order that is not the usual one."""
    split = (key.partition(" DESC") for key in columns.split(", "))
    return [(column, descending) for column, descending, _ in split]


def _short(table: Table, name: str) -> str:
    """Return the name that a column has in our schema."""
    if name == "rowid":
        return name
    names = [column.name for column in table.columns]
    return f"c{table.places[names.index(name)]}"


def _columns(table: Table) -> str:
    """Return the columns of a table in SQL, in the order of the file."""
    places = dict(zip(table.places, table.columns, strict=True))
    named = []
    for place in range(max(table.places) + 1):
        column = places.get(place)
        if column is None:
            named.append(f"c{place}")
        elif table.alias is not None and column is table.columns[table.alias]:
            named.append(f"c{place} INTEGER PRIMARY KEY")
        else:
            default = "" if column.default is None else f" DEFAULT {column.default!r}"
            named.append(f"c{place} {column.declared}{default}")
    return ",".join(named)
