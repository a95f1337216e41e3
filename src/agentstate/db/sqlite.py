"""The SQLite driver: the only module that imports sqlite3. It holds no domain logic.

Driver errors are wrapped once, here, and chained.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from agentstate.db.port import About, ConstraintError, DuplicateKeyError, MissingReferenceError
from agentstate.errors import (
    AgentStateError,
    BadInputError,
    CorruptStoreError,
    NotAStoreError,
    StoreBusyError,
    StoreUnavailableError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from agentstate.db.port import Params, Row

MINIMUM_VERSION: Final = (3, 35, 0)

# SQLite waits inside C, where Ctrl-C is not heard. It waits in slices, and we repeat them.
_SLICE_SECONDS: Final = 0.2

_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNAVAILABLE: Final = {
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


def check_version() -> None:
    """Raise `StoreUnavailableError` where Python's SQLite is too old for this program."""
    if sqlite3.sqlite_version_info < MINIMUM_VERSION:
        raise StoreUnavailableError(
            f"this Python has SQLite {sqlite3.sqlite_version}; agentstate needs 3.35 or newer"
        )


class SQLiteDatabase:
    """A connection to one SQLite file."""

    insertion_order: Final = "rowid"

    def __init__(
        self,
        uri: str,
        path: Path,
        timeout: float,
        *,
        read_only: bool = False,
        immutable: bool = False,
    ) -> None:
        """Connect to `uri`; `path` names the file in errors, `timeout` is in seconds.

        `immutable` says that `uri` has SQLite take the file for one that nobody changes.
        """
        self._path = path
        self._timeout = timeout
        self._read_only = read_only
        self._immutable = immutable
        self.before_commit: Callable[[], object] = _do_nothing
        """Called before each write is committed; from then on it may be done."""
        try:
            # isolation_level None: no transaction that we did not begin.
            self._connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=min(timeout, _SLICE_SECONDS)
            )
        except sqlite3.Error as error:
            raise self._translate(error) from error
        if read_only:
            self.execute("PRAGMA query_only = ON")

    def execute(self, sql: str, params: Params = {}) -> int:  # noqa: B006 - never changed
        """Run a statement; return how many rows it changed."""
        return self._run(sql, params).rowcount

    def execute_many(self, sql: str, params: Iterable[Params]) -> None:
        """Run a statement once for each set of parameters."""
        for one in params:
            self._run(sql, one)

    def one(self, sql: str, params: Params = {}) -> Row | None:  # noqa: B006 - never changed
        """Return the only row, or None."""
        cursor = self._run(sql, params)
        try:
            row: Row | None = cursor.fetchone()
            # A statement with RETURNING is done only when its rows have been read to the end.
            cursor.fetchall()
        except sqlite3.Error as error:
            raise self._translate(error) from error
        return row

    def all(self, sql: str, params: Params = {}) -> list[Row]:  # noqa: B006 - never changed
        """Return every row."""
        try:
            return self._run(sql, params).fetchall()
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def stream(self, sql: str, params: Params = {}) -> Iterator[Row]:  # noqa: B006 - never changed
        """Yield rows as they are read."""
        cursor = self._run(sql, params)
        try:
            yield from cursor
        except sqlite3.Error as error:
            raise self._translate(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write in one transaction, which holds the write lock from its start."""
        if self._read_only:
            raise StoreUnavailableError(f"{self._path} was opened for reading only")
        if self._in_transaction():
            # A write within it would stay uncommitted for as long as the reading lasts.
            raise UsageError("finish reading from a stream before writing to the same store")
        self._run("BEGIN IMMEDIATE", {})
        with self._ending():
            yield
            self.before_commit()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read in one transaction, so that several statements see one state.

        Within another one, that one's state is seen.
        """
        if self._in_transaction():
            yield
            return
        self._run("BEGIN", {})
        with self._ending():
            yield

    def _in_transaction(self) -> bool:
        try:
            return self._connection.in_transaction
        except sqlite3.Error as error:
            raise self._translate(error) from error

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
            self._run("COMMIT", {})
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """End a transaction that failed; what made it fail is raised by the caller."""
        # A full disk makes SQLite roll back by itself, a closed connection has done so, and an
        # error here would hide the cause. What cannot be rolled back is, when the file is closed.
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def glob(self, column: str, parameter: str) -> str:
        """Return a condition: `column` matches the glob in `parameter`, whatever the ASCII case."""
        return f"lower({column}) GLOB lower(:{parameter})"

    def same_text(self, column: str, parameter: str) -> str:
        """Return a condition: `column` equals `parameter`, whatever the ASCII case."""
        return f"{column} = :{parameter} COLLATE NOCASE"

    def has_table(self, table: str) -> bool:
        """Tell whether the open file has that table."""
        sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = :table"
        return self.one(sql, {"table": table}) is not None

    def has_column(self, table: str, column: str) -> bool:
        """Tell whether the open file has that column; a missing table has none."""
        sql = "SELECT 1 FROM pragma_table_info(:table) WHERE name = :column"
        return self.one(sql, {"table": table, "column": column}) is not None

    def set_journal_mode(self, mode: str) -> str:
        """Ask for a journal mode, without waiting; return the mode in force."""
        try:
            self._connection.execute(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY | _UNAVAILABLE:
                raise self._translate(error) from error
        return str(self.pragma("journal_mode"))

    def pragma(self, name: str) -> int | str:
        """Return a pragma's value."""
        row = self.one(f"PRAGMA {name}")
        value: int | str = row[0] if row else ""
        return value

    def lacks_index_of_log(self) -> bool:
        """Tell whether reading fails since the log's index cannot be opened; do not wait."""
        try:
            self._connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            if _code(error) == sqlite3.SQLITE_CANTOPEN:
                return True
            raise self._translate(error) from error
        return False

    def about(self) -> About:
        """Return the engine's version, the schema's, and how writes are journalled."""
        return About(
            engine_version=sqlite3.sqlite_version,
            schema_version=int(self.pragma("user_version")),
            # Of a file taken for immutable SQLite says `delete`, whatever its mode.
            journal_mode="unknown" if self._immutable else str(self.pragma("journal_mode")),
        )

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        self._connection.close()

    def _run(self, sql: str, params: Params) -> sqlite3.Cursor:
        """Execute, and wait while another program holds the lock, up to the timeout."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return self._connection.execute(sql, params)
            except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
                # A statement that met a lock has changed nothing, also inside a transaction.
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise self._translate(error) from error

    def _translate(self, error: Exception) -> Exception:
        """Say a driver's error in this program's terms."""
        if isinstance(error, UnicodeEncodeError):
            return BadInputError("the text holds a lone surrogate, which is not valid Unicode")
        if isinstance(error, OverflowError):
            return BadInputError("a number is beyond 64 bits")
        if isinstance(error, sqlite3.IntegrityError):
            return _constraint(error)(f"{self._path} refuses this write: {error}")
        if isinstance(error, sqlite3.ProgrammingError) and "closed database" in str(error):
            return UsageError(f"the store {self._path} is closed")
        if isinstance(error, sqlite3.DataError):
            return BadInputError(f"the data is larger than SQLite takes: {error}")
        return self._translate_code(error, _code(error))

    def _translate_code(self, error: Exception, code: int | None) -> AgentStateError:
        if code in _BUSY:
            return StoreBusyError(
                f"{self._path} is locked by another program; waited {self._timeout:g} s "
                "(--timeout waits longer)"
            )
        if code == sqlite3.SQLITE_NOTADB:
            return NotAStoreError(f"{self._path} is not a SQLite file")
        if code == sqlite3.SQLITE_CORRUPT:
            return CorruptStoreError(f"{self._path} is damaged: {error}; see agentstate doctor")
        if code in _UNAVAILABLE:
            return StoreUnavailableError(f"{self._path}: {error}")
        if "decode to UTF-8" in str(error):
            return CorruptStoreError(f"{self._path} holds text that is not UTF-8: {error}")
        return AgentStateError(f"{self._path}: {type(error).__name__}: {error}")


def _do_nothing() -> None:
    """Stand where nobody wants to be called."""


def _code(error: Exception) -> int | None:
    """Return SQLite's primary result code; the driver's own errors have none."""
    code: Any = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _constraint(error: Exception) -> type[ConstraintError]:
    extended = getattr(error, "sqlite_errorcode", None)
    if extended == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return MissingReferenceError
    if extended in {sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE}:
        return DuplicateKeyError
    return ConstraintError
