"""The ids by which agents' own records join a tool's call to its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.records import JsonValue

_CALLS: Final = frozenset(
    {"tool_use", "toolCall", "function_call", "custom_tool_call", "local_shell_call", "function"}
)
"""The types of objects that are a call."""
_CALL_IDS: Final = ("call_id", "id")
_RESULT_IDS: Final = ("tool_use_id", "toolCallId", "tool_call_id", "call_id")


def called(item: JsonValue) -> list[str]:
    """Return the ids of the calls that an item holds, in order."""
    return [found for one in _objects(item) if _is_call(one) and (found := _first(one, _CALL_IDS))]


def answered(item: JsonValue) -> list[str]:
    """Return the ids of the calls whose results an item holds, in order."""
    return [
        found for one in _objects(item) if not _is_call(one) and (found := _first(one, _RESULT_IDS))
    ]


def _objects(item: JsonValue) -> Iterator[dict[str, Any]]:
    """Yield an object and those in it, but not what is in a call: its arguments are anything."""
    # A stack of our own: Python 3.12 and newer reads JSON that is nested deeper than it recurses.
    waiting = [item]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += reversed(one)
        elif isinstance(one, dict):
            yield one
            if not _is_call(one):
                waiting += reversed(one.values())


def _is_call(one: dict[str, Any]) -> bool:
    kind = one.get("type")
    return isinstance(kind, str) and kind in _CALLS


def _first(one: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((one[name] for name in names if isinstance(one.get(name), str)), None)
