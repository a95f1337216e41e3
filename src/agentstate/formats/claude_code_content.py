"""The readable text of what Claude Code writes as the content of a message."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from agentstate import blocks
from agentstate.formats.readable import image_in, readable
from agentstate.formats.wording import as_text


class Content(NamedTuple):
    """What a message says, and what it does besides."""

    text: str
    calls_tool: bool = False
    has_result: bool = False


def content_of(value: Any) -> Content:  # noqa: ANN401 - any JSON
    """Return the text of a message's content, which is text or a list of blocks."""
    if isinstance(value, str):
        return Content(value)
    if not isinstance(value, list):
        return Content(as_text(value))
    parts = []
    calls_tool = has_result = False
    for block in value:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "tool_result":
            has_result = True
            parts.append(_result(block.get("content")))
        elif kind in _CALLS:
            calls_tool = True
            name, given = as_text(block.get("name")), as_text(block.get("input"))
            parts.append(blocks.tool_call(name, given))
        elif kind == "thinking":
            thought = as_text(block.get("thinking"))
            parts.append(blocks.thinking(thought) if thought else "")
        else:
            parts.append(_shown(block))
    return Content(parts[0] if len(parts) == 1 else blocks.join(parts), calls_tool, has_result)


_CALLS: Final = ("tool_use", "server_tool_use", "mcp_tool_use")


def _result(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return what a tool gave: text, or blocks of text and images."""
    return blocks.join(map(_shown, value)) if isinstance(value, list) else as_text(value)


def _shown(block: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the text of a block that holds no other blocks."""
    if not isinstance(block, dict):
        return as_text(block)
    kind = block.get("type")
    if kind == "text":
        return as_text(block.get("text"))
    if kind == "image":
        return image_in(block.get("source"))
    return blocks.other(as_text(kind), readable(block))
