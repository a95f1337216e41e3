"""Sessions on their way into the store: events in, transactions of a bounded size out.

Several small sessions share a transaction, and a large one takes many, so that the agent's own
writes get in between. What is there already is found out by reading, and a session that has
nothing new writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db import catalog, own_schema
from agentstate.db.port import DuplicateKeyError
from agentstate.formats.events import Message, Session, Start
from agentstate.record import Record, record
from agentstate.store.imports.parts import Part, Progress, report
from agentstate.store.imports.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agentstate.formats.events import Event
    from agentstate.records import SessionIndexEntry
    from agentstate.reports.imports import ImportedThread
    from agentstate.store.context import Context
    from agentstate.store.imports.indexing import Lines
    from agentstate.store.imports.parts import Outcome

_ROOM: Final = 8_000_000
"""Characters that a transaction takes: some thousand messages, in well below 0.3 seconds."""
_ROW: Final = 1000
"""What a message counts besides its text."""
_ENTRIES: Final = 100
"""Lines of the session index that are written at once."""


@record
class Choices(Record):
    """What one import was asked for."""

    format_name: str
    source: str | None
    since: int | None
    name: str | None
    remap: tuple[tuple[str, str], ...]
    dry_run: bool


class Merging:
    """One import of one source."""

    def __init__(
        self,
        context: Context,
        choices: Choices,
        lines: Lines,
        progress: Callable[[], object] | None,
    ) -> None:
        """Work on the store of `context`; nothing is read."""
        self._lines = lines
        self._db = context.database
        self._choices = choices
        self._progress = progress
        self._writer = Writer(context, choices)
        self._version: int | None = None
        self._batch: list[Part] = []
        self._room = _ROOM
        self._done: dict[Progress, ImportedThread | None] = {}
        self._entries: list[SessionIndexEntry] = []

    def run(self, events: Iterable[Event]) -> list[ImportedThread]:
        """Take every event, and return what came of each session."""
        session: Progress | None = None
        messages: list[Message] = []
        catalog.widen_cache(self._db)
        try:
            for event in events:
                if isinstance(event, Message):
                    if session is None:
                        continue
                    messages.append(event)
                    self._room -= _ROW + len(event.content) + len(event.item or "")
                    if self._room <= 0:
                        self._take(session, messages, None)
                        messages = []
                        self._flush()
                elif isinstance(event, Start):
                    session = self._begin(event)
                elif session is not None:
                    self._take(session, messages, event)
                    session, messages = None, []
                    if self._room <= 0:
                        self._flush()
            self._flush()
        finally:
            self._publish()
        return [thread for thread in self._done.values() if thread is not None]

    def _begin(self, start: Start) -> Progress | None:
        """Begin a session; None for one that is older than is wanted."""
        since = self._choices.since
        if since is not None and start.updated_at < since:
            return None
        session = Progress(start)
        self._done[session] = None
        return session

    def _take(self, session: Progress, messages: list[Message], end: Session | None) -> None:
        """Put a part of a session among those to be written, if there is anything to write."""
        part = Part(session, messages, end, is_first=not session.messages)
        session.messages += len(messages)
        session.hidden += sum(message.hidden for message in messages)
        self._room -= _ROW
        # A source of one session asks about that one; a source of many, once for all of them.
        if len(self._done) > 1 and session.thread_id is None and not self._choices.dry_run:
            session.is_absent = session.messages > 0 and self._writer.lacks(session)
        if not session.is_alone and not session.is_absent:
            with self._db.snapshot():
                outcome = self._writer.merge(part, write=False)
            if self._choices.dry_run or not outcome.changed:
                self._settle(part, outcome)
                self._repair(outcome)
                return
        self._batch.append(part)

    def _flush(self) -> None:
        """Write what was put aside, in one transaction."""
        self._room = _ROOM
        if not self._batch:
            return
        batch, self._batch = self._batch, []
        try:
            outcomes = self._write(batch)
        except DuplicateKeyError:
            # Somebody else has just added the same, or a source has an id twice: look first.
            self._version = None
            outcomes = self._write(batch)
        for part, outcome in zip(batch, outcomes, strict=True):
            part.session.is_alone = part.session.is_alone or outcome.created
            part.session.thread_id = outcome.thread_id
            self._settle(part, outcome)
            if outcome.entry is not None and outcome.is_due:
                self._entries.append(outcome.entry)
        if len(self._entries) >= _ENTRIES:
            self._publish()
        if self._progress is not None:
            self._progress()

    def _write(self, batch: list[Part]) -> list[Outcome]:
        with self._db.transaction():
            own_schema.prepare(self._db)
            version = catalog.data_version(self._db)
            if version != self._version:
                # Others have written: what was known of their rows may be so no more.
                for part in batch:
                    part.session.forget()
            self._version = version
            return self._writer.write(batch)

    def _repair(self, outcome: Outcome) -> None:
        """Give a thread its line of the index, where an import was killed before it wrote that."""
        entry = outcome.entry
        if entry is not None and not self._choices.dry_run and self._lines.lack(entry):
            self._entries.append(entry)

    def _settle(self, part: Part, outcome: Outcome) -> None:
        """Keep what came of a part."""
        session = part.session
        session.added += outcome.added
        session.updated += outcome.updated
        session.created = session.created or outcome.created
        if part.end is not None and (session.messages or outcome.thread_id is not None):
            self._done[session] = report(session, part.end, outcome)

    def _publish(self) -> None:
        if self._entries:
            entries, self._entries = self._entries, []
            self._lines.add(entries)
