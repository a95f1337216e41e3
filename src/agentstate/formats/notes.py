"""What was noticed while a source was read: damage, and what was left out or replaced."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

_SHOWN: Final = 20
"""Line numbers that are kept of each kind."""


class Note(StrEnum):
    """What can be the matter with a line, a record or a message."""

    BAD_LINE = "bad_line"
    """It is not JSON, or not a record of the format; it was left out."""
    TORN_TAIL = "torn_tail"
    """The last line has no end: the writer was interrupted, or is still writing."""
    SEVERAL_OBJECTS = "several_objects"
    """A line holds more than one object; all of them were read."""
    NOT_UTF8 = "not_utf8"
    """Bytes that are not UTF-8 were replaced by U+FFFD."""
    LONE_SURROGATE = "lone_surrogate"
    """Halves of characters were replaced by U+FFFD."""
    BAD_NUMBER = "bad_number"
    """NaN, an infinity or a number beyond a double was replaced by null."""
    TOO_DEEP = "too_deep"
    """A record is nested too deeply for the store; its text was kept as a string."""
    DANGLING_PARENT = "dangling_parent"
    """A message answers one that is not there; it was put below another."""
    DUPLICATE = "duplicate"
    """A message came again; the first was kept."""
    BAD_TIME = "bad_time"
    """A time could not be read; another was taken."""
    IMAGE_LEFT_OUT = "image_left_out"
    """An image was replaced by its size and hash."""
    UNKNOWN_RECORD = "unknown_record"
    """A record of a kind that is not known was left out; a message of one is kept, as system."""


class Noted(NamedTuple):
    """How often something was the matter, and where at first."""

    times: int
    lines: tuple[int, ...]


class Notes:
    """What was noticed in one source."""

    def __init__(self) -> None:
        """Begin with nothing noticed."""
        self._counts: dict[Note, int] = {}
        self._lines: dict[Note, list[int]] = {}

    def add(self, note: Note, line: int) -> None:
        """Count something; `line` is its line, counted from 1, or its place in a list."""
        self._counts[note] = self._counts.get(note, 0) + 1
        lines = self._lines.setdefault(note, [])
        if len(lines) < _SHOWN and line not in lines:
            lines.append(line)

    def found(self) -> dict[Note, Noted]:
        """Return all that was noticed."""
        return {note: Noted(self._counts[note], tuple(self._lines[note])) for note in self._counts}
