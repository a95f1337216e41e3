"""Claude Code's files: the tree that they mean, whatever their `parentUuid` says."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from agentstate.formats.events import Relation
from agentstate.formats.notes import Note
from agentstate.formats.registry import format_of
from agentstate.records import SessionSource
from format_support import SAMPLES, Read, detected, lines, needs_samples, read
from sessions import contents, merge

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate import StateStore

ID = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-8888-4777-8666-555555555555"
NAME = f"{ID}.jsonl"
CLAUDE = "claude-code"

Line = dict[str, Any]


def line(kind: str, uuid: str, parent: str | None, **fields: Any) -> Line:  # noqa: ANN401 - a line's fields
    return {
        "parentUuid": parent,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/w",
        "sessionId": ID,
        "version": "2.1.7",
        "gitBranch": "main",
        "type": kind,
        "uuid": uuid,
        "timestamp": "2026-01-02T03:04:05.678Z",
        **fields,
    }


def user(uuid: str, parent: str | None, content: object = "do it", **fields: Any) -> Line:  # noqa: ANN401 - as above
    return line("user", uuid, parent, message={"role": "user", "content": content}, **fields)


def reply(uuid: str, parent: str | None, *blocks: object, of: str = "m", **fields: Any) -> Line:  # noqa: ANN401 - as above
    content = list(blocks) or [{"type": "text", "text": "done"}]
    message = {"role": "assistant", "id": of, "model": "claude-x", "content": content}
    return line("assistant", uuid, parent, message=message, **fields)


def call(uuid: str, parent: str, of: str = "m") -> Line:
    return reply(uuid, parent, {"type": "tool_use", "name": "Bash", "input": {"a": 1}}, of=of)


def result(uuid: str, parent: str, text: str = "ok") -> Line:
    return user(uuid, parent, [{"type": "tool_result", "tool_use_id": "x", "content": text}])


def tree(*given: object) -> dict[str, str | None]:
    return dict(read(CLAUDE, given, name=NAME).only().tree())


def test_a_chain_runs_through_lines_that_are_no_messages() -> None:
    assert tree(
        line("progress", "p0", None),
        user("u1", "p0"),
        line("system", "s1", "u1", subtype="turn_duration"),
        line("attachment", "t1", "s1"),
        reply("a1", "t1"),
    ) == {"u1": None, "a1": "u1"}


def test_progress_beside_an_answer_makes_no_branch() -> None:
    assert tree(
        user("u1", None),
        call("c1", "u1"),
        line("progress", "p1", "c1"),
        line("progress", "p2", "p1"),
        result("r1", "c1"),
        reply("a1", "p2"),
    ) == {"u1": None, "c1": "u1", "r1": "c1", "a1": "r1"}


def test_parallel_calls_of_tools_are_one_run() -> None:
    assert tree(
        user("u1", None),
        call("c1", "u1", of="m1"),
        call("c2", "c1", of="m1"),
        result("r2", "c2"),
        result("r1", "c1"),
        reply("a1", "r2", of="m2"),
    ) == {"u1": None, "c1": "u1", "c2": "c1", "r2": "c2", "r1": "r2", "a1": "r1"}


def test_parts_of_one_reply_are_one_run_though_all_name_the_same_parent() -> None:
    text = {"type": "text", "text": "and"}
    assert tree(
        user("u1", None),
        reply("a1", "u1", text, of="m1"),
        reply("a2", "a1", text, of="m1"),
        reply("a3", "a1", text, of="m1"),
    ) == {"u1": None, "a1": "u1", "a2": "a1", "a3": "a2"}


def test_the_same_reply_below_a_person_is_not_merged_by_its_id_alone() -> None:
    assert tree(user("u1", None), reply("a1", "u1", of="m1"), reply("a2", "u1", of="m1")) == {
        "u1": None,
        "a1": "u1",
        "a2": "u1",
    }


def test_what_a_person_says_again_elsewhere_is_a_fork() -> None:
    read_ = read(
        CLAUDE,
        [
            user("u1", None),
            reply("a1", "u1"),
            user("u2", "a1"),
            reply("a2", "u2"),
            user("u3", "a1"),
        ],
        name=NAME,
    )
    talk = read_.only()
    assert [one.native_id for one in talk.path()] == ["u1", "a1", "u3"]
    assert talk.branch_points() == 1


def test_a_result_with_an_answer_in_words_below_it_can_be_forked_from() -> None:
    assert (
        tree(
            user("u1", None),
            call("c1", "u1"),
            result("r1", "c1"),
            reply("a1", "r1", of="m2"),
            user("u2", "r1"),
        )["u2"]
        == "r1"
    )


def test_a_person_who_interrupts_tools_goes_on_where_they_stopped() -> None:
    assert (
        tree(
            user("u1", None),
            call("c1", "u1"),
            result("r1", "c1"),
            call("c2", "r1", of="m2"),
            user("u2", "r1", "[Request interrupted by user]"),
        )["u2"]
        == "c2"
    )


def test_a_fork_at_a_line_that_is_no_message_stays_a_fork() -> None:
    assert tree(
        user("u1", None),
        reply("a1", "u1"),
        line("system", "s1", "a1", subtype="turn_duration"),
        user("u2", "s1", "<local-command-caveat>x</local-command-caveat>", isMeta=True),
        user("u3", "s1"),
    ) == {"u1": None, "a1": "u1", "u2": "a1", "u3": "a1"}


def test_a_fork_at_a_line_above_which_nothing_is_left_makes_two_roots() -> None:
    found = read(
        CLAUDE,
        [line("system", "s1", "gone"), user("u1", "s1"), user("u2", "u1"), user("u3", "s1")],
        name=NAME,
    )
    assert dict(found.only().tree()) == {"u1": None, "u2": "u1", "u3": None}
    assert found.notes[Note.DANGLING_PARENT].lines == (1,)


def test_a_parent_that_is_not_there_is_the_message_before_and_is_noted() -> None:
    found = read(CLAUDE, [user("u1", "gone"), reply("a1", "lost"), user("u2", None)], name=NAME)
    assert dict(found.only().tree()) == {"u1": None, "a1": "u1", "u2": None}
    assert found.notes[Note.DANGLING_PARENT].lines == (1, 2)


def test_a_parent_that_only_comes_later_is_not_waited_for() -> None:
    given = [user("u1", None), user("u2", "u3"), user("u3", "u2"), user("u4", "u4")]
    assert tree(*given) == {"u1": None, "u2": "u1", "u3": "u2", "u4": "u3"}


def test_compaction_goes_on_below_what_came_before() -> None:
    boundary = line(
        "system", "s1", None, subtype="compact_boundary", logicalParentUuid="a1", content="…"
    )
    summary = user("u2", "s1", "This session is being continued…", isCompactSummary=True)
    found = read(CLAUDE, [user("u1", None), reply("a1", "u1"), boundary, summary], name=NAME)
    assert dict(found.only().tree()) == {"u1": None, "a1": "u1", "u2": "a1"}
    assert [one.hidden for one in found.messages] == [False, False, True]

    boundary["logicalParentUuid"] = "gone"
    assert tree(user("u1", None), reply("a1", "u1"), boundary, summary)["u2"] == "a1"
    del boundary["logicalParentUuid"]
    assert tree(user("u1", None), reply("a1", "u1"), boundary, summary)["u2"] == "a1"


def test_an_agent_within_the_file_is_beside_the_main_chain() -> None:
    aside = {"isSidechain": True}
    found = read(
        CLAUDE,
        [
            user("u1", None, "main"),
            call("c1", "u1"),
            user("x1", None, "look for it", **aside),
            reply("x2", "x1", of="n", **aside),
            result("r1", "c1"),
            reply("x3", "gone", of="n2", **aside),
        ],
        name=NAME,
    ).only()
    assert dict(found.tree())["r1"] == "c1"
    assert dict(found.tree())["x3"] == "x2"
    assert found.session.leaf == "r1"
    assert found.session.preview == "main"


def test_a_message_that_comes_again_is_kept_once() -> None:
    first, answer = user("u1", None, "first"), reply("a1", "u1")
    later = answer | {"version": "2.1.12", "message": answer["message"] | {"usage": {}}}
    found = read(CLAUDE, [first, answer, first, later, user("u2", "a1")], name=NAME)
    assert found.only().tree() == [("u1", None), ("a1", "u1"), ("u2", "a1")]
    assert found.notes[Note.DUPLICATE].lines == (3, 4)


def test_messages_with_one_id_are_all_kept_and_the_nearest_is_answered(store: StateStore) -> None:
    given = [
        user("u1", None, "one"),
        reply("a1", "u1"),
        user("u1", "a1", "two"),
        reply("a2", "u1"),
        reply("a1", "a2"),
        reply("a1", "a2", of="m2"),
        user("u1", "a1", "three"),
        user("u1", "a1", "two"),
    ]
    found = read(CLAUDE, given, name=NAME)
    whole = found.only().tree()
    assert whole == [
        ("u1", None),
        ("a1", "u1"),
        ("u1:2", "a1"),
        ("a2", "u1:2"),
        ("a1:2", "a2"),
        ("u1:3", "a1:2"),
    ]
    assert [one.content for one in found.messages if one.role == "user"] == ["one", "two", "three"]
    assert found.only().session.leaf == "u1:3"
    assert found.notes == {Note.DUPLICATE: (5, (3, 5, 6, 7, 8))}
    added = 0
    for count in range(1, len(given) + 1):
        part = read(CLAUDE, given[:count], name=NAME).only()
        assert part.tree() == whole[: len(part.messages)]
        added += merge(store, [part.start, *part.messages, part.session]).added
    assert added == len(whole)
    assert contents(store, ID) == ["one", "done", "two", "done", "done", "three"]


def test_a_line_that_is_no_message_takes_no_message_s_id() -> None:
    given = [
        user("u1", None),
        line("system", "x", "u1"),
        reply("a1", "x"),
        user("x", "a1", "important"),
        line("attachment", "x", "u1"),
        reply("a2", "x"),
    ]
    found = read(CLAUDE, given, name=NAME)
    assert found.only().tree() == [("u1", None), ("a1", "u1"), ("x", "a1"), ("a2", "x")]
    assert found.notes == {}


def test_ids_that_no_store_can_keep_are_mended_and_told_apart() -> None:
    found = read(CLAUDE, [user("\ud800", None), user("\ud801", "\ud800")], name=NAME)
    assert found.only().tree() == [("\ufffd", None), ("\ufffd:2", "\ufffd")]


def test_a_message_without_an_id_is_known_by_its_line() -> None:
    message = user("u", None)
    del message["uuid"], message["parentUuid"]
    found = read(CLAUDE, [user("u1", None), message, message], name=NAME)
    assert found.only().tree() == [("u1", None), ("line 2", "u1"), ("line 3", "line 2")]


def test_two_objects_on_a_line_are_both_read() -> None:
    joined = json.dumps(user("u1", None)) + json.dumps(reply("a1", "u1"))
    found = read(CLAUDE, [joined, user("u2", "a1")], name=NAME)
    assert found.only().tree() == [("u1", None), ("a1", "u1"), ("u2", "a1")]
    assert found.notes == {Note.SEVERAL_OBJECTS: (1, (1,))}


def test_a_file_that_grows_keeps_the_places_of_all_that_was_there() -> None:
    given = [
        user("u1", None),
        call("c1", "u1"),
        call("c2", "c1"),
        result("r2", "c2"),
        result("r1", "c1"),
        reply("a1", "gone", of="m2"),
        line("system", "s1", "a1"),
        user("u2", "s1"),
        user("u3", "s1"),
        user("u4", "r1"),
    ]
    whole = read(CLAUDE, given, name=NAME).only().tree()
    for count in range(1, len(given)):
        part = read(CLAUDE, given[:count], name=NAME).only().tree()
        assert part == whole[: len(part)]


def test_blocks_are_text_that_a_person_can_read() -> None:
    found = read(
        CLAUDE,
        [
            user("u1", None, [{"type": "text", "text": "see"}, image("AAAA")]),
            reply(
                "a1",
                "u1",
                {"type": "thinking", "thinking": "so", "signature": "s"},
                {"type": "thinking", "thinking": "", "signature": "s"},
                {"type": "text", "text": "I look"},
                {"type": "tool_use", "name": "Read", "input": {"file": "ä"}},
                {"type": "redacted_thinking", "data": "…"},
            ),
            user("r1", "a1", [{"type": "tool_result", "content": [{"type": "text", "text": "1"}]}]),
            user("r2", "r1", [{"type": "tool_result", "content": "2"}, "3", {"type": "text"}]),
            user("e1", "r2", []),
            user("e2", "e1", None),
            user("e3", "e2", {"odd": [1]}),
        ],
        name=NAME,
    )
    assert [(one.role, one.content) for one in found.messages] == [
        ("user", "see\n\n[image: image/png] 3 bytes"),
        (
            "assistant",
            (
                '[thinking] so\n\nI look\n\n[tool call: Read] {"file": "ä"}\n\n'
                "[other: redacted_thinking]"
            ),
        ),
        ("tool", "1"),
        ("tool", "2\n\n3"),
        ("user", ""),
        ("user", ""),
        ("user", '{"odd": [1]}'),
    ]


TEXT = {"type": "text", "text": "words"}
SOURCE = {"type": "text", "media_type": "text/plain", "data": "one\n\ntwo"}


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"type": "tool_reference", "tool_name": "Read"}, "[other: tool_reference] Read"),
        (
            {"type": "document", "title": "T", "source": SOURCE},
            "[other: document] T\none\n \ntwo",
        ),
        (
            {"type": "document", "source": {"type": "content", "content": [TEXT, "more"]}},
            "[other: document] words\nmore",
        ),
        (
            {"type": "document", "source": {"type": "base64", "data": "AAAA"}, "title": "T"},
            "[other: document] T",
        ),
        (
            {
                "type": "web_search_tool_result",
                "content": [
                    {"type": "web_search_result", "title": "A", "url": "a.example"},
                    {"type": "web_search_result", "title": "B", "encrypted_content": "AAAA"},
                ],
            },
            "[other: web_search_tool_result] A\na.example\nB",
        ),
        (
            {"type": "web_search_tool_result", "content": {"error_code": "too_many"}},
            "[other: web_search_tool_result] too_many",
        ),
        (
            {
                "type": "web_fetch_tool_result",
                "content": {"url": "u", "content": {"type": "document", "source": SOURCE}},
            },
            "[other: web_fetch_tool_result] u\none\n \ntwo",
        ),
        (
            {"type": "search_result", "source": "s", "title": "T", "content": [TEXT]},
            "[other: search_result] T\ns\nwords",
        ),
        (
            {"type": "mcp_tool_result", "content": [TEXT, {"type": "image", "source": 1}]},
            "[other: mcp_tool_result] words\n[image: ?]",
        ),
        (
            {"type": "bash_code_execution_tool_result", "content": {"stdout": "1", "stderr": ""}},
            "[other: bash_code_execution_tool_result] 1",
        ),
        ({"type": "redacted_thinking", "data": "AAAA"}, "[other: redacted_thinking]"),
        ({"type": "odd", "text": 7}, "[other: odd]"),
    ],
)
def test_what_a_block_of_another_kind_holds_can_be_read(block: Line, text: str) -> None:
    inner = {"type": "tool_result", "content": [block]}
    found = read(CLAUDE, [user("u1", None, [inner]), reply("a1", "u1", block)], name=NAME)
    assert [one.content for one in found.messages] == [text, text]


def test_a_block_that_is_nested_without_end_is_read_as_far_as_it_makes_sense() -> None:
    block: Line = {"type": "odd", "text": "deep"}
    for depth in range(300):
        block = {"type": "odd", "title": f"{depth}", "content": [block]}
    (message,) = read(CLAUDE, [user("u1", None, [block])], name=NAME).messages
    assert message.content == "[other: odd] 299\n298\n297\n296"


def image(data: str) -> Line:
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": data},
    }


def test_a_large_image_is_left_out_of_the_record_or_kept_where_asked() -> None:
    given = [user("u1", None, [image("A" * 40_000)])]
    found = read(CLAUDE, given, name=NAME)
    assert found.notes == {Note.IMAGE_LEFT_OUT: (1, (1,))}
    assert '"omitted":"image/png","size":30000,' in str(found.messages[0].item)
    kept = read(CLAUDE, given, name=NAME, keep_images=True)
    assert kept.messages[0].item == json.dumps(given[0])
    assert kept.messages[0].content == found.messages[0].content == "[image: image/png] 30000 bytes"


@pytest.mark.parametrize(
    "fields",
    [
        {"isMeta": True},
        {"isCompactSummary": True},
        {"content": "<command-name>/exit</command-name>"},
        {"content": "<command-message>go</command-message>\n<command-name>/go</command-name>"},
        {"content": "<local-command-stdout></local-command-stdout>"},
        {"content": [{"type": "text", "text": "<local-command-caveat>"}]},
    ],
)
def test_what_the_program_put_in_is_hidden(fields: dict[str, Any]) -> None:
    shown = user("u2", "u1", "see <command-name>", isMeta=False)
    found = read(CLAUDE, [user("u1", None, **fields), shown], name=NAME)
    assert [one.hidden for one in found.messages] == [True, False]
    assert found.sessions[0].preview == "see <command-name>"


def test_a_record_is_kept_as_it_was_written() -> None:
    text = '{"type": "user","uuid":"u1" , "message":{"content":"\\u00e9 \\ud83d\\ude00"},"n":1.10}'
    assert read(CLAUDE, [text], name=NAME).messages[0].item == text


def titled(*kinds: str) -> list[Line]:
    keys = {
        "custom-title": "customTitle",
        "agent-name": "agentName",
        "ai-title": "aiTitle",
        "summary": "summary",
    }
    made = [{"type": kind, keys[kind]: f"old {kind}", "leafUuid": "gone"} for kind in kinds]
    return [*made, *({**one, keys[one["type"]]: f"new {one['type']}"} for one in made)]


def test_the_title_is_the_best_that_is_told_and_the_newest_of_its_kind() -> None:
    kinds = ["summary", "ai-title", "agent-name", "custom-title"]
    first = user("u1", None, "  please\n do it " + "x" * 100)
    for count in range(1, len(kinds) + 1):
        given = [*titled(*kinds[:count]), first]
        told = read(CLAUDE, given, name=NAME).sessions[0]
        assert (told.title, told.is_named) == (f"new {kinds[count - 1]}", True)
    only = read(CLAUDE, [first], name=NAME).sessions[0]
    assert (only.title, only.is_named) == ("please do it " + "x" * 66 + "…", False)
    assert only.preview == "please do it " + "x" * 100


def test_a_summary_of_this_session_is_a_better_title_and_never_a_leaf() -> None:
    own = {"type": "summary", "summary": "own", "leafUuid": "u1"}
    other = {"type": "summary", "summary": "other", "leafUuid": "gone"}
    session = read(CLAUDE, [own, other, user("u1", None), reply("a1", "u1")], name=NAME).sessions[0]
    assert (session.title, session.leaf) == ("own", "a1")


def test_what_lines_tell_of_the_session() -> None:
    session = read(
        CLAUDE,
        [
            user("u1", None, timestamp="2026-01-01T00:00:00Z", cwd="/w/a", gitBranch=""),
            reply("a1", "u1", timestamp="2026-01-01T00:00:09Z", cwd="/w/b"),
            user("u2", "a1", timestamp="nonsense", gitBranch="fix", version="2.1.9"),
        ],
        name=f"/home/u/.claude/projects/-w/{NAME}",
    ).sessions[0]
    assert session.session_id == ID
    assert (session.created_at, session.updated_at) == (1_767_225_600, 1_767_225_609)
    assert (session.cwd, session.git_branch, session.cli_version) == ("/w/a", "fix", "2.1.9")
    assert (session.model_provider, session.source) == ("anthropic", SessionSource.INTERACTIVE)
    assert (session.relation, session.parent_session_id) == (None, None)


def test_another_provider_is_told_by_the_model() -> None:
    def provider(*models: str) -> str:
        given = [reply(f"a{n}", None, of="m") for n in range(len(models))]
        for one, model in zip(given, models, strict=True):
            one["message"]["model"] = model
        return read(CLAUDE, given, name=NAME).sessions[0].model_provider

    assert provider("<synthetic>", "gpt-5") == "openai"
    assert provider("deepseek/deepseek-chat") == "deepseek"
    assert provider("<synthetic>") == "anthropic"


def session_of(name: str, **fields: Any) -> Any:  # noqa: ANN401 - asserted on by each test
    return read(CLAUDE, [user("u1", None, **fields)], name=name).sessions[0]


def test_a_session_is_known_by_its_file_or_else_by_its_lines() -> None:
    assert session_of(NAME, sessionId="other").session_id == ID
    assert session_of("export.jsonl", sessionId="s1").session_id == "s1"
    assert session_of("export.jsonl", sessionId=None).session_id == "export"
    assert session_of("-", sessionId=None).session_id == "u1"


def test_a_copy_of_another_session_is_a_resumed_one_and_a_fork_says_so() -> None:
    resumed = session_of(NAME, sessionId=OTHER)
    assert (resumed.relation, resumed.parent_session_id) == (Relation.RESUME, OTHER)
    assert resumed.source is SessionSource.RESUME
    fork = session_of(NAME, forkedFrom={"sessionId": OTHER, "messageUuid": "u1"})
    assert (fork.relation, fork.parent_session_id) == (Relation.FORK, OTHER)
    assert fork.source is SessionSource.FORK


@pytest.mark.parametrize("fields", [{"entrypoint": "sdk-py"}, {"userType": "sdk"}])
def test_a_session_that_a_program_began_is_of_the_api(fields: dict[str, Any]) -> None:
    assert session_of(NAME, **fields).source is SessionSource.API


@pytest.mark.parametrize(
    ("name", "session_id", "parent"),
    [
        ("p/agent-0123abcd.jsonl", ID, ID),
        (f"p/{OTHER}/subagents/agent-0123abcd.jsonl", "agent-0123abcd", OTHER),
        (f"p/{OTHER}/subagents/deeper/agent-0123abcd.jsonl", ID, OTHER),
        ("p/agent-0123abcd.jsonl", "0123abcd", None),
    ],
)
def test_an_agent_is_a_session_of_its_own(name: str, session_id: str, parent: str | None) -> None:
    agent = session_of(name, sessionId=session_id, agentId="0123abcd", isSidechain=True)
    assert (agent.session_id, agent.leaf) == ("0123abcd", "u1")
    assert (agent.relation, agent.parent_session_id) == (Relation.SUBAGENT, parent)
    assert agent.source is SessionSource.API


def test_a_file_without_messages_is_no_session() -> None:
    assert read(CLAUDE, [*titled("summary"), line("system", "s1", None)]).sessions == []
    assert read(CLAUDE, b"").sessions == []


def test_what_is_no_record_is_noted() -> None:
    given: list[object] = [user("u1", None), {"no": "type"}, {"type": ["user"]}, "[1]", "{"]
    given += [{"type": "user", "message": "odd"}, {"type": "unheard-of"}, reply("a1", "u1")]
    found = read(CLAUDE, given, name=NAME)
    assert found.only().tree() == [("u1", None), ("a1", "u1")]
    assert found.notes == {
        Note.BAD_LINE: (5, (2, 3, 4, 5, 6)),
        Note.UNKNOWN_RECORD: (1, (7,)),
    }


def test_files_are_known_by_what_they_hold() -> None:
    assert detected(CLAUDE, [line("progress", "p1", None)])
    assert detected(CLAUDE, [{"type": "summary", "summary": "x", "leafUuid": "y"}])
    assert detected(CLAUDE, [user("u1", None, "long " * 20_000)])
    assert not detected(CLAUDE, [{"type": "session", "id": "x"}, {"type": "message", "id": "y"}])
    assert not detected(CLAUDE, [{"timestamp": "t", "type": "session_meta", "payload": {}}])
    assert not detected(CLAUDE, [{"id": "1", "type": "user", "content": "gemini"}])
    assert not detected(CLAUDE, b"\xff\x00 no json")


def test_places_are_where_the_program_keeps_its_files(tmp_path: Path) -> None:
    claude = format_of(CLAUDE)
    folder = tmp_path / ".claude" / "projects" / "-w"
    agents = folder / ID / "subagents"
    agents.mkdir(parents=True)
    for age, path in enumerate((agents / "agent-1.jsonl", folder / NAME, folder / "notes.txt")):
        path.write_bytes(lines(user("u1", None)))
        os.utime(path, (1000 - age, 1000 - age))
    expected = [folder / NAME, agents / "agent-1.jsonl"]
    assert list(claude.places({}, tmp_path)) == expected
    assert list(claude.places({"CLAUDE_CONFIG_DIR": str(tmp_path / ".claude")}, folder)) == expected
    assert list(claude.places({}, tmp_path / "nobody")) == []
    assert claude.is_file(folder / NAME)
    assert not claude.is_file(folder / "agent-1.meta.json")


def sample(name: str) -> Read:
    return read(CLAUDE, SAMPLES / CLAUDE / name)


@needs_samples
@pytest.mark.parametrize(
    ("name", "messages", "branch_points", "active", "hidden"),
    [
        ("agent-sessions-2.1-all-record-types.jsonl", 16, 2, 10, 3),
        ("entire-37995ebed6e4-two-objects-on-one-line.excerpt.jsonl", 9, 0, 9, 0),
        ("entire-601ac0eb4d69-synthetic-reply-fork.excerpt.jsonl", 16, 1, 11, 3),
        ("entire-68e0ff0d6706-progress-forks.jsonl", 20, 0, 20, 3),
        ("entire-dc49cb8a2a42-parallel-tools.jsonl", 15, 0, 15, 0),
        ("entire-de22551397e1-user-fork.head.jsonl", 52, 1, 49, 3),
        (f"subagent/{'0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f'}.jsonl", 2, 0, 2, 0),
    ],
)
def test_real_files(name: str, messages: int, branch_points: int, active: int, hidden: int) -> None:
    found = sample(name).only()
    counts = (len(found.messages), found.branch_points(), len(found.path()), found.hidden())
    assert counts == (messages, branch_points, active, hidden)


@needs_samples
def test_a_real_agent_belongs_to_the_session_beside_it() -> None:
    (file,) = (SAMPLES / CLAUDE / "subagent").glob("*/subagents/*.jsonl")
    agent = read(CLAUDE, file).only()
    assert [one.role for one in agent.messages] == ["user", "assistant", "tool"]
    assert agent.session.parent_session_id == file.parent.parent.name
    assert agent.session.session_id == "a0ad4f44468bdf20d"
