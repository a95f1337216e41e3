"""Threads that were deleted and can come back, and threads that a pruning deletes."""

from __future__ import annotations

from agentstate.record import Record, record


@record
class TrashEntry(Record):
    """A deleted thread that can be brought back."""

    id: str
    """The thread's id."""
    name: str | None
    messages: int
    deleted_at: int
    expires_at: int
    """From then on the next deletion removes it for good."""
    size: int
    """What its bundle takes."""
    path: str
    """The bundle, which holds all of the thread."""
    cwd: str | None
    """The folder that the thread worked in; None where its bundle has no text there."""
    preview: str | None
    """How it began; None as above."""


@record
class PrunedThread(Record):
    """A thread that a pruning deletes."""

    id: str
    name: str | None
    updated_at: int
    messages: int
    size: int
    """What the values of its rows take: text its bytes, a number 8."""
    bundle: str | None
    """The bundle that brings it back; None for a dry run, or without bundles."""


@record
class PruneReport(Record):
    """What a pruning deletes, or would delete; sizes are in bytes."""

    dry_run: bool
    threads: tuple[PrunedThread, ...]
    size: int
    """What the values of all their rows take."""
    reclaimed: int
    """By how much the store's files became smaller."""
    bundled: int
    """Bytes that the bundles take."""
