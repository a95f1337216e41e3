"""What came of sources that were imported."""

from __future__ import annotations

from enum import StrEnum

from agentstate.record import Record, record


class LeafMove(StrEnum):
    """What an import did with the leaf of a thread."""

    MOVED = "moved"
    """It is where the source has it."""
    UNCHANGED = "unchanged"
    """It was there already."""
    KEPT = "kept"
    """Somebody has moved it since the last import, so it stays."""


@record
class ImportedThread(Record):
    """What an import did, or would do, with one session of a source."""

    thread_id: str | None
    """None where a dry run does not know which id a new thread will get."""
    session_id: str
    """What the source calls it."""
    name: str | None
    created: bool
    """Whether the store did not have it before."""
    messages: int
    """How many the source holds, hidden ones too."""
    hidden: int
    """How many of those are hidden."""
    added: int
    """How many the store did not have before."""
    updated: int = 0
    """How many it had that the source tells anew, for its program wrote them again."""
    leaf: LeafMove
    parent_session_id: str | None
    """The session it came from, where it is a fork, a subagent's or goes on with another."""
    relation: str | None
    """fork, subagent or resume; how it came from that."""


@record
class SourceNote(Record):
    """Something that was the matter with a source."""

    what: str
    """Such as bad_line; docs/formats.md lists them."""
    times: int
    lines: tuple[int, ...]
    """The first lines it was the matter with, counted from 1; of a list, the places in it."""


@record
class ImportedFile(Record):
    """What came out of one source."""

    path: str
    """`-` for standard input."""
    format: str | None
    """None where none was recognised."""
    threads: tuple[ImportedThread, ...]
    notes: tuple[SourceNote, ...]
    error: str | None
    """Why nothing was read."""
    older: int = 0
    """Sessions that were left out, for they have not changed since the time that was given."""
    unread: bool = False
    """Whether that is because it, or its folder, cannot be read."""
    conflict: bool = False
    """Whether that is because the store has something else in its place."""


@record
class ImportReport(Record):
    """What an import did, or would do."""

    dry_run: bool
    files: tuple[ImportedFile, ...]
    created: int
    """Threads that the store did not have."""
    grown: int
    """Threads that it had, of which messages were added or written again."""
    unchanged: int
    """Threads that it had, with all their messages."""
    messages: int
    """Messages that were added."""
    updated: int = 0
    """Messages that were written again."""
    older: int = 0
    """Sessions that were left out, for they have not changed since the time that was given."""


@record
class ImportRecord(Record):
    """Where an imported thread came from."""

    thread_id: str
    format: str
    """Such as claude-code."""
    session_id: str
    """What the source calls it; with the format it is unique."""
    source_path: str | None
    """The file it was last read from."""
    parent_session_id: str | None
    """The session it came from."""
    relation: str | None
    """fork, subagent or resume; how it came from that."""
    imported_at: int
    """When messages were last added."""
