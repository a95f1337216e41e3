"""How the session index compares with the store, and what writing it anew does."""

from __future__ import annotations

from agentstate.record import Record, record


@record
class BadLine(Record):
    """A line of the index that cannot be parsed."""

    line: int
    """Counted from 1."""
    reason: str


@record
class NameDrift(Record):
    """A thread whose name in the index is not its name in the store."""

    thread_id: str
    index_name: str | None
    store_name: str | None


@record
class IndexCheck(Record):
    """How the session index compares with the store."""

    lines: int
    """All lines, with bad and blank ones."""
    entries: int
    """Threads with a line, those deleted since not counted."""
    bad_lines: tuple[BadLine, ...]
    ghosts: tuple[str, ...]
    """Ids that the index names and the store does not have."""
    drifted: tuple[NameDrift, ...]
    """Threads whose name differs; one without a name in the store may have one in the index."""
    missing: tuple[str, ...]
    """Threads of the store without a line."""


@record
class IndexRebuild(Record):
    """What writing the index anew does, or would do."""

    entries: int
    """Lines written: one a thread of the store."""
    added: tuple[str, ...]
    """Threads that had no line."""
    renamed: tuple[NameDrift, ...]
    """Threads whose line had another name than the store."""
    kept_names: tuple[str, ...]
    """Threads without a name in the store, which keep the one that only the index knew."""
    dropped: tuple[str, ...]
    """Ids of threads that are gone."""
    bad_lines: int
    backup: str | None
    """Where the old file is kept; None for a dry run, or where there was none."""
