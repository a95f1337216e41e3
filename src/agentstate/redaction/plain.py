"""Texts without the escapes that programs put into them: colours, and those of JSON."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

# Letters in colour: the sequences of a terminal, as they are and as they are written in JSON and
# in programs. They stand between a name and its value, and in words that a search has found.
_WRITTEN: Final = r"(?:u001[bB]|x1[bB]|033)"
_CODES: Final = r"\[[0-?]{0,32}[ -/]{0,4}[@-~]"
_COLOUR: Final = (
    rf"(?:(?<=\x1b)|\\{{0,7}}{_WRITTEN}){_CODES}(?:(?:\x1b|\\{{1,8}}{_WRITTEN}){_CODES})*"
)
# JSON may write a slash and a character by their escapes; JSON within JSON has more backslashes.
# C:\Users\u0012345 is a folder of somebody's.
_ESCAPED: Final = (
    r"(?<!\x1b)(?<!\\\\)(?:\\{0,7}/|(?<!sers\\)(?<!SERS\\)\\{0,7}u00(?P<code>[0-9A-Fa-f]{2}))"
)
# What begins with a set of characters is found 5 times faster.
_ESCAPE: Final = re.compile(rf"[\x1b\\](?:(?P<colour>{_COLOUR})|{_ESCAPED})")
_JOINED: Final = re.compile(r"[\w.~/\\-]\S")
# Each of these is searched for 20 times faster than the pattern.
_SIGNS: Final = ("\x1b[", "\\/", "\\u00", "\\x1", "\\033")


class PlainText:
    """A text as its reader sees it, and where its parts stand in the text as it is."""

    def __init__(self, original: str) -> None:
        """Take the escapes out of a text."""
        self.is_joined = False
        """Whether words stand together that were apart by their colours."""
        self._places: list[int] = [0]
        self._originals: list[int] = [0]
        self._ends: dict[int, int] = {}
        self.text = original
        if any(map(original.__contains__, _SIGNS)):
            self.text = self._without_escapes(original)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the original has what the plain text has from `start` to `end`."""
        last = self._original(end - 1)
        return self._original(start), self._ends.get(last, last + 1)

    def _without_escapes(self, original: str) -> str:
        parts: list[str] = []
        length = done = 0
        for escape in _ESCAPE.finditer(original):
            begin, end = escape.span()
            parts.append(original[done:begin])
            length += begin - done
            done = end
            if escape["colour"]:
                around = original[begin - 1 : begin] + original[end : end + 1]
                self.is_joined = self.is_joined or _JOINED.match(around) is not None
            else:
                code = escape["code"]
                parts.append(chr(int(code, 16)) if code else "/")
                self._ends[begin] = end
                length += 1
            self._places.append(length)
            self._originals.append(end)
        return "".join((*parts, original[done:]))

    def _original(self, place: int) -> int:
        at = bisect_right(self._places, place) - 1
        return self._originals[at] + place - self._places[at]
