"""A thread as a bundle that leaves the store, which keeps it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentstate.errors import AgentStateError
from agentstate.store import bundles
from agentstate.store.context import warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.records import SessionIndexEntry
    from agentstate.store.bundle_lines import Header
    from agentstate.store.bundles import Change
    from agentstate.store.context import Context


def bundle(context: Context, thread_id: str, change: Change | None) -> Iterator[bytes]:
    """Yield the lines of a thread's bundle, all of one state of the store."""
    index = _index_entry(context, thread_id)
    with context.database.snapshot():
        header = bundles.head(context.database, thread_id, written_at=context.now(), index=index)
        if change is None:
            yield from bundles.stream(context.database, header)
        else:
            yield from bundles.stream(context.database, _changed(header, change), change)


def _index_entry(context: Context, thread_id: str) -> SessionIndexEntry | None:
    try:
        return context.index.entry_of(thread_id)
    except AgentStateError as error:
        warn(f"what only the session index knows of thread {thread_id!r} is left out: {error}")
        return None


def _changed(header: Header, change: Change) -> Header:
    """Change what a header repeats of the thread, and of its line in the index, as that itself."""
    index = header.index
    if index is not None:
        index = replace(
            index,
            thread_name=_text(change, "title", index.thread_name),
            rollout_path=_text(change, "rollout_path", index.rollout_path),
        )
    return replace(header, name=_text(change, "title", header.name), index=index)


def _text(change: Change, column: str, text: str | None) -> str | None:
    return None if text is None else str(change("threads", column, text))
