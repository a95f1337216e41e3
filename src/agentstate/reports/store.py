"""What a store says of itself, and what was done with all of it."""

from __future__ import annotations

from agentstate.record import Record, record


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
