"""What is known of a session when its messages have been told: when it was, what was said first."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from agentstate.blocks import BlockKind, split
from agentstate.formats.wording import preview

if TYPE_CHECKING:
    from agentstate.formats.events import Message
    from agentstate.formats.source import Source

_BEGINNING: Final = 4_000
"""Characters of a message in which its first words are looked for."""


class Facts:
    """What the messages told so far say of their session."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self.first: int | None = None
        """The earliest time of a message, in Unix seconds."""
        self.last: int | None = None
        """The latest."""
        self.preview = ""
        self.leaf: str | None = None
        """The message that was told last."""

    def add(self, message: Message, *, is_speech: bool = True) -> Message:
        """Take note of a message, and return it; `is_speech` is that a user's own words are."""
        time = message.created_at
        self.first = time if self.first is None or time < self.first else self.first
        self.last = time if self.last is None or time > self.last else self.last
        self.leaf = message.native_id
        if not self.preview and message.role == "user" and is_speech and not message.hidden:
            self.preview = next(
                (
                    preview(block.text)
                    for block in split(message.content[:_BEGINNING])
                    if block.kind is BlockKind.TEXT and block.text.strip()
                ),
                "",
            )
        return message


class Ids:
    """Ids that are told apart: one that is taken is numbered, `a:2` being the second `a`."""

    def __init__(self) -> None:
        """Begin with none taken."""
        self._times: dict[str, int] = {}

    def unused(self, wanted: str) -> str:
        """Return an id that was not returned before, and take it."""
        found = wanted
        # By a count, as a hostile file has the same id a million times.
        while found in self._times:
            self._times[wanted] += 1
            found = f"{wanted}:{self._times[wanted]}"
        self._times[found] = 1
        return found


def session_id_of(source: Source) -> str:
    """Return an id for a session that has none of its own.

    It is the name of the file; what came through a pipe is known by its first line.
    """
    if source.name != "-" and source.path.stem:
        return source.path.stem.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return digest(source.head.split(b"\n", 1)[0])


def digest(*parts: bytes) -> str:
    """Return a short hash of some bytes, with which nobody means harm."""
    joined = b"".join([b"%d:%b" % (len(part), part) for part in parts])
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()[:24]
