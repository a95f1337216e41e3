"""The store: threads, messages, checkpoints, jobs, tools, goals and the session index."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Self

from agentstate.config import Location, locate
from agentstate.db.opening import open_for_reading, open_for_writing
from agentstate.session_index import SessionIndex
from agentstate.store.checkpoints import Checkpoints
from agentstate.store.context import Context
from agentstate.store.goals import Goals
from agentstate.store.index import Index
from agentstate.store.information import information
from agentstate.store.jobs import Jobs
from agentstate.store.messages import Messages
from agentstate.store.threads import Threads
from agentstate.store.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from agentstate.reports import StoreInfo

DEFAULT_TIMEOUT = 5.0
"""Seconds to wait for a lock."""


class StateStore:
    """An open store; close it, or use it as a context manager.

    It has one connection for its life and, like that connection, belongs to one thread.
    """

    def __init__(self, location: Location, context: Context) -> None:
        """Compose a store; `StateStore.open` is the way to get one."""
        self._location = location
        self._context = context
        self.threads = Threads(context)
        self.messages = Messages(context)
        self.checkpoints = Checkpoints(context)
        self.jobs = Jobs(context)
        self.tools = Tools(context)
        self.goals = Goals(context)
        self.index = Index(context)

    @classmethod
    def open(  # noqa: PLR0913 - each is a choice of its own, and named
        cls,
        path_or_url: str | os.PathLike[str] | Location | None = None,
        *,
        read_only: bool = False,
        create: bool = True,
        timeout: float = DEFAULT_TIMEOUT,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] | None = None,
    ) -> Self:
        """Open a store; stands for the Rust program's `StateStore::open`.

        Without a path the environment and the defaults decide. A store opened to write is
        migrated, and made where there is none unless `create` is false; one opened `read_only`
        is read as it is, and nothing in its folder changes. `timeout` is the wait for a lock in
        seconds; `clock` gives Unix seconds; `new_id` gives ids for new threads.

        Raises `StoreNotFoundError`, `NotAStoreError`, `StoreTooOldError` (reading),
        `StoreTooNewError` (writing), `StoreBusyError`, `StoreUnavailableError`.
        """
        location = (
            path_or_url
            if isinstance(path_or_url, Location)
            else locate(path_or_url, os.environ)
        )
        database = (
            open_for_reading(location.path, timeout)
            if read_only
            else open_for_writing(location.path, timeout, create=create)
        )
        index = SessionIndex(location.index_path, timeout=timeout)
        context = Context(database, index, clock, new_id or _random_id, read_only)
        return cls(location, context)

    @property
    def path(self) -> Path:
        """The store's file; stands for the Rust program's `db_path`."""
        return self._location.path

    @property
    def now(self) -> int:
        """The store's clock, in Unix seconds."""
        return self._context.now()

    def new_id(self) -> str:
        """Return an id for a new thread or job."""
        return self._context.new_id()

    def info(self) -> StoreInfo:
        """Return where the store is, its version, its row counts and its sizes."""
        return information(self._context.database, self._location)

    def close(self) -> None:
        """Close the connection."""
        self._context.database.close()

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.close()


def _random_id() -> str:
    import uuid  # noqa: PLC0415 - 2 ms, which only a command that makes an id should pay

    return str(uuid.uuid4())
