"""Sessions of CodeWhale: the journal's tree, or a chain of messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agentstate.formats.events import Relation
from agentstate.formats.notes import Note
from agentstate.formats.registry import format_of
from agentstate.records import SessionSource
from format_support import CHANGED, SAMPLES, Conversation, Read, detected, needs_samples, read

if TYPE_CHECKING:
    from pathlib import Path

METADATA = {
    "id": "s-1",
    "title": "A title",
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-03T03:04:05Z",
    "model": "deepseek-chat",
    "model_provider": "deepseek",
    "workspace": "/home/dev/app",
}


def message(role: str, *blocks: object) -> dict[str, Any]:
    return {"role": role, "content": [text(one) if isinstance(one, str) else one for one in blocks]}


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


def entry(own: str, parent: str | None, kind: str = "message", **more: object) -> dict[str, Any]:
    said = {"message": message("user", own)} if kind == "message" else {}
    time = {"created_at": "2026-01-02T04:00:00Z"}
    return {"id": own, "parent_id": parent, "kind": kind} | said | time | more


def session(
    messages: list[Any], entries: list[Any] | None = None, leaf: str | None = None, **more: object
) -> str:
    known: dict[str, Any] = {"schema_version": 1, "metadata": METADATA | more, "messages": messages}
    if entries is not None:
        known["journal"] = {"entries": entries, "leaf_id": leaf, "schema_version": 1}
    return json.dumps(known | {"work_state": {"graph": {}}}, indent=1)


def of(given: str) -> Read:
    return read("codewhale", given, name="s-1.json")


def only(*messages: object) -> Conversation:
    return of(session(list(messages))).only()


def test_the_journal_is_the_tree() -> None:
    entries = [entry("a", None), entry("b", "a"), entry("c", "b"), entry("d", "b")]
    told = of(session([message("user", "a"), message("user", "c")], entries, "c")).only()
    assert told.tree() == [("a", None), ("b", "a"), ("c", "b"), ("d", "b")]
    known = told.session
    assert (known.session_id, known.leaf, known.title, known.preview) == (
        "s-1",
        "c",
        "A title",
        "a",
    )
    assert (known.cwd, known.model_provider) == ("/home/dev/app", "deepseek")
    assert (known.created_at, known.updated_at) == (1767323045, 1767409445)
    assert json.loads(told.messages[0].item or "") == entries[0]
    assert {one.created_at for one in told.messages} == {1767326400}


def test_the_kinds_of_the_journal() -> None:
    entries = [
        entry("a", None, "user", text="asked"),
        entry("b", "a", "assistant", text="answered"),
        entry("c", "b", "compaction", summary="so far"),
        entry("d", "c", "branch_summary", summary="elsewhere", from_id="b"),
        entry("e", "d", "system", text="told"),
        entry("f", "e", "never_heard_of", content=[text("x")]),
    ]
    told = of(session([], entries))
    assert [(one.role, one.content, one.hidden) for one in told.messages] == [
        ("user", "asked", False),
        ("assistant", "answered", False),
        ("system", "so far", True),
        ("system", "elsewhere", True),
        ("system", "told", True),
        ("system", "x", True),
    ]
    assert told.only().session.leaf == "f"


def test_without_a_journal_the_messages_are_a_chain() -> None:
    first = [message("user", "a"), message("assistant", "b"), message("user", "a")]
    told = only(*first)
    assert [one.content for one in told.path()] == ["a", "b", "a"]
    grown = only(*first, message("assistant", "c"))
    assert grown.tree()[:3] == told.tree()
    changed = only(*first[:2], message("user", "other"))
    assert changed.tree()[:2] == told.tree()[:2]
    assert changed.messages[2].native_id != told.messages[2].native_id


def test_who_says_what() -> None:
    result = {"type": "tool_result", "tool_use_id": "1", "content": [text("out")]}
    told = only(
        message("user", "said", "<turn_meta>\nnoise</turn_meta>"),
        message("user", "<turn_meta>\nnothing else</turn_meta>"),
        message(
            "assistant",
            {"type": "thinking", "thinking": "hm"},
            {"type": "tool_use", "name": "bash", "input": {"command": "ls"}},
            {"type": "image", "source": {"media_type": "image/png", "data": "AA"}},
            {"type": "new"},
        ),
        message("user", result, {**result, "content": "", "content_blocks": [text("more")]}),
        message("user", "look", result),
        message("assistant_interrupted", "cut"),
        {"role": "developer", "content": "plain"},
        {"role": "system", "content": None},
    )
    assert [(one.role, one.content, one.hidden) for one in told.messages] == [
        ("user", "said", False),
        ("user", "<turn_meta>\nnothing else</turn_meta>", True),
        (
            "assistant",
            (
                '[thinking] hm\n\n[tool call: bash] {"command": "ls"}\n\n'
                "[image: image/png]\n\n[other: new]"
            ),
            False,
        ),
        ("tool", "out\n\nmore", False),
        ("user", "look\n\n[other: tool result] out", False),
        ("assistant", "cut", False),
        ("developer", "plain", False),
        ("system", "", False),
    ]


def test_forks_and_archived_sessions() -> None:
    given = session([message("user", "a")], parent_session_id="s-0", archived=True)
    known = of(given).only().session
    assert (known.parent_session_id, known.relation) == ("s-0", Relation.FORK)
    assert (known.source, known.archived) == (SessionSource.FORK, True)


def test_odd_entries_are_noted_and_told_once() -> None:
    entries = [
        entry("a", None),
        7,
        entry("b", "gone"),
        entry("a", None),
        entry("a", "b", message=message("user", "another")),
        {"kind": "message"},
        entry("c", "c"),
    ]
    told = of(session([], entries, "gone"))
    assert told.only().tree() == [("a", None), ("b", "a"), ("a:5", "b"), ("c", "a:5")]
    assert told.only().session.leaf == "c"
    assert {note: found.lines for note, found in told.notes.items()} == {
        Note.BAD_LINE: (2, 6),
        Note.DANGLING_PARENT: (3, 7),
        Note.DUPLICATE: (4, 5),
    }


def test_damage_costs_one_message() -> None:
    given = session([message("user", "a"), message("user", "b"), message("user", "c")])
    told = of(given.replace('"text": "b"', '"text": b', 1))
    assert [one.content for one in told.only().path()] == ["a", "c"]
    assert told.notes[Note.BAD_LINE].times == 1
    torn = of(given[: given.index('"text": "c"')])
    assert [one.content for one in torn.messages] == ["a", "b"]
    assert torn.only().session.title == "A title"
    assert torn.notes[Note.TORN_TAIL].times == 1


def test_damage_among_the_messages_leaves_the_journal() -> None:
    given = session([message("user", "a")], [entry("a", None), entry("b", "a")], "a")
    told = of(given.replace('"text": "a"', '"text": a', 1))
    assert told.only().tree() == [("a", None), ("b", "a")]
    assert told.notes[Note.BAD_LINE].times == 1


def test_without_metadata_the_file_names_the_session() -> None:
    told = read("codewhale", json.dumps({"messages": [message("user", "a")]}), name="x/own.json")
    known = told.only().session
    assert (known.session_id, known.created_at) == ("own", CHANGED)


def test_its_places_leave_out_what_stands_beside_the_sessions(tmp_path: Path) -> None:
    kept = [".codewhale/sessions/a.json", ".deepseek/sessions/b.json"]
    beside = [
        ".codewhale/sessions/session_boot_owners.json",
        ".codewhale/sessions/checkpoints/latest.json",
        ".codewhale/sessions/.archive/a.json",
        ".codewhale/sessions/a/state.json",
        ".deepseek/sessions/a.json",
    ]
    for name in (*kept, *beside):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    known = format_of("codewhale")
    assert list(known.places({}, tmp_path)) == [tmp_path / name for name in kept]
    is_file = {name: known.is_file(tmp_path / name) for name in (*kept, *beside[:3])}
    assert is_file == dict.fromkeys(kept, True) | dict.fromkeys(beside[:3], False)
    own = {"CODEWHALE_HOME": str(tmp_path / ".deepseek")}
    assert {path.name for path in known.places(own, tmp_path)} == {"a.json", "b.json"}


def test_it_is_known_by_its_metadata() -> None:
    assert detected("codewhale", session([]), "-")
    assert not detected("codewhale", json.dumps({"messages": [message("user", "a")]}))


@needs_samples
def test_a_real_session() -> None:
    path = SAMPLES / "codewhale" / "work_graph_session_v1_reader.json"
    told = read("codewhale", path)
    known = told.only().session
    assert (told.messages, known.leaf, known.title) == ([], None, "Work Graph old-reader fixture")
    assert known.session_id == "11111111-2222-4333-8444-555555555555"
