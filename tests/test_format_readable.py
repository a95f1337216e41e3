"""Words that formats keep in places of their own: all of them can be read, so all are found."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from agentstate.formats.readable import readable
from format_support import lines, read

TIME: Final = "2026-01-02T03:04:05Z"


def claude_code(content: Any) -> bytes:  # noqa: ANN401 - any JSON
    message = {"role": "assistant", "content": content}
    return lines(
        {
            "type": "assistant",
            "uuid": "u1",
            "parentUuid": None,
            "sessionId": "s",
            "message": message,
        }
    )


def codex(item: Any) -> bytes:  # noqa: ANN401 - as above
    meta = {"timestamp": TIME, "type": "session_meta", "payload": {"id": "s", "cwd": "/w"}}
    return lines(meta, {"timestamp": TIME, "type": "response_item", "payload": item})


def pi(message: Any) -> bytes:  # noqa: ANN401 - as above
    header = {"type": "session", "version": 3, "id": "s", "timestamp": TIME, "cwd": "/w"}
    entry = {"type": "message", "id": "a", "parentId": None, "timestamp": TIME, "message": message}
    return lines(header, entry)


def codewhale(entry: Any) -> bytes:  # noqa: ANN401 - as above
    entries = [{"id": "e", "parent_id": None, "created_at": TIME, **entry}]
    journal = {"entries": entries, "leaf_id": "e"}
    metadata = {"id": "s", "workspace": "/w"}
    return json.dumps({"schema_version": 2, "metadata": metadata, "journal": journal}).encode()


def chatgpt(content: Any) -> bytes:  # noqa: ANN401 - as above
    message = {"id": "a", "author": {"role": "assistant"}, "content": content}
    mapping: Any = {"a": {"id": "a", "message": message, "parent": None, "children": []}}
    return json.dumps([{"id": "s", "mapping": mapping, "current_node": "a"}]).encode()


def gemini(message: Any) -> bytes:  # noqa: ANN401 - as above
    told = [{"id": "1", "type": "gemini", "timestamp": TIME, **message}]
    return json.dumps({"sessionId": "s", "startTime": TIME, "messages": told}).encode()


def openai(message: Any) -> bytes:  # noqa: ANN401 - as above
    return lines({"messages": [message]})


MAKE: Final = {
    "claude-code": claude_code,
    "codex": codex,
    "pi": pi,
    "codewhale": codewhale,
    "chatgpt": chatgpt,
    "gemini": gemini,
    "openai": openai,
}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("claude-code", [{"type": "document", "title": "WORDS", "source": {}}]),
        ("claude-code", [{"type": "brand_new", "text": "WORDS"}]),
        ("codex", {"type": "brand_new_call_output", "result": {"Ok": {"content": ["WORDS"]}}}),
        (
            "codex",
            {"type": "message", "role": "user", "content": [{"type": "x", "content": "WORDS"}]},
        ),
        ("pi", {"role": "pythonExecution", "code": "WORDS", "output": "1"}),
        ("pi", {"role": "fileMention", "files": [{"path": "/w/a", "content": "WORDS"}]}),
        ("pi", {"role": "user", "content": [{"type": "x", "body": "WORDS"}]}),
        ("codewhale", {"kind": "message", "role": "user", "content": "WORDS"}),
        ("codewhale", {"kind": "assistant", "message": {"role": "assistant", "content": "WORDS"}}),
        ("codewhale", {"kind": "compaction", "payload": {"summary": "WORDS"}}),
        ("chatgpt", {"content_type": "model_editable_context", "model_set_context": "WORDS"}),
        ("chatgpt", {"content_type": "citable_code_output", "output_str": "WORDS"}),
        ("chatgpt", {"content_type": "thoughts", "thoughts": [{"chunks": ["WORDS"]}]}),
        ("chatgpt", {"content_type": "text", "parts": [{"content_type": "x", "body": "WORDS"}]}),
        ("gemini", {"content": "", "thoughts": ["WORDS"]}),
        ("gemini", {"content": [{"executableCode": {"code": "WORDS"}}]}),
        ("gemini", {"parts": [{"text": "WORDS"}]}),
        ("openai", {"role": "assistant", "content": "x", "audio": {"transcript": "WORDS"}}),
        ("openai", {"role": "assistant", "content": [{"type": "thinking", "thinking": "WORDS"}]}),
        ("openai", {"role": "tool", "content": [{"type": "tool_result", "content": "WORDS"}]}),
    ],
)
def test_words_of_every_kind_can_be_read(name: str, given: Any) -> None:  # noqa: ANN401 - any JSON
    told = read(name, MAKE[name](given))
    assert [one.content for one in told.messages if "WORDS" in one.content]


def test_what_no_person_reads_is_left_out() -> None:
    given = {"type": "x", "id": "1", "data": "abc", "text": "said", "content": [{"title": "t"}, 7]}
    assert readable(given) == "said\nt"
    image = {"type": "image", "source": {"media_type": "image/png", "data": "AAAA"}}
    assert (
        readable([image, {"type": "text", "data": "words"}]) == "[image: image/png] 3 bytes\nwords"
    )
    deep: Any = "words"
    for _ in range(5000):
        deep = [deep]
    assert readable(deep) == ""
