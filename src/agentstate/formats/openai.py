"""Conversations as they are sent to a chat-completions service: chains of messages.

A source holds one `{"messages": [...]}`, one on each line, or a list of them; messages that stand
alone, on lines or in a list, are one conversation.

Neither conversations nor messages need have ids. A message is known by its place and all that
came before it, so one that was changed becomes a branch when the file is read again. A
conversation without an `id` is known by the path of its file, how it begins (up to the first
words of the user), and how many in that file began so before it: that stays as it is when the
file grows, and when others are put between. The same conversation in two files is two threads,
because many conversations begin with the same words and only their files tell them apart.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from agentstate.formats import wording
from agentstate.formats.arrays import DamagedError, Walk, rewritten
from agentstate.formats.codewhale import is_session
from agentstate.formats.documents import outline
from agentstate.formats.events import Message, Session, Start
from agentstate.formats.facts import Facts, digest
from agentstate.formats.models import provider_of
from agentstate.formats.notes import Note
from agentstate.formats.openai_content import is_message, said
from agentstate.formats.reading import first_objects
from agentstate.records import SessionSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from agentstate.formats.arrays import Piece
    from agentstate.formats.events import Event
    from agentstate.formats.reading import Reading
    from agentstate.formats.source import Source

_IDS: Final = ("id", "conversation_id", "thread_id", "session_id")
_TIMES: Final = frozenset({"created", "created_at", "create_time", "timestamp"})
_OURS: Final = "parent_entry_id"
"""What each message has in the JSON that `export` makes, which is no chain."""
_OTHERS: Final = frozenset({"sessionId", "mapping", "parentId", "uuid", "payload", _OURS})
"""What files of other formats have beside their messages."""


class OpenAi:
    """The format of chat-completions."""

    name = "openai"

    def detect(self, source: Source) -> bool:
        """Tell by the first object."""
        found = outline(source.head)
        if not _OTHERS.isdisjoint(found) or is_session(found):
            return False
        messages = found.get("messages")
        if not isinstance(messages, list):
            return is_message(found) and "type" not in found
        return not messages or (is_message(messages[0]) and _OURS not in messages[0])

    def places(self, environ: Mapping[str, str], home: Path) -> Iterator[Path]:  # noqa: ARG002 - it has no place of its own
        """Yield nothing: such files are wherever somebody put them."""
        yield from ()

    def is_file(self, path: Path) -> bool:
        """Tell by its name whether a file may hold conversations."""
        return path.suffix in {".json", ".jsonl"}

    def read(self, reading: Reading) -> Iterator[Event]:
        """Yield the conversations of a source."""
        threads = _Threads(reading)
        is_record = _is_either if _has_messages_alone(reading.source) else _is_thread
        with Walk(reading) as walk:
            while walk.next_object(is_record):
                number = walk.number
                try:
                    known, messages = _walked(walk)
                except DamagedError as damage:
                    walk.recover(damage, is_record)
                    continue
                if messages is not None:
                    yield from threads.whole(known, messages, number)
                elif is_message(known):
                    yield from threads.alone(known, number)
                else:
                    reading.notes.add(Note.UNKNOWN_RECORD, number)
        yield from threads.close()


def _has_messages_alone(source: Source) -> bool:
    """Tell whether messages stand alone, so that one within damage may do so, too."""
    return any(map(is_message, (outline(source.head), *first_objects(source.head))))


def _is_thread(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("messages"), list)


def _is_either(value: object) -> bool:
    return is_message(value) or _is_thread(value)


def _walked(walk: Walk) -> tuple[dict[str, Any], list[Piece] | None]:
    """Return the members of the object that begins here, and its messages; None without any."""
    known: dict[str, Any] = {}
    messages: list[Piece] | None = None
    for key in walk.members():
        if key == "messages" and walk.is_at("["):
            messages = list(walk.records())
        else:
            known[key] = walk.value().value
    return known, messages


class _Threads:
    """The conversations of one source."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        name = reading.source.name
        self._path = os.fsencode(name if name == "-" else os.path.abspath(name))  # noqa: PTH100 - links are not followed, nothing is asked of the disk
        self._begun: dict[str, str | None] = {}
        """By the id of each conversation, its last message."""
        self._counts: dict[str, int] = {}
        self._alone: _Thread | None = None

    def whole(self, known: dict[str, Any], messages: list[Piece], number: int) -> Iterator[Event]:
        """Yield a conversation that is one object, unless it was told before."""
        yield from self.close()
        thread = _Thread(self._reading, known, number)
        told = list(thread.messages(messages))
        own = thread.own_id()
        session_id = own or self._derived(_opening(told))
        while session_id in self._begun:
            self._reading.notes.add(Note.DUPLICATE, number)
            if self._begun[session_id] == thread.facts.leaf:
                return
            session_id = f"{session_id}:{number}"
        self._begun[session_id] = thread.facts.leaf
        yield Start(session_id, thread.updated_at)
        yield from told
        yield thread.end(session_id)

    def alone(self, message: dict[str, Any], number: int) -> Iterator[Event]:
        """Yield a message that stands alone; the first begins a conversation."""
        thread = self._alone
        if thread is None:
            thread = self._alone = _Thread(self._reading, {}, number)
            thread.session_id = self._derived(b"alone")
            yield Start(thread.session_id, self._reading.source.modified_at)
        yield from thread.messages([rewritten(message)])

    def close(self) -> Iterator[Event]:
        """End the conversation of messages that stand alone."""
        if self._alone is not None:
            yield self._alone.end(self._alone.session_id)
        self._alone = None

    def _derived(self, opening: bytes) -> str:
        """Return an id for a conversation that has none of its own."""
        base = digest(self._path, opening)
        count = self._counts[base] = self._counts.get(base, 0) + 1
        return base if count == 1 else f"{base}:{count}"


def _opening(told: list[Message]) -> bytes:
    """Return how a conversation begins, up to the first words of the user."""
    for message in told:
        if message.role == "user":
            return message.native_id.encode()
    return told[0].native_id.encode() if told else b""


def _time_in(value: dict[str, Any]) -> object:
    return next((value[key] for key in sorted(_TIMES) if value.get(key) is not None), None)


class _Thread:
    """A conversation, and what has been told of it."""

    session_id = ""

    def __init__(self, reading: Reading, known: dict[str, Any], number: int) -> None:
        self.facts = Facts()
        self._reading = reading
        self._known = known
        self._number = number
        self.updated_at = reading.time(_time_in(known), number, reading.source.modified_at)
        self._time = self.updated_at

    def messages(self, pieces: list[Piece]) -> Iterator[Message]:
        """Yield the next messages of the chain."""
        reading, number, facts = self._reading, self._number, self.facts
        for piece in pieces:
            value = piece.value
            if not isinstance(value, dict) or not isinstance(value.get("role"), str):
                reading.notes.add(Note.BAD_LINE, number)
                continue
            role, text = said(value)
            content = reading.text(text, number)
            before = facts.leaf
            if not _TIMES.isdisjoint(value):
                self._time = reading.time(_time_in(value), number, self._time)
            native_id = digest((before or "").encode(), f"{role}\0{content}".encode())
            kept = reading.kept(piece.text, value, number, odd=piece.odd)
            yield facts.add(Message(native_id, before, role, content, kept, self._time))

    def own_id(self) -> str:
        """Return the id that the conversation has; empty where it has none."""
        for key in _IDS:
            given = self._known.get(key)
            if isinstance(given, str) and given:
                return self._reading.text(given, self._number)
            if type(given) is int:
                return str(given)
        return ""

    def end(self, session_id: str) -> Session:
        """Return what is known of the conversation."""
        facts = self.facts
        times = [one for one in (facts.first, facts.last) if one is not None]
        model, title = self._known.get("model"), self._known.get("title")
        name = self._reading.text(title, self._number) if isinstance(title, str) else ""
        return Session(
            session_id=session_id,
            leaf=facts.leaf,
            created_at=min(times, default=self.updated_at),
            updated_at=max(times, default=self.updated_at),
            title=name or wording.title(facts.preview) or None,
            is_named=bool(name),
            preview=facts.preview,
            model_provider=self._reading.text(provider_of(model) or "", self._number),
            source=SessionSource.API,
        )


FORMAT: Final = OpenAi()
