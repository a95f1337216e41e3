"""Pruning: choose old threads, delete them one by one, and say what it came to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agentstate.db import catalog
from agentstate.db.port import NoSpaceError
from agentstate.db.reading import resolve, size_with_log
from agentstate.errors import StoreUnavailableError
from agentstate.filesystem import size_of
from agentstate.record import Record, record
from agentstate.records import SessionIndexEntry, ThreadListFilters
from agentstate.reports.trash import PrunedThread, PruneReport
from agentstate.store.binding import require_limit
from agentstate.store.bundles import tables_of
from agentstate.store.context import warn
from agentstate.store.rows import count
from agentstate.store.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agentstate.db.port import Database
    from agentstate.records import ThreadMetadata
    from agentstate.store.context import Context
    from agentstate.store.trash import Trash


@record
class PrunePlan(Record):
    """The threads that a pruning will delete, oldest first, and what it was asked for."""

    threads: tuple[PrunedThread, ...]
    archived: bool
    """Only archived threads."""
    keep: int | None
    """How many of the newest threads stay, whatever else is asked for."""
    files: int
    """Bytes of the store's files when it was made."""
    excess: int
    """About how many bytes more than `max_size` stay even so; 0 where it is reached."""


class _LeftError(Exception):
    """A thread is not deleted, for it is not what the plan says any more."""


class Pruning:
    """Delete old threads, archived ones, or as many as a size takes."""

    def __init__(self, context: Context, store: Path, trash: Trash) -> None:
        """Work on the store of `context`, whose file is `store`."""
        self._context = context
        self._db = context.database
        self._threads = Threads(context)
        self._trash = trash
        self._file = resolve(store)

    def plan(
        self,
        *,
        older_than: int | None = None,
        archived: bool = False,
        keep: int | None = None,
        max_size: int | None = None,
    ) -> PrunePlan:
        """Choose threads: all that pass every condition given, oldest `updated_at` first.

        `older_than` takes those updated then (Unix seconds) or before, `archived` only archived
        ones; the `keep` newest of all threads stay. With `max_size` they are taken only until
        what the store holds (bytes of its pages in use, less those of the rows taken) is no more.
        Where all are not enough, the plan's `excess` says so. Nothing is written. A thread that
        cannot be read is never chosen.
        """
        require_limit(keep)
        filters = ThreadListFilters(
            include_archived=True, archived_only=archived, until=older_than, limit=None
        )
        with self._db.snapshot():
            newest = ThreadListFilters(include_archived=True, limit=keep or 0)
            kept = {thread.id for thread in self._threads.list(newest)}
            oldest_first = reversed(self._threads.list(filters))
            candidates = (thread for thread in oldest_first if thread.id not in kept)
            free, whole = catalog.free_bytes(self._db)
            excess = None if max_size is None else whole - free - max_size
            chosen = list(self._up_to(excess, candidates))
            stats = self._threads.stats([thread.id for thread, _ in chosen])
            threads = [
                PrunedThread(
                    id=thread.id,
                    name=thread.name,
                    updated_at=thread.updated_at,
                    messages=stats[thread.id].messages,
                    size=size,
                    bundle=None,
                )
                for thread, size in chosen
            ]
        return PrunePlan(
            threads=tuple(threads),
            archived=archived,
            keep=keep,
            files=size_with_log(self._file),
            excess=max(0, (excess or 0) - sum(size for _, size in chosen)),
        )

    def delete(self, plan: PrunePlan, *, bundles: bool = True) -> Iterator[PrunedThread]:
        """Delete the threads of a plan, each in a transaction of its own, and yield each when done.

        With `bundles` each goes to the trash. One that was continued, unarchived or deleted since
        the plan was made, or is among the newest now, is left and reported as an
        `AgentStateWarning`. Raises what `store.trash.put` raises, and `StoreUnavailableError`
        where the disk is full; what was yielded stays deleted.
        """
        if not bundles:
            self._trash.purge()
        for thread in plan.threads:
            deleted = self._delete(thread, plan, bundles=bundles)
            if deleted is not None:
                yield deleted

    def report(self, plan: PrunePlan, done: Sequence[PrunedThread] | None = None) -> PruneReport:
        """Return what a plan came to: the threads that `delete` yielded; None for a dry run."""
        threads = plan.threads if done is None else tuple(done)
        paths = [Path(thread.bundle) for thread in threads if thread.bundle is not None]
        return PruneReport(
            dry_run=done is None,
            threads=threads,
            size=sum(thread.size for thread in threads),
            reclaimed=0 if done is None else max(0, plan.files - size_with_log(self._file)),
            bundled=sum(map(size_of, paths)),
        )

    def _up_to(
        self, excess: int | None, threads: Iterator[ThreadMetadata]
    ) -> Iterator[tuple[ThreadMetadata, int]]:
        """Yield threads with the bytes of their rows until those are `excess`, or all."""
        measure = _measure(self._db)
        taken = 0
        for thread in threads:
            if excess is not None and taken >= excess:
                return
            size = measure(thread.id)
            taken += size
            yield thread, size

    def _delete(
        self, thread: PrunedThread, plan: PrunePlan, *, bundles: bool
    ) -> PrunedThread | None:
        """Delete a thread, or return None where it is not what the plan says any more."""
        try:
            return self._try(thread, plan, bundles=bundles)
        except StoreUnavailableError:
            # Each deletion adds to the log. Once that is emptied its space serves the next one,
            # so that on a full disk many can be deleted where one can.
            with suppress(StoreUnavailableError):
                self._db.empty_log()
        try:
            return self._try(thread, plan, bundles=bundles)
        except NoSpaceError as error:
            other = "; --no-bundle needs less" if bundles else ""
            raise StoreUnavailableError(
                f"thread {thread.id!r} was not deleted: {error}; free some space first "
                f"(agentstate threads trash empty){other}"
            ) from error

    def _try(self, thread: PrunedThread, plan: PrunePlan, *, bundles: bool) -> PrunedThread | None:

        def require() -> None:
            if (change := self._change(thread, plan)) is not None:
                raise _LeftError(f"left: thread {thread.id!r} {change} meanwhile")

        try:
            if bundles:
                return replace(thread, bundle=self._trash.put(thread.id, require=require).path)
            with self._db.transaction():
                require()
                self._db.execute("DELETE FROM threads WHERE id = :id", {"id": thread.id})
        except _LeftError as error:
            warn(str(error))
            return None
        self._context.publish(
            SessionIndexEntry(thread_id=thread.id, updated_at=self._context.now())
        )
        return thread

    def _change(self, thread: PrunedThread, plan: PrunePlan) -> str | None:
        key = {"id": thread.id}
        row = self._db.one("SELECT updated_at, archived FROM threads WHERE id = :id", key)
        if row is None:
            return "was deleted"
        updated_at, archived = row
        # An older program appends without moving updated_at.
        messages = count(self._db, "SELECT count(*) FROM messages WHERE thread_id = :id", key)
        if (updated_at, messages) != (thread.updated_at, thread.messages):
            return "was continued"
        if plan.archived and not archived:
            return "was unarchived"
        if plan.keep and self._newer(thread, plan.keep) < plan.keep:
            return f"became one of the {plan.keep} newest"
        return None

    def _newer(self, thread: PrunedThread, most: int) -> int:
        """Count the threads that are listed before this one, up to `most`."""
        return count(
            self._db,
            "SELECT count(*) FROM (SELECT 1 FROM threads WHERE updated_at > :updated_at "
            "OR (updated_at = :updated_at AND id < :id) LIMIT :most) AS newer",
            {"updated_at": thread.updated_at, "id": thread.id, "most": most},
        )


def _measure(database: Database) -> Callable[[str], int]:
    """Return a function that gives the bytes of all values of a thread: 8 for a number."""
    statements = []
    for table in tables_of(database):
        sizes = " + ".join(
            f"CASE typeof({column}) WHEN 'text' THEN length(CAST({column} AS BLOB)) "
            f"WHEN 'blob' THEN length({column}) WHEN 'null' THEN 0 ELSE 8 END"
            for column in map(catalog.quoted, table.columns)
        )
        statements.append(
            f"SELECT coalesce(sum({sizes}), 0) FROM {catalog.quoted(table.name)} "
            f"WHERE {table.condition}"
        )
    return lambda thread_id: sum(
        count(database, statement, {"key": thread_id}) for statement in statements
    )
