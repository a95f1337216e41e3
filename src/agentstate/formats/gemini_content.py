"""Who says what in a message of Gemini CLI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeGuard

from agentstate import blocks
from agentstate.formats.readable import readable
from agentstate.formats.wording import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROLES: Final = {
    "user": "user",
    "gemini": "assistant",
    "model": "assistant",
    "info": "system",
    "warning": "system",
    "error": "system",
}
_PUT_IN: Final = ("<session_context>", "<state_snapshot>", "<hook_context>")
"""How a text begins that the program says in the place of the user."""

_SIMPLE: Final = frozenset({"id", "timestamp", "type", "content", "model", "tokens"})
"""The members of a message that says no more than its content."""


def said(message: dict[str, Any]) -> tuple[str, str, bool]:
    """Return the role and the text of a message, and whether it is hidden."""
    kind = message.get("type")
    role = _ROLES.get(kind, "system") if isinstance(kind, str) else "system"
    content = message.get("content")
    if isinstance(content, str) and _SIMPLE.issuperset(message):
        return role, content, role == "user" and content.lstrip().startswith(_PUT_IN)
    shown = message.get("displayContent") if role == "user" else None
    if content is None:
        content = message.get("parts")  # what the service itself calls it
    parts = _listed(content if shown is None else shown)
    if role == "user" and parts and all("functionResponse" in one for one in parts):
        return "tool", blocks.join(_output(one["functionResponse"]) for one in parts), False
    text = blocks.join([*_thoughts(message), *map(_part, parts), *_calls(message)])
    return role, text, role == "user" and text.lstrip().startswith(_PUT_IN)


def is_record(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether an element of a list of messages is one."""
    return isinstance(value, dict) and (
        isinstance(value.get("type"), str) or "content" in value or "toolCalls" in value
    )


def is_of_known_type(message: dict[str, Any]) -> bool:
    """Tell whether the type of a message says who says it."""
    kind = message.get("type")
    return isinstance(kind, str) and kind in _ROLES


def _listed(content: object) -> list[dict[str, Any]]:
    parts = content if isinstance(content, list) else [content]
    return [one if isinstance(one, dict) else {"text": as_text(one)} for one in parts if one]


def _part(part: dict[str, Any]) -> str:
    text = as_text(part.get("text"))
    if part.get("thought") is True:
        return blocks.thinking(text)
    call, response, data = (
        part.get(key) for key in ("functionCall", "functionResponse", "inlineData")
    )
    if isinstance(call, dict):
        return blocks.tool_call(as_text(call.get("name")), as_text(call.get("args")))
    if response is not None:
        return blocks.other("tool result", _output(response))
    if isinstance(data, dict):
        return blocks.image(as_text(data.get("mimeType")))
    return text if "text" in part else _other(part)


def _other(part: dict[str, Any]) -> str:
    """Return a part of a kind that is not known, which its one member is called."""
    return blocks.other(next(iter(part), ""), readable(list(part.values())))


def _thoughts(message: dict[str, Any]) -> Iterator[str]:
    thoughts = message.get("thoughts")
    for one in thoughts if isinstance(thoughts, list) else ():
        yield blocks.thinking(readable(one))


def _calls(message: dict[str, Any]) -> Iterator[str]:
    """Yield each call of a tool, and what it returned."""
    calls = message.get("toolCalls")
    for one in calls if isinstance(calls, list) else ():
        if not isinstance(one, dict):
            continue
        name = as_text(one.get("name"))
        yield blocks.tool_call(name, as_text(one.get("args")))
        result = one.get("result")
        outputs = [_output(part) for part in (result if isinstance(result, list) else [result])]
        text = blocks.join(outputs) or _display(one.get("resultDisplay"))
        if text:
            yield blocks.other(f"result of {name}", text)


def _output(part: object) -> str:
    """Return what a tool says, in the answer that wraps it."""
    if isinstance(part, dict) and "functionResponse" in part:
        part = part["functionResponse"]
    response = part.get("response") if isinstance(part, dict) else part
    if isinstance(response, dict):
        for key in ("output", "error", "content"):
            if isinstance(response.get(key), str):
                return as_text(response[key])
    if response is None and isinstance(part, dict):
        return as_text(part.get("text"))
    return as_text(response)


def _display(shown: object) -> str:
    return shown if isinstance(shown, str) else ""
