"""What a rule of redaction is, and what stands in place of what it finds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
QUOTE: Final = r"""\\{0,7}["'`]"""
"""A quotation mark, and how one looks in a text within a text."""
_LONGEST_REJECTED: Final = 256
"""In so many characters after a rejected match another may begin; in all, and a long line of
rejected ones would be searched again for each."""


class Found(NamedTuple):
    """A place in a text, and what is to stand there."""

    start: int
    end: int
    kind: str
    written: str


class Rule(Protocol):
    """Finds what is to be hidden, in time linear in the text whatever that holds."""

    def found(self, text: str) -> Iterable[Found]:
        """Return what is found, from the front of the text to its end."""


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
    reach: int = 24
    """How many characters before a match `after` is looked for in."""

    def found(self, text: str) -> Iterable[Found]:
        """Return what is found, from the front of the text to its end."""
        if self.marks and not any(map(text.__contains__, self.marks)):
            return ()
        return self._found(text)

    def _found(self, text: str) -> Iterator[Found]:
        written = mark(self.kind) if self.written is None else self.written
        at = 0
        while match := self.pattern.search(text, at):
            at = match.end()
            start, end = match.span(self.group)
            if start < 0:
                continue
            if self._may_follow(text, match.start()):
                yield Found(start, end, self.kind, written)
            elif at - match.start() <= _LONGEST_REJECTED:
                at = match.start() + 1

    def _may_follow(self, text: str, at: int) -> bool:
        first = max(0, at - self.reach)
        return self.after is None or self.after.search(text, first, at) is not None


def mark(kind: str) -> str:
    """Return what stands in place of a secret; no rule finds anything in it."""
    return f"[redacted: {kind}]"
