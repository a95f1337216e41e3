"""Each format knows its own files, and no other one takes them for its own."""

from __future__ import annotations

import json
from typing import Final

import pytest

from agentstate.formats.registry import FORMATS, detect, format_of
from agentstate.formats.source import Source
from format_support import CHANGED, SAMPLES, lines, needs_samples, source_of

_SAID: Final = {"role": "user", "content": "hi"}
_TIME: Final = "2026-01-02T03:04:05Z"
_FOLDERS: Final = {"openai-chat": "openai"}
_META: Final = "agent-a0ad4f44468bdf20d.meta.json"
"""What stands beside a subagent's lines, and is no session."""

SMALL: Final = {
    "claude-code": [
        lines({"type": "user", "uuid": "a", "sessionId": "s", "message": _SAID}),
        lines(
            {"type": "summary", "summary": "x", "leafUuid": "a"},
            {"type": "user", "uuid": "a", "sessionId": "s", "cwd": "/", "message": _SAID},
        ),
    ],
    "codex": [
        lines({"timestamp": _TIME, "type": "session_meta", "payload": {"id": "x"}}),
        lines(
            {"id": "x", "timestamp": _TIME, "instructions": None, "git": {}},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        ),
    ],
    "pi": [
        lines({"type": "session", "id": "x", "timestamp": _TIME, "cwd": "/"}),
        lines({"type": "message", "id": "a", "parentId": None, "message": _SAID}),
    ],
    "codewhale": [
        json.dumps({"schema_version": 1, "metadata": {"id": "x"}, "messages": [_SAID]}).encode(),
        json.dumps({"metadata": {"workspace": "/"}, "messages": [_SAID]}, indent=2).encode(),
    ],
    "chatgpt": [
        json.dumps([{"title": "x", "mapping": {}, "current_node": "a"}]).encode(),
        json.dumps({"id": "x", "mapping": {"a": {"message": None}}}, indent=2).encode(),
    ],
    "gemini": [
        json.dumps({"sessionId": "x", "messages": [{"id": "a", "type": "user"}]}).encode(),
        lines({"sessionId": "x", "startTime": _TIME}, {"$rewindTo": "a"}),
    ],
    "openai": [
        lines({"messages": [_SAID]}),
        json.dumps([{"id": "x", "messages": [_SAID]}], indent=2).encode(),
        lines(_SAID),
    ],
}  # fmt: skip
NEITHER: Final = [
    b"",
    b"\0" * 100,
    b"hello\n",
    b"[]",
    b"{}",
    b"[1, 2]",
    lines({"sessionId": "x", "messageId": 0, "type": "user", "message": "hi"}),
    lines({"thread_id": "x", "thread_name": "n", "updated_at": _TIME}),
    b'{"version": 1, "projects": []}',
]


def known_by(source: Source) -> list[str]:
    return [name for name in FORMATS if format_of(name).detect(source)]


@pytest.mark.parametrize("name", ["-", "x.json", "x.jsonl", "conversations.json"])
@pytest.mark.parametrize("format_name", FORMATS)
def test_one_format_knows_a_source(format_name: str, name: str) -> None:
    for data in SMALL[format_name]:
        assert known_by(source_of(data, name)) == [format_name]
        assert known_by(source_of(b"\xef\xbb\xbf\n" + data, name)) == [format_name]


def test_what_is_no_session_is_known_by_none() -> None:
    for data in NEITHER:
        assert known_by(source_of(data, "-")) == []
        assert detect(source_of(data, "x.jsonl")) is None


@needs_samples
def test_one_format_knows_a_real_file() -> None:
    for path in sorted(SAMPLES.rglob("*.json*")):
        folder = path.relative_to(SAMPLES).parts[0]
        expected = [] if path.name == _META else [_FOLDERS.get(folder, folder)]
        for name in ("-", str(path)):
            assert known_by(Source.of_bytes(name, path.read_bytes(), CHANGED)) == expected, path
