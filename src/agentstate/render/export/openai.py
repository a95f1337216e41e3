"""A conversation as chat-completions: `{"messages": [...]}`, one object a line for each branch.

A message that is kept as chat-completions has it goes out as it came, unless its calls and answers
have to be mended. The others are made of their text: what a model says and calls in a row is one
message, each call is answered by a tool's message right after it, and nothing is left of what it
thought.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from agentstate import blocks, jsontext
from agentstate.blocks import BlockKind
from agentstate.render.export import call_ids
from agentstate.render.machine import json_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
_PARTS: Final = {
    "user": frozenset({"text", "image_url", "input_audio", "file"}),
    "assistant": frozenset({"text", "refusal"}),
}
"""What the content of a role may consist of; that of the others of text alone."""
_TEXT: Final = frozenset({"text"})
_OF_MODELS: Final = ("tool_calls", "function_call", "refusal", "audio")
"""Members of the assistant's messages alone. With one of them no content is needed."""
_RESULTS: Final = ("tool", "function")
"""Who gives back what a call came to; of the second kind are those of old."""
_SAID: Final = frozenset({BlockKind.TEXT, BlockKind.IMAGE, BlockKind.OTHER})
_NAME: Final = 64
_MADE: Final = "call_"
"""How an id begins that is made here."""
_IS_MADE: Final = re.compile(rf"{_MADE}\d+_\d+_*")
"""Ids of agents have no digits and a lone _ behind that."""
_NO_RESULT: Final = "(no result)"


def line(branch: Iterable[MessageRecord], *, is_chat: bool = False) -> Iterator[str]:
    """Yield the pieces of one line, for the messages of one branch, root first.

    A branch that says nothing has none. With `is_chat` every item is taken for a message of
    chat-completions, as those are that came from such a file, and goes out as it came; otherwise
    those are that look like one.
    """
    separator = '{"messages": ['
    for text in _Chats(is_chat=is_chat).of(branch):
        yield separator + text
        separator = ", "
    if separator == ", ":
        yield "]}\n"


def is_kept(message: MessageRecord, *, is_chat: bool) -> bool:
    """Tell whether `line` gives a message's item, and nothing else of it."""
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
        self._open: dict[str, None] = {}
        """The ids of calls that no tool has answered."""
        self._must_close = False
        """Whether they have to be answered where the branch ends, too."""

    def of(self, branch: Iterable[MessageRecord]) -> Iterator[str]:
        """Yield each message as JSON."""
        for message in branch:
            item = None if message.item is None else jsontext.decode(message.item)
            if self._is_chat and isinstance(item, dict):
                yield from self._pass(message.item, item)
            elif isinstance(item, dict) and _looks_like_chat(item):
                yield from self._mend(message, item)
            elif message.role == "assistant":
                if not self._said and not self._calls:
                    yield from self._close()
                self._say(message, item)
            elif message.role in _RESULTS:
                yield from self._answer(message.content, call_ids.answered(item))
            else:
                yield from self._end()
                role = message.role if message.role in _ROLES else "user"
                yield _json({"role": role, "content": message.content})
        yield from self._reply()
        if self._must_close:
            yield from self._close()

    def _pass(self, text: JsonValue, item: Chat) -> Iterator[str]:
        """Give a message as it came; what it calls was answered, or not, where it came from."""
        yield from self._reply()
        answered = str(item.get("tool_call_id"))
        if self._must_close and answered not in self._open:
            yield from self._close()
        self._open.pop(answered, None)
        if item.get("role") not in _RESULTS:
            self._open = dict.fromkeys(call_ids.called(item))
            self._must_close = False
        yield _on_one_line(text)

    def _mend(self, message: MessageRecord, item: Chat) -> Iterator[str]:
        """Give a message as it came, unless it answers no call or its calls have no ids."""
        if item["role"] in _RESULTS:
            yield from self._pass_result(message, item)
            return
        yield from self._end()
        calls = item.get("tool_calls")
        if not calls:
            yield _on_one_line(message.item)
            return
        ids = _unlike([call.get("id") for call in calls], (), message.id)
        mended = [{**call, "id": call_id} for call, call_id in zip(calls, ids, strict=True)]
        yield (
            _on_one_line(message.item) if mended == calls else _json({**item, "tool_calls": mended})
        )
        self._open = dict.fromkeys(ids)
        self._must_close = True

    def _pass_result(self, message: MessageRecord, item: Chat) -> Iterator[str]:
        yield from self._reply()
        call_id = item.get("tool_call_id")
        ids = [call_id] if isinstance(call_id, str) else []
        if item["role"] == "tool" and ids and ids[0] in self._open:
            del self._open[ids[0]]
            yield _on_one_line(message.item)
        elif item["role"] == "function" and isinstance(item.get("name"), str) and item["name"]:
            yield from self._close()
            yield _on_one_line(message.item)
        else:
            yield from self._answer(_text(item), ids)

    def _say(self, message: MessageRecord, item: JsonValue) -> None:
        parts = blocks.split(message.content)
        self._said += [part.source for part in parts if part.kind in _SAID and part.source]
        calls = [part for part in parts if part.kind is BlockKind.TOOL_CALL]
        ids: list[str | None] = [*call_ids.called(item)]
        if len(ids) != len(calls):
            ids = [None] * len(calls)
        unlike = _unlike(ids, [call["id"] for call in self._calls], message.id)
        self._calls += [
            {
                "id": call_id,
                "type": "function",
                "function": {"name": _name(call.title), "arguments": _arguments(call.text)},
            }
            for call_id, call in zip(unlike, calls, strict=True)
        ]

    def _answer(self, text: str, ids: Sequence[str]) -> Iterator[str]:
        """Give what a tool gave back to the call of one of the ids; without ids, to the first."""
        yield from self._reply()
        known = [call_id for call_id in ids if call_id in self._open]
        made = [call_id for call_id in self._open if not ids or _IS_MADE.fullmatch(call_id)]
        if call_id := next(iter(known + made), None):
            del self._open[call_id]
            yield _json({"role": "tool", "tool_call_id": call_id, "content": text})
        else:
            yield from self._close()
            yield _json({"role": "user", "content": f"[tool result] {text}"})

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
            self._open = dict.fromkeys(call["id"] for call in self._calls)
            self._must_close = True
        self._said, self._calls = [], []

    def _close(self) -> Iterator[str]:
        """Answer the calls that nothing has answered, for without that no service takes them."""
        for call_id in self._open:
            yield _json({"role": "tool", "tool_call_id": call_id, "content": _NO_RESULT})
        self._open = {}


def _looks_like_chat(item: Chat) -> bool:
    role, content = item.get("role"), item.get("content")
    if not (item.keys() <= _MEMBERS and isinstance(role, str) and role in _ROLES):
        return False
    if role != "assistant" and any(name in item for name in _OF_MODELS):
        return False
    if "tool_calls" in item and not _are_calls(item["tool_calls"]):
        return False
    if isinstance(content, list):
        parts = _PARTS.get(role, _TEXT)
        kinds = [part.get("type") if isinstance(part, dict) else None for part in content]
        return bool(kinds) and all(isinstance(kind, str) and kind in parts for kind in kinds)
    return isinstance(content, str) or (
        content is None and any(item.get(name) for name in _OF_MODELS)
    )


def _are_calls(calls: JsonValue) -> bool:
    """Tell whether there are calls, and each is of a tool."""
    if not isinstance(calls, list) or not calls:
        return False
    return all(isinstance(call, dict) and _is_call(call) for call in calls)


def _is_call(call: Chat) -> bool:
    kind = "custom" if call.get("type") == "custom" else "function"
    what = call.get(kind)
    if call.get("type") != kind or not isinstance(what, dict):
        return False
    given = {"function": "arguments", "custom": "input"}[kind]
    return isinstance(what.get("name"), str) and isinstance(what.get(given), str)


def _unlike(ids: Iterable[JsonValue], taken: Iterable[str], message_id: int) -> list[str]:
    """Return ids of which no two are the same, new ones where one is missing or is taken."""
    found = dict.fromkeys(taken)
    before = len(found)
    for place, call_id in enumerate(ids):
        own = call_id if isinstance(call_id, str) and call_id else ""
        made = f"{_MADE}{message_id}_{place}"
        while not own or own in found:
            own, made = made, f"{made}_"
        found[own] = None
    return list(found)[before:]


def _text(item: Chat) -> str:
    """Return the text of a message of chat-completions."""
    content = item.get("content")
    if isinstance(content, list):
        return "\n\n".join(str(part.get("text", "")) for part in content)
    return content or ""


def _on_one_line(text: JsonValue) -> str:
    """Return the text of JSON, in which a line break is never a part of a string."""
    return str(text).replace("\r", " ").replace("\n", " ")


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
