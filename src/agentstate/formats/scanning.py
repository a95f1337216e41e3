"""JSON as it is found in files that may be damaged: whole objects within lines that are not."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_INT: Final = 308
"""Digits of an integer; one that has more may be beyond a double."""
_LONGEST_READ: Final = 4300
"""Digits that Python reads; it refuses longer integers, as reading them takes too long."""
_BEGINNING: Final = re.compile(r'\{\s*"')
_EFFORT: Final = 1 << 22
"""Characters that are read in search of whole objects, besides some times the line's own."""
_QUICK: Final = 32
"""How many times faster line breaks are counted than values are read."""
_DEEP: Final = 10_000
"""What giving up on a value that is nested too deeply counts for, in characters."""

PASSED: Final = 1 << 14
"""Characters that may stay before the place that is read. At damage more of them are let go of: an
error of Python's reader counts the line breaks before it, from the start of the text."""

NO_VALUE: Final = (ValueError, RecursionError, StopIteration)
"""What a scan raises where there is no value: none ends, it is nested too deeply, none begins."""


class Scanner:
    """A reader of JSON values that notices the numbers JSON does not have."""

    def __init__(self) -> None:
        """Begin with none noticed."""
        self.odd = False
        """Whether a value had NaN, an infinity or a number beyond a double since this was reset."""
        decoder = json.JSONDecoder(
            parse_float=self._float, parse_int=self._int, parse_constant=self._constant
        )
        # What `raw_decode` calls; a call of its own for each line is felt.
        self.scan: Final[Callable[[str, int], tuple[Any, int]]] = vars(decoder)["scan_once"]
        """Returns the value that begins at a place of a text, and the place behind it.

        Raises one of `NO_VALUE`. An integer that Python refuses to read is an infinity.
        """

    def next_whole(self, text: str, after: int) -> int | None:
        """Return where the next whole object of a line begins, behind one that is damaged.

        It is whole where it ends with the line, or where another one follows: objects within a
        damaged one are followed by a comma or a bracket. Where the damage is at the very end that
        tells nothing, and an object within is taken for a whole one; it has not the keys of a
        record, so whoever reads records leaves it out.
        """
        effort = _EFFORT + 8 * len(text)
        for match in _BEGINNING.finditer(text, after + 1):
            at = match.start()
            try:
                _, end = self.scan(text, at)
            except json.JSONDecodeError as error:
                # The error counts the line breaks before it, from the start of the text.
                effort -= error.pos - at + error.pos // _QUICK
            except NO_VALUE:
                effort -= _DEEP
            else:
                rest = _NEXT.match(text, end)
                if rest is not None:
                    return at
                effort -= end - at
            if effort < 0:
                return None
        return None

    def _float(self, digits: str) -> float:
        value = float(digits)
        self.odd = self.odd or math.isinf(value)
        return value

    def _int(self, digits: str) -> float:
        if len(digits) <= _LONGEST_INT:
            return int(digits)
        self.odd = True
        return int(digits) if len(digits) <= _LONGEST_READ else math.inf

    def _constant(self, name: str) -> float:
        self.odd = True
        return float(name)


_NEXT: Final = re.compile(r'[ \t\r\n\0]*(?:\Z|\{\s*")')
