"""The text of a source that may be larger than memory: the part of it that is at hand."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final, Self

from agentstate.formats.notes import Note
from agentstate.formats.scanning import PASSED

if TYPE_CHECKING:
    from types import TracebackType

    from agentstate.formats.reading import Reading

CHUNK: Final = 1 << 18
"""Bytes that are read at once, at least."""
_LONGEST: Final = 1 << 26
"""Characters that are kept; no value that a program writes is longer, and memory is bounded."""


class Window:
    """The text at hand, and the place in it; what has been passed is let go of."""

    def __init__(self, reading: Reading) -> None:
        """Begin at the start of the source."""
        self._reading = reading
        self._file = reading.source.open()
        self._strict = codecs.getincrementaldecoder("utf-8")()
        self._lenient = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._at = self._counted = 0
        self._ended = False
        self._line = 1
        self._mark: int | None = None
        """Where the object at hand begins, from which on the text is kept if it is not too long."""

    def __enter__(self) -> Self:
        """Return the window; at the end its source is closed."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Close the source."""
        self._file.close()

    def _more(self) -> bool:
        """Read on, and let go of what has been passed; False where there is no more."""
        if self._mark is not None and self._at - self._mark > _LONGEST:
            self._mark = None
        kept = self._at if self._mark is None else self._mark
        rest = len(self._text) - kept
        if self._ended or len(self._text) - self._at > _LONGEST:
            return False
        data = self._file.read(max(CHUNK, rest))
        self._ended = not data
        self._line_here()
        self._text = self._text[kept:] + self._decoded(data)
        self._at -= kept
        self._counted -= kept
        self._mark = None if self._mark is None else 0
        return True

    def _let_go(self) -> None:
        """Let go of what has been passed, where that is much; the object at hand is no more."""
        if self._at > PASSED:
            self._line_here()
            self._text = self._text[self._at :]
            self._counted = self._at = 0

    def _decoded(self, data: bytes) -> str:
        before = self._strict.getstate()
        try:
            return self._strict.decode(data, final=not data)
        except UnicodeDecodeError:
            self._reading.notes.add(Note.NOT_UTF8, self._line_here())
            self._lenient.setstate(before)
            text = self._lenient.decode(data, final=not data)
            self._strict.setstate(self._lenient.getstate())
            return text

    def _back_to_mark(self) -> None:
        """Go back to the beginning of the object at hand, which is no record."""
        mark = self._mark
        if mark is not None and mark < self._at:
            self._line_here()
            self._line -= self._text.count("\n", mark, self._counted)
            self._counted, self._at, self._mark = mark, mark + 1, None

    def _line_here(self) -> int:
        if self._at > self._counted:
            self._line += self._text.count("\n", self._counted, self._at)
            self._counted = self._at
        return self._line
