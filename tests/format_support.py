"""What tests of formats share: reading a small source, and what must hold of every reading."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from agentstate.formats.events import Event, Message, Session, Start
from agentstate.formats.notes import Note, Noted, Notes
from agentstate.formats.reading import Reading
from agentstate.formats.registry import format_of
from agentstate.formats.source import Source
from agentstate.jsontext import JsonText, encode

if TYPE_CHECKING:
    from collections.abc import Iterable

ROLES: Final = {"user", "assistant", "tool", "system", "developer"}
CHANGED: Final = 1_700_000_000
"""When every source of these tests was changed, where its file does not say."""

SAMPLES: Final = Path(
    os.environ.get("AGENTSTATE_SAMPLES")
    or Path(__file__).resolve().parents[2] / "shared" / "samples"
)
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(),
    reason="the samples of other programs' files are not here; $AGENTSTATE_SAMPLES may name them",
)


class Conversation(NamedTuple):
    """A session as it was told."""

    start: Start
    messages: list[Message]
    session: Session

    def by_id(self) -> dict[str, Message]:
        return {message.native_id: message for message in self.messages}

    def path(self, leaf: str | None = None) -> list[Message]:
        """Return the messages from a root to a leaf, by default to that of the session."""
        known, at, found = self.by_id(), leaf or self.session.leaf, []
        while at is not None:
            found.append(known[at])
            at = known[at].parent
        return found[::-1]

    def branch_points(self) -> int:
        """Return how many messages have more than one answer; many roots are one such place."""
        return sum(
            1 for count in Counter(one.parent for one in self.messages).values() if count > 1
        )

    def hidden(self) -> int:
        return sum(message.hidden for message in self.messages)

    def tree(self) -> list[tuple[str, str | None]]:
        """Return the native id and the parent of each message, in order."""
        return [(message.native_id, message.parent) for message in self.messages]


class Read(NamedTuple):
    """All that a source gave: its sessions, the messages of all of them, what was noticed."""

    sessions: list[Session]
    messages: list[Message]
    notes: dict[Note, Noted]
    conversations: list[Conversation]

    def only(self) -> Conversation:
        """Return the one session of the source."""
        (conversation,) = self.conversations
        return conversation


def lines(*objects: object) -> bytes:
    """Return a file of JSON lines; a string is a line as it stands."""
    made = [one if isinstance(one, str) else json.dumps(one) for one in objects]
    return "".join(f"{line}\n" for line in made).encode("utf-8", "surrogatepass")


def source_of(given: bytes | str | Iterable[object] | Path, name: str) -> Source:
    """Return a source: of bytes, text, objects that become JSON lines, or a file."""
    if isinstance(given, Path):
        return Source.of_file(given)
    if isinstance(given, str):
        given = given.encode()
    data = given if isinstance(given, bytes) else lines(*given)
    return Source.of_bytes(name, data, CHANGED)


def read(
    format_name: str,
    given: bytes | str | Iterable[object] | Path,
    *,
    name: str = "session.jsonl",
    keep_images: bool = False,
) -> Read:
    """Read a source as a format, and check that what it gives can be stored."""
    notes = Notes()
    reading = Reading(source_of(given, name), notes, keep_images=keep_images)
    conversations = told(format_of(format_name).read(reading))
    return Read(
        [one.session for one in conversations],
        [message for one in conversations for message in one.messages],
        notes.found(),
        conversations,
    )


def detected(format_name: str, given: bytes | str | Iterable[object], name: str = "x") -> bool:
    """Tell whether a format says that a source is its own."""
    return format_of(format_name).detect(source_of(given, name))


def told(events: Iterable[Event]) -> list[Conversation]:
    """Return the sessions of a stream of events, of which all that must hold is checked."""
    found: list[Conversation] = []
    start: Start | None = None
    messages: list[Message] = []
    for event in events:
        if isinstance(event, Start):
            assert start is None, "a session starts within another"
            start, messages = event, []
            continue
        assert start is not None, "something is told outside of a session"
        if isinstance(event, Message):
            messages.append(event)
        else:
            found.append(Conversation(start, messages, event))
            start = None
    assert start is None, "a session has no end"
    assert len({one.start.session_id for one in found}) == len(found), "a session comes twice"
    for one in found:
        _check_session(one)
    return found


def _check_session(told_session: Conversation) -> None:
    start, messages, session = told_session
    assert session.session_id == start.session_id
    assert session.session_id
    for time in (start.updated_at, session.created_at, session.updated_at):
        _check_time(time)
    known: set[str] = set()
    for message in messages:
        _check_message(message, known)
        known.add(message.native_id)
    assert (session.leaf is None) == (not messages), "a leaf is told where there are messages"
    assert session.leaf is None or session.leaf in known
    assert session.relation is not None or session.parent_session_id is None
    for value in vars(session).values():
        if isinstance(value, str):
            value.encode()


def _check_message(message: Message, known: set[str]) -> None:
    assert message.native_id
    assert message.native_id not in known, "a native id comes twice"
    assert message.parent is None or message.parent in known, "a parent comes after its child"
    assert message.role in ROLES
    assert type(message.hidden) is bool
    assert type(message.position) is int
    assert type(message.content) is str
    message.content.encode()
    message.native_id.encode()
    _check_time(message.created_at)
    if message.item is not None:
        assert encode(JsonText(message.item), "an item") == message.item


def _check_time(time: Any) -> None:  # noqa: ANN401 - whatever a format gave
    assert type(time) is int
    assert abs(time) < 1 << 62
