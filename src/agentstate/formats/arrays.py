"""JSON that is walked through piece by piece: a file of it may be larger than memory.

Of each piece the text is at hand as it was written. What is damaged is left behind: the walk goes
on with the next whole record.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agentstate.formats.notes import Note
from agentstate.formats.scanning import Scanner
from agentstate.formats.windows import CHUNK, Window
from agentstate.formats.wording import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentstate.formats.reading import Reading

_TOKEN: Final = 16
"""Characters at the end of what was read that may be the beginning of a token."""
_LONGEST_BEGINNING: Final = 400
"""Characters of the beginning of an object, its first key and the white space around it."""
_EFFORT: Final = 1 << 22
"""Characters that are read in vain in search of a record, besides some times all that follow."""
_DEEP: Final = 10_000
"""What giving up on a value that is nested too deeply counts for, in characters."""

_WHITE: Final = re.compile(r"[ \t\r\n]*")
_BETWEEN: Final = re.compile(r"[ \t\r\n,\[\]\0\ufeff]*")
_ENDED: Final = re.compile(r'[\s\[\]{},":]')
"""What cannot stand within the last token of a text that is cut off."""
_BEGINNING: Final = re.compile(r'\{[ \t\r\n]*(?:\}|"(?:[^"\\]|\\.){0,100}"[ \t\r\n]*:)')
"""How an object begins whose first key is not long."""


class Piece(NamedTuple):
    """A value, and the text it was written as."""

    text: str
    value: Any
    odd: bool = False
    """Whether it holds NaN, an infinity or a number beyond a double."""


def rewritten(value: Any) -> Piece:  # noqa: ANN401 - any JSON
    """Return a value whose text is not at hand; null stands for one that is nested too deeply."""
    text = as_text(value)
    return Piece(text or "null", value, odd=bool(text))


class DamagedError(Exception):
    """What stands here is not JSON, or not the JSON that it should be."""

    def __init__(self, *, torn: bool = False, read: int = 0, noted: bool = False) -> None:
        """Tell whether the end is missing, and how many characters were read in vain."""
        super().__init__()
        self.torn = torn
        self.read = read
        self.noted = noted


class Walk(Window):
    """A walk through the JSON of a source; whoever walks must take each value before the next."""

    def __init__(self, reading: Reading) -> None:
        """Begin before the first value."""
        super().__init__(reading)
        self._scanner = Scanner()
        self._place = 0
        self._listed: bool | None = None
        self._recovered = self._is_open = self._is_torn = False

    @property
    def number(self) -> int:
        """The place in the list of the object at hand, or its line where there is no list."""
        return self._place if self._listed else self._line_here()

    def next_object(self, is_record: Callable[[Any], bool]) -> bool:
        """Go to the next object that stands alone, on a line or in a list; False at the end.

        What else is there is noted. `is_record` tells what behind damage is taken for an object
        that stands alone.
        """
        while True:
            self._mark = None
            line = self._line_here()
            self._pass_between()
            if self._at >= len(self._text):
                if self._listed and self._is_open and not self._is_torn:
                    self._reading.notes.add(Note.TORN_TAIL, self.number)
                return False
            if self._listed is None:
                self._listed = self._is_open
            elif not self._listed and not self._recovered and self._line_here() == line:
                self._reading.notes.add(Note.SEVERAL_OBJECTS, line)
            self._recovered = False
            self._place += 1
            if self._text[self._at] == "{":
                self._mark = self._at
                return True
            try:
                self.value()
                self._reading.notes.add(Note.BAD_LINE, self.number)
            except DamagedError as damage:
                self.recover(damage, is_record)

    def value(self) -> Piece:
        """Return the value that begins here, and go behind it; raises `DamagedError`."""
        self._peek()
        scanner = self._scanner
        while True:
            scanner.odd = False
            try:
                value, end = scanner.scan(self._text, self._at)
            except json.JSONDecodeError as error:
                self._failed(error.pos, is_open=error.msg.startswith("Unterminated"))
            except StopIteration as error:
                self._failed(error.value, is_open=False)
            except (ValueError, RecursionError):
                self._at += 1
                raise DamagedError(read=_DEEP) from None
            else:
                if end == len(self._text) and isinstance(value, int | float) and self._more():
                    continue
                begin, self._at = self._at, end
                return Piece(self._text[begin:end], value, scanner.odd)

    def _failed(self, place: int, *, is_open: bool) -> None:
        """Read on where a value may be cut off; raise `DamagedError` where it is damaged."""
        may_be_cut = is_open or place >= len(self._text) - _TOKEN
        if may_be_cut and self._more():
            return
        is_cut = self._ended and (is_open or not _ENDED.search(self._text, place))
        read = place - self._at
        self._at += 1  # what begins here is no record
        raise DamagedError(torn=is_cut, read=read)

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that begins here; any other value is passed over."""
        if self._peek() != "{":
            self.value()
            return
        self._at += 1
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            if self._peek() != '"':
                raise self._damage_here()
            key: str = self.value().value
            self._take(":")
            yield key
            if not self._goes_on("}"):
                return

    def records(self, is_record: Callable[[Any], bool] | None = None) -> Iterator[Piece]:
        """Yield the elements of the list that begins here; any other value is passed over.

        Damaged ones are noted and left out, and it goes on with the next value that is a record.
        Raises `DamagedError` where there is none, or where nothing is told to be one.
        """
        if not self.is_at("["):
            self.value()
            return
        self._at += 1
        if self.is_at("]"):
            self._at += 1
            return
        if is_record is not None:
            self._mark = None
        going = True
        while going:
            try:
                yield self.value()
                going = self._goes_on("]")
            except DamagedError as damage:
                if is_record is None:
                    raise
                self.recover(damage, is_record)
                if self._at >= len(self._text):
                    raise DamagedError(noted=True) from None

    def is_at(self, beginning: str) -> bool:
        """Tell whether the next value begins with a character."""
        return self._peek() == beginning

    def seek(self, key: str) -> bool:
        """Go to the value of the next member of that name, however deep; False at the end."""
        pattern = re.compile(rf'(?<!\\)"{re.escape(key)}"[ \t\r\n]*:')
        while True:
            match = pattern.search(self._text, self._at)
            if match is not None:
                self._at = match.end()
                return True
            self._at = max(self._at, len(self._text) - CHUNK)
            if not self._more():
                return False

    def recover(self, damage: DamagedError, is_record: Callable[[Any], bool]) -> None:
        """Note damage and go to the next object that is a record, or to the end.

        Such an object may begin within the one at hand, which has no end then.
        """
        self._back_to_mark()
        if not damage.noted:
            self._is_torn = damage.torn
            note = Note.TORN_TAIL if damage.torn else Note.BAD_LINE
            self._reading.notes.add(note, self.number)
        effort, passed = _EFFORT, self._at
        while self._find_beginning():
            try:
                piece = self.value()
            except DamagedError as again:
                effort -= again.read
            else:
                if is_record(piece.value):
                    self._at -= len(piece.text)
                    self._recovered = True
                    return
                # A line that is torn off seems to go on with those that follow, which may be whole.
                if (line := piece.text.find("\n{")) >= 0:
                    self._at -= len(piece.text) - line
                    effort -= len(piece.text)
            effort += max(0, 8 * (self._at - passed))
            self._let_go()
            passed = self._at
            if effort < 0:
                line = self._text.find("\n", self._at)
                self._at = line if line >= 0 else len(self._text)
                effort, passed = _EFFORT, self._at

    def _find_beginning(self) -> bool:
        while True:
            match = _BEGINNING.search(self._text, self._at)
            if match is not None:
                self._at = match.start()
                return True
            # The last brace may be a beginning whose rest has not been read.
            last = self._text.rfind("{", max(self._at, len(self._text) - _LONGEST_BEGINNING))
            self._at = last if last >= 0 and not self._ended else len(self._text)
            if not self._more():
                self._at = len(self._text)
                return False

    def _goes_on(self, end: str) -> bool:
        """Go behind a comma and return True, or behind the end of the list or object."""
        found = self._peek()
        if found not in {",", end}:
            raise self._damage_here()
        self._at += 1
        return found == ","

    def _take(self, wanted: str) -> None:
        if self._peek() != wanted:
            raise self._damage_here()
        self._at += 1

    def _peek(self) -> str:
        text, at = self._text, self._at
        if text[at : at + 1] == " ":  # mostly there is one space, or none
            at += 1
        if at < len(text) and text[at] > " ":
            self._at = at
            return text[at]
        self._skip()
        return self._text[self._at : self._at + 1]

    def _skip(self) -> None:
        while True:
            match = _WHITE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or not self._more():
                return

    def _pass_between(self) -> None:
        """Go to what stands next at the top or in a list there, whose brackets are watched."""
        while True:
            match = _BETWEEN.match(self._text, self._at)
            passed = match[0] if match else ""
            self._at += len(passed)
            if "[" in passed or "]" in passed:
                self._is_open = passed.rfind("[") > passed.rfind("]")
            if self._at < len(self._text) or not self._more():
                return

    def _damage_here(self) -> DamagedError:
        return DamagedError(torn=self._at >= len(self._text))
