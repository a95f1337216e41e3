"""The lines that imported threads have in the session index."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from agentstate.errors import AgentStateError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentstate.records import SessionIndexEntry
    from agentstate.store.context import Context


class Lines:
    """What imports append to the index, and what one that was killed did not."""

    def __init__(self, context: Context) -> None:
        """Work on the index of `context`; nothing is read."""
        self._context = context

    def add(self, entries: Iterable[SessionIndexEntry]) -> None:
        """Append lines."""
        entries = list(entries)
        self._context.publish(*entries)
        if "_listed" in vars(self):
            self._listed.update(entry.thread_id for entry in entries)

    def lack(self, entry: SessionIndexEntry) -> bool:
        """Tell whether a thread that was there has no line; of an index that is damaged, no."""
        try:
            return entry.thread_id not in self._listed
        except AgentStateError:
            return False

    @cached_property
    def _listed(self) -> set[str]:
        """The threads with a line; the index is read once for all sources of an import."""
        return set(self._context.index.latest())
