"""What a rule of redaction is, and what stands in place of what it finds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections import Counter

# What may stand before a token that begins like a word: not a part of a word. Text within text
# has escapes, which end in a letter or digit that is not of the token: \n and \u003d in JSON,
# %3D in a URL, colours on a terminal.
NO_WORD: Final = re.compile(
    r"(?:\A|[^A-Za-z0-9_-]|\\[nrt]|%[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|[0-9;\[]m|(?:\A|\n)-)\Z"
)
# The rest of a word that begins like a token of a known length is of the token, not after it.
REST: Final = "[A-Za-z0-9_-]*+"
_LONGEST_BEFORE: Final = 8


class Rule(Protocol):
    """Finds what is to be hidden, in time linear in the text whatever that holds."""

    def applied(self, text: str, counts: Counter[str]) -> str:
        """Return the text with marks in place of what is found, which is counted by kind."""


class PatternRule(NamedTuple):
    """Finds secrets of one kind by a pattern."""

    kind: str
    pattern: re.Pattern[str]
    group: int | str = 0
    """What is replaced of a match."""
    marks: tuple[str, ...] = ()
    """A text without any of these holds no match; with no marks, every text is searched."""
    after: re.Pattern[str] | None = None
    """What must stand before a match, if anything must. A lookbehind at the front of the
    pattern would say the same, and make the search 20 times slower."""
    written: str | None = None
    """What stands in place of the secret, if not its mark."""

    def applied(self, text: str, counts: Counter[str]) -> str:
        """Return the text with marks in place of what is found."""
        if self.marks and not any(mark in text for mark in self.marks):
            return text
        written = mark(self.kind) if self.written is None else self.written

        def replaced(match: re.Match[str]) -> str:
            begin = match.start()
            if self.after is not None and not self.after.search(before(text, begin)):
                return match[0]
            counts[self.kind] += 1
            start, end = match.span(self.group)
            return f"{match[0][: start - begin]}{written}{match[0][end - begin :]}"

        return self.pattern.sub(replaced, text)


def before(text: str, at: int) -> str:
    """Return the few characters that stand before a place."""
    return text[max(0, at - _LONGEST_BEFORE) : at]


def mark(kind: str) -> str:
    """Return what stands in place of a secret; no rule finds anything in it."""
    return f"[redacted: {kind}]"
