"""What the parts of an open store share."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING

from agentstate.errors import AgentStateError, AgentStateWarning, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agentstate.db.port import Database
    from agentstate.records import SessionIndexEntry
    from agentstate.session_index import SessionIndex


class Context:
    """The connection, the index beside it, and where times and ids come from."""

    def __init__(  # noqa: PLR0913 - each is given once, by StateStore.open
        self,
        *,
        database: Database,
        index_path: Path,
        timeout: float,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        read_only: bool,
    ) -> None:
        """Keep what the parts of the store work with."""
        self.database = database
        self.new_id = new_id
        self._index_path = index_path
        self.timeout = timeout
        self._clock = clock
        self._read_only = read_only

    @cached_property
    def index(self) -> SessionIndex:
        """The session index, loaded when first used: most commands never do."""
        from agentstate.session_index import SessionIndex  # noqa: PLC0415 - see above

        return SessionIndex(self._index_path, timeout=self.timeout)

    def now(self) -> int:
        """Return the time in Unix seconds."""
        return int(self._clock())

    def require_writable(self) -> None:
        """Raise `StoreUnavailableError` on a store that was opened for reading."""
        if self._read_only:
            raise StoreUnavailableError("the store was opened for reading only")

    def publish(self, *entries: SessionIndexEntry) -> None:
        """Append to the session index; the store's write stands where that fails."""
        try:
            self.index.extend(entries)
        except AgentStateError as error:
            warn(f"the store was written, the session index was not: {error}")


def warn(message: str) -> None:
    """Report what was left out or left undone; the caller's call goes on."""
    warnings.warn(message, AgentStateWarning, stacklevel=3)
