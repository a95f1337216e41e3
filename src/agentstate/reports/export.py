"""What documents were made."""

from __future__ import annotations

from agentstate.record import Record, record


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
