"""What was saved from a damaged store."""

from __future__ import annotations

from agentstate.record import Record, record


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
