"""Who says what in a message of chat-completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentstate import blocks
from agentstate.formats.readable import readable
from agentstate.formats.wording import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROLES: Final = {
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
    "system": "system",
    "developer": "developer",
}
_SAID: Final = ("content", "tool_calls", "function_call", "refusal", "audio")
_REASONING: Final = ("reasoning_content", "reasoning")


def is_message(value: object) -> bool:
    """Tell whether a value is a message."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("role"), str)
        and any(key in value for key in _SAID)
    )


def said(message: dict[str, Any]) -> tuple[str, str]:
    """Return the role and the text of a message."""
    content, role = message.get("content"), message.get("role")
    known = _ROLES.get(role, "system") if isinstance(role, str) else "system"
    if isinstance(content, str) and message.keys() <= _PLAIN:
        return known, content
    parts = [*_thoughts(message), *_parts(content), *_calls(message)]
    return known, blocks.join(parts)


_PLAIN: Final = frozenset({"role", "content", "name", "tool_call_id", "weight"})


def _thoughts(message: dict[str, Any]) -> Iterator[str]:
    text = next((one for key in _REASONING if (one := message.get(key))), None)
    if isinstance(text, str):
        yield blocks.thinking(text)


def _parts(content: object) -> Iterator[str]:
    for part in content if isinstance(content, list) else [content]:
        yield _part(part) if isinstance(part, dict) else as_text(part)


def _part(part: dict[str, Any]) -> str:
    kind = as_text(part.get("type"))
    text = as_text(part.get("text") or part.get("refusal"))
    if kind in {"text", "input_text", "output_text"}:
        return text
    if kind in {"image_url", "input_image"}:
        return _image(part.get("image_url"))
    if kind in {"thinking", "reasoning"}:
        return blocks.thinking(readable(part))
    return blocks.other(kind, text or readable(part))


def _image(given: object) -> str:
    url = as_text(given.get("url") if isinstance(given, dict) else given)
    if url.startswith("data:"):
        return blocks.image(url[5:].partition(";")[0][:100])
    return blocks.join([blocks.image("url"), url])


def _calls(message: dict[str, Any]) -> Iterator[str]:
    if isinstance(message.get("audio"), dict):
        yield blocks.other("audio", readable(message["audio"]))
    refusal = message.get("refusal")
    if isinstance(refusal, str):
        yield blocks.other("refusal", refusal)
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            yield _call(next((one for key in _CALLED if (one := call.get(key))), None))
    if message.get("function_call"):
        yield _call(message["function_call"])


_CALLED: Final = ("function", "custom")


def _call(called: object) -> str:
    if not isinstance(called, dict):
        return blocks.tool_call("", as_text(called))
    arguments = called.get("arguments") if "arguments" in called else called.get("input")
    return blocks.tool_call(as_text(called.get("name")), as_text(arguments))
