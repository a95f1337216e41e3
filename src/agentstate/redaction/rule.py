"""What a rule of redaction is, and what stands in place of what it finds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections import Counter

# What may stand before a token that begins like a word: no letter or digit. Text within text
# has escapes, which end in a letter or digit that is not of the token: \n and \u003d in JSON,
# %3D in a URL, colours on a terminal. Behind - and _ stand removed lines and parts of names, but
# also, by chance, the prefix of a token in base64url; only that goes on for long, in letters of
# both cases and digits.
_JOINED: Final = "|".join(
    f"(?<={some}{{63}})[_-]" for some in ("[a-z0-9_-]", "[A-Z0-9_-]", "[A-Za-z_-]")
)
NO_WORD: Final = re.compile(
    r"(?:\A|[^A-Za-z0-9_-]|\\[nrt]|%[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|[0-9;\[]m"
    rf"|(?<![A-Za-z0-9_-]{{63}})[_-]|{_JOINED})\Z"
)
# The rest of a word that begins like a token of a known length is of the token, not after it.
REST: Final = "[A-Za-z0-9_-]*+"
_LONGEST_BEFORE: Final = 8
_LONGEST_REJECTED: Final = 256
"""In so many characters after a rejected match another may begin; in all, and a long line of
rejected ones would be searched again for each."""


class Rule(Protocol):
    """Finds what is to be hidden, in time linear in the text whatever that holds."""

    def applied(self, text: str, counts: Counter[str]) -> str:
        """Return the text with marks in place of what is found, which is counted by kind."""


class PatternRule(NamedTuple):
    """Finds secrets of one kind by a pattern."""

    kind: str
    pattern: re.Pattern[str]
    group: int | str = 0
    """What is replaced of a match; one without this group is passed over."""
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

        parts: list[str] = []
        done = at = 0
        while match := self.pattern.search(text, at):
            at = match.end()
            start, end = match.span(self.group)
            if start < 0:
                continue
            if not self._may_follow(text, match.start()):
                if at - match.start() <= _LONGEST_REJECTED:
                    at = match.start() + 1
                continue
            counts[self.kind] += 1
            parts += (text[done:start], written)
            done = end
        return "".join((*parts, text[done:])) if parts else text

    def _may_follow(self, text: str, at: int) -> bool:
        first = max(0, at - _LONGEST_BEFORE)
        return self.after is None or self.after.search(text, first, at) is not None


def mark(kind: str) -> str:
    """Return what stands in place of a secret; no rule finds anything in it."""
    return f"[redacted: {kind}]"
