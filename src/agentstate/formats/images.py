"""Images within records: large ones are replaced by what they were."""

from __future__ import annotations

import re
from typing import Any, Final

_URL: Final = re.compile(r"data:([\w.+/-]{1,100})?(?:;[\w=.-]+)*;base64,")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=_\-\s]*")
_TYPES: Final = ("media_type", "mimeType", "mime_type")
_DATA: Final = ("data", "content", "base64")
_MAKING: Final = "image_generation_call"
_MADE: Final = ("result",)
"""Where Codex keeps an image that a model made."""


def size_of(data: str) -> int:
    """Return how many bytes base64 stands for."""
    return len(data) * 3 // 4 - data[-2:].count("=")


def without_images(value: Any, limit: int) -> tuple[Any, int]:  # noqa: ANN401 - any JSON
    """Return a value in which each image of more than `limit` characters is replaced.

    In its place stands `{"omitted": "image/png", "size": bytes, "sha256": hash}`. Also returns
    how many there were; with none, `value` is returned as it is. A value that is nested too
    deeply for that is left as it is.
    """
    try:
        return _replaced(value, limit)
    except RecursionError:
        return value, 0


def _replaced(value: Any, limit: int) -> tuple[Any, int]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        if len(value) > limit and (match := _URL.match(value)):
            return _note(match[1] or "data", value[match.end() :]), 1
        return value, 0
    if isinstance(value, list):
        found = [_replaced(one, limit) for one in value]
        return [one for one, _ in found], sum(count for _, count in found)
    if isinstance(value, dict):
        kind = next((value[key] for key in _TYPES if isinstance(value.get(key), str)), None)
        keys = _DATA if kind else _MADE if value.get("type") == _MAKING else ()
        made, total = {}, 0
        for key, one in value.items():
            is_data = key in keys and isinstance(one, str) and len(one) > limit
            if is_data and _BASE64.fullmatch(one):
                made[key], count = _note(kind or "image", one), 1
            else:
                made[key], count = _replaced(one, limit)
            total += count
        return made, total
    return value, 0


def _note(kind: str, data: str) -> dict[str, Any]:
    import base64  # noqa: PLC0415 - few files have images
    import hashlib  # noqa: PLC0415 - as above

    try:
        decoded = base64.b64decode(data, altchars=b"-_" if "-" in data or "_" in data else None)
    except ValueError:
        decoded = data.encode("utf-8", "replace")
    return {"omitted": kind, "size": len(decoded), "sha256": hashlib.sha256(decoded).hexdigest()}
