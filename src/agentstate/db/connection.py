"""A connection to a SQLite file: statements run, waited for, and their errors told.

Of this package it, `sqlite`, `distrust` and `sqlite_errors` alone know sqlite3.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Final

from agentstate.db.distrust import distrust
from agentstate.db.sqlite_errors import code_of, translate
from agentstate.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from agentstate.db.port import Params, Row

MINIMUM_VERSION: Final = (3, 35, 0)

# SQLite waits inside C, where Ctrl-C is not heard. It waits in slices, and we repeat them.
_SLICE_SECONDS: Final = 0.2

# Of a damaged schema SQLite quotes what is not UTF-8, which Python fails to make a message of.
ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
_FAILURES: Final = (*ERRORS, UnicodeEncodeError, OverflowError, MemoryError)
"""What a statement with parameters may end in."""


def check_version() -> None:
    """Raise `StoreUnavailableError` where Python's SQLite is too old for this program."""
    if sqlite3.sqlite_version_info < MINIMUM_VERSION:
        raise StoreUnavailableError(
            f"this Python has SQLite {sqlite3.sqlite_version}; agentstate needs 3.35 or newer"
        )


class NotUtf8(bytes):
    """Stored text that is not UTF-8, as its bytes; see `Connection.keep_broken_text`."""


class Connection:
    """An open file, and statements on it."""

    def __init__(
        self,
        uri: str,
        path: Path,
        timeout: float,
        *,
        read_only: bool = False,
    ) -> None:
        """Connect to `uri`; `path` names the file in errors, `timeout` is in seconds."""
        self.path = path
        """Names the file in errors."""
        self.watch: Callable[[], object] = do_nothing
        """Called when something has been read; raises where it may not be used."""
        self._timeout = timeout
        self._read_only = read_only
        try:
            # isolation_level None: no transaction that we did not begin.
            self._connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=min(timeout, _SLICE_SECONDS)
            )
        except ERRORS as error:
            raise self._translate(error) from error
        try:
            distrust(self._connection)
            if read_only:
                self.execute("PRAGMA query_only = ON")
        except BaseException:
            self.close()
            raise

    def keep_broken_text(self) -> None:
        """From now on give text that is not UTF-8 as `NotUtf8`, instead of raising for it."""
        self._connection.text_factory = _decode

    def execute(self, sql: str, params: Params = {}) -> int:  # noqa: B006 - never changed
        """Run a statement; return how many rows it changed."""
        return self._run(sql, params).rowcount

    def execute_many(self, sql: str, params: Iterable[Params]) -> None:
        """Run a statement once for each set of parameters."""
        for one in params:
            self._run(sql, one)

    def insert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Add rows to a table, each the values of these columns, within a transaction.

        That holds the write lock, so there is no lock to wait for.
        """
        values = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table}({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - names of the caller's own
        try:
            self._connection.executemany(sql, rows)
        except _FAILURES as error:
            raise self._translate(error) from error

    def one(self, sql: str, params: Params = {}) -> Row | None:  # noqa: B006 - never changed
        """Return the only row, or None."""
        cursor = self._run(sql, params)
        try:
            row: Row | None = cursor.fetchone()
            # A statement with RETURNING is done only when its rows have been read to the end.
            cursor.fetchall()
        except ERRORS as error:
            raise self._translate(error) from error
        self.watch()
        return row

    def all(self, sql: str, params: Params = {}) -> list[Row]:  # noqa: B006 - never changed
        """Return every row."""
        try:
            rows = self._run(sql, params).fetchall()
        except ERRORS as error:
            raise self._translate(error) from error
        self.watch()
        return rows

    def stream(self, sql: str, params: Params = {}) -> Iterator[Row]:  # noqa: B006 - never changed
        """Yield rows as they are read."""
        cursor = self._run(sql, params)
        try:
            for row in cursor:
                self.watch()
                yield row
        except ERRORS as error:
            raise self._translate(error) from error
        self.watch()

    def pragma(self, name: str) -> int | str:
        """Return a pragma's value."""
        row = self.one(f"PRAGMA {name}")
        value: int | str = row[0] if row else ""
        return value

    def _in_transaction(self) -> bool:
        try:
            return self._connection.in_transaction
        except ERRORS as error:
            raise self._translate(error) from error

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        self._connection.close()

    def close_without_log(self) -> None:
        """Close the connection, and leave the log beside the file to others.

        Python 3.11 cannot ask SQLite for that, so there it stays open until the process ends.
        """
        if sys.version_info >= (3, 12):
            self._connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)  # noqa: FBT003 - sqlite3 names it not
            self.close()
        else:
            import ctypes  # noqa: PLC0415 - hardly ever needed

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))

    def _run(self, sql: str, params: Params) -> sqlite3.Cursor:
        """Execute, and wait while another program holds the lock, up to the timeout."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return self._connection.execute(sql, params)
            except _FAILURES as error:
                # A statement that met a lock has changed nothing, also inside a transaction.
                if code_of(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise self._translate(error) from error

    def _translate(self, error: Exception) -> Exception:
        self.watch()  # it may be the cause
        return translate(error, self.path, self._timeout)


def _decode(text: bytes) -> str | NotUtf8:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return NotUtf8(text)


def do_nothing() -> None:
    """Stand where nobody wants to be called."""
