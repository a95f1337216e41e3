"""Chats of Gemini CLI: one JSON object, or a log of records.

Each message of a chat is one message here: what a tool returned stands in the text of the message
that called it, as it does in the file. `info`, `warning` and `error` are of the role system.

In the log a message is written again whenever it changes; its last version is kept, at its first
place. `$rewindTo` drops a message and all after it: what follows answers the message before, and
what was dropped stays as a branch, with the text it had. One that is written again after it was
dropped is another message, unless it says the same in the same place.

`$set` changes what is known of the chat. The `messages` in it are what the model is told from then
on; those that the log does not have are kept, and nothing is dropped for not being among them. What
the program itself puts in as a user is hidden.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.formats.arrays import Piece
from agentstate.formats.documents import document, outline
from agentstate.formats.gemini_chat import Chat
from agentstate.formats.gemini_content import is_record
from agentstate.formats.names import oldest_first
from agentstate.formats.notes import Note
from agentstate.formats.reading import first_objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentstate.formats.events import Event, Message
    from agentstate.formats.reading import Reading
    from agentstate.formats.source import Source

_FACTS: Final = frozenset({"projectHash", "startTime", "messages", "lastUpdated"})
_ID: Final = re.compile(rb'[\s\0]*\{"id":\s*("(?:[^"\\]|\\.)*")')
_LINE: Final = 1 << 20


class Gemini:
    """The format of Gemini CLI."""

    name = "gemini"

    def detect(self, source: Source) -> bool:
        """Tell by what begins a chat, or by the records of a log."""
        found = [outline(source.head), *first_objects(source.head)]
        return any("sessionId" in one and not _FACTS.isdisjoint(one) for one in found) or any(
            _is_message(one) or "$rewindTo" in one for one in found
        )

    def places(self, environ: Mapping[str, str], home: Path) -> Iterator[Path]:
        """Yield the chats of all projects."""
        own = environ.get("GEMINI_CLI_HOME")
        chats = (Path(own) if own else home) / ".gemini" / "tmp"
        found = oldest_first(chats, lambda name: name.endswith((".json", ".jsonl")))
        yield from (path for path in found if "chats" in path.parts[len(chats.parts) :])

    def is_file(self, path: Path) -> bool:
        """Tell by its name whether a file may be a chat."""
        return path.suffix in {".json", ".jsonl"}

    def read(self, reading: Reading) -> Iterator[Event]:
        """Yield the chat of a source."""
        is_document = _is_document(reading.source)
        chat = Chat(reading, {} if is_document else _last_lines(reading.source))
        begun = False
        for message in _of_document(chat) if is_document else _of_log(chat):
            if not begun:
                begun = True
                yield chat.start()
            yield message
        if begun or chat.values:
            if not begun:
                yield chat.start()
            yield chat.end()


def _of_document(chat: Chat) -> Iterator[Message]:
    found = document(chat.reading, {"messages": _is_message})
    chat.values.update(found.values)
    for number, piece in enumerate(found.records.get("messages", []), 1):
        if is_record(piece.value):
            yield from chat.add(piece, number, is_logged=False)
        else:
            chat.reading.notes.add(Note.BAD_LINE, number)


def _of_log(chat: Chat) -> Iterator[Message]:
    for line in chat.reading.lines():
        value = line.value
        if "$rewindTo" in value:
            chat.rewind(value["$rewindTo"], line.number)
        elif _is_message(value) or ("id" in value and "content" in value):
            yield from chat.add(Piece(line.text, value, line.odd), line.number)
        elif isinstance(value.get("$set"), dict):
            yield from chat.set(value["$set"], line.number)
        elif "sessionId" in value:
            yield from chat.set(value)
        else:
            chat.reading.notes.add(Note.UNKNOWN_RECORD, line.number)
    yield from chat.rest()


def _last_lines(source: Source) -> dict[str, int]:
    """Return the last line of a log on which each id is written."""
    last: dict[str, int] = {}
    number, is_new = 0, True
    with source.open() as file:
        while raw := file.readline(_LINE):
            number += is_new
            match = _ID.match(raw) if is_new else None
            is_new = raw.endswith(b"\n")
            if match is not None:
                last[_string(match[1].decode("utf-8", "replace"))] = number
    return last


def _string(text: str) -> str:
    try:
        found = json.loads(text, strict=False)
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""


def _is_document(source: Source) -> bool:
    """Tell a chat that is one object on many lines from a log, whose lines are objects."""
    first = source.head.lstrip().split(b"\n", 1)[0].rstrip()
    if first_objects(first) or "sessionId" not in outline(source.head):
        return False
    return first.endswith((b"{", b",", b"[")) or not first_objects(source.head)


def _is_message(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("id"), str)
        and isinstance(value.get("type"), str)
        and "timestamp" in value
        and ("content" in value or "toolCalls" in value)
    )


FORMAT: Final = Gemini()
