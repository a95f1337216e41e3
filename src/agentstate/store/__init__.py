"""The store: threads, messages, checkpoints, jobs, tools, goals and the session index."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Self

from agentstate.config import located
from agentstate.db import schema
from agentstate.db.opening import open_for_reading, open_for_writing
from agentstate.store.context import Context

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

    from agentstate.config import Location
    from agentstate.reports.store import BackupReport, StoreInfo, VacuumReport
    from agentstate.store.bundles import Change
    from agentstate.store.checkpoints import Checkpoints
    from agentstate.store.goals import Goals
    from agentstate.store.imports import Imports
    from agentstate.store.index import Index
    from agentstate.store.jobs import Jobs
    from agentstate.store.messages import Messages
    from agentstate.store.pruning import Pruning
    from agentstate.store.search import Search
    from agentstate.store.threads import Threads
    from agentstate.store.tools import Tools
    from agentstate.store.trash import Trash

NEWEST_VERSION = schema.NEWEST
"""The version of the file that a write brings it to."""

DEFAULT_TIMEOUT = 5.0
"""Seconds to wait for a lock."""


class StateStore:
    """An open store; close it, or use it as a context manager.

    It has one connection for its life and, like that connection, belongs to one thread. Each
    noun is loaded when first used, because a command uses one or two of them.
    """

    def __init__(self, location: Location, context: Context, found_version: int | None) -> None:
        """Compose a store; `StateStore.open` is the way to get one."""
        self._location = location
        self._context = context
        self._found_version = found_version

    @cached_property
    def threads(self) -> Threads:
        """Create, change, list and delete threads."""
        from agentstate.store.threads import Threads  # noqa: PLC0415 - see the class

        return Threads(self._context)

    @cached_property
    def messages(self) -> Messages:
        """Append, fork, list and clear messages, and move the leaf."""
        from agentstate.store.messages import Messages  # noqa: PLC0415 - see the class

        return Messages(self._context)

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """Save, load, list and delete checkpoints."""
        from agentstate.store.checkpoints import Checkpoints  # noqa: PLC0415 - see the class

        return Checkpoints(self._context)

    @cached_property
    def jobs(self) -> Jobs:
        """Create, change, list and delete jobs."""
        from agentstate.store.jobs import Jobs  # noqa: PLC0415 - see the class

        return Jobs(self._context)

    @cached_property
    def tools(self) -> Tools:
        """Replace and list a thread's dynamic tools."""
        from agentstate.store.tools import Tools  # noqa: PLC0415 - see the class

        return Tools(self._context)

    @cached_property
    def goals(self) -> Goals:
        """Get, set and delete a thread's goal."""
        from agentstate.store.goals import Goals  # noqa: PLC0415 - see the class

        return Goals(self._context)

    @cached_property
    def index(self) -> Index:
        """Look up, check and rebuild the session index."""
        from agentstate.store.index import Index  # noqa: PLC0415 - see the class

        return Index(self._context)

    @cached_property
    def imports(self) -> Imports:
        """Merge other programs' sessions into the store, and tell where threads came from."""
        from agentstate.store.imports import Imports  # noqa: PLC0415 - see the class

        return Imports(self._context)

    @cached_property
    def search(self) -> Search:
        """Find messages by what they say."""
        from agentstate.store.search import Search  # noqa: PLC0415 - see the class

        return Search(self._context, self.path)

    @cached_property
    def trash(self) -> Trash:
        """Delete threads so that they can be brought back; list, restore and remove them."""
        from agentstate.store.trash import Trash  # noqa: PLC0415 - see the class

        return Trash(self._context, self.path)

    @cached_property
    def pruning(self) -> Pruning:
        """Delete old threads, archived ones, or as many as a size takes."""
        from agentstate.store.pruning import Pruning  # noqa: PLC0415 - see the class

        return Pruning(self._context, self.path, self.trash)

    @classmethod
    def open(  # noqa: PLR0913 - each is a choice of its own, and named
        cls,
        path_or_url: str | os.PathLike[str] | Location | None = None,
        *,
        read_only: bool = False,
        create: bool = True,
        trust_schema: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] | None = None,
        before_commit: Callable[[], object] | None = None,
    ) -> Self:
        """Open a store; stands for the Rust program's `StateStore::open`.

        Without a path the environment and the defaults decide. A store opened to write is
        migrated, and made where there is none unless `create` is false; one opened `read_only`
        is read as it is, and nothing in its folder changes. `timeout` is the wait for a lock in
        seconds; `clock` gives Unix seconds; `new_id` gives ids for new threads; `before_commit`
        is called when a write, but not a migration, is about to be committed.

        A file whose schema would do more on a write than what is asked for (a trigger, a foreign
        key of its own) is only read, unless you know that schema and say `trust_schema`.

        Raises `StoreNotFoundError`, `NotAStoreError`, `StoreTooOldError` (reading),
        `StoreTooNewError` and `UntrustedSchemaError` (writing), `StoreBusyError`,
        `StoreUnavailableError`.
        """
        location = located(path_or_url)
        if read_only:
            database, found_version = open_for_reading(location.path, timeout), None
        else:
            database, found_version = open_for_writing(
                location.path, timeout, create=create, trust_schema=trust_schema
            )
            if before_commit is not None:
                database.before_commit = before_commit
        context = Context(
            database=database,
            index_path=location.index_path,
            timeout=timeout,
            clock=clock,
            new_id=new_id or _random_id,
            read_only=read_only,
        )
        return cls(location, context, found_version)

    @property
    def path(self) -> Path:
        """The store's file; stands for the Rust program's `db_path`."""
        return self._location.path

    @property
    def found_version(self) -> int | None:
        """The version of a store that was opened to write, before it was migrated.

        None for one that was made, and for one that is read as it is.
        """
        return self._found_version

    @property
    def now(self) -> int:
        """The store's clock, in Unix seconds."""
        return self._context.now()

    def new_id(self) -> str:
        """Return an id for a new thread or job."""
        return self._context.new_id()

    def info(self) -> StoreInfo:
        """Return where the store is, its version, its row counts and its sizes."""
        from agentstate.store.information import information  # noqa: PLC0415 - see the class

        return information(self._context.database, self._location)

    def backup(
        self, out: str | os.PathLike[str], *, compact: bool = False, overwrite: bool = False
    ) -> BackupReport:
        """Copy the store and its index to a file or folder, while others write, and verify it.

        A folder is one that exists, or a path that ends in a slash; the index comes beside the
        file. With `compact` the copy has no free pages. Raises `ConflictError` where something is
        there and `overwrite` is false, and for a place in the store's own folder;
        `CorruptStoreError` for a damaged store, which is not backed up.
        """
        from agentstate.store.backups import back_up  # noqa: PLC0415 - see the class

        return back_up(
            self._location,
            out,
            compact=compact,
            overwrite=overwrite,
            timeout=self._context.timeout,
        )

    def bundle(self, thread_id: str, change: Change | None = None) -> Iterator[bytes]:
        """Yield the lines of a bundle of all of a thread, which `imports.insert_bundle` reads.

        `change` is given the table, the column and the text of each value, and gives the text
        that stands in its place. Raises `ThreadNotFoundError`, `CorruptStoreError`.
        """
        from agentstate.store.bundling import bundle  # noqa: PLC0415 - see the class

        return bundle(self._context, thread_id, change)

    def vacuum(self) -> VacuumReport:
        """Write the file anew without free pages; return what that gave back.

        Raises `StoreBusyError` where others write, `StoreUnavailableError` where there is not
        enough free space for it.
        """
        from agentstate.store.vacuuming import vacuum  # noqa: PLC0415 - see the class

        self._context.require_writable()
        return vacuum(self._context.database, self.path)

    def snapshot(self) -> AbstractContextManager[None]:
        """Read in one transaction, so that several reads see one state of the store."""
        return self._context.database.snapshot()

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
