"""What the store says about itself: sizes, counts, and how the index compares.

These are answers, not rows: nothing here is stored. Like the records they are frozen, their times
are Unix seconds, and JSON output uses their field names.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from agentstate.record import Record, record

if TYPE_CHECKING:
    from agentstate.records import SessionSource


@record
class StoreInfo(Record):
    """Where a store is and what it holds; sizes are in bytes."""

    path: str
    rule: str
    """What chose the path: `--db`, a variable, or a default."""
    schema_version: int
    newest_version: int
    """The version this program writes."""
    journal_mode: str
    """`wal`, `delete`, …; `unknown` where the file is read as one that cannot change."""
    sqlite_version: str
    size: int
    wal_size: int
    index_path: str
    index_size: int
    counts: dict[str, int]
    """Rows of each table that the file has."""
    open_in: tuple[str, ...]
    """The other programs that have it open, each with its process id, where the system tells."""


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


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Something is lost, cannot be read, or will fail."""
    WARNING = "warning"
    """Something contradicts itself, or others may read it."""
    NOTE = "note"
    """Worth knowing; a store with nothing but notes is healthy."""


@record
class Finding(Record):
    """One thing that `doctor` found."""

    slug: str
    """Its kind, for scripts."""
    severity: Severity
    what: str
    """What is wrong, in a line."""
    ids: tuple[int | str, ...]
    """Messages, threads, jobs, lines or files that it is about."""
    fix: str | None
    """What `--fix` does about it; None where only a person can."""
    fixed: bool = False
    """Whether that was done."""


@record
class DoctorReport(Record):
    """What `doctor` found, and what it mended."""

    path: str
    healthy: bool
    """Whether nothing but notes is left."""
    backup: str | None
    """The store as it was before it was mended; None where nothing was."""
    findings: tuple[Finding, ...]


@record
class BackupReport(Record):
    """A backup that was made and verified; sizes are in bytes."""

    path: str
    index_path: str | None
    """The session index beside it; None where the store has none."""
    size: int
    threads: int | None
    """None where a damaged store was kept as it is, and they cannot be counted; so `messages`."""
    messages: int | None


@record
class RestoreReport(Record):
    """A store that was replaced by a backup."""

    path: str
    source: str
    replaced: str | None
    """Where the store that was there is kept; None where there was none."""
    threads: int
    messages: int
    schema_version: int
    """The version of the backup, which the next write migrates where it is an old one."""


@record
class VacuumReport(Record):
    """What a store gave back to the file system, in bytes, its log included."""

    path: str
    bytes_before: int
    bytes_after: int
    reclaimed: int
    """What became free; below 0 where the log could not be emptied, for others still read it."""


@record
class TableSalvage(Record):
    """The rows of one table that a recovery saved."""

    table: str
    saved: int
    lost: int
    """Rows that are known to have been there and cannot be read; there may have been more."""
    made: int
    """Rows made for parents that are lost, such as a thread for its messages."""


@record
class RecoverReport(Record):
    """What was read from a damaged store into a fresh one."""

    path: str
    source: str
    saved: int
    lost: int
    made: int
    index_path: str | None
    """The session index beside it; None where there is none."""
    tables: tuple[TableSalvage, ...]


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
    """Threads that it had, to which messages were added."""
    unchanged: int
    """Threads that it had, with all their messages."""
    messages: int
    """Messages that were added."""


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


@record
class ExportedThread(Record):
    """A thread of which a document was made."""

    path: str | None
    """The file of the document; None where it was not written to one."""
    thread_id: str
    messages: int
    """How many messages of the thread it holds."""
    size: int
    """Bytes that the document takes."""
    redacted: dict[str, int]
    """How many secrets and the like were replaced in it, by their kind."""
    document: str | None
    """The document itself, where it was not written to a file."""
