"""Codex: a rollout of JSON lines for each thread, or several that go on with one another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentstate.formats.codex_content import (
    asked_in,
    begins_turn,
    is_left_out,
    is_of_program,
    said_in,
)
from agentstate.formats.codex_events import Copies, words_in
from agentstate.formats.codex_names import ARCHIVED
from agentstate.formats.codex_session import Facts, is_position
from agentstate.formats.events import Message, Start
from agentstate.formats.names import oldest_first, stem
from agentstate.formats.notes import Note
from agentstate.formats.reading import first_objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentstate.formats.codex_events import Words
    from agentstate.formats.events import Event
    from agentstate.formats.reading import Line, Reading
    from agentstate.formats.source import Source

_KINDS: Final = (
    "session_meta",
    "response_item",
    "event_msg",
    "turn_context",
    "compacted",
    "world_state",
    "inter_agent_communication_metadata",
)
"""The kinds of lines; of a compaction, what it repeats of the history is not read again."""
_LAST: Final = 2**31
"""More things than a person says."""
_START: Final = re.compile(
    rb'\s*\{\s*"timestamp"\s*:\s*"[^"]{1,40}",\s*("ordinal"\s*:\s*\d+,\s*)?'
    rb'"type"\s*:\s*"session_meta"'
    rb'|\s*\{\s*"id"\s*:\s*"[^"]{1,80}",\s*"timestamp"\s*:\s*"[^"]{1,40}",\s*"instructions"\s*:'
)


class Codex:
    """The format of Codex."""

    name = "codex"

    def detect(self, source: Source) -> bool:
        """Tell by the first lines."""
        # Its first line may be longer than what can be looked at.
        head = source.head
        return _START.match(head) is not None or any(map(_is_record, first_objects(head)))

    def places(self, environ: Mapping[str, str], home: Path) -> Iterator[Path]:
        """Yield the rollouts; of one that is there compressed, too, the plain file."""
        folder = Path(environ.get("CODEX_HOME") or home / ".codex")
        for name in ("sessions", ARCHIVED):
            found = oldest_first(folder / name, _is_rollout)
            plain = {path for path in found if path.suffix != ".zst"}
            yield from (
                path for path in found if path in plain or path.with_suffix("") not in plain
            )

    def is_file(self, path: Path) -> bool:
        """Tell by its name whether a file may be a rollout."""
        return path.name.endswith((".jsonl", ".jsonl.zst")) and path.name != "session_index.jsonl"

    def read(self, reading: Reading) -> Iterator[Event]:
        """Yield the session of a source."""
        rollout = _Rollout(reading)
        started = False
        for message in rollout.messages():
            if not started:
                started = True
                updated_at = reading.last_time("timestamp")
                facts = rollout.facts
                before = facts.continues_before
                yield Start(facts.session_id, updated_at, before, facts.continues)
            yield message
        if started:
            yield rollout.facts.session(rollout.leaf, rollout.turns_back)


def _is_rollout(name: str) -> bool:
    return name.startswith("rollout-") and name.endswith((".jsonl", ".jsonl.zst"))


def _is_record(value: dict[str, Any]) -> bool:
    kind = value.get("type")
    if kind is None:
        return {"id", "timestamp", "instructions"} <= value.keys()
    return isinstance(kind, str) and kind in _KINDS and isinstance(value.get("payload"), dict)


class _Rollout:
    """The one session of a file, as its lines come."""

    def __init__(self, reading: Reading) -> None:
        self.facts = Facts(reading)
        self._reading = reading
        self._copies = Copies()
        self._name = ""
        self._leaf: str | None = None
        self._first: str | None = None
        self._turns: list[str | None] = []
        """Of each thing a person said on the way to the leaf, what it answers."""
        self._back = 0
        """How many things were taken back that a person said in what this goes on with."""
        self._is_old = True
        """Whether items may stand in their lines without anything around them."""

    @property
    def leaf(self) -> str | None:
        """The message at which it goes on; the first where all were taken back."""
        return self._leaf or self._first

    @property
    def turns_back(self) -> int | None:
        """How far the leaf is above the first message of a rollout that goes on with another."""
        is_above = self._leaf is None and self.facts.continues_before is not None
        return self._back if is_above else None

    def messages(self) -> Iterator[Message]:
        for line in self._reading.lines():
            kind, payload = line.value.get("type"), line.value.get("payload")
            if isinstance(kind, str) and isinstance(payload, dict):
                self._is_old = False
                yield from self._take(kind, payload, line)
            elif self._is_old:
                yield from self._take_old(line)
            else:
                self._reading.notes.add(Note.BAD_LINE, line.number)
        yield from self._spoken(self._copies.rest())

    def _take(self, kind: str, payload: dict[str, Any], line: Line) -> list[Message]:
        if kind == "response_item":
            return self._item(payload, line)
        if kind == "event_msg":
            return self._event(payload, line)
        if kind == "session_meta":
            self.facts.take_meta(payload, line)
        elif kind not in _KINDS:
            self._reading.notes.add(Note.UNKNOWN_RECORD, line.number)
        return []

    def _take_old(self, line: Line) -> list[Message]:
        """Take a line of the first versions: what describes the session, or an item."""
        if _is_record(line.value):
            self.facts.take_meta(line.value, line)
        elif "record_type" not in line.value:
            return self._item(line.value, line)
        return []

    def _item(self, item: dict[str, Any], line: Line) -> list[Message]:
        said = said_in(item)
        if said is None:
            if not is_left_out(item):
                self._reading.notes.add(Note.UNKNOWN_RECORD, line.number)
            return []
        text = self._reading.text(said.text, line.number)
        lost: list[Words] = []
        event: Words | None = None
        if said.role == "user":
            lost, event = self._copies.hold(text, is_speech=not said.hidden)
        elif said.role in {"assistant", "tool"}:
            lost = self._copies.rest()
        before = self._spoken(lost) if lost else []
        message = self._message(line, said.role, text, hidden=said.hidden)
        if event is not None:
            # When the event was the last line yet, it was told as the message.
            message = message._replace(replaces=f"{self._name}:{event.line.ref}")
        return [*before, message]

    def _event(self, event: dict[str, Any], line: Line) -> list[Message]:
        kind = event.get("type")
        if kind == "thread_rolled_back":
            lost = self._spoken(self._copies.rest())
            self._roll_back(event.get("num_turns"))
            return lost
        if kind == "thread_name_updated":
            self.facts.take_name(event.get("thread_name"))
        elif isinstance(kind, str) and (words := words_in(event)) is not None:
            words = self._reading.text(words, line.number)
            return self._spoken(self._copies.tell(kind, words, line))
        return []

    def _spoken(self, lost: list[Words]) -> list[Message]:
        """Return what a person said that no item holds."""
        return [
            self._message(line, "user", text, hidden=is_of_program(text)) for text, line in lost
        ]

    def _message(self, line: Line, role: str, text: str, *, hidden: bool) -> Message:
        if not self._name:
            piped = self._reading.source.name == "-"
            self._name = self.facts.session_id if piped else stem(self._reading.source.name)
            self._name = self._reading.text(self._name, 1)
        native_id, parent = f"{self._name}:{line.ref}", self._leaf
        self._leaf = native_id
        self._first = self._first or native_id
        if role == "user":
            if hidden:
                self.facts.take_context(text)
            elif begins_turn(text):
                self._turns.append(parent)
        is_asked = role == "user" and not hidden and begins_turn(text)
        words = asked_in(text) if is_asked else ""
        created_at = self.facts.take_message(line, words)
        ordinal = line.value.get("ordinal")
        position = ordinal if is_position(ordinal) else line.number
        item = self._reading.item(line)
        back = self._back if parent is None else 0
        return Message(native_id, parent, role, text, item, created_at, hidden, position, back)

    def _roll_back(self, turns: object) -> None:
        """Move the leaf back to before that many things a person said."""
        if not isinstance(turns, int) or turns <= 0:
            return
        kept = len(self._turns) - turns
        if kept < 0 and self.facts.continues_before is not None:
            self._back = min(self._back - kept, _LAST)
            self._leaf = None
        elif self._turns:
            self._leaf = self._turns[max(0, kept)]
        del self._turns[max(0, kept) :]


FORMAT: Final = Codex()
