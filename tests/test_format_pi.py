"""Sessions of pi and oh-my-pi."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentstate.formats.events import Relation
from agentstate.formats.notes import Note
from agentstate.formats.registry import format_of
from agentstate.records import SessionSource
from format_support import SAMPLES, detected, lines, needs_samples, read

if TYPE_CHECKING:
    from pathlib import Path

HEADER = {
    "type": "session",
    "version": 3,
    "id": "s-1",
    "timestamp": "2026-01-02T03:04:05Z",
    "cwd": "/home/dev/app",
}


def entry(own: str, parent: str | None, text: str = "", role: str = "user") -> dict[str, object]:
    return {
        "type": "message",
        "id": own,
        "parentId": parent,
        "timestamp": "2026-01-02T03:04:06Z",
        "message": {"role": role, "content": [{"type": "text", "text": text or own}]},
    }


def link(kind: str, own: str, parent: str | None, **more: object) -> dict[str, object]:
    return {"type": kind, "id": own, "parentId": parent, "timestamp": "2026-01-02T03:05:00Z"} | more


def test_entries_that_are_no_messages_are_taken_out_of_the_chain() -> None:
    told = read(
        "pi",
        [
            HEADER,
            link("model_change", "m", None, provider="anthropic", modelId="claude-x"),
            entry("a", "m", "first\nwords"),
            link("label", "l", "a", targetId="a", label="here"),
            link("custom", "c", "l", customType="x", data={}),
            entry("b", "c", "reply", "assistant"),
            link("session_info", "i", "b", name="A name"),
        ],
    ).only()
    assert told.tree() == [("a", None), ("b", "a")]
    session = told.session
    assert (session.session_id, session.leaf, session.title) == ("s-1", "b", "A name")
    assert (session.preview, session.cwd) == ("first words", "/home/dev/app")
    assert session.model_provider == "anthropic"
    assert (session.created_at, session.source) == (1767323045, SessionSource.INTERACTIVE)


def test_the_leaf_is_the_message_at_the_last_entry() -> None:
    told = read(
        "pi",
        [
            HEADER,
            entry("a", None),
            entry("b", "a", role="assistant"),
            entry("c", "b"),
            entry("d", "a", role="assistant"),
            link("label", "l", "b", targetId="b", label="x"),
        ],
    ).only()
    assert told.branch_points() == 1
    assert told.session.leaf == "b"
    assert [one.native_id for one in told.path()] == ["a", "b"]


def test_the_first_version_is_a_chain_known_by_its_lines() -> None:
    header = {"type": "session", "id": "old", "timestamp": "2025-11-20T23:33:50Z", "cwd": "/x"}
    said = {"type": "message", "message": {"role": "user", "content": "one"}}
    change = {"type": "model_change", "provider": "openai", "modelId": "gpt-5"}
    told = read("pi", [header, said, change, said | {"message": {"role": "assistant"}}]).only()
    assert told.tree() == [("2", None), ("4", "2")]
    assert told.session.model_provider == "openai"


def test_who_says_what() -> None:
    messages: list[dict[str, object]] = [
        {"role": "toolResult", "toolName": "read", "content": [{"type": "text", "text": "out"}]},
        {"role": "bashExecution", "command": "ls -a", "output": "x\ny", "exitCode": 2},
        {"role": "bashExecution", "command": "pwd", "output": "/", "excludeFromContext": True},
        {"role": "custom", "customType": "e", "content": "shown", "display": True},
        {"role": "hookMessage", "content": "not shown", "display": False},
        {"role": "compactionSummary", "summary": "so far"},
        {"role": "assistant", "content": [], "errorMessage": "aborted"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "toolCall", "name": "bash", "arguments": {"command": "ls"}},
                {"type": "image", "data": "AAAA", "mimeType": "image/png"},
            ],
        },
    ]
    entries: list[object] = [
        {"type": "message", "timestamp": 0, "message": one} for one in messages
    ]
    entries.append({"type": "custom_message", "content": "injected", "display": False})
    entries.append({"type": "branch_summary", "fromId": "x", "summary": "went elsewhere"})
    told = read("pi", [HEADER, *entries]).only()
    assert [(one.role, one.content, one.hidden) for one in told.messages] == [
        ("tool", "out", False),
        ("user", "$ ls -a\n\nx\ny\n\n(exit code 2)", False),
        ("user", "$ pwd\n\n/", False),
        ("system", "shown", False),
        ("system", "not shown", True),
        ("system", "so far", True),
        ("assistant", "[other: error] aborted", False),
        (
            "assistant",
            '[thinking] hm\n\n[tool call: bash] {"command": "ls"}\n\n[image: image/png]',
            False,
        ),
        ("system", "injected", True),
        ("system", "went elsewhere", True),
    ]
    assert told.session.preview == ""


def test_a_fork_names_the_session_in_the_path_it_came_from() -> None:
    path = "/home/dev/.pi/agent/sessions/--x--/2026-01-24T16-22-26-831Z_e99116ac-a6da.jsonl"
    session = read("pi", [HEADER | {"parentSession": path}, entry("a", None)]).only().session
    assert session.parent_session_id == "e99116ac-a6da"
    assert (session.relation, session.source) == (Relation.FORK, SessionSource.FORK)
    session = read("pi", [HEADER | {"branchedFrom": "plain-id"}, entry("a", None)]).only().session
    assert session.parent_session_id == "plain-id"


def test_damage_is_noted_and_costs_no_good_line() -> None:
    told = read(
        "pi",
        [
            HEADER,
            entry("a", None),
            '{"type":"message","id":"torn',
            entry("b", "gone", role="assistant"),
            entry("b", "gone", role="assistant"),
            entry("b", "a", "another of the same id"),
            {"type": "never_heard_of", "id": "n", "parentId": "b"},
            entry("c", "n"),
        ],
    )
    assert told.only().tree() == [("a", None), ("b", "a"), ("b:6", "a"), ("c", "b")]
    assert {note: found.lines for note, found in told.notes.items()} == {
        Note.BAD_LINE: (3,),
        Note.DANGLING_PARENT: (4, 5),
        Note.DUPLICATE: (5, 6),
        Note.UNKNOWN_RECORD: (7,),
    }


def test_without_a_header_the_file_names_the_session() -> None:
    name = "/x/2026-01-24T16-22-26-831Z_e99116ac.jsonl"
    told = read("pi", [entry("a", None)], name=name).only()
    assert told.session.session_id == "2026-01-24T16-22-26-831Z_e99116ac"
    piped = [read("pi", [entry("a", None), *more], name="-") for more in ([], [entry("b", "a")])]
    assert len({one.only().session.session_id for one in piped}) == 1


def test_each_header_begins_a_session() -> None:
    told = read("pi", [HEADER, entry("a", None), HEADER, entry("a", None)])
    assert [one.session_id for one in told.sessions] == ["s-1", "s-1:3"]
    assert len(told.messages) == 2


def test_it_is_known_by_its_header_or_its_entries() -> None:
    assert detected("pi", [HEADER])
    assert detected("pi", [entry("a", None)], "-")
    assert detected("pi", lines('{"type":"sess', entry("a", None)))
    assert not detected("pi", [{"type": "user", "message": {"role": "user"}, "sessionId": "x"}])


def test_its_places_are_those_of_both_programs(tmp_path: Path) -> None:
    paths = [
        tmp_path / ".pi/agent/sessions/--x--/2026-01-01_b.jsonl",
        tmp_path / ".pi/agent/sessions/--x--/2026-01-02_a.jsonl",
        tmp_path / ".omp/agent/sessions/--y--/2026-01-01_c.jsonl",
        tmp_path / "own/sessions/--y--/2026-01-01_d.jsonl",
    ]
    for time, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (time, time))
    found = format_of("pi").places
    assert list(found({}, tmp_path)) == paths[:3]
    own = {"PI_CODING_AGENT_DIR": str(tmp_path / "own")}
    assert list(found(own, tmp_path)) == [paths[3], paths[2]]


@needs_samples
def test_real_sessions() -> None:
    counts = {
        path.name: (len(one.messages), one.branch_points(), len(one.path()), one.hidden())
        for path in sorted((SAMPLES / "pi").glob("*.jsonl"))
        for one in [read("pi", path).only()]
    }
    assert counts == {
        "agent-sessions-v3-small.jsonl": (6, 0, 6, 2),
        "deja-omp-session.jsonl": (2, 0, 2, 0),
        "v1-large-session.head.jsonl": (25, 0, 25, 0),
    }
