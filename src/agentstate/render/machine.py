"""Machine output: JSON, JSON lines, TSV and ids. Its shape is a promise; see docs/output.md.

Rows are mappings from field names to values. Nothing here prints or imports rich.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from agentstate.jsontext import JsonText
from agentstate.record import Record
from agentstate.render.text import json_screen_safe, screen_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Row = Mapping[str, Any]

_TSV_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"}
)


_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


def json_object(row: Row, fields: Sequence[str], *, screen: bool) -> str:
    """Return one row as a JSON object on one line; `screen` escapes what a terminal obeys."""
    text = _members(row, fields)
    if not text.isascii():
        text = re.sub("[\ud800-\udfff]", _escape_surrogate, text)
    return json_screen_safe(text) if screen else text


def json_array(rows: Iterable[Row], fields: Sequence[str], *, screen: bool) -> Iterator[str]:
    """Yield the lines of one JSON array, an object a line."""
    previous = None
    for row in rows:
        if previous is None:
            yield "["
        else:
            yield previous + ","
        previous = json_object(row, fields, screen=screen)
    if previous is None:
        yield "[]"
    else:
        yield previous
        yield "]"


def tsv_line(row: Row, fields: Sequence[str], *, screen: bool) -> str:
    """Return one row's fields with tabs between them, control characters escaped."""
    cells = (plain_value(row[field]).translate(_TSV_ESCAPES) for field in fields)
    if screen:
        cells = (screen_safe(cell) for cell in cells)
    return "\t".join(cells)


def _members(row: Row, fields: Iterable[str]) -> str:
    members = (f"{_encode(field)}: {_json_value(row[field])}" for field in fields)
    return "{" + ", ".join(members) + "}"


def _json_value(value: object) -> str:
    """Return a value as JSON; JSON text keeps its form, also in records and lists of them."""
    if isinstance(value, JsonText):
        # A raw line break stands only between tokens, where a space means the same.
        return value.replace("\r", " ").replace("\n", " ")
    if isinstance(value, Record):
        return _members(vars(value), vars(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_json_value, value))}]"
    return _encode(value)


def plain_value(value: object) -> str:
    """Return a value as text: nothing for null, JSON for what is neither text nor null."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, JsonText):
        return value
    return _json_value(value)


def _escape_surrogate(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
