"""What can be read in a value of which no more is known than that it is JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentstate import blocks
from agentstate.formats.images import size_of
from agentstate.formats.wording import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_TELLING: Final = (
    *("title", "subject", "tool_name", "path", "url", "source", "summary", "description"),
    *("text", "thinking", "thoughts", "transcript", "audio", "code", "message", "body", "content"),
    *("content_item", "model_set_context", "parts", "chunks", "files", "result", "Ok", "Err"),
    *("output", "output_str", "stdout", "stderr", "error", "error_code", "file_id"),
)
"""Where programs keep what can be read; the rest is ids, kinds, times and data."""
_DEEPEST: Final = 8
"""How deep text is looked for; what a page holds that was fetched is at the sixth."""


def readable(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the texts in a value, each on lines of its own."""
    return "\n".join(filter(None, _texts(value, 0)))


def image_in(source: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the mark of an image, of which this is the source."""
    if not isinstance(source, dict):
        return blocks.image("")
    data = source.get("data")
    size = size_of(data) if isinstance(data, str) else None
    return blocks.image(as_text(source.get("media_type") or source.get("type")), size)


def _texts(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif depth < _DEEPEST and isinstance(value, list):
        for one in value:
            yield from _texts(one, depth + 1)
    elif depth < _DEEPEST and isinstance(value, dict):
        if value.get("type") == "image":
            yield image_in(value.get("source"))
            return
        # Data is no text, unless it is said to be.
        keys = (*_TELLING, "data") if value.get("type") == "text" else _TELLING
        for key in keys:
            yield from _texts(value.get(key), depth + 1)
