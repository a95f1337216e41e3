"""Conversations exported from ChatGPT: their trees, their contents, and lists that are damaged."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from agentstate.formats.notes import Note
from agentstate.formats.reading import Reading
from agentstate.formats.registry import format_of
from format_support import CHANGED, SAMPLES, Read, detected, needs_samples, read, source_of

Nodes = dict[str, dict[str, Any]]


def node(
    parent: str | None,
    *children: str,
    role: str = "user",
    text: str | None = None,
    **more: object,
) -> dict[str, Any]:
    """Return a node; without a text it has no message."""
    content = {"content_type": "text", "parts": [text]}
    message = {"author": {"role": role}, "create_time": 100.5, "content": content} | more
    return {
        "message": message if text is not None else None,
        "parent": parent,
        "children": list(children),
    }


def conversation(mapping: Nodes, **more: object) -> dict[str, Any]:
    known: dict[str, Any] = {"title": "T", "create_time": 90.25, "update_time": 200.0}
    return known | {"mapping": mapping, "current_node": "", "id": "c-1"} | more


def of(*conversations: object) -> Read:
    return read("chatgpt", json.dumps(conversations), name="conversations.json")


BRANCHED: Nodes = {
    "d": node("b", text="again", role="user"),
    "c": node("b", text="first", role="user"),
    "root": node(None, "a"),
    "b": node("a", "c", "d", text="hello", role="assistant"),
    "a": node("root", "b", text="hi"),
}


def test_the_tree_is_told_from_its_root_in_the_order_of_children() -> None:
    told = of(conversation(BRANCHED, current_node="c")).only()
    assert told.tree() == [("a", None), ("b", "a"), ("c", "b"), ("d", "b")]
    session = told.session
    assert (session.session_id, session.leaf, session.title) == ("c-1", "c", "T")
    assert (session.created_at, session.updated_at) == (90, 200)
    assert (session.preview, session.model_provider, session.archived) == ("hi", "openai", False)
    assert {message.created_at for message in told.messages} == {100}
    assert json.loads(told.messages[0].item or "") == BRANCHED["a"]


def test_a_node_without_a_message_is_taken_out_and_the_leaf_moves_up() -> None:
    mapping = {
        "root": node(None, "a"),
        "a": node("root", "gap", text="hi"),
        "gap": node("a", "b", "end"),
        "b": node("gap", text="hello", role="assistant"),
        "end": node("gap"),
    }
    told = of(conversation(mapping, current_node="end")).only()
    assert told.tree() == [("a", None), ("b", "a")]
    assert told.session.leaf == "a"


@pytest.mark.parametrize("current", ["gone", None, "root", 7])
def test_without_a_current_node_it_goes_on_at_the_newest_leaf(current: object) -> None:
    mapping = BRANCHED | {"c": node("b", text="first", create_time=999)}
    assert of(conversation(mapping, current_node=current)).only().session.leaf == "c"


def test_what_no_root_leads_to_is_told_once_and_noted() -> None:
    mapping = {
        "a": node(None, text="a root"),
        "lost": node("gone", "below", text="lost"),
        "below": node("lost", text="below"),
        "tail": node("x", text="below a cycle"),
        "x": node("y", "y", "tail", text="x"),
        "y": node("x", "x", text="y"),
        "self": node("self", "self", text="self"),
    }
    told = of(conversation(mapping, current_node="a"))
    tree = told.only().tree()
    assert dict(tree) == {
        "a": None, "lost": None, "below": "lost", "x": None, "y": "x", "tail": "x", "self": None
    }  # fmt: skip
    assert told.notes[Note.DANGLING_PARENT].times == 3


def test_a_parent_may_know_its_child_better_than_the_child() -> None:
    mapping = {"a": node(None, "b", text="a"), "b": node("gone", text="b")}
    told = of(conversation(mapping))
    assert told.only().tree() == [("a", None), ("b", "a")]
    assert told.notes == {}


def test_a_tree_may_be_deep() -> None:
    depth = 3_000
    mapping = {str(at): node(str(at - 1) if at else None, text=str(at)) for at in range(depth)}
    assert len(of(conversation(mapping)).only().path(str(depth - 1))) == depth


def test_times_that_are_missing_are_those_of_the_parent() -> None:
    mapping = {
        "a": node(None, "b", text="a", create_time=None),
        "b": node("a", "c", text="b", create_time=150),
        "c": node("b", text="c", create_time="soon"),
    }
    told = of(conversation(mapping))
    assert [message.created_at for message in told.messages] == [90, 150, 150]
    assert told.notes[Note.BAD_TIME].times == 1
    bare = of({"mapping": {"a": node(None, text="a", create_time=None)}}).only()
    assert bare.session.created_at == bare.messages[0].created_at == CHANGED


def test_hidden_messages_and_archived_conversations() -> None:
    metadata = {"is_visually_hidden_from_conversation": True, "model_slug": "gpt-4"}
    mapping = {"a": node(None, "b", text="put in", metadata=metadata), "b": node("a", text="said")}
    told = of(conversation(mapping, is_archived=True)).only()
    assert [message.hidden for message in told.messages] == [True, False]
    assert (told.session.preview, told.session.archived) == ("said", True)


def test_a_message_of_the_system_that_says_nothing_is_hidden() -> None:
    image = {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}]}
    mapping = {
        "a": node(None, "b", text="", role="system"),
        "b": node("a", "c", text=" \n", role="system"),
        "c": node("b", "d", text="Be brief", role="system"),
        "d": node("c", "e", text="", role="system", content=image),
        "e": node("d", "f", text="", role="assistant"),
        "f": node("e", text="hi"),
    }
    told = of(conversation(mapping, current_node="f")).only()
    assert [message.hidden for message in told.messages] == [True, True] + [False] * 4
    assert len(told.path()) == 6
    alone = of(conversation({"a": node(None, text="", role="system")}, current_node="a")).only()
    assert (alone.session.leaf, alone.hidden()) == ("a", 1)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"content_type": "text"}, ""),
        ({"content_type": "text", "parts": ["one", "", "two"]}, "one\n\ntwo"),
        ({"content_type": "code", "language": "python", "text": "1 + 1"}, "1 + 1"),
        ({"content_type": "execution_output", "text": "2"}, "2"),
        (
            {
                "content_type": "multimodal_text",
                "parts": [
                    {"content_type": "image_asset_pointer", "size_bytes": 12},
                    {"content_type": "audio_transcription", "text": "heard"},
                    {"content_type": "video_container_asset_pointer"},
                    "seen",
                ],
            },
            "[image: image] 12 bytes\n\nheard\n\n[other: video_container_asset_pointer]\n\nseen",
        ),
        (
            {"content_type": "tether_quote", "title": "T", "url": "u", "text": "q"},
            "[other: quote] T\nu\nq",
        ),
        (
            {"content_type": "tether_browsing_display", "result": "r", "summary": "s"},
            "[other: tether_browsing_display] r\ns",
        ),
        ({"content_type": "system_error", "name": "E", "text": "t"}, "[other: error] E\nt"),
        (
            {"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "c"}, 7]},
            "[thinking] s\nc",
        ),
        ({"content_type": "reasoning_recap", "content": "for 14 s"}, "[thinking] for 14 s"),
        (
            {"content_type": "user_editable_context", "user_profile": "p"},
            "[other: user_editable_context] p",
        ),
        ({"content_type": "new", "parts": "odd"}, "[other: new] odd"),
        (None, ""),
        ("plain", "plain"),
    ],
)  # fmt: skip
def test_the_text_of_each_type_of_content(content: object, text: str) -> None:
    mapping = {"a": node(None, text="", content=content, role="tool")}
    assert of(conversation(mapping)).messages[0].content == text


def test_what_is_said_to_a_tool_is_a_call() -> None:
    mapping = {
        "a": node(None, "b", text="print(1)", role="assistant", recipient="python"),
        "b": node("a", "c", text="1", role="tool", recipient="all"),
        "c": node("b", text="odd", role="critic"),
    }
    told = of(conversation(mapping))
    assert [(message.role, message.content) for message in told.messages] == [
        ("assistant", "[tool call: python] print(1)"),
        ("tool", "1"),
        ("system", "odd"),
    ]


ONE = json.dumps(conversation({"a": node(None, text="one {x")}))
TWO = json.dumps(conversation({"b": node(None, text='two "}, {')}, id="c-2"), indent=1)
UNQUOTED = TWO.replace('"two', "two", 1)
LAST = json.dumps(conversation({"c": node(None, text="last")}, id="c-3"))


MANY = "[" * 100_000


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (f"[{ONE},{TWO},{LAST}]", {}),
        (f"\ufeff[\n{ONE}\n,\n{TWO},{LAST}\n]\n\n", {}),
        (f"{ONE}\n{json.dumps(json.loads(TWO))}\n{LAST}\n", {}),
        (f"{ONE}\n{json.dumps(json.loads(TWO))} {LAST}\n", {Note.SEVERAL_OBJECTS: (2,)}),
        (f"[{ONE},{TWO[:-9]},{TWO},{LAST}]", {Note.BAD_LINE: (2,)}),
        (f"[{ONE},{UNQUOTED},{TWO},{LAST}]", {Note.BAD_LINE: (2,)}),
        (f"[{ONE},{TWO},junk {{}} x,{LAST}]", {Note.BAD_LINE: (3,)}),
        (f'[{ONE},7,{TWO},"}}",{LAST}]', {Note.BAD_LINE: (2, 4)}),
        (f"[{ONE},{{}},{TWO},{LAST}]", {Note.UNKNOWN_RECORD: (2,)}),
        (f"[{ONE},{ONE},{TWO},{LAST}]", {Note.DUPLICATE: (2,)}),
        (f"[{ONE},{TWO},{LAST},{ONE[:-20]}", {Note.TORN_TAIL: (4,)}),
        (f"[{ONE},{TWO},{LAST},", {Note.TORN_TAIL: (3,)}),
        (f"[{ONE},{TWO},{LAST},{MANY}", {Note.TORN_TAIL: (3,)}),
        (f"[[{ONE}],[{TWO},{LAST}]]", {}),
        (f'[{ONE},{TWO},{{"a": {MANY},{LAST}]', {Note.BAD_LINE: (3,)}),
    ],
)  # fmt: skip
def test_damage_costs_one_conversation(text: str, notes: dict[Note, tuple[int, ...]]) -> None:
    told = read("chatgpt", text)
    assert [one.session_id for one in told.sessions] == ["c-1", "c-2", "c-3"]
    assert [one.content for one in told.messages] == ["one {x", 'two "}, {', "last"]
    assert {note: found.lines for note, found in told.notes.items()} == notes


def test_a_node_that_is_not_one_costs_itself() -> None:
    mapping: dict[str, Any] = BRANCHED | {"x": 7, "y": {"message": "no", "parent": "a"}}
    told = of(conversation(mapping, current_node="d"))
    assert len(told.messages) == 4
    assert told.notes[Note.BAD_LINE].times == 2


def test_an_id_that_comes_again_with_other_messages_is_another_conversation() -> None:
    told = of(
        conversation({"a": node(None, text="a")}, id=None, conversation_id="c"),
        conversation({"b": node(None, text="b")}, id="c"),
        {"mapping": {"z": node(None, text="z")}},
    )
    assert [one.session_id for one in told.sessions][:2] == ["c", "c:2"]
    again = of({"mapping": {"z": node(None, text="z")}})
    assert again.sessions[0].session_id == told.sessions[2].session_id


def test_text_that_no_store_can_keep_is_mended() -> None:
    mapping = {
        "a\ud800": node(None, "b", text="x\ud83d"),
        "b": node("a\ud800", text="b", weight=float("inf")),
    }
    told = of(conversation(mapping))
    assert told.only().tree() == [("a\ufffd", None), ("b", "a\ufffd")]
    assert told.messages[0].content == "x\ufffd"
    assert told.notes[Note.BAD_NUMBER].times == 1
    bad = json.dumps([conversation({"a": node(None, text="<here>")})]).encode()
    told = read("chatgpt", bad.replace(b"<here>", b"\xff\xc3"))
    assert told.messages[0].content == "\ufffd\ufffd"
    assert told.notes[Note.NOT_UTF8].times == 1


def test_one_conversation_is_held_at_a_time() -> None:
    one = json.dumps(conversation({"a": node(None, text="é" * 100_000)}, id="<id>"))
    many = ",".join(one.replace("<id>", str(at)) for at in range(20))
    reading = Reading(source_of(f"[{many}]", "conversations.json"))
    size = len(many)
    tracemalloc.start()
    try:
        count = sum(1 for _ in format_of("chatgpt").read(reading))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 60
    assert peak < size / 2


def test_it_is_known_by_its_mapping() -> None:
    text = json.dumps([conversation(BRANCHED)])
    assert detected("chatgpt", text, "-")
    assert detected("chatgpt", json.dumps(conversation(BRANCHED), indent=2))
    assert not detected("chatgpt", [{"role": "user", "content": text}])


@needs_samples
def test_a_real_export() -> None:
    told = read("chatgpt", SAMPLES / "chatgpt" / "conversations.json")
    counts = [
        (len(one.messages), one.branch_points(), len(one.path()), one.hidden())
        for one in told.conversations
    ]
    assert counts == [(16, 1, 15, 1), (16, 1, 15, 1), (2, 0, 2, 1)] + 3 * [(3, 0, 3, 1)]
    assert told.notes == {}
