"""Machine output: JSON, JSON lines, TSV and ids. Its shape is a promise; see docs/output.md.

Rows are mappings from field names to values. Nothing here prints or imports rich.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from agentstate.jsontext import JsonText
from agentstate.render.text import json_screen_safe, screen_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Row = Mapping[str, Any]

_TSV_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"}
)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_encode: Final = json.JSONEncoder(ensure_ascii=False, default=_plain).encode


def json_object(row: Row, fields: Sequence[str], *, screen: bool) -> str:
    """Return one row as a JSON object on one line; `screen` escapes what a terminal obeys."""
    members = (f"{_encode(field)}: {_json_value(row[field])}" for field in fields)
    text = "{" + ", ".join(members) + "}"
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


def _json_value(value: object) -> str:
    if isinstance(value, JsonText):
        # A raw line break stands only between tokens, where a space means the same.
        return value.replace("\r", " ").replace("\n", " ")
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
