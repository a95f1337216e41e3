"""What the parts of an open store share."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from agentstate.errors import AgentStateError, AgentStateWarning, StoreUnavailableError
from agentstate.records import SessionIndexEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentstate.db.port import Database, Row
    from agentstate.session_index import SessionIndex


@dataclass(frozen=True)
class Context:
    """The connection, the index beside it, and where times and ids come from."""

    database: Database
    index: SessionIndex
    clock: Callable[[], float]
    new_id: Callable[[], str]
    read_only: bool

    def now(self) -> int:
        """Return the time in Unix seconds."""
        return int(self.clock())

    def require_writable(self) -> None:
        """Raise `StoreUnavailableError` on a store that was opened for reading."""
        if self.read_only:
            raise StoreUnavailableError("the store was opened for reading only")

    def publish(self, entry: SessionIndexEntry) -> None:
        """Append to the session index; the store's write stands where that fails."""
        try:
            self.index.append(entry)
        except AgentStateError as error:
            warn(f"the store was written, the session index was not: {error}")


def warn(message: str) -> None:
    """Report what was left out or left undone; the caller's call goes on."""
    warnings.warn(message, AgentStateWarning, stacklevel=3)


_T = TypeVar("_T")


def fill(record_type: type[_T], names: Sequence[str], row: Row) -> _T:
    """Build a record from a row whose columns are `names`, in a third of __init__'s time."""
    record = object.__new__(record_type)
    vars(record).update(zip(names, row, strict=True))
    return record


def is_plain(row: Row) -> bool:
    """Tell whether a row holds only text, integers and nulls: no blob, no real."""
    return _PLAIN.issuperset(map(type, row))


_PLAIN: frozenset[type[Any]] = frozenset({str, int, type(None)})
