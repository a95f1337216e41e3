"""The readable text of a message of ChatGPT, whatever the type of its content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentstate import blocks
from agentstate.formats.readable import readable
from agentstate.formats.wording import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN: Final = frozenset({"text", "multimodal_text", "execution_output", "code"})
_TEXTS: Final = ("text", "result", "summary", "content", "user_profile", "user_instructions")
"""Where the types that have no parts keep their text."""


def content_of(message: dict[str, Any]) -> str:
    """Return the text of a message; what is said to a tool is a call of it."""
    content = message.get("content")
    if not isinstance(content, dict):
        return as_text(content)
    text = _text(content)
    author = message.get("author")
    recipient = message.get("recipient")
    is_call = isinstance(author, dict) and author.get("role") == "assistant"
    if is_call and isinstance(recipient, str) and recipient not in {"", "all", "user"}:
        return blocks.tool_call(recipient, text)
    return text


def _text(content: dict[str, Any]) -> str:
    kind = as_text(content.get("content_type"))
    if kind == "thoughts":
        return blocks.join(_thoughts(content.get("thoughts")) or _parts(content))
    if kind == "reasoning_recap":
        return blocks.thinking(as_text(content.get("content")))
    if kind == "tether_quote":
        return blocks.other("quote", _lines(content, "title", "url", "text"))
    if kind == "system_error":
        return blocks.other("error", _lines(content, "name", "text"))
    text = blocks.join(_parts(content)) or _lines(content, *_TEXTS) or readable(content)
    return text if kind in _PLAIN or not kind else blocks.other(kind, text)


def _thoughts(thoughts: object) -> list[str]:
    if not isinstance(thoughts, list):
        return []
    return [
        blocks.thinking(_lines(one, "summary", "content") or readable(one))
        for one in thoughts
        if isinstance(one, dict)
    ]


def _parts(content: dict[str, Any]) -> Iterator[str]:
    parts = content.get("parts")
    for part in parts if isinstance(parts, list) else [parts]:
        yield _part(part) if isinstance(part, dict) else as_text(part)


def _part(part: dict[str, Any]) -> str:
    kind = as_text(part.get("content_type"))
    if kind == "image_asset_pointer":
        size = part.get("size_bytes")
        return blocks.image("image", size if type(size) is int else None)
    text = _lines(part, *_TEXTS)
    if kind in {"text", "audio_transcription"}:
        return text
    return blocks.other(kind, text or readable(part))


def _lines(value: dict[str, Any], *keys: str) -> str:
    return "\n".join(text for key in keys if (text := as_text(value.get(key))))
