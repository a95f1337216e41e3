"""Claude Code: a file of JSON lines for each session, and one for each agent it started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentstate.formats.claude_code_content import content_of
from agentstate.formats.claude_code_session import Facts
from agentstate.formats.claude_code_tree import Told, Tree
from agentstate.formats.events import Message, Start
from agentstate.formats.facts import Ids
from agentstate.formats.names import oldest_first
from agentstate.formats.notes import Note
from agentstate.formats.reading import first_objects
from agentstate.formats.wording import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentstate.formats.events import Event
    from agentstate.formats.reading import Line, Reading
    from agentstate.formats.source import Source

_BOOKKEEPING: Final = frozenset(
    (
        "agent-color",
        "agent-name",
        "agent-setting",
        "ai-title",
        "atis-latch",
        "attachment",
        "bridge-session",
        "content-replacement",
        "custom-title",
        "file-history-snapshot",
        "frame-link",
        "last-prompt",
        "mode",
        "permission-mode",
        "pr-link",
        "progress",
        "queue-operation",
        "relocated",
        "result",
        "started",
        "summary",
        "system",
        "tag",
        "worktree-state",
    )
)
"""The kinds of lines that are no messages."""
_PROGRAM: Final = ("<command-name>", "<command-message>", "<local-command-")
"""How what a person's command left behind begins."""


class ClaudeCode:
    """The format of Claude Code."""

    name = "claude-code"

    def detect(self, source: Source) -> bool:
        """Tell by the first lines."""
        if any(map(_is_record, first_objects(source.head))):
            return True
        # Its first line may be longer than what can be looked at. Within text quotes are escaped.
        start = source.head.lstrip()
        return start.startswith(b"{") and b'"parentUuid":' in start and b'"sessionId":' in start

    def places(self, environ: Mapping[str, str], home: Path) -> Iterator[Path]:
        """Yield the sessions of all projects."""
        folder = Path(environ.get("CLAUDE_CONFIG_DIR") or home / ".claude")
        yield from oldest_first(folder / "projects", lambda name: name.endswith(".jsonl"))

    def is_file(self, path: Path) -> bool:
        """Tell by its name whether a file may be a session."""
        return path.name.endswith(".jsonl")

    def read(self, reading: Reading) -> Iterator[Event]:
        """Yield the session of a source."""
        session = _Session(reading)
        for line in reading.lines():
            message = session.take(line)
            if message is not None:
                if session.messages == 1:
                    updated_at = reading.last_time("timestamp")
                    yield Start(session.facts.session_id(message.native_id), updated_at)
                yield message
        if session.messages:
            yield session.facts.session(session.leaf, session.tree)


def _is_record(value: dict[str, Any]) -> bool:
    kind = value.get("type")
    if kind == "user" or kind == "assistant":  # noqa: PLR1714 - it may have no hash
        known = "uuid" in value or "sessionId" in value
        return known and isinstance(value.get("message"), dict)
    if kind == "summary":
        return "leafUuid" in value
    if kind == "file-history-snapshot":
        return "snapshot" in value
    return "sessionId" in value and ("parentUuid" in value or _is_bookkeeping(kind))


def _is_bookkeeping(kind: object) -> bool:
    return isinstance(kind, str) and kind in _BOOKKEEPING


class _Session:
    """The one session of a file, as its lines come."""

    def __init__(self, reading: Reading) -> None:
        self.facts = Facts(reading)
        self.messages = 0
        self._reading = reading
        self.tree = Tree()
        self._ids = Ids()
        self._told: set[int] = set()
        """Hashes of what tells each message from others, which may have its uuid."""
        self._last: str | None = None
        self._last_aside: str | None = None
        """The last message of an agent within the file, which is beside the main chain."""

    @property
    def leaf(self) -> str | None:
        """The last message of the main chain."""
        return self._last or self._last_aside

    def take(self, line: Line) -> Message | None:
        """Return the message that a line holds; of any other line, note what it tells."""
        kind = line.value.get("type")
        if kind == "user" or kind == "assistant":  # noqa: PLR1714 - it may have no hash
            if isinstance(line.value.get("message"), dict):
                return self._message(line, kind)
            self._reading.notes.add(Note.BAD_LINE, line.number)
        elif _is_bookkeeping(kind):
            self.facts.take(line)
        else:
            odd = Note.UNKNOWN_RECORD if isinstance(kind, str) else Note.BAD_LINE
            self._reading.notes.add(odd, line.number)
        uuid = line.value.get("uuid")
        if isinstance(uuid, str) and uuid and self.tree.skip(line.value, uuid):
            self._reading.notes.add(Note.DANGLING_PARENT, line.number)
        return None

    def _message(self, line: Line, kind: str) -> Message | None:
        value, reading = line.value, self._reading
        uuid = value.get("uuid")
        if not isinstance(uuid, str) or not uuid:
            uuid = f"line {line.ref}"
        message = value["message"]
        content = content_of(message.get("content"))
        native = self._native(uuid, line, content.text)
        if native is None:
            return None
        reply = message.get("id") if kind == "assistant" else None
        told = Told(
            native,
            reply if isinstance(reply, str) else None,
            kind == "assistant" and content.calls_tool,
            kind == "user" and content.has_result,
        )
        parent, in_vain = self.tree.place(value, uuid, told)
        if in_vain:
            reading.notes.add(Note.DANGLING_PARENT, line.number)
        text = reading.text(content.text, line.number)
        hidden = (
            value.get("isMeta") is True
            or value.get("isCompactSummary") is True
            or (kind == "user" and text.startswith(_PROGRAM))
        )
        self.messages += 1
        role = "tool" if told.is_result else kind
        created_at = self.facts.take_message(line, "" if hidden or role != "user" else text)
        if value.get("isSidechain") is True:
            self._last_aside = native
        else:
            self._last = native
        return Message(
            native, parent, role, text, reading.item(line), created_at, hidden, line.number
        )

    def _native(self, uuid: str, line: Line, text: str) -> str | None:
        """Return the native id of a message; None where it is one that comes again, as it was.

        A newer version that goes on with a session writes a message again with more about it, such
        as its own version. So what is compared is who says what.
        """
        message = line.value["message"]
        model, reply = as_text(message.get("model")), as_text(message.get("id"))
        told = hash((uuid, line.value["type"], model, reply, text))
        wanted = self._reading.text(uuid, line.number)
        native = None if told in self._told else self._ids.unused(wanted)
        self._told.add(told)
        if native != wanted:
            self._reading.notes.add(Note.DUPLICATE, line.number)
        return native


FORMAT: Final = ClaudeCode()
