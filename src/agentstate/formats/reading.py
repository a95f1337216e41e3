"""Reading one source: its lines and their JSON, and what of them a store can keep.

A store keeps JSON that the Rust program can read (see `agentstate.jsontext`). Almost every line
is such JSON already, and is kept as it is written. The others are mended, and that is noted.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agentstate.errors import BadInputError
from agentstate.formats.images import without_images
from agentstate.formats.notes import Note, Notes
from agentstate.formats.scanning import NO_VALUE, PASSED, Scanner
from agentstate.jsontext import MAX_DEPTH, JsonText, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.formats.source import Source

_LONGEST: Final = 1 << 26
"""Bytes of a line; none that an agent writes is longer, and memory is bounded."""
IMAGE_LIMIT: Final = 1 << 15
"""Characters of an image in a record, in base64; a longer one is left out."""

_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_BRACKETS: Final = re.compile(r"[\[\]{}]")
_WHITE: Final = " \t\r\n\0\ufeff"


class Line(NamedTuple):
    """An object of a source, and the text it was written as."""

    number: int
    """Its line, counted from 1."""
    part: int
    """Its place among the objects of its line, from 0."""
    text: str
    value: dict[str, Any]
    odd: bool = False
    """Whether it holds NaN, an infinity or a number beyond a double."""

    @property
    def ref(self) -> str:
        """What names it in its file: `12`, or `12.1` for the second object of line 12."""
        return f"{self.number}.{self.part}" if self.part else str(self.number)


class Reading:
    """One reading of one source."""

    def __init__(
        self, source: Source, notes: Notes | None = None, *, keep_images: bool = False
    ) -> None:
        """Read `source`; what is noticed goes into `notes`."""
        self.source = source
        self.notes = notes if notes is not None else Notes()
        self._keep_images = keep_images
        self._scanner = Scanner()

    def lines(self) -> Iterator[Line]:
        """Yield each object of a file of JSON lines; whatever else is there is noted."""
        scanner, scan = self._scanner, self._scanner.scan
        with self.source.open() as file:
            number = 0
            while raw := file.readline(_LONGEST):
                number += 1
                if not raw.endswith(b"\n") and len(raw) == _LONGEST:
                    self.notes.add(Note.BAD_LINE, number)
                    while (rest := file.readline(_LONGEST)) and not rest.endswith(b"\n"):
                        pass
                    continue
                text = self.decoded(raw, number).strip(_WHITE)
                if b"\0" in raw:
                    self.notes.add(Note.BAD_LINE, number)
                scanner.odd = False
                try:
                    value, end = scan(text, 0)
                except NO_VALUE:
                    yield from self._objects(raw, text, number)
                    continue
                if end == len(text) and isinstance(value, dict):
                    yield Line(number, 0, text, value, scanner.odd)
                else:
                    yield from self._objects(raw, text, number)

    def _objects(self, raw: bytes, text: str, number: int) -> Iterator[Line]:
        """Yield the objects of a line that is not just one object."""
        scanner = self._scanner
        part = at = 0
        while at < len(text):
            scanner.odd = False
            try:
                value, end = scanner.scan(text, at)
            except NO_VALUE:
                torn = not raw.endswith(b"\n")
                self.notes.add(Note.TORN_TAIL if torn else Note.BAD_LINE, number)
                if at > PASSED:
                    text, at = text[at:], 0
                whole = scanner.next_whole(text, at)
                if whole is None:
                    return
                at = whole
                continue
            if isinstance(value, dict):
                yield Line(number, part, text[at:end], value, scanner.odd)
            else:
                self.notes.add(Note.BAD_LINE, number)
            at = end
            while at < len(text) and text[at] in _WHITE:
                at += 1
            part += 1
        if part > 1:
            self.notes.add(Note.SEVERAL_OBJECTS, number)

    def decoded(self, raw: bytes, number: int) -> str:
        """Return bytes as text; what is not UTF-8 is replaced and noted."""
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.notes.add(Note.NOT_UTF8, number)
            return raw.decode("utf-8", "replace")

    def item(self, line: Line) -> str:
        """Return the object of a line as JSON text that a store can keep."""
        return self.kept(line.text, line.value, line.number, odd=line.odd)

    def kept(self, text: str, value: object, number: int, *, odd: bool) -> str:
        """Return JSON text, whose value is known, as JSON text that a store can keep.

        `odd` is whether it holds NaN, an infinity or a number beyond a double.
        """
        if len(text) > IMAGE_LIMIT and not self._keep_images:
            value, left_out = without_images(value, IMAGE_LIMIT)
            for _ in range(left_out):
                self.notes.add(Note.IMAGE_LEFT_OUT, number)
            if left_out:
                text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if text.count("{") + text.count("[") > MAX_DEPTH and _is_too_deep(text):
            self.notes.add(Note.TOO_DEEP, number)
            return json.dumps(self.text(text, number), ensure_ascii=False)
        if odd or not _is_text(text):
            sound = self._sound(value, number)
            return json.dumps(sound, ensure_ascii=False, separators=(",", ":"))
        return text

    def text(self, text: str, number: int) -> str:
        """Return text without halves of characters, which no store can keep."""
        if text.isascii() or _encodes(text):
            return text
        self.notes.add(Note.LONE_SURROGATE, number)
        # Two halves that fit are one character; Python keeps them apart where they were escaped.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def string(self, value: object, number: int) -> str:
        """Return a string as `text` does; nothing for any other value."""
        return self.text(value, number) if isinstance(value, str) else ""

    def _sound(self, value: Any, number: int) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, str):
            return self.text(value, number)
        if isinstance(value, dict):
            return {self.text(key, number): self._sound(one, number) for key, one in value.items()}
        if isinstance(value, list):
            return [self._sound(one, number) for one in value]
        if isinstance(value, float) and not math.isfinite(value):
            self.notes.add(Note.BAD_NUMBER, number)
            return None
        if isinstance(value, int) and abs(value) >= _BEYOND:
            self.notes.add(Note.BAD_NUMBER, number)
            return None
        return value

    def time(self, given: object, number: int, otherwise: int) -> int:
        """Return a time in Unix seconds.

        `given` is such a number, one in milliseconds, or ISO 8601; where it is none of them
        `otherwise` is returned, and that is noted. None is no time and is not noted.
        """
        found = moment(given)
        if found is None:
            if given is not None:
                self.notes.add(Note.BAD_TIME, number)
            return otherwise
        return found

    def last_time(self, *keys: str) -> int:
        """Return the newest time that the end of a file of JSON lines tells under these keys.

        Where it tells none, it is when the file was changed.
        """
        found = [
            time
            for line in self.source.tail.splitlines()
            for value in [_object(line)]
            for key in keys
            if (time := moment(value.get(key))) is not None
        ]
        return max(found, default=self.source.modified_at)


_BEYOND: Final = 10**308
_MILLISECONDS: Final = 10**11
"""A number of seconds that is 3,000 years away, and of milliseconds that was in 1973."""
_YEARS: Final = 10_000 * 366 * 86_400
_DIGITS: Final = range(9, 15)
"""How many a number of seconds or milliseconds has that is written as text; a date has 8."""


def moment(given: object) -> int | None:
    """Return a time in Unix seconds, given so, in milliseconds or in ISO 8601; else None."""
    if isinstance(given, str):
        if given.isdecimal() and len(given) in _DIGITS:
            return moment(int(given))
        try:
            time = datetime.fromisoformat(given)
            return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    # Compared before anything is computed: an integer may be too large to become a float.
    if not -_YEARS * 1000 < given < _YEARS * 1000:
        return None
    return int(given / 1000 if abs(given) > _MILLISECONDS else given)


def first_objects(head: bytes, limit: int = 20) -> list[dict[str, Any]]:
    """Return the objects of the first whole lines of a file of JSON lines."""
    return [value for line in head.splitlines()[:limit] if (value := _object(line))]


def _object(line: bytes) -> dict[str, Any]:
    try:
        value, _ = _scan(line.decode("utf-8", "replace").strip(_WHITE), 0)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


_scan: Final = json.JSONDecoder().raw_decode


def _is_text(text: str) -> bool:
    """Tell whether sound JSON text, and all text in it, is free of halves of characters."""
    if not text.isascii() and not _encodes(text):
        return False
    if "\\u" not in text or not _ESCAPED_SURROGATE.search(text):
        return True
    try:
        # Not the value at hand: of a key given twice it has but one.
        encode(JsonText(text), "")
    except BadInputError:
        return False
    return True


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_too_deep(text: str) -> bool:
    """Tell whether sound JSON text is nested too deeply, in what is given twice, too."""
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    if outside.count("{") + outside.count("[") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(outside):
        depth += 1 if bracket in "{[" else -1
        if depth > MAX_DEPTH:
            return True
    return False
