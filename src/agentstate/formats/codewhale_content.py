"""Who says what in a message or a journal entry of CodeWhale."""

from __future__ import annotations

from typing import Any, Final

from agentstate import blocks
from agentstate.formats.readable import readable
from agentstate.formats.wording import as_text

_ROLES: Final = {
    "user": "user",
    "assistant": "assistant",
    "assistant_interrupted": "assistant",
    "tool": "tool",
    "developer": "developer",
}
_ADDED: Final = "<turn_meta>"
"""How a text begins that the program adds to what the user said."""
_CALLS: Final = frozenset({"tool_use", "server_tool_use"})
_TEXTS: Final = ("text", "summary", "content")
_WITHIN: Final = ("message", "payload", "data")
"""Where an entry that has no text itself may have one."""


def said(value: dict[str, Any]) -> tuple[str, str, bool]:
    """Return the role, the text, and whether it is hidden, of a message or a journal entry."""
    kind = value.get("kind")
    if kind is None or kind == "message":
        inner = value if kind is None or value.get("message") is None else value["message"]
        return _message(inner) if isinstance(inner, dict) else ("system", as_text(inner), True)
    text = next((_content(value[key]) for key in _TEXTS if value.get(key)), "") or readable(
        [value.get(key) for key in _WITHIN]
    )
    if isinstance(kind, str) and kind in {"user", "assistant"}:
        return kind, text, False
    return "system", text, True


def _message(message: dict[str, Any]) -> tuple[str, str, bool]:
    content = message.get("content")
    given = message.get("role")
    role = _ROLES.get(given, "system") if isinstance(given, str) else "system"
    if role != "user":
        return role, _content(content), False
    own = [one for one in _listed(content) if not _is_added(one)]
    if own and all(_is_result(one) for one in own):
        return "tool", blocks.join(_result(one) for one in own), False
    return role, _content(own or content), not own and bool(content)


def _content(content: object) -> str:
    return blocks.join(_block(one) for one in _listed(content))


def _listed(content: object) -> list[Any]:
    return content if isinstance(content, list) else [content]


def _is_added(block: object) -> bool:
    text = block.get("text") if isinstance(block, dict) else block
    return isinstance(text, str) and text.lstrip().startswith(_ADDED)


def _is_result(block: object) -> bool:
    return isinstance(block, dict) and as_text(block.get("type")).endswith("tool_result")


def _block(block: object) -> str:
    if not isinstance(block, dict):
        return as_text(block)
    kind = as_text(block.get("type"))
    if kind in {"text", "thinking"}:
        text = as_text(block.get(kind))
        return text if kind == "text" else blocks.thinking(text)
    if kind in _CALLS:
        return blocks.tool_call(as_text(block.get("name")), as_text(block.get("input")))
    if kind in {"image", "image_url"}:
        source = block.get("source")
        return blocks.image(as_text(source.get("media_type")) if isinstance(source, dict) else "")
    if _is_result(block):
        return blocks.other("tool result", _result(block))
    return blocks.other(kind, readable(block))


def _result(block: dict[str, Any]) -> str:
    content = block.get("content")
    return _content(content or block.get("content_blocks"))
