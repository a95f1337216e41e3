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

    "" where there is none, or an object that names neither, or only the kind of its record.
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
    if not isinstance(item, dict):
        return _compact(item)
    words = [item[key] for key in _NAMES if isinstance(item.get(key), str)]
    detail = next((item[key] for key in _DETAILS if words and item.get(key)), None)
    if detail is not None:
        words.append(detail if isinstance(detail, str) else _compact(detail))
    elif _WRAPPERS.issuperset(words):
        return ""
    return " ".join(words)


def _compact(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
