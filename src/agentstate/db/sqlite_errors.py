"""The driver's errors in this program's terms: wrapped once, here."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from agentstate.db.port import (
    ConstraintError,
    DuplicateKeyError,
    MissingReferenceError,
    NoSpaceError,
    NotADatabaseError,
)
from agentstate.errors import (
    AgentStateError,
    BadInputError,
    CorruptStoreError,
    StoreBusyError,
    StoreUnavailableError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
UNAVAILABLE: Final = {
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

_SCHEMA: Final = (
    "access to view|no such|not authorized|unknown function|unsafe use of|unsupported file format"
    "|wrong number of arguments"
)
"""How SQLite says that what a schema names, a function or a collation say, is not to be had."""

_MEANINGS: Final[tuple[tuple[type[AgentStateError], Collection[int | None], str, str], ...]] = (
    (
        NotADatabaseError,
        {sqlite3.SQLITE_NOTADB},
        "",
        "{path} is not a SQLite file; if it was a store, see agentstate doctor",
    ),
    (
        CorruptStoreError,
        {sqlite3.SQLITE_CORRUPT},
        "",
        "{path} is damaged: {error}; see agentstate doctor",
    ),
    (NoSpaceError, {sqlite3.SQLITE_FULL}, "", "{path}: {error}"),
    (StoreUnavailableError, UNAVAILABLE, "", "{path}: {error}"),
    (BadInputError, {sqlite3.SQLITE_TOOBIG}, "", "the data is larger than SQLite takes: {error}"),
    (BadInputError, {sqlite3.SQLITE_ERROR}, ".*pattern too complex", "the pattern is too long"),
    (
        CorruptStoreError,
        {sqlite3.SQLITE_ERROR},
        _SCHEMA,
        "{path} has a schema that does not work: {error}",
    ),
    (UsageError, {None}, ".*closed database", "the store {path} is closed"),
)
"""By code and the message's beginning: the class, and what is said."""


def translate(error: Exception, path: Path, timeout: float) -> Exception:
    """Say a driver's error in this program's terms; no stored text is in it."""
    if isinstance(error, sqlite3.Error):
        return _translate_sqlites(error, path, timeout)
    if isinstance(error, MemoryError):
        # So end, too, statements which a schema makes longer than we let them be.
        return StoreUnavailableError(f"{path}: SQLite has no memory for this statement")
    if isinstance(error, UnicodeDecodeError):
        return CorruptStoreError(
            f"{path} is damaged: its schema holds text that is not UTF-8; see agentstate doctor"
        )
    if isinstance(error, UnicodeEncodeError):
        return BadInputError("the text holds a lone surrogate, which is not valid Unicode")
    return BadInputError("a number is beyond 64 bits")


def _translate_sqlites(error: sqlite3.Error, path: Path, timeout: float) -> AgentStateError:
    code = code_of(error)
    if code in BUSY:
        return busy(path, timeout)
    if isinstance(error, sqlite3.IntegrityError):
        return _constraint(error)(f"{path} refuses this write: {error}")
    if decoding := re.match("Could not decode to UTF-8 column '([^']*)'", str(error)):
        # What follows in the message is the text.
        return CorruptStoreError(f"{path} holds text that is not UTF-8, in {decoding[1]!r}")
    for kind, codes, begins, text in _MEANINGS:
        if code in codes and re.match(begins, str(error)):
            return kind(text.format(path=path, error=error))
    return AgentStateError(f"{path}: {type(error).__name__}: {error}")


def busy(path: Path, timeout: float) -> StoreBusyError:
    """Say that a lock was not to be had, and where the system tells, who holds it."""
    from agentstate.db.holders import lock_holders  # noqa: PLC0415 - rarely needed
    from agentstate.holders import describe  # noqa: PLC0415 - as above

    who = describe(lock_holders(path))
    return StoreBusyError(
        f"{path} is locked by {who}; waited {timeout:g} s (--timeout waits longer)"
    )


def being_read(path: Path, timeout: float) -> StoreBusyError:
    """Say that the log cannot be emptied, and where the system tells, who reads it."""
    from agentstate.db.holders import log_readers  # noqa: PLC0415 - rarely needed
    from agentstate.holders import describe  # noqa: PLC0415 - as above

    who = describe(log_readers(path))
    return StoreBusyError(
        f"{path} is being read by {who}; waited {timeout:g} s (--timeout waits longer)"
    )


def code_of(error: Exception) -> int | None:
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
