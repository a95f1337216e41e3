"""What an import knows of a session while it is merged, and what came of each part of it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.reports.imports import ImportedThread, LeafMove

if TYPE_CHECKING:
    from agentstate.formats.events import Message, Session, Start
    from agentstate.records import SessionIndexEntry, ThreadMetadata
    from agentstate.store.imports.describing import Known

_RECENT: Final = 50_000
"""Ids of messages that are remembered of a session; older ones are looked up."""


class Progress:
    """A session that is being merged, and what has come of it so far."""

    def __init__(self, start: Start) -> None:
        """Begin with nothing known."""
        self.start = start
        self.thread_id: str | None = None
        """Its thread, once something was written."""
        self.messages = 0
        self.hidden = 0
        self.added = 0
        self.updated = 0
        self.created = False
        self.is_alone = False
        """Whether the store has nothing of it but what this import has added."""
        self.is_absent = False
        """Whether the store was seen to have nothing of it at all."""
        self.is_earliest = False
        """Whether what came of it first is before all that other sources told of it."""
        self.recent: dict[str, int] = {}
        """The messages of the last native ids."""

    def forget(self) -> None:
        """Forget what the store had."""
        self.is_alone = False
        self.is_absent = False
        self.recent.clear()

    def remember_less(self) -> None:
        """Keep the memory bounded."""
        if (spare := len(self.recent) - _RECENT) > _RECENT:
            self.recent = dict(islice(self.recent.items(), spare, None))


class Part(NamedTuple):
    """Messages of a session that come in together."""

    session: Progress
    messages: list[Message]
    end: Session | None
    """What the source says of the session, if these are its last."""
    is_first: bool


class Target(NamedTuple):
    """The thread of a session as it is in the store."""

    known: Known
    waits: bool
    """Whether a message of it is the first of a source that goes on with others."""
    thread: ThreadMetadata


class Outcome(NamedTuple):
    """What came, or would come, of a part."""

    thread_id: str | None
    """None where the thread's id will be a new one, or there is no thread."""
    changed: bool
    created: bool = False
    added: int = 0
    updated: int = 0
    """Messages that the source tells anew."""
    leaf: LeafMove = LeafMove.UNCHANGED
    name: str | None = None
    entry: SessionIndexEntry | None = None
    """The thread's line of the session index, once all of the source has come."""
    is_due: bool = False
    """Whether that is another than it was."""


def report(session: Progress, end: Session, outcome: Outcome) -> ImportedThread:
    """Return what came of a session, of whose last part `outcome` is."""
    return ImportedThread(
        thread_id=outcome.thread_id,
        session_id=session.start.session_id,
        name=outcome.name,
        created=session.created,
        messages=session.messages,
        hidden=session.hidden,
        added=session.added,
        updated=session.updated,
        leaf=LeafMove.MOVED if session.created else outcome.leaf,
        parent_session_id=end.parent_session_id,
        relation=end.relation.value if end.relation else None,
    )
