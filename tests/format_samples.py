"""A small sound source of each format; every text in it that is a message's own is numbered."""

from __future__ import annotations

import json
import re
from typing import Any, Final

Line = dict[str, Any]
_TIME: Final = "2026-01-02T03:04:05.000Z"
_MARK: Final = re.compile(r"<<\w+>>")


def mark(number: object) -> str:
    """Return a text that is found again wherever it comes out."""
    return f"<<{number}>>"


def marks_in(text: str) -> set[str]:
    return set(_MARK.findall(text))


def _claude_code(number: int) -> Line:
    role = ("user", "assistant", "user", "assistant")[number % 4]
    text = {"type": "text", "text": mark(number)}
    shapes: tuple[Any, ...] = (
        mark(number),
        [{"type": "thinking", "thinking": "so", "signature": "x"}, text],
        [{"type": "tool_result", "tool_use_id": "t", "content": [text]}],
        [text, {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}],
    )
    return {
        "parentUuid": f"u{number - 1}" if number else None,
        "isSidechain": number == 5,
        "type": role,
        "uuid": f"u{number}",
        "sessionId": "s",
        "cwd": "/w",
        "gitBranch": "main",
        "version": "2",
        "timestamp": _TIME,
        "message": {"role": role, "id": f"m{number // 2}", "content": shapes[number % 4]},
    }


def _codex(number: int) -> Line:
    text = [{"type": "input_text", "text": mark(number)}]
    shapes: tuple[Line, ...] = (
        {"type": "message", "role": "user", "content": text},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": mark(number)}]},
        {"type": "function_call", "name": "shell", "arguments": mark(number), "call_id": "c"},
        {"type": "function_call_output", "call_id": "c", "output": mark(number)},
    )
    payload = shapes[number % 4]
    return {"timestamp": _TIME, "ordinal": number, "type": "response_item", "payload": payload}


def _pi(number: int) -> Line:
    content = [{"type": "text", "text": mark(number)}]
    message = {"role": ("user", "assistant")[number % 2], "content": content, "timestamp": 5}
    parent = f"e{number - 1}" if number else None
    return {
        "type": "message",
        "id": f"e{number}",
        "parentId": parent,
        "timestamp": _TIME,
        "message": message,
    }


def _gemini(number: int) -> Line:
    kind = ("user", "gemini")[number % 2]
    return {"id": f"g{number}", "timestamp": _TIME, "type": kind, "content": mark(number)}


def _openai(number: int) -> Line:
    messages = [
        {"role": "user", "content": mark(number)},
        {"role": "assistant", "content": [{"type": "text", "text": mark(f"{number}a")}]},
    ]
    return {"messages": messages}


COUNT: Final = 8
HEADS: Final[dict[str, list[Line]]] = {
    "claude-code": [{"type": "summary", "summary": "title", "leafUuid": "u1"}],
    "codex": [
        {
            "timestamp": _TIME,
            "type": "session_meta",
            "payload": {"id": "s", "cwd": "/w", "source": "cli", "git": {"branch": "main"}},
        }
    ],
    "pi": [{"type": "session", "version": 3, "id": "s", "timestamp": _TIME, "cwd": "/w"}],
    "gemini": [{"sessionId": "s", "projectHash": "p", "startTime": _TIME, "lastUpdated": _TIME}],
    "openai": [],
}
"""What a file of JSON lines begins with, before its messages."""
LINES: Final[dict[str, list[Line]]] = {
    "claude-code": [_claude_code(number) for number in range(COUNT)],
    "codex": [_codex(number) for number in range(COUNT)],
    "pi": [_pi(number) for number in range(COUNT)],
    "gemini": [_gemini(number) for number in range(COUNT)],
    "openai": [_openai(number) for number in range(COUNT)],
}
"""The lines of messages of each format that is a file of JSON lines."""
MORE_LINES: Final[dict[str, list[Line]]] = {
    "claude-code": [
        {"type": "system", "subtype": "compact_boundary", "uuid": "c", "logicalParentUuid": "u1"},
        {"type": "progress", "uuid": "p", "parentUuid": "u2"},
        {"type": "custom-title", "customTitle": "title", "sessionId": "s"},
        {**_claude_code(0), "uuid": "f", "forkedFrom": {"sessionId": "o"}, "agentId": "a"},
    ],
    "codex": [
        {"type": "event_msg", "payload": {"type": "thread_rolled_back", "num_turns": 1}},
        {"type": "event_msg", "payload": {"type": "user_message", "message": mark("event")}},
        {
            "type": "event_msg",
            "payload": {
                "type": "item_completed",
                "item": {"type": "UserMessage", "content": [{"text": mark("item")}]},
            },
        },
        {
            "type": "session_meta",
            "payload": {
                "id": "o",
                "history_base": {"thread_id": "s", "end_ordinal_exclusive": 3},
                "source": {"subagent": {"thread_spawn": {"parent_thread_id": "p"}}},
            },
        },
        {"type": "compacted", "payload": {"message": "", "replacement_history": []}},
    ],
    "pi": [
        {"type": "session_info", "id": "i", "parentId": "e1", "name": "title"},
        {
            "type": "compaction",
            "id": "k",
            "parentId": "e2",
            "summary": "x",
        },
        {"type": "branch_summary", "id": "b", "parentId": "e1", "fromId": "e3", "summary": "x"},
    ],
    "gemini": [
        {"$set": {"summary": "title", "lastUpdated": _TIME}},
        {"$rewindTo": "g2"},
        {"id": "t", "type": "gemini", "content": [{"text": "x"}], "toolCalls": [{"name": "n"}]},
    ],
    "openai": [
        {"role": "tool", "content": "x"},
        {"messages": [{"role": "assistant"}]},
    ],
}
"""Lines of other kinds, which may change what becomes of the messages around them."""


def _chatgpt() -> list[Line]:
    root = {"id": "r", "message": None, "parent": None, "children": ["n0"]}
    mapping: dict[str, Any] = {"r": root}
    for number in range(COUNT):
        mapping[f"n{number}"] = {
            "id": f"n{number}",
            "parent": f"n{number - 1}" if number else "r",
            "children": [f"n{number + 1}"] if number < COUNT - 1 else [],
            "message": {
                "id": f"n{number}",
                "author": {"role": ("user", "assistant")[number % 2]},
                "create_time": 1.5,
                "content": {"content_type": "text", "parts": [mark(number)]},
                "metadata": {"model_slug": "gpt-5"},
            },
        }
    last = f"n{COUNT - 1}"
    return [{"id": "s", "title": "t", "create_time": 1.5, "mapping": mapping, "current_node": last}]


def _codewhale() -> Line:
    entries = [
        {
            "id": f"w{number}",
            "parent_id": f"w{number - 1}" if number else None,
            "kind": "message",
            "message": {
                "role": ("user", "assistant")[number % 2],
                "content": [{"type": "text", "text": mark(number)}],
            },
            "created_at": _TIME,
        }
        for number in range(COUNT)
    ]
    return {
        "schema_version": 2,
        "metadata": {"id": "s", "title": "t", "created_at": _TIME, "workspace": "/w"},
        "messages": [],
        "journal": {"entries": entries, "leaf_id": f"w{COUNT - 1}"},
    }


WHOLE: Final[dict[str, object]] = {
    "chatgpt": _chatgpt(),
    "codewhale": _codewhale(),
    "gemini": {**HEADS["gemini"][0], "messages": LINES["gemini"]},
    "openai": LINES["openai"],
}
"""The value of each format that is one JSON value."""


def as_lines(values: list[Line]) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]
