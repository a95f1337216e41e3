"""How texts are compared: without regard to case, width, composition or runs of white space.

A text and a query are folded alike, in Python alone: the index is told to take text as it is, so
that it and a scan cannot differ in what they call the same letter.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

Span = tuple[int, int]

_HANGUL: Final = frozenset(
    map(chr, (*range(0x1160, 0x1200), *range(0xD7B0, 0xD7FC), 0xFF9E, 0xFF9F))
)
"""Vowels and ends of Korean syllables, and the half-width marks of Japanese.

They melt with the letter before without being combining marks."""


def fold(text: str) -> str:
    """Return what of a text is compared: compatible letters as one, and single spaces between.

    NFKC and the full case folding of Unicode. NUL, at which SQLite ends a text, is white space,
    and the two numbers that it takes for no letter are one.
    """
    text = text.replace("\0", " ")
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(_alike(text).split())


def _alike(text: str) -> str:
    """Return letters in the form in which they are compared."""
    normal = unicodedata.normalize("NFKC", text)
    if (folded := normal.casefold()) != normal:
        normal = unicodedata.normalize("NFKC", folded)
    return normal.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")


def on_one_line(text: str) -> str:
    """Return a text with each run of white space as one space, else as it is."""
    return " ".join(text.replace("\0", " ").split())


def places(line: str, folded: str, spans: Sequence[Span]) -> list[Span]:
    """Return where in `line`, a text on one line, ascending spans of `folded` come from."""
    if len(line) == len(folded) and (line.isascii() or _are_alike(line, folded, spans)):
        return list(spans)
    words = _Words(line)
    return [(words.place_of(begin)[0], words.place_of(end - 1)[1]) for begin, end in spans]


def _are_alike(line: str, folded: str, spans: Sequence[Span]) -> bool:
    """Tell whether each span comes from the letters at the same place in the line."""
    return all(fold(line[begin:end]) == folded[begin:end] for begin, end in spans)


class _Words:
    """The words of a line, each with the place of its folded form; walked through once."""

    def __init__(self, line: str) -> None:
        self._left = re.finditer("[^ ]+", line)
        self._begin = 0
        self._folded_begin = self._folded_end = -1
        self._letters: list[str] = []
        self._ends: list[int] = []
        self._word = ""

    def place_of(self, at: int) -> Span:
        """Return where the letter comes from that is at a place of the folded line."""
        while at >= self._folded_end and (match := next(self._left, None)):
            self._take(match)
        number = bisect_right(self._ends, at - self._folded_begin)
        before = sum(map(len, self._letters[:number]))
        return self._begin + before, self._begin + before + len(self._letters[number])

    def _take(self, match: re.Match[str]) -> None:
        word = match.group()
        folded = fold(word)
        if not folded:
            return
        self._begin = match.start()
        self._folded_begin = self._folded_end + 1  # behind a space
        self._folded_end = self._folded_begin + len(folded)
        self._letters = _letters(word)
        pieces = [_alike(letter) for letter in self._letters]
        if "".join(pieces) != folded:
            self._letters, pieces = [word], [folded]
        self._ends = list(accumulate(map(len, pieces)))


def _letters(word: str) -> list[str]:
    """Return the letters of a word, each with the marks that may melt with it."""
    found: list[str] = []
    for letter in word:
        if found and (unicodedata.combining(letter) or letter in _HANGUL):
            found[-1] += letter
        else:
            found.append(letter)
    return found
