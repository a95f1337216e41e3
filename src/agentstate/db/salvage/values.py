"""SQLite's record format: a row's bytes to its values.

Whatever stands in the bytes is a lie until checked: a row is taken only where its header ends
where it says and its values fill the rest exactly. All else raises `DamagedError`.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


class DamagedError(Exception):
    """The bytes are not what SQLite writes; never leaves this package."""


class Text(bytes):
    """A stored text, byte for byte: it need not be UTF-8."""

    __slots__ = ()


Value = None | int | float | bytes | Text

ENCODINGS: Final = ("utf-8", "utf-16-le", "utf-16-be")
"""What a file's texts may be in, all of them in the same."""


def to_utf8(text: Text, encoding: str) -> Text:
    """Return a text in UTF-8; raises `DamagedError` for one that is not in UTF-16.

    Half a pair of UTF-16, which SQLite takes and gives back, stays what it is.
    """
    try:
        return Text(text.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        raise DamagedError("a text is not in the file's encoding") from None


def encoding_of(text: Text) -> str | None:
    """Return the encoding that a text of ASCII characters is in; None where it may be another."""
    if 0 not in text:
        return "utf-8"
    if len(text) % 2 or (any(text[::2]) and any(text[1::2])):
        return None
    return "utf-16-le" if any(text[::2]) else "utf-16-be"


def parameter(name: str, value: Value) -> str:
    """Return a named parameter in SQL: a text need not be UTF-8, so it is given as its bytes."""
    return f"CAST(:{name} AS TEXT)" if isinstance(value, Text) else f":{name}"


_VARINT_BYTES: Final = 9
_INTEGER_SIZES: Final = (0, 1, 2, 3, 4, 6, 8)
"""Bytes of the integers of types 1 to 6."""
_REAL: Final = 7
_ZERO: Final = 8
_ONE: Final = 9
_FIRST_BYTES: Final = 12
"""From this type on, even types are blobs, odd ones texts, of (type - 12) // 2 bytes."""
_SIGN: Final = 1 << 63


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at `at`, unsigned, and where it ends."""
    value = 0
    try:
        for place in range(at, at + _VARINT_BYTES - 1):
            byte = data[place]
            if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
                return value << 7 | byte, place + 1
            value = value << 7 | byte & 0x7F
        return value << 8 | data[at + _VARINT_BYTES - 1], at + _VARINT_BYTES
    except IndexError:
        raise DamagedError("a number goes on beyond its page") from None


def signed(value: int) -> int:
    """Return a 64-bit number with its sign."""
    return value - 2 * _SIGN if value >= _SIGN else value


def types_of(start: bytes, size: int) -> list[int]:
    """Return the types of a row's values, from the start of its `size` bytes."""
    end, at = varint(start, 0)
    if not at <= end <= min(len(start), size):
        raise DamagedError("a row's header does not fit")
    types = []
    while at < end:
        one, at = varint(start, at)
        types.append(one)
    if at != end or end + sum(map(size_of, types)) != size:
        raise DamagedError("a row's header does not describe it")
    return types


def size_of(one: int) -> int:
    """Return how many bytes a value of this type takes."""
    if one >= _FIRST_BYTES:
        return (one - _FIRST_BYTES) // 2
    if one < _REAL:
        return _INTEGER_SIZES[one]
    if one == _REAL:
        return 8
    if one in {_ZERO, _ONE}:
        return 0
    raise DamagedError("a type that SQLite never writes")


def kind_of(one: int) -> type:
    """Return the Python type of a value of this type."""
    if one >= _FIRST_BYTES:
        return Text if one % 2 else bytes
    if one == 0:
        return type(None)
    return float if one == _REAL else int


def decode(payload: bytes) -> list[Value]:
    """Return a row's values."""
    types = types_of(payload, len(payload))
    at = varint(payload, 0)[0]
    values = []
    for one in types:
        end = at + size_of(one)
        values.append(_value(one, payload[at:end]))
        at = end
    return values


def _value(one: int, data: bytes) -> Value:
    if one >= _FIRST_BYTES:
        return Text(data) if one % 2 else data
    if one in {_ZERO, _ONE}:
        return one - _ZERO
    if one == _REAL:
        (real,) = struct.unpack(">d", data)
        # SQLite reads what is no number as no value.
        return None if math.isnan(real) else float(real)
    return int.from_bytes(data, "big", signed=True) if one else None


def same_kinds(types: Sequence[int], kinds: Sequence[frozenset[type]]) -> bool:
    """Tell whether each value is of a type that its column may hold."""
    return len(types) <= len(kinds) and all(
        kind_of(one) in expected for one, expected in zip(types, kinds, strict=False)
    )
