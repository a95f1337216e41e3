"""SQLite behind the port: transactions, its own words, and whole files. It knows no domain."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from agentstate.db.connection import ERRORS, Connection, do_nothing
from agentstate.db.port import About
from agentstate.db.sqlite_errors import BUSY, UNAVAILABLE, being_read, busy, code_of
from agentstate.errors import StoreUnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


_STEP: Final = 4096
"""Pages that a copy takes at once."""


class SQLiteDatabase(Connection):
    """A connection to one SQLite file, as the port has it, and what is done with whole files."""

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
        super().__init__(uri, path, timeout, read_only=read_only)
        self._immutable = immutable
        self.before_commit: Callable[[], object] = do_nothing
        """Called before each write is committed; from then on it may be done."""
        self.after_begin: Callable[[], object] = do_nothing
        """Called when a write transaction has begun; what it raises ends the transaction."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write in one transaction, which holds the write lock from its start."""
        if self._read_only:
            raise StoreUnavailableError(f"{self.path} was opened for reading only")
        if self._in_transaction():
            # A write within it would stay uncommitted for as long as the reading lasts.
            raise UsageError("finish reading from a stream before writing to the same store")
        self._run("BEGIN IMMEDIATE", {})
        with self._ending():
            self.after_begin()
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

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
            self._commit()
        except BaseException:
            self._roll_back()
            raise

    def _commit(self) -> None:
        if not self._in_transaction():
            # SQLite has ended it at an error that was passed over.
            raise StoreUnavailableError(f"{self.path}: an error has ended the transaction")
        self.watch()
        self._run("COMMIT", {})

    def _roll_back(self) -> None:
        """End a transaction that failed; what made it fail is raised by the caller."""
        # A full disk makes SQLite roll back by itself, a closed connection has done so, and an
        # error here would hide the cause. What cannot be rolled back is, when the file is closed.
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def insertion_order(self, table: str) -> str:
        """Return what grows with each row inserted into a table, as far as the table has that."""
        from agentstate.db import catalog  # noqa: PLC0415 - few commands need it

        return catalog.insertion_order(self, table)

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
        except ERRORS as error:
            if code_of(error) not in BUSY | UNAVAILABLE:
                raise self._translate(error) from error
        return str(self.pragma("journal_mode"))

    def lacks_index_of_log(self) -> bool:
        """Tell whether reading fails since the log's index cannot be opened; do not wait."""
        try:
            self._connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        except ERRORS as error:
            if code_of(error) == sqlite3.SQLITE_CANTOPEN:
                return True
            raise self._translate(error) from error
        return False

    def copy_to(self, target: SQLiteDatabase) -> None:
        """Make `target` the same, page for page, in one transaction; one state of this is copied.

        Copied in steps, between which a Ctrl-C is heard. Raises `StoreBusyError` where another
        connection keeps `target` locked.
        """
        deadline = time.monotonic() + target._timeout

        def watch(status: int, remaining: int, _pages: int) -> None:
            # Python would try for ever.
            if status & 0xFF in BUSY and time.monotonic() >= deadline:
                raise busy(target.path, target._timeout)
            if 0 < remaining <= _STEP:
                target.before_commit()

        try:
            with self.snapshot():
                self.one("SELECT count(*) FROM sqlite_schema")  # from here on it is one state
                if int(self.pragma("page_count")) <= _STEP:
                    target.before_commit()
                self._connection.backup(target._connection, pages=_STEP, progress=watch, sleep=0.05)
        except sqlite3.Error as error:
            # What is damaged is read, what has no space is written.
            if code_of(error) in UNAVAILABLE:
                raise target._translate(error) from error
            raise self._translate(error) from error

    def vacuum_into(self, target: Path, name: Path) -> None:
        """Write one state of this, without its free pages, into an empty file.

        Errors call it `name`.
        """
        # Nothing changes here, and yet it is refused to a connection that may only query.
        self.execute("PRAGMA query_only = OFF")
        try:
            self._run("VACUUM INTO :target", {"target": str(target)})
        except StoreUnavailableError as error:
            raise StoreUnavailableError(f"cannot write {name}: {error.__cause__}") from error
        finally:
            if self._read_only:
                self.execute("PRAGMA query_only = ON")

    def vacuum(self) -> None:
        """Write the file anew without its free pages.

        Raises `StoreBusyError`, with nothing changed, while others read a state that is in the log.
        """
        if self._read_only:
            raise StoreUnavailableError(f"{self.path} was opened for reading only")
        if self._in_transaction():
            raise UsageError("finish reading from a stream before the store is vacuumed")
        # The new file goes into the log first, and while somebody reads it would stay there. Who
        # reads what is not in the log is in the way, too, and is met only with a page in it.
        self.execute(f"PRAGMA user_version = {self.pragma('user_version')}")
        if not self.empty_log():
            raise being_read(self.path, self._timeout)
        self.execute("VACUUM")
        self.empty_log()

    def empty_log(self) -> bool:
        """Carry the log over into the file and cut it; tell whether that could be done."""
        deadline = time.monotonic() + self._timeout
        while (done := self.one("PRAGMA wal_checkpoint(TRUNCATE)")) and done[0]:
            if time.monotonic() >= deadline:
                return False
        return True

    def about(self) -> About:
        """Return the engine's version, the schema's, and how writes are journalled."""
        return About(
            engine_version=sqlite3.sqlite_version,
            schema_version=int(self.pragma("user_version")),
            # Of a file taken for immutable SQLite says `delete`, whatever its mode.
            journal_mode="unknown" if self._immutable else str(self.pragma("journal_mode")),
        )
