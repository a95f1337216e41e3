"""Words that stand for a whole session, and the text of values within messages."""

from __future__ import annotations

import json
from typing import Any, Final

_NAME: Final = 500
_TITLE: Final = 80
_PREVIEW: Final = 200
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False).encode


def name(text: str) -> str:
    """Return a name that somebody gave as one line; it is cut only where it is no name at all."""
    return _line(text, _NAME)


def title(text: str) -> str:
    """Return the beginning of a text as one line of at most 80 characters."""
    return _line(text, _TITLE)


def preview(text: str) -> str:
    """Return the beginning of a text as one line of at most 200 characters."""
    return _line(text, _PREVIEW)


def _line(text: str, limit: int) -> str:
    # A few times the limit is enough to fill the line, and the text may be megabytes long.
    line = " ".join(text.lstrip()[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def as_text(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return text as it is, nothing for None, and any other value as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return _ENCODE(value)
    except (RecursionError, ValueError):
        return ""
