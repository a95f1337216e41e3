"""Private keys in their blocks: whole, on one line with escaped ends of lines, cut off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agentstate.redaction.rule import PatternRule

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGIN: Final = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_END: Final = r"-{5,8}END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
# Between two lines of a key may stand what shows it: line numbers, quotes, marks of a diff.
# No group here is possessive: Python 3.11.2, which Debian has, matches such groups wrongly.
_SHOWN: Final = r"(?:\\++[nrt]?|[^A-Za-z+/=\\]){1,24}"
_HEADERS: Final = r"(?:(?:\\++[nr]|\s)+[A-Z][A-Za-z-]{1,30}: [^\\\n]{0,200}+){0,8}"
_FIRST_LINE: Final = rf"{_HEADERS}{_SHOWN}[A-Za-z0-9+/=]{{16,}}+"
_LINES: Final = rf"(?:{_SHOWN}[A-Za-z0-9+/=]{{16,}}+)*"
_CUT_OFF: Final = rf"(?:{_SHOWN}[A-Za-z0-9+/=]{{1,15}}+(?=\W{{0,8}}\Z))?"


def rules() -> Iterator[PatternRule]:
    """Yield the rules for private keys; the mention of a block's first line alone is none."""
    kind, marks = "private-key", ("PRIVATE KEY",)
    block = rf"{_BEGIN}(?={_FIRST_LINE})[^-]*+(?:-(?!----)[^-]*+)*{_END}"
    yield PatternRule(kind, re.compile(block), marks=marks)
    yield PatternRule(kind, re.compile(_BEGIN + _FIRST_LINE + _LINES + _CUT_OFF), marks=marks)
    putty = rf"Private-Lines: \d{{1,4}}{_LINES}"
    yield PatternRule(kind, re.compile(putty), marks=("Private-Lines: ",))
