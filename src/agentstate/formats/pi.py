"""Sessions of pi and oh-my-pi: a header, then entries that point at their parents.

Entries that are not messages (`model_change`, `label`, `session_info`, an extension's `custom`
state...) are links of the chain all the same: what follows one of them answers the message before
it. The first version of the format has no ids: there each entry follows the one above it, and is
known by its line. Labels are not kept.

What a user's own shell command printed is a message of the user. Summaries, and what an extension
does not display, are hidden.
"""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from agentstate import blocks
from agentstate.formats import wording
from agentstate.formats.events import Message, Relation, Session, Start
from agentstate.formats.facts import Facts, session_id_of
from agentstate.formats.models import provider_of
from agentstate.formats.names import oldest_first
from agentstate.formats.notes import Note
from agentstate.formats.readable import readable
from agentstate.formats.reading import first_objects
from agentstate.formats.wording import as_text
from agentstate.records import SessionSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentstate.formats.events import Event
    from agentstate.formats.reading import Line, Reading
    from agentstate.formats.source import Source

_BOOKKEEPING: Final = frozenset(
    {"model_change", "thinking_level_change", "label", "session_info", "custom", "leaf", "mode"}
)
_SUMMARIES: Final = frozenset({"compaction", "branch_summary"})
_SPOKEN: Final = frozenset({"message", "custom_message"}) | _SUMMARIES
_ROLES: Final = {
    "user": "user",
    "assistant": "assistant",
    "toolResult": "tool",
    "bashExecution": "user",
}
"""What else there is (custom, hookMessage, compactionSummary...) comes from the program."""


class Pi:
    """The format of pi."""

    name = "pi"

    def detect(self, source: Source) -> bool:
        """Tell by the header, or by an entry where that is gone."""
        return any(
            _is_header(one) or _is_entry(one)
            for one in first_objects(source.head)
            if "payload" not in one and "sessionId" not in one
        )

    def places(self, environ: Mapping[str, str], home: Path) -> Iterator[Path]:
        """Yield the sessions of pi, then those of oh-my-pi."""
        own = environ.get("PI_CODING_AGENT_DIR")
        folders = [Path(own).expanduser() if own else home / ".pi" / "agent"]
        folders.append(home / ".omp" / "agent")
        for folder in dict.fromkeys(folders):
            yield from oldest_first(folder / "sessions", lambda name: name.endswith(".jsonl"))

    def is_file(self, path: Path) -> bool:
        """Tell by its name whether a file may be a session."""
        return path.suffix == ".jsonl"

    def read(self, reading: Reading) -> Iterator[Event]:
        """Yield the sessions of a source; each header begins one."""
        session: _Session | None = None
        begun: set[str] = set()
        updated_at = reading.last_time("timestamp")
        for line in reading.lines():
            if _is_header(line.value):
                if session is not None:
                    yield session.end()
                session = _Session(reading, line.value, begun, line.number)
                yield session.start(updated_at)
                continue
            if session is None:
                session = _Session(reading, {}, begun, line.number)
                yield session.start(updated_at)
            yield from session.entry(line)
        if session is not None:
            yield session.end()


class _Session:
    """A session whose entries are being read."""

    def __init__(
        self, reading: Reading, header: dict[str, Any], begun: set[str], number: int
    ) -> None:
        self._reading = reading
        self._header = header
        self._number = number
        self._facts = Facts()
        self._nearest: dict[str, str | None] = {}
        """By the id of each entry, the message that it is or comes after."""
        self._seen: dict[str, int] = {}
        """By the native id of each message, the hash of its text."""
        self._tip: str | None = None
        """The message that the last entry is or comes after."""
        self._id = self._string("id") or session_id_of(reading.source)
        while self._id in begun:
            self._id = f"{self._id}:{number}"
        begun.add(self._id)
        self._time = reading.time(header.get("timestamp"), number, reading.source.modified_at)
        self._began_at = self._time if "timestamp" in header else None
        self._provider = self._string("provider")
        self._title = self._string("title")

    def start(self, updated_at: int) -> Start:
        return Start(self._id, updated_at)

    def end(self) -> Session:
        parent = _session_id_in(self._string("parentSession") or self._string("branchedFrom"))
        facts = self._facts
        times = [one for one in (self._began_at, facts.first, facts.last) if one is not None]
        return Session(
            session_id=self._id,
            leaf=facts.leaf if self._tip is None else self._tip,
            created_at=min(times, default=self._time),
            updated_at=max(times, default=self._time),
            title=self._title or wording.title(facts.preview) or None,
            is_named=bool(self._title),
            preview=facts.preview,
            cwd=self._string("cwd"),
            model_provider=self._provider,
            source=SessionSource.FORK if parent else SessionSource.INTERACTIVE,
            parent_session_id=parent,
            relation=Relation.FORK if parent else None,
        )

    def entry(self, line: Line) -> Iterator[Message]:
        """Take the next entry, which may be a message."""
        self._note_facts(line)
        is_message = _is_message(line.value)
        if not is_message and _kind(line.value) not in _BOOKKEEPING:
            self._reading.notes.add(Note.UNKNOWN_RECORD, line.number)
        own = self._reading.string(line.value.get("id"), line.number)
        self._tip = self._parent(line)
        if is_message:
            native = self._native(own or line.ref, line)
            if native is not None:
                message = self._message(native, line)
                # The first version of the format is given ids, in place, when it is opened again.
                yield message._replace(replaces=line.ref) if own else message
                self._tip = native
        if own:
            self._tip = self._nearest.setdefault(own, self._tip)

    def _parent(self, line: Line) -> str | None:
        """Return the message that an entry comes after."""
        if "parentId" not in line.value:
            return self._tip
        given = line.value["parentId"]
        if given is None:
            return None
        parent = self._reading.string(given, line.number)
        if parent in self._nearest:
            return self._nearest[parent]
        self._reading.notes.add(Note.DANGLING_PARENT, line.number)
        return self._tip

    def _native(self, wanted: str, line: Line) -> str | None:
        """Return the id of a message; None where it is there already, word for word."""
        text = hash(line.text)
        while wanted in self._seen:
            self._reading.notes.add(Note.DUPLICATE, line.number)
            if self._seen[wanted] == text:
                return None
            wanted = f"{wanted}:{line.ref}"
        self._seen[wanted] = text
        return wanted

    def _message(self, native: str, line: Line) -> Message:
        value, number, reading = line.value, line.number, self._reading
        role, text, hidden = _said(value)
        said = value.get("message")
        inner = said.get("timestamp") if isinstance(said, dict) else None
        given = inner if value.get("timestamp") is None else value["timestamp"]
        self._time = reading.time(given, number, self._time)
        return self._facts.add(
            Message(
                native_id=native,
                parent=self._tip,
                role=role,
                content=reading.text(text, number),
                item=reading.item(line),
                created_at=self._time,
                hidden=hidden,
            ),
            is_speech=not (isinstance(said, dict) and said.get("role") == "bashExecution"),
        )

    def _note_facts(self, line: Line) -> None:
        value = line.value
        said = value.get("message")
        told = said if isinstance(said, dict) else value
        model = told.get("model") or told.get("modelId")
        provider = told.get("provider") or provider_of(model)
        if isinstance(provider, str) and provider:
            self._provider = self._reading.text(provider, line.number)
        if value.get("type") == "session_info" and isinstance(value.get("name"), str):
            self._title = self._reading.text(value["name"], line.number)

    def _string(self, key: str) -> str:
        return self._reading.string(self._header.get(key), self._number)


def _is_header(value: dict[str, Any]) -> bool:
    return value.get("type") == "session" and "message" not in value


def _is_entry(value: dict[str, Any]) -> bool:
    said = value.get("message")
    return (
        value.get("type") == "message"
        and isinstance(said, dict)
        and "role" in said
        and ("parentId" in value or "timestamp" in value)
    )


def _kind(value: dict[str, Any]) -> str:
    kind = value.get("type")
    return kind if isinstance(kind, str) else ""


def _is_message(value: dict[str, Any]) -> bool:
    kind = _kind(value)
    return isinstance(value.get("message"), dict) if kind == "message" else kind in _SPOKEN


def _said(value: dict[str, Any]) -> tuple[str, str, bool]:
    """Return the role, the text, and whether it is hidden."""
    kind = _kind(value)
    if kind in _SUMMARIES:
        return "system", as_text(value.get("summary")), True
    said = value["message"] if kind == "message" else value
    role = said.get("role") if kind == "message" else "custom"
    if role == "bashExecution":
        return "user", _shell(said), False
    if "summary" in said and "content" not in said:
        return "system", as_text(said["summary"]), True
    text = _content(said.get("content")) if "content" in said else readable(said)
    if isinstance(said.get("errorMessage"), str):
        text = blocks.join([text, blocks.other("error", said["errorMessage"])])
    known = _ROLES.get(role) if isinstance(role, str) else None
    return known or "system", text, known is None and said.get("display") is False


def _shell(said: dict[str, Any]) -> str:
    code = said.get("exitCode")
    failed = f"(exit code {code})" if code else ""
    return blocks.join([f"$ {as_text(said.get('command'))}", as_text(said.get("output")), failed])


def _content(content: object) -> str:
    if not isinstance(content, list):
        return as_text(content)
    return blocks.join(_block(one) for one in content)


def _block(block: object) -> str:
    if not isinstance(block, dict):
        return as_text(block)
    kind = block.get("type")
    if kind == "text":
        return as_text(block.get("text"))
    if kind == "thinking":
        return blocks.thinking(as_text(block.get("thinking")))
    if kind == "toolCall":
        return blocks.tool_call(as_text(block.get("name")), as_text(block.get("arguments")))
    if kind == "image":
        return blocks.image(as_text(block.get("mimeType")))
    return blocks.other(as_text(kind), readable(block))


def _session_id_in(link: str) -> str | None:
    """Return the id of a session in the path of its file, which is `<time>_<id>.jsonl`."""
    if not link.endswith(".jsonl"):
        return link or None
    stem = PurePath(link.replace("\\", "/")).stem
    return stem.partition("_")[2] or stem


FORMAT: Final = Pi()
