"""The session index as a projection of the store: looked up, compared, and written anew."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from agentstate.records import SessionIndexEntry, ThreadListFilters, ThreadSort
from agentstate.reports.index import BadLine, IndexCheck, IndexRebuild, NameDrift
from agentstate.store.thread_rows import index_entry
from agentstate.store.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from agentstate.records import ThreadMetadata
    from agentstate.session_index import CompactionResult, IndexContents
    from agentstate.store.context import Context


class Index:
    """Names and rollout paths of threads, from `session_index.jsonl` beside the store."""

    def __init__(self, context: Context) -> None:
        """Work on the index of `context`."""
        self._context = context
        self._file = context.index
        self._threads = Threads(context)

    def append(
        self,
        thread_id: str,
        name: str | None,
        updated_at: int,
        rollout_path: str | os.PathLike[str] | None,
    ) -> None:
        """Append a line; stands for the Rust program's `append_thread_name`.

        Raises `StoreUnavailableError` and `StoreBusyError`, unlike writes of the store, which
        only warn where the index cannot be written.
        """
        self._context.require_writable()
        self._file.append(
            SessionIndexEntry(
                thread_id=thread_id,
                thread_name=name,
                updated_at=updated_at,
                rollout_path=None if rollout_path is None else os.fspath(rollout_path),
            )
        )

    def name_of(self, thread_id: str) -> str | None:
        """Return the name in a thread's last line; stands for `find_thread_name_by_id`."""
        entry = self._file.entry_of(thread_id)
        return entry.thread_name if entry else None

    def names_of(self, thread_ids: Collection[str]) -> dict[str, str | None]:
        """Return the name of each id, None for those without; `find_thread_names_by_ids`."""
        entries = self._file.entries_of(thread_ids)
        return {
            thread_id: entries[thread_id].thread_name if thread_id in entries else None
            for thread_id in thread_ids
        }

    def path_of_name(self, name: str) -> str | None:
        """Return the rollout path of a name, whatever its ASCII case.

        Stands for `find_thread_path_by_name_str`: the newest `updated_at` wins, ties by the last
        line.
        """
        return self._file.path_of_name(name)

    def list(self) -> Sequence[SessionIndexEntry]:
        """Return the last line of each thread, in the order of those lines."""
        return [entry for entry in self._file.latest().values() if not _is_tombstone(entry)]

    def check(self) -> IndexCheck:
        """Compare the index with the store."""
        contents = self._file.read()
        names = {thread.id: thread.name for thread in self._all_threads()}
        return compare(contents, self._threads.ids(), names)

    def compact(self) -> CompactionResult:
        """Keep only the last line of each thread, in order; atomic."""
        self._context.require_writable()
        return self._file.compact()

    def rebuild(self, *, dry_run: bool = False) -> IndexRebuild:
        """Write one line for each thread of the store, oldest first.

        A name that only the index knows is kept; entries of threads that are gone are dropped;
        the old file stays beside the new one.
        """
        if dry_run:
            return self._rebuild(dry_run=True)
        self._context.require_writable()
        with self._file.locked():
            return self._rebuild(dry_run=False)

    def _rebuild(self, *, dry_run: bool) -> IndexRebuild:
        contents = self._file.read()
        old = _latest(contents)
        threads = self._all_threads()
        by_id = {thread.id: thread for thread in threads}
        names = {thread.id: thread.name for thread in threads}
        ids = dict.fromkeys(self._threads.ids())
        new = [_entry(thread, old.get(thread.id)) for thread in threads]
        # A thread whose row cannot be read is not gone.
        new += [old[thread_id] for thread_id in ids if thread_id in old and thread_id not in by_id]
        backup = None if dry_run else self._file.replace(new, read_to=contents.size)
        return IndexRebuild(
            entries=len(new),
            added=tuple(thread.id for thread in threads if thread.id not in old),
            renamed=_drifted(old, names),
            kept_names=tuple(
                entry.thread_id
                for entry in new
                if entry.thread_name is not None
                and entry.thread_id in by_id
                and by_id[entry.thread_id].name is None
            ),
            dropped=_ghosts(old, ids),
            bad_lines=len(contents.bad_lines),
            backup=None if backup is None else str(backup),
        )

    def _all_threads(self) -> Sequence[ThreadMetadata]:
        """Return every thread, oldest first."""
        everything = ThreadListFilters(include_archived=True, limit=None, sort=ThreadSort.UPDATED)
        return self._threads.list(everything)[::-1]


def compare(
    contents: IndexContents, thread_ids: Collection[str], names: Mapping[str, str | None]
) -> IndexCheck:
    """Compare an index with a store's ids, and with the names of those that can be read."""
    entries = _latest(contents)
    ids = dict.fromkeys(thread_ids)
    return IndexCheck(
        lines=contents.lines,
        entries=sum(not _is_tombstone(entry) for entry in entries.values()),
        bad_lines=tuple(BadLine(line=bad.number, reason=bad.reason) for bad in contents.bad_lines),
        ghosts=_ghosts(entries, ids),
        drifted=_drifted(entries, names),
        missing=tuple(thread_id for thread_id in ids if thread_id not in entries),
    )


def _latest(contents: IndexContents) -> dict[str, SessionIndexEntry]:
    """Return the last entry of each thread."""
    return {line.entry.thread_id: line.entry for line in contents.entries}


def _entry(thread: ThreadMetadata, old: SessionIndexEntry | None) -> SessionIndexEntry:
    entry = index_entry(thread)
    return replace(entry, thread_name=old.thread_name) if old and thread.name is None else entry


def _is_tombstone(entry: SessionIndexEntry) -> bool:
    """Tell whether the line says that its thread was deleted (or never had name and path)."""
    return entry.thread_name is None and entry.rollout_path is None


def _ghosts(entries: dict[str, SessionIndexEntry], ids: Collection[str]) -> tuple[str, ...]:
    return tuple(
        thread_id
        for thread_id, entry in entries.items()
        if thread_id not in ids and not _is_tombstone(entry)
    )


def _drifted(
    entries: dict[str, SessionIndexEntry], names: Mapping[str, str | None]
) -> tuple[NameDrift, ...]:
    """Compare names; one that only the index knows is kept by a rebuild, so it is no drift."""
    return tuple(
        NameDrift(thread_id=thread_id, index_name=entry.thread_name, store_name=names[thread_id])
        for thread_id, entry in entries.items()
        if thread_id in names and names[thread_id] not in {None, entry.thread_name}
    )
