"""A conversation as chat-completions: `{"messages": [...]}`, one object a line for each branch.

A message that is kept as chat-completions has it goes out as it came. The others are made of
their text: what a model says and calls in a row is one message, each call is answered by a tool's
message right after it, and nothing is left of what it thought.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from agentstate import blocks, jsontext
from agentstate.blocks import BlockKind
from agentstate.render.export import call_ids
from agentstate.render.machine import json_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentstate.records import JsonValue, MessageRecord

    Chat = dict[str, Any]

_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_MEMBERS: Final = frozenset(
    {
        "role",
        "content",
        "name",
        "refusal",
        "tool_calls",
        "tool_call_id",
        "function_call",
        "audio",
        "annotations",
        "reasoning_content",
    }
)
_PARTS: Final = frozenset({"text", "image_url", "input_audio", "file", "refusal"})
_SAID: Final = frozenset({BlockKind.TEXT, BlockKind.IMAGE, BlockKind.OTHER})
_NAME: Final = 64
_MADE: Final = "call_"
"""How an id begins that is made here; those of agents have no digits and a lone _ behind it."""
_NO_RESULT: Final = "(no result)"


def line(branch: Iterable[MessageRecord], *, is_chat: bool = False) -> Iterator[str]:
    """Yield the pieces of one line, for the messages of one branch, root first.

    With `is_chat` every item is taken for a message of chat-completions, as those are that came
    from such a file; otherwise those that look like one.
    """
    yield '{"messages": ['
    separator = ""
    for text in _Chats(is_chat=is_chat).of(branch):
        yield separator + text
        separator = ", "
    yield "]}\n"


def is_kept(message: MessageRecord, *, is_chat: bool) -> bool:
    """Tell whether `line` gives a message's item as it came, and nothing else of it."""
    return _kept(None if message.item is None else jsontext.decode(message.item), is_chat=is_chat)


def _kept(item: JsonValue, *, is_chat: bool) -> TypeGuard[Chat]:
    return isinstance(item, dict) and (is_chat or _looks_like_chat(item))


class _Chats:
    """The messages of a branch on their way into chat-completions."""

    def __init__(self, *, is_chat: bool) -> None:
        self._is_chat = is_chat
        self._said: list[str] = []
        """What the model says, until somebody else speaks."""
        self._calls: list[Chat] = []
        """What it calls besides."""
        self._open: dict[str, bool] = {}
        """The ids of calls that no tool has answered, and whether one has to."""

    def of(self, branch: Iterable[MessageRecord]) -> Iterator[str]:
        """Yield each message as JSON."""
        for message in branch:
            item = None if message.item is None else jsontext.decode(message.item)
            if _kept(item, is_chat=self._is_chat):
                yield from self._pass(message.item, item)
            elif message.role == "assistant":
                if not self._said and not self._calls:
                    yield from self._close()
                self._say(message, item)
            elif message.role == "tool":
                yield from self._answer(message, item)
            else:
                yield from self._end()
                role = message.role if message.role in _ROLES else "user"
                yield _json({"role": role, "content": message.content})
        yield from self._end()

    def _pass(self, text: str, item: Chat) -> Iterator[str]:
        """Give a message as it came; what it calls was answered, or not, where it came from."""
        yield from self._reply()
        if self._open.pop(str(item.get("tool_call_id")), None) is None:
            yield from self._close()
        self._open |= dict.fromkeys(call_ids.called(item), False)
        yield text.replace("\r", " ").replace("\n", " ")

    def _say(self, message: MessageRecord, item: JsonValue) -> None:
        parts = blocks.split(message.content)
        self._said += [part.source for part in parts if part.kind in _SAID and part.source]
        calls = [part for part in parts if part.kind is BlockKind.TOOL_CALL]
        ids = call_ids.called(item)
        if len(ids) != len(calls) or not {call["id"] for call in self._calls}.isdisjoint(ids):
            ids = [f"{_MADE}{message.id}_{place}" for place in range(len(calls))]
        self._calls += [
            {
                "id": call_id,
                "type": "function",
                "function": {"name": _name(call.title), "arguments": _arguments(call.text)},
            }
            for call_id, call in zip(ids, calls, strict=True)
        ]

    def _answer(self, message: MessageRecord, item: JsonValue) -> Iterator[str]:
        yield from self._reply()
        ids = call_ids.answered(item)
        known = [call_id for call_id in ids if call_id in self._open]
        made = [call_id for call_id in self._open if not ids or call_id.startswith(_MADE)]
        if call_id := next(iter(known + made), None):
            del self._open[call_id]
            yield _json({"role": "tool", "tool_call_id": call_id, "content": message.content})
        else:
            yield from self._close()
            yield _json({"role": "user", "content": f"[tool result] {message.content}"})

    def _end(self) -> Iterator[str]:
        yield from self._reply()
        yield from self._close()

    def _reply(self) -> Iterator[str]:
        """Give what the model has said and called up to here."""
        if self._said or self._calls:
            reply: Chat = {"role": "assistant", "content": "\n\n".join(self._said) or None}
            if self._calls:
                reply["tool_calls"] = self._calls
            yield _json(reply)
        self._open |= dict.fromkeys((call["id"] for call in self._calls), True)
        self._said, self._calls = [], []

    def _close(self) -> Iterator[str]:
        """Answer the calls that nothing has answered, for without that no service takes them."""
        for call_id, has_to in self._open.items():
            if has_to:
                yield _json({"role": "tool", "tool_call_id": call_id, "content": _NO_RESULT})
        self._open.clear()


def _looks_like_chat(item: Chat) -> bool:
    content = item.get("content")
    if not (item.keys() <= _MEMBERS and item.get("role") in _ROLES):
        return False
    if isinstance(content, list):
        return all(isinstance(part, dict) and part.get("type") in _PARTS for part in content)
    return isinstance(content, str) or (content is None and "tool_calls" in item)


def _name(name: str) -> str:
    """Return a tool's name in the letters that a service takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_NAME] or "_"


def _arguments(text: str) -> str:
    """Return the text of a JSON object."""
    try:
        if isinstance(jsontext.decode(text), dict):
            return text
    except ValueError:
        pass
    return _json({"input": text} if text else {})


def _json(value: Chat) -> str:
    return json_object(value, tuple(value), screen=False)
