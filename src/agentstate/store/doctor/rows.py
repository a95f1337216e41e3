"""The rows of a table as they are mended: each by what tells it from every other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentstate.db.catalog import address_of, quoted
from agentstate.db.connection import NotUtf8
from agentstate.errors import CorruptStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.db.port import Row
    from agentstate.db.sqlite import SQLiteDatabase

Address = list[object]
"""The values that tell a row from every other; they follow where a repair changes one of them."""


class Rows(NamedTuple):
    """The rows of a table that has something to tell them apart."""

    database: SQLiteDatabase
    table: str
    address: tuple[str, ...]
    """The columns of an address, quoted: the rowid by a name that no column bears, or the key."""

    @property
    def columns(self) -> str:
        """Return the columns of an address as a statement lists them, with their table."""
        return ", ".join(f"{self.table}.{column}" for column in self.address)

    def each(self, *columns: str) -> Iterator[tuple[Address, Row]]:
        """Yield the address and some columns of every row; no index but the table's is used."""
        width = len(self.address)
        for row in self.database.stream(
            f"SELECT {self.columns}, {', '.join(columns)} FROM {self.table} NOT INDEXED"
        ):
            yield list(row[:width]), row[width:]

    def value(self, address: Address, column: str) -> object:
        """Return what a row has in a column; None where the row is gone."""
        where, params = self._where(address)
        row = self.database.one(f"SELECT {column} FROM {self.table} WHERE {where}", params)
        return row[0] if row else None

    def write(self, address: Address, column: str, value: object) -> None:
        """Change one column of one row; raises `CorruptStoreError` where that is not one row."""
        where, params = self._where(address)
        sql = f"UPDATE {self.table} SET {column} = :value WHERE {where}"
        require_rows(
            self.database, self.table, self.database.execute(sql, {**params, "value": value})
        )
        if quoted(column) in self.address:
            address[self.address.index(quoted(column))] = value

    def _where(self, address: Address) -> tuple[str, dict[str, object]]:
        """Return the condition that is true of the row alone, and its parameters."""
        conditions = [
            # Text that is not UTF-8 goes back as bytes, and bytes are never equal to text.
            f"{column} = {f'CAST(:k{place} AS TEXT)' if type(value) is NotUtf8 else f':k{place}'}"
            for place, (column, value) in enumerate(zip(self.address, address, strict=True))
        ]
        return " AND ".join(conditions), {f"k{place}": one for place, one in enumerate(address)}


def rows_of(database: SQLiteDatabase, table: str) -> Rows | None:
    """Return the rows of a table; None where nothing tells each from every other."""
    address = address_of(database, table)
    return None if address is None else Rows(database, table, tuple(address))


def require_rows(database: SQLiteDatabase, table: str, changed: int, named: int = 1) -> None:
    """Raise `CorruptStoreError`, which ends the transaction, where a repair met other rows."""
    if changed != named:
        raise CorruptStoreError(
            f"{database.path}: a repair of {table} was about to change {changed} rows and not "
            f"{named}; nothing was changed"
        )
