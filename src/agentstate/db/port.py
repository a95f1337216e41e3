"""The port between the store and a database engine.

The store writes its SQL once, with named parameters (`:name`), in the part of the language that
SQLite and PostgreSQL share: RETURNING, ON CONFLICT, recursive common table expressions. What
the engines must say differently is a method here. Rows are plain tuples; each is unpacked by
name right below its SELECT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from agentstate.errors import ConflictError, NotAStoreError, StoreUnavailableError
from agentstate.record import Record, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    Params = Mapping[str, object]
    Row = tuple[Any, ...]


@record
class About(Record):
    """What an engine says of itself and of the open store."""

    engine_version: str
    schema_version: int
    journal_mode: str
    """`unknown` where the file is read in a way that does not look at it."""


class NotADatabaseError(NotAStoreError):
    """The file is none of the engine's, or its header is damaged."""


class NoSpaceError(StoreUnavailableError):
    """The disk is full."""


class ConstraintError(ConflictError):
    """A statement met a constraint.

    The store catches those it knows and says what they mean. Another program may have added a
    trigger or a check to the file: that one is a conflict, with the engine's message.
    """


class MissingReferenceError(ConstraintError):
    """The row refers to one that does not exist."""


class DuplicateKeyError(ConstraintError):
    """A row of that key exists."""


class Database(Protocol):
    """One open connection, for the store's life."""

    def insertion_order(self, table: str) -> str:
        """Return what grows with each row inserted into a table, as far as the table has that."""
        ...

    def execute(self, sql: str, params: Params = ...) -> int:
        """Run a statement; return how many rows it changed."""
        ...

    def execute_many(self, sql: str, params: Iterable[Params]) -> None:
        """Run a statement once for each set of parameters."""
        ...

    def insert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Add rows to a table, each the values of these columns; nothing else is so fast."""
        ...

    def one(self, sql: str, params: Params = ...) -> Row | None:
        """Return the only row, or None."""
        ...

    def all(self, sql: str, params: Params = ...) -> list[Row]:
        """Return every row."""
        ...

    def stream(self, sql: str, params: Params = ...) -> Iterator[Row]:
        """Yield rows as they are read."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Write in one transaction, which holds the write lock from its start."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Read in one transaction, so that several statements see one state."""
        ...

    def glob(self, column: str, parameter: str) -> str:
        """Return a condition: `column` matches the glob in `parameter`, whatever the ASCII case."""
        ...

    def same_text(self, column: str, parameter: str) -> str:
        """Return a condition: `column` equals `parameter`, whatever the ASCII case."""
        ...

    def has_table(self, table: str) -> bool:
        """Tell whether the open file has that table."""
        ...

    def has_column(self, table: str, column: str) -> bool:
        """Tell whether the open file has that column; a missing table has none."""
        ...

    def about(self) -> About:
        """Return the engine's version, the schema's, and how writes are journalled."""
        ...

    def vacuum(self) -> None:
        """Give free space back; raises `StoreBusyError` while others read or write."""
        ...

    def empty_log(self) -> bool:
        """Carry what is only in the log into the file; tell whether that could all be done."""
        ...

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        ...
