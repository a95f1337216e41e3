"""What is searched, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.record import Record, record

if TYPE_CHECKING:
    from agentstate.records import SessionSource


@record
class SearchFilters(Record):
    """What of a store is searched; the default is all that people see."""

    thread_id: str | None = None
    roles: tuple[str, ...] = ()
    """Any of these; none for all."""
    source: SessionSource | None = None
    """How the thread was begun."""
    cwd: str | None = None
    """The folder that the thread works in."""
    since: int | None = None
    """When the message was written, or later."""
    until: int | None = None
    """When the message was written, or earlier."""
    active_only: bool = False
    """Only what is on its thread's active branch."""
    include_hidden: bool = False
    """Also the hidden messages of imported threads."""


@record
class SearchHit(Record):
    """A message that a search found."""

    message_id: int
    thread_id: str
    thread_name: str | None
    role: str
    created_at: int
    snippet: str
    """The piece of its text that shows why, on one line; "…" stands where it is cut."""
    matches: tuple[tuple[int, int], ...]
    """Where in the snippet what was found begins and ends, in characters."""
    on_active_branch: bool
    """Whether the thread's current leaf goes back to it."""
    score: float
    """By which hits are ranked; it compares the hits of one search."""


@record
class SearchResult(Record):
    """What a search found."""

    hits: tuple[SearchHit, ...]
    """The best first."""
    matches: int
    """How many messages were found to match."""
    complete: bool
    """Whether those are all; else they are the newest, and only they were ranked."""
    scanned: str | None
    """Why the store was read without an index; None where it was not."""
