"""Codex's rollouts: what was said once, where it was taken back, what goes on with what."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from agentstate.formats.events import Relation
from agentstate.formats.notes import Note
from agentstate.formats.registry import format_of
from agentstate.formats.source import Source
from agentstate.records import SessionSource
from agentstate.store.imports.files import ImportChoices, import_sources
from format_support import SAMPLES, Conversation, detected, lines, needs_samples, read
from sessions import contents

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate import StateStore

ID = "01234567-89ab-7cde-8f01-23456789abcd"
OTHER = "76543210-89ab-7cde-8f01-23456789abcd"
ROLLOUT = f"rollout-2026-01-02T03-04-05-{ID}"
NAME = f"{ROLLOUT}.jsonl"
CODEX = "codex"

Line = dict[str, Any]


def record(kind: str, **payload: Any) -> Line:  # noqa: ANN401 - a record's fields
    return {"timestamp": "2026-01-02T03:04:05.678Z", "type": kind, "payload": payload}


def meta(**payload: Any) -> Line:  # noqa: ANN401 - as above
    return record("session_meta", **{"id": ID, "cwd": "/w", "cli_version": "0.9", **payload})


def item(kind: str, **payload: Any) -> Line:  # noqa: ANN401 - as above
    return record("response_item", type=kind, **payload)


def said(role: str, *texts: str) -> Line:
    kind = "output_text" if role == "assistant" else "input_text"
    return item("message", role=role, content=[{"type": kind, "text": text} for text in texts])


def event(kind: str, **payload: Any) -> Line:  # noqa: ANN401 - as above
    return record("event_msg", type=kind, **payload)


def told(*given: object, name: str = NAME) -> Conversation:
    return read(CODEX, given, name=name).only()


def tree(*given: object) -> dict[int, int | None]:
    """Return the line of each message, and that of its parent."""
    pairs = told(*given).tree()
    assert all(native_id.startswith(f"{ROLLOUT}:") for native_id, _ in pairs)
    return {
        int(native_id.split(":")[1]): int(parent.split(":")[1]) if parent else None
        for native_id, parent in pairs
    }


USER, REPLY = said("user", "do it"), said("assistant", "done")


def test_only_items_are_messages_in_a_chain_by_their_lines() -> None:
    assert tree(
        meta(),
        record("turn_context", model="gpt"),
        said("developer", "rules"),
        USER,
        event("user_message", message="do it"),
        event("agent_message", message="done"),
        REPLY,
        event("token_count"),
        record("compacted", message="short", replacement_history=[USER["payload"]]),
        said("user", "more"),
    ) == {3: None, 4: 3, 7: 4, 10: 7}


def test_items_become_text_and_roles() -> None:
    arguments = '{"command":["ls"]}'
    found = told(
        said("system", "s"),
        said("user", "a", "b"),
        said("odd", "o"),
        item("message", role="user", content="plain"),
        item("reasoning", summary=[{"type": "summary_text", "text": "hm"}], encrypted_content="x"),
        item("reasoning", summary=[], content=None),
        item("function_call", name="shell", arguments=arguments, call_id="1"),
        item("custom_tool_call", name="patch", input="*** Begin", call_id="2"),
        item("local_shell_call", action={"type": "exec"}, call_id="3"),
        item("web_search_call", action={"query": "q"}),
        item("function_call_output", call_id="1", output="text"),
        item("function_call_output", call_id="1", output='{"output":"wrapped","metadata":{}}'),
        item("function_call_output", call_id="1", output='{"output":1}'),
        item("function_call_output", call_id="1", output={"content": "in it", "success": True}),
        item("custom_tool_call_output", call_id="2", output=[{"type": "input_text", "text": "l"}]),
        item("custom_tool_call_output", call_id="2", output=None),
        item("agent_message", author="a", content=[{"type": "input_text", "text": "from a"}]),
        item("future_call", name="new", arguments="{}"),
        item("image_generation_call", result="AAAA", revised_prompt="a cat"),
        said("user", ""),
    )
    assert [(one.role, one.content) for one in found.messages] == [
        ("system", "s"),
        ("user", "a\n\nb"),
        ("system", "o"),
        ("user", "plain"),
        ("assistant", "[thinking] hm"),
        ("assistant", "[thinking]"),
        ("assistant", f"[tool call: shell] {arguments}"),
        ("assistant", "[tool call: patch] *** Begin"),
        ("assistant", '[tool call: local_shell] {"type": "exec"}'),
        ("assistant", '[tool call: web_search] {"query": "q"}'),
        ("tool", "text"),
        ("tool", "wrapped"),
        ("tool", '{"output":1}'),
        ("tool", "in it"),
        ("tool", "l"),
        ("tool", ""),
        ("user", "from a"),
        ("assistant", "[tool call: new] {}"),
        ("assistant", "[tool call: image_generation] a cat"),
        ("user", ""),
    ]


def test_images_are_named_and_large_ones_left_out_of_the_record() -> None:
    url = "data:image/png;base64," + "A" * 40_000
    shown = {"type": "input_image", "image_url": url}
    made = item("image_generation_call", result="B" * 40_000)
    found = read(CODEX, [item("message", role="user", content=[shown]), made], name=NAME)
    assert found.messages[0].content == "[image: image/png] 30000 bytes"
    assert found.notes == {Note.IMAGE_LEFT_OUT: (2, (1, 2))}
    assert all(len(one.item or "") < 400 for one in found.messages)
    linked = {"type": "input_image", "image_url": "https://x/y.png"}
    elsewhere = told(item("message", role="user", content=[linked]))
    assert elsewhere.messages[0].content == "[other: image] https://x/y.png"


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("developer", "anything"),
        ("user", "<environment_context>\n  <cwd>/w</cwd>"),
        ("user", "<user_instructions>\nbe kind"),
        ("user", "<turn_aborted>"),
        ("user", "# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>\nbe kind"),
    ],
)
def test_what_the_program_put_in_is_hidden(role: str, text: str) -> None:
    found = told(meta(), said(role, text), said("user", "why <turn_aborted>?"), REPLY)
    assert [one.hidden for one in found.messages] == [True, False, False]
    assert found.session.preview == "why <turn_aborted>?"


def test_a_rollback_takes_back_what_a_person_said_and_all_below() -> None:
    back = event("thread_rolled_back", num_turns=1)
    hidden = said("user", "<environment_context>")
    given = [meta(), hidden, USER, REPLY, hidden, USER, REPLY, back, USER]
    assert tree(*given) == {2: None, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 9: 5}
    assert told(*given[:-1]).session.leaf == f"{ROLLOUT}:5"
    assert told(*given).session.leaf == f"{ROLLOUT}:9"


def test_rollbacks_add_up_and_end_at_the_start() -> None:
    def after(*turns: object) -> int | None:
        back = [event("thread_rolled_back", num_turns=count) for count in turns]
        given = [meta(), said("developer", "d"), USER, REPLY, USER, REPLY, USER, *back, REPLY]
        return tree(*given)[8 + len(back)]

    assert after(1) == 6
    assert after(2) == 4
    assert after(1, 1) == 4
    assert after(3) == 2
    assert after(100) == 2
    assert after(1, 100) == 2
    assert after(0) == 7
    assert after(-1) == 7
    assert after("2") == 7
    assert after(None) == 7


def test_a_rollback_of_all_begins_anew() -> None:
    back = event("thread_rolled_back", num_turns=1)
    assert tree(meta(), USER, REPLY, back, USER) == {2: None, 3: 2, 5: None}
    assert told(meta(), USER, REPLY, back).session.leaf == f"{ROLLOUT}:2"


def completed(text: str) -> Line:
    content = [{"type": "text", "text": text}]
    return event("item_completed", item={"type": "UserMessage", "content": content})


@pytest.mark.parametrize("copy", [event("user_message", message="do it"), completed("do it")])
def test_events_are_copies_before_or_after_their_items(copy: Line) -> None:
    assert tree(meta(), copy, USER, REPLY) == {3: None, 4: 3}
    assert tree(meta(), USER, copy, REPLY) == {2: None, 4: 2}
    twice = (copy, USER, REPLY)
    assert len(tree(meta(), *twice, *twice, *twice)) == 6
    later = (USER, copy, REPLY)
    assert len(tree(meta(), *later, *later, *later)) == 6


def test_two_kinds_of_events_are_copies_of_one_item() -> None:
    copies = (event("user_message", message="do it"), completed("do it"))
    assert tree(meta(), *copies, USER, REPLY) == {4: None, 5: 4}
    assert tree(meta(), USER, *copies, REPLY, USER, *copies) == {2: None, 5: 2, 6: 5}
    assert tree(meta(), copies[0], USER, copies[1], REPLY) == {3: None, 5: 3}


def test_events_may_come_together_or_with_the_programs_words_between() -> None:
    first, more = event("user_message", message="do it"), event("user_message", message="more")
    context = said("user", "<environment_context>")
    assert tree(meta(), first, context, USER, REPLY) == {3: None, 4: 3, 5: 4}
    assert tree(meta(), first, more, USER, said("user", "more")) == {4: None, 5: 4}
    assert tree(meta(), first, more, said("user", "more")) == {2: None, 4: 2}
    many = [event("user_message", message=f"word {number}.") for number in range(40)]
    assert list(tree(*many)) == list(range(1, 41))


def test_an_item_that_holds_more_than_the_event_holds_it() -> None:
    around = said("user", "<image name=1>", "do it", "</image>")
    copy = event("user_message", message="do it\n")
    assert tree(meta(), copy, around, REPLY) == {3: None, 4: 3}
    assert tree(meta(), around, copy, REPLY) == {2: None, 4: 2}


def test_words_that_no_item_holds_are_taken_from_the_event() -> None:
    copy = event("user_message", message="do it")
    assert tree(meta(), copy, REPLY) == {2: None, 3: 2}
    assert tree(meta(), completed("do it"), copy, REPLY) == {2: None, 4: 2}
    assert tree(meta(), copy, REPLY, USER, REPLY) == {2: None, 3: 2, 4: 3, 5: 4}
    assert tree(meta(), copy, said("user", "other"), copy) == {2: None, 3: 2, 4: 3}
    assert tree(meta(), copy, copy) == {2: None, 3: 2}
    found = told(meta(), copy, REPLY, event("user_message", message="more"))
    assert [(one.role, one.content) for one in found.messages] == [
        ("user", "do it"),
        ("assistant", "done"),
        ("user", "more"),
    ]
    assert found.messages[0].item == json.dumps(copy)
    assert found.session.preview == "do it"


def test_events_without_words_are_nothing() -> None:
    odd = {"type": "item_completed", "item": {"type": ["UserMessage"]}}
    assert tree(
        meta(),
        event("user_message", message=""),
        event("user_message"),
        record("event_msg", **odd),
        record("event_msg", type="item_completed", item=None),
        record("event_msg", type=["user_message"]),
        USER,
    ) == {7: None}


def test_a_file_of_the_first_versions_has_bare_items() -> None:
    head = {"id": ID, "timestamp": "2025-05-01T00:00:00Z", "instructions": None}
    git = {"commit_hash": "abc", "branch": "main", "repository_url": "r"}
    context = "<environment_context>\nCurrent working directory: /w/old\n"
    found = read(
        CODEX,
        [
            {**head, "git": git},
            said("user", context)["payload"],
            USER["payload"],
            {"record_type": "state"},
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "name": "shell", "arguments": "{}"},
            REPLY["payload"],
        ],
        name=NAME,
    )
    session = found.sessions[0]
    assert [one.role for one in found.messages] == ["user", "user", *["assistant"] * 3]
    assert {one.created_at for one in found.messages} == {session.created_at} == {1_746_057_600}
    assert (session.session_id, session.cwd) == (ID, "/w/old")
    assert (session.git_branch, session.git_sha, session.git_origin_url) == ("main", "abc", "r")
    assert found.notes == {}


def test_bare_items_are_none_where_lines_have_payloads() -> None:
    found = read(CODEX, [meta(), USER["payload"], USER], name=NAME)
    assert len(found.messages) == 1
    assert found.notes == {Note.BAD_LINE: (1, (2,))}


def test_what_the_first_description_tells_of_the_session() -> None:
    git = {"commit_hash": "abc", "branch": "main", "repository_url": "r"}
    first = meta(git=git, model_provider="azure", timestamp="2026-01-02T00:00:00Z", source="cli")
    session = told(first, USER, REPLY, meta(cwd="/else", cli_version="0.1")).session
    assert (session.session_id, session.cwd, session.cli_version) == (ID, "/w", "0.9")
    assert (session.git_branch, session.git_sha, session.git_origin_url) == ("main", "abc", "r")
    assert (session.model_provider, session.source) == ("azure", SessionSource.INTERACTIVE)
    assert (session.created_at, session.updated_at) == (1_767_312_000, 1_767_323_045)
    assert (session.relation, session.parent_session_id) == (None, None)
    assert (session.title, session.preview, session.archived) == ("do it", "do it", False)
    assert told(meta(), USER).session.model_provider == "openai"


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"source": "vscode"}, SessionSource.INTERACTIVE),
        ({"source": "exec"}, SessionSource.API),
        ({"source": "mcp"}, SessionSource.API),
        ({"originator": "codex_exec"}, SessionSource.API),
        ({"source": ["odd"]}, SessionSource.INTERACTIVE),
    ],
)
def test_how_a_session_began(fields: dict[str, Any], source: SessionSource) -> None:
    assert told(meta(**fields), USER).session.source is source


def test_a_session_without_a_description_is_known_by_its_file() -> None:
    assert told(USER).session.session_id == ID
    assert told(USER, name="export.jsonl").session.session_id == "export"
    late = told(USER, meta(id=OTHER), name=NAME).session
    assert (late.session_id, late.parent_session_id) == (ID, OTHER)
    piped = told(meta(), USER, name="-")
    assert piped.messages[0].native_id == f"{ID}:2"


def test_a_fork_that_copies_history_names_what_it_came_from() -> None:
    copied = (meta(id=OTHER, cwd="/else"), USER, meta(id="older"), REPLY)
    found = told(meta(), *copied, said("user", "more"))
    session = found.session
    assert (session.session_id, session.cwd) == (ID, "/w")
    assert (session.relation, session.parent_session_id) == (Relation.FORK, OTHER)
    assert session.source is SessionSource.FORK
    assert len(found.messages) == 3
    named = told(meta(forked_from_id="parent"), meta(id=OTHER), USER).session
    assert (named.relation, named.parent_session_id) == (Relation.FORK, "parent")


@pytest.mark.parametrize(
    ("fields", "parent"),
    [
        ({"source": {"subagent": {"thread_spawn": {"parent_thread_id": "p"}}}}, "p"),
        ({"source": {"subagent": "review"}, "parent_thread_id": "p"}, "p"),
        ({"source": {"subagent": "review"}}, None),
        ({"source": {"subagent": {"other": "x"}}, "forked_from_id": "f"}, "f"),
    ],
)
def test_an_agent_is_a_session_of_its_own(fields: dict[str, Any], parent: str | None) -> None:
    session = told(meta(**fields), USER).session
    assert (session.relation, session.parent_session_id) == (Relation.SUBAGENT, parent)
    assert session.source is SessionSource.API


def test_a_rollout_goes_on_with_the_history_of_its_own_thread() -> None:
    base = {"thread_id": ID, "end_ordinal_exclusive": 7, "end_byte_offset": 99}
    name = f"{ROLLOUT}_{OTHER}.jsonl"
    found = told(
        {**meta(history_base=base), "ordinal": 7}, {**USER, "ordinal": 8}, REPLY, name=name
    )
    assert (found.start.session_id, found.start.continues_before) == (ID, 7)
    assert [one.position for one in found.messages] == [8, 3]
    assert found.messages[0].native_id == f"{ROLLOUT}_{OTHER}:2"
    assert (found.session.relation, found.session.parent_session_id) == (None, None)

    base["thread_id"] = "the-rollout-before"
    assert told(meta(history_base=base), USER, name=name).start.continues_before == 7


def test_a_rollout_that_goes_on_with_another_thread_is_a_fork() -> None:
    base = {"thread_id": OTHER, "end_ordinal_exclusive": 7}
    found = told(meta(history_base=base), USER)
    assert found.start.continues_before is None
    assert (found.session.relation, found.session.parent_session_id) == (Relation.FORK, OTHER)
    odd = told(meta(history_base={"thread_id": ID, "end_ordinal_exclusive": "7"}), USER)
    assert odd.start.continues_before is None


def test_numbers_that_no_store_keeps_are_no_positions() -> None:
    for odd in (-1, 10**30, True):
        base = {"thread_id": ID, "end_ordinal_exclusive": odd}
        found = told(meta(history_base=base), {**USER, "ordinal": odd})
        assert found.start.continues_before is None
        assert [one.position for one in found.messages] == [2]


def test_positions_are_lines_where_there_are_no_ordinals() -> None:
    assert [one.position for one in told(meta(), USER, REPLY).messages] == [2, 3]


def test_the_name_of_a_thread_is_its_newest_in_the_index(tmp_path: Path) -> None:
    folder = tmp_path / "sessions" / "2026" / "01" / "02"
    folder.mkdir(parents=True)
    file = folder / NAME
    file.write_bytes(lines(meta(), USER))
    index = tmp_path / "session_index.jsonl"

    def title(*given: object) -> str | None:
        index.write_bytes(lines(*given))
        return read(CODEX, file).sessions[0].title

    named = {"id": ID, "thread_name": "first", "updated_at": "2026-01-01T00:00:00Z"}
    assert read(CODEX, file).sessions[0].title == "do it"
    assert title(named) == "first"
    newer = {**named, "thread_name": "newer"}
    assert title(named, "torn {", newer, {**named, "id": OTHER}) == "newer"
    assert title({**named, "thread_name": 5}, {"id": None}) == "do it"


def test_the_title_is_what_the_thread_was_named_where_the_index_is_silent() -> None:
    named = event("thread_name_updated", thread_name="named")
    session = told(meta(), named, USER).session
    assert (session.title, session.is_named) == ("named", True)
    assert not told(meta(), USER).session.is_named, "its first words are no name"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("at_once", [True, False])
def test_rollouts_become_one_thread_in_any_order(
    store: StateStore, tmp_path: Path, order: tuple[int, int], *, at_once: bool
) -> None:
    base = {"thread_id": ID, "end_ordinal_exclusive": 3}
    given = [
        [meta(), USER, REPLY],
        [meta(history_base=base), said("user", "go on"), said("assistant", "went on")],
    ]
    files = [tmp_path / NAME, tmp_path / f"{ROLLOUT}_{OTHER}.jsonl"]
    for file, records, minute in zip(files, given, (4, 5), strict=True):
        place = 0 if file.name == NAME else 3
        file.write_bytes(
            lines(
                *(
                    {**one, "ordinal": at, "timestamp": f"2026-01-02T03:{minute:02}:00Z"}
                    for at, one in enumerate(records, place)
                )
            )
        )
    named = [files[at] for at in order]
    for some in [named] if at_once else [[one] for one in named]:
        sources = [Source.of_file(file) for file in some]
        list(import_sources(store.imports, sources, ImportChoices()))
    assert contents(store, ID) == ["do it", "done", "go on", "went on"]
    kept = store.threads.get(ID)
    assert kept is not None
    assert (kept.name, kept.preview) == ("do it", "do it")


def test_what_an_editor_put_before_a_question_is_no_title() -> None:
    text = "# Context from my IDE setup:\n\n## Open tabs:\n\n## My request for Codex:\nwhy?\n"
    found = told(meta(), said("user", text))
    assert (found.session.title, found.messages[0].content) == ("why?", text)


def test_places_prefer_plain_files_and_hold_archived_ones(tmp_path: Path) -> None:
    codex = format_of(CODEX)
    day, archive = tmp_path / ".codex/sessions/2026/01/02", tmp_path / ".codex/archived_sessions"
    day.mkdir(parents=True)
    archive.mkdir()
    given = [day / "rollout-2.jsonl.zst", day / "rollout-2.jsonl", day / "rollout-1.jsonl.zst"]
    given += [archive / NAME, archive / "notes.jsonl"]
    for age, path in enumerate(given):
        path.write_bytes(lines(meta(), USER))
        os.utime(path, (1000 - age, 1000 - age))
    expected = [given[2], given[1], given[3]]
    assert list(codex.places({}, tmp_path)) == expected
    assert list(codex.places({"CODEX_HOME": str(tmp_path / ".codex")}, day)) == expected
    assert read(CODEX, archive / NAME).sessions[0].archived
    assert codex.is_file(day / "rollout-1.jsonl.zst")
    assert not codex.is_file(tmp_path / "session_index.jsonl")


def test_a_compressed_rollout_has_the_same_messages(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="zstandard is not installed")
    file = tmp_path / f"{NAME}.zst"
    file.write_bytes(zstandard.ZstdCompressor().compress(lines(meta(), USER, REPLY)))
    assert read(CODEX, file).only().tree() == told(meta(), USER, REPLY).tree()


def test_what_is_no_record_is_noted() -> None:
    given: list[object] = [meta(), USER, {"no": "type"}, {"type": "response_item", "payload": 1}]
    given += [item("unheard_of"), record("unheard_of"), item("ghost_snapshot"), "{", REPLY]
    found = read(CODEX, given, name=NAME)
    assert [one.native_id[-1] for one in found.messages] == ["2", "9"]
    assert found.notes == {Note.BAD_LINE: (3, (3, 4, 8)), Note.UNKNOWN_RECORD: (2, (5, 6))}


def test_a_file_without_messages_is_no_session() -> None:
    assert read(CODEX, [meta(), event("token_count")]).sessions == []
    assert read(CODEX, b"").sessions == []


def test_files_are_known_by_what_they_hold() -> None:
    assert detected(CODEX, [meta()])
    assert detected(CODEX, ["torn", USER])
    assert detected(CODEX, [{"id": ID, "timestamp": "t", "instructions": "long " * 20_000}])
    long = json.dumps(meta(base="long " * 20_000), separators=(",", ":"))
    assert detected(CODEX, [long])
    assert not detected(CODEX, [{"type": "session", "id": "x", "timestamp": "t"}])
    assert not detected(CODEX, [{"type": "user", "uuid": "1", "message": {}}])
    assert not detected(CODEX, b"\xff\x00 no json")


@needs_samples
@pytest.mark.parametrize(
    ("name", "messages", "branch_points", "active", "hidden"),
    [
        ("agent-sessions-0.146-all-record-types.jsonl", 21, 0, 21, 1),
        ("rollout-2025-09-25T15-12-14-019982b8-3422-79e0-8b3b-05abaf4f3c3e.jsonl", 104, 0, 104, 1),
    ],
)
def test_real_files(name: str, messages: int, branch_points: int, active: int, hidden: int) -> None:
    found = read(CODEX, SAMPLES / CODEX / name).only()
    counts = (len(found.messages), found.branch_points(), len(found.path()), found.hidden())
    assert counts == (messages, branch_points, active, hidden)
