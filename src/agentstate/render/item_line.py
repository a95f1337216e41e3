"""What an agent's structured message says in one line, for messages without text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from agentstate.jsontext import JsonText

if TYPE_CHECKING:
    from agentstate.records import JsonValue

_LARGEST: Final = 100_000
"""Longer JSON text is shown as it is: only its start is seen anyway."""

_NAMES: Final = ("type", "name")
_DETAILS: Final = (
    "arguments",
    "args",
    "input",
    "parameters",
    "output",
    "result",
    "content",
    "text",
)


EMPTY: Final = "(empty)"
"""What is shown for a message that says nothing at all."""
_WRAPPED: Final = "message"
"""What holds the message in a record that names neither its type nor itself."""
_WRAPPERS: Final = frozenset(
    {
        "user",
        "assistant",
        "system",
        "developer",
        "tool",
        "model",
        "gemini",
        "message",
        "response_item",
        "event_msg",
    }
)
"""Types of records that hold a message: alone they say no more than its role does."""


def shown_item(item: JsonValue) -> str:
    """Return what is shown of a message without text: its item in a line, or that it is empty."""
    return item_line(item) or EMPTY


def item_line(item: JsonValue) -> str:
    """Return what an item is and does, such as `tool_call exec {"cmd":["ls"]}`.

    "" where there is none, or only the record of a message, of which the text is all.
    """
    if item is None:
        return ""
    if isinstance(item, JsonText):
        if len(item) > _LARGEST:
            return str(item)
        try:
            item = json.loads(item)
        except (ValueError, RecursionError):
            return str(item)
    return _of_object(item) if isinstance(item, dict) else _compact(item)


def _of_object(item: dict[str, JsonValue]) -> str:
    words = [word for key in _NAMES if isinstance(word := item.get(key), str)]
    if not words:
        return "" if _WRAPPED in item else _compact(item)
    detail = next((item[key] for key in _DETAILS if item.get(key)), None)
    if detail is None:
        return "" if _WRAPPERS.issuperset(words) else " ".join(words)
    return " ".join([*words, detail if isinstance(detail, str) else _compact(detail)])


def _compact(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
