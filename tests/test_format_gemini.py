"""Chats of Gemini CLI: one object, or a log that is written again and rewound."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from agentstate.formats.events import Relation
from agentstate.formats.notes import Note
from agentstate.formats.registry import format_of
from format_support import SAMPLES, Read, detected, lines, needs_samples, read
from sessions import contents, merge

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate import StateStore

TIME = "2026-01-02T03:04:05Z"
HEADER = {"sessionId": "s-1", "projectHash": "0", "startTime": TIME, "lastUpdated": TIME}


def said(own: str, kind: str = "user", content: object = None, **more: object) -> dict[str, Any]:
    text = own if content is None else content
    return {"id": own, "timestamp": TIME, "type": kind, "content": text} | more


def log(*records: object) -> Read:
    return read("gemini", [HEADER, *records], name="session-1.jsonl")


def test_a_log_is_a_chain() -> None:
    told = log(said("a"), {"$set": {"lastUpdated": "2026-01-03T03:04:05Z"}}, said("b", "gemini"))
    assert told.only().tree() == [("a", None), ("b", "a")]
    known = told.only().session
    assert (known.session_id, known.leaf, known.preview) == ("s-1", "b", "a")
    assert (known.created_at, known.updated_at) == (1767323045, 1767409445)
    assert known.model_provider == "google"


@pytest.mark.parametrize("indent", [None, 2])
def test_an_object_gives_what_a_log_gives(indent: int | None) -> None:
    records = [said("a"), said("b", "gemini", [{"text": "x"}, {"text": "y"}])]
    known = HEADER | {"messages": records, "summary": "About it", "directories": ["/home/dev"]}
    told = read("gemini", json.dumps(known, indent=indent), name="-").only()
    assert told.tree() == [("a", None), ("b", "a")]
    assert told.messages[1].content == "x\n\ny"
    assert (told.session.title, told.session.cwd) == ("About it", "/home/dev")
    assert json.loads(told.messages[0].item or "") == records[0]


def test_a_rewind_drops_a_message_and_all_after_it_into_a_branch() -> None:
    first = [said("a"), said("b", "gemini"), said("c"), said("d", "gemini")]
    told = log(*first, {"$rewindTo": "c"}, said("e")).only()
    assert told.tree() == [("a", None), ("b", "a"), ("c", "b"), ("d", "c"), ("e", "b")]
    assert [one.native_id for one in told.path()] == ["a", "b", "e"]
    assert log(said("a"), said("b"), {"$rewindTo": "b"}).only().session.leaf == "a"
    everything = log(said("a"), said("b"), {"$rewindTo": "a"})
    assert everything.only().session.leaf == "a"
    anew = log(said("a"), {"$rewindTo": "a"}, said("b")).only()
    assert anew.tree() == [("a", None), ("b", None)]
    unknown = log(said("a"), {"$rewindTo": "gone"}, said("b"))
    assert unknown.only().tree() == [("a", None), ("b", "a")]
    assert unknown.notes[Note.DANGLING_PARENT].lines == (3,)


def test_a_message_written_again_keeps_its_place_and_its_last_text() -> None:
    told = log(
        said("a"), said("b", "gemini", ""), said("c"), said("b", "gemini", "full"), said("d")
    )
    assert [(one.native_id, one.parent, one.content) for one in told.messages] == [
        ("a", None, "a"),
        ("b", "a", "full"),
        ("c", "b", "c"),
        ("d", "c", "d"),
    ]
    assert told.notes == {}
    torn = log(said("a"), said("b", "gemini", "half"), said("c"), '{"id":"b","timestamp":"20')
    assert [one.content for one in torn.messages] == ["a", "half", "c"]
    other_order = {"type": "user", **said("a", content="later")}
    late = log(said("a"), dict(reversed(other_order.items())))
    assert [one.content for one in late.messages] == ["a"]
    assert late.notes[Note.DUPLICATE].lines == (3,)


def test_what_a_set_tells_the_model_is_kept_once_and_drops_nothing() -> None:
    told = log(
        {"$set": {"messages": [said("s", content=[{"text": "<session_context>\nToday"}])]}},
        said("a"),
        said("b", "gemini"),
        {"$set": {"messages": [said("x", content="<state_snapshot>"), said("y", content="a")]}},
        said("c"),
        {"$set": {"messages": []}},
        {"$rewindTo": "y"},
        said("d"),
    ).only()
    assert [(one.native_id, one.parent, one.hidden) for one in told.messages] == [
        ("s", None, True),
        ("a", "s", False),
        ("b", "a", False),
        ("x", "b", True),
        ("y", "x", False),
        ("c", "y", False),
        ("d", "x", False),
    ]


def test_a_message_in_a_set_is_known_by_its_id_whatever_was_said_before() -> None:
    given = [said("u1", content="yes"), said("a1", "gemini")]
    more = [said("u9", content="yes"), said("a9", "gemini")]
    told = log(*given, {"$set": {"messages": [*given, *more]}}, {"$set": {"messages": more}})
    assert told.only().tree() == [("u1", None), ("a1", "u1"), ("u9", "a1"), ("a9", "u9")]
    assert told.only().session.leaf == "a9"
    assert told.notes == {}
    later = log(*given, {"$set": {"messages": [*given, *more]}}, said("u9", content="yes!"))
    assert [one.content for one in later.messages] == ["yes", "a1", "yes!", "a9"]
    masked = log(*given, {"$set": {"messages": [said("u1", content="[masked]")]}})
    assert [one.content for one in masked.messages] == ["yes", "a1"]


def test_a_message_in_a_set_that_has_no_id_is_known_by_its_words() -> None:
    def unnamed(text: str) -> dict[str, str]:
        return {"type": "user", "content": text}

    given = {"$set": {"messages": [unnamed("yes"), unnamed("yes"), unnamed("no")]}}
    told = log(said("u1", content="yes"), given, given).only()
    assert [one.content for one in told.messages] == ["yes", "yes", "no"]
    named = {"$set": {"messages": [unnamed("yes"), said("u1", content="yes")]}}
    told = log(said("u1", content="yes"), named, {"$rewindTo": "u1"}, given).only()
    assert [one.content for one in told.messages] == ["yes", "yes", "yes", "yes", "no"]
    assert [one.content for one in told.path()] == ["yes", "yes", "no"]


def test_an_id_that_a_list_has_twice_names_two_messages_unless_they_say_the_same() -> None:
    given = [said("a", content="one"), said("a", content="two"), said("a", content="two")]
    whole = read("gemini", json.dumps(HEADER | {"messages": given}), name="f.json")
    for told in (whole, log({"$set": {"messages": given}})):
        assert told.only().tree() == [("a", None), ("a:2", "a")]
        assert [one.content for one in told.messages] == ["one", "two"]
        assert told.notes[Note.DUPLICATE].times == 2


REWOUND: list[dict[str, Any]] = [
    said("u1"), said("a1", "gemini"), said("u2", content="x"), said("a2", "gemini"),
    {"$rewindTo": "u2"},
]  # fmt: skip


def test_a_message_that_is_said_otherwise_after_it_was_dropped_is_another() -> None:
    told = log(
        *REWOUND,
        said("u2", content=""),
        said("u2", content="x2"),
        said("a3", "gemini"),
        {"$rewindTo": "u2"},
        {"$set": {"messages": [said("u1"), said("u2", content="x3")]}},
    )
    assert [(one.native_id, one.parent, one.content) for one in told.messages] == [
        ("u1", None, "u1"),
        ("a1", "u1", "a1"),
        ("u2", "a1", "x"),
        ("a2", "u2", "a2"),
        ("u2:2", "a1", "x2"),
        ("a3", "u2:2", "a3"),
        ("u2:3", "a1", "x3"),
    ]
    assert told.only().session.leaf == "u2:3"
    assert told.notes == {}


def test_a_message_that_is_said_again_where_it_was_dropped_is_the_same() -> None:
    again = log(*REWOUND, said("u2", content="x"), said("a3", "gemini"))
    assert again.only().tree()[2:] == [("u2", "a1"), ("a2", "u2"), ("a3", "u2")]
    assert [one.native_id for one in again.only().path()] == ["u1", "a1", "u2", "a3"]
    more = log(*REWOUND, said("u2", content="x"), said("u2", content="x and more"))
    assert [one.content for one in more.messages] == ["u1", "a1", "x and more", "a2"]
    elsewhere = log(*REWOUND, said("u3"), said("u2", content="x"))
    assert elsewhere.only().tree()[4:] == [("u3", "a1"), ("u2:2", "u3")]
    assert (again.notes, more.notes, elsewhere.notes) == ({}, {}, {})


def test_a_log_that_grows_keeps_the_ids_and_places_of_all_that_was_there(
    store: StateStore,
) -> None:
    given = [
        *REWOUND,
        said("u2", content="x2"),
        said("u2", content="x3"),
        {"$set": {"messages": [said("u9", content="x"), {"type": "user", "content": "x"}]}},
        {"$rewindTo": "u2"},
        said("u2", content="x3"),
        said("u2", content="x4"),
        said("u9", content="x"),
    ]
    whole = log(*given).only().tree()
    for count in range(1, len(given) + 1):
        part = log(*given[:count]).only()
        assert part.tree() == whole[: len(part.messages)]
        merge(store, [part.start, *part.messages, part.session])
    again = merge(store, [part.start, *part.messages, part.session])
    assert (again.added, again.updated) == (0, 0)
    assert contents(store) == ["u1", "a1", "x4", "x"]
    assert sorted(message.content for message in store.messages.all("s-1")) == sorted(
        ["u1", "a1", "x", "a2", "x4", "x", "x"]
    )
    assert [native for native, _ in whole[4:]] == ["u2:2", "u9", "9:5"]


def test_the_title_is_the_summary_or_else_the_first_words_which_name_nothing() -> None:
    words = said("a", content="  please\n do it " + "x" * 100)
    hidden = said("h", content="<session_context>\nToday")
    session = log(hidden, words).only().session
    assert (session.title, session.is_named) == ("please do it " + "x" * 66 + "…", False)
    named = log(words, {"$set": {"summary": "About\nit"}}).only().session
    assert (named.title, named.is_named) == ("About it", True)
    empty = log(words, {"$set": {"summary": " "}}).only().session
    assert (empty.title, empty.is_named) == (session.title, False)
    assert log(hidden).only().session.title is None


def test_who_says_what() -> None:
    call = {
        "id": "1",
        "name": "run",
        "args": {"command": "ls"},
        "result": [{"functionResponse": {"response": {"output": "out"}}}],
    }
    called = {"functionCall": {"name": "f"}}
    answer = {"functionResponse": {"response": {"output": "out"}}}
    told = log(
        said("a", content=[{"text": "see"}, {"inlineData": {"mimeType": "image/png"}}]),
        said("b", "gemini", "", toolCalls=[call], thoughts=[{"subject": "S", "description": "d"}]),
        said("c", "gemini", "", toolCalls=[{"name": "edit", "resultDisplay": "changed"}, 7]),
        said("d", content=[answer]),
        said("e", "info", "note"),
        said("f", "error", "boom"),
        said("g", content="expanded", displayContent=[{"text": "typed"}]),
        said("h", "gemini", [{"text": "t", "thought": True}, called, answer]),
        said("i", content={"fileData": {}}),
    )  # fmt: skip
    assert [(one.role, one.content) for one in told.messages] == [
        ("user", "see\n\n[image: image/png]"),
        (
            "assistant",
            '[thinking] S\nd\n\n[tool call: run] {"command": "ls"}\n\n[other: result of run] out',
        ),
        ("assistant", "[tool call: edit]\n\n[other: result of edit] changed"),
        ("tool", "out"),
        ("system", "note"),
        ("system", "boom"),
        ("user", "typed"),
        ("assistant", "[thinking] t\n\n[tool call: f]\n\n[other: tool result] out"),
        ("user", "[other: fileData]"),
    ]


def test_damage_costs_itself() -> None:
    told = read(
        "gemini", lines('{"sessionId":"s', said("a"), "{", {"x": 1}, said("b")), name="f.jsonl"
    )
    assert told.only().tree() == [("a", None), ("b", "a")]
    assert told.only().session.session_id == "f"
    assert told.notes[Note.BAD_LINE].lines == (1, 3)
    assert told.notes[Note.UNKNOWN_RECORD].lines == (4,)
    text = json.dumps(HEADER | {"messages": [said("a"), said("b"), said("c")]}, indent=1)
    told = read("gemini", text.replace('"id": "b"', '"id": b'), name="f.json")
    assert [one.native_id for one in told.messages] == ["a", "c"]
    assert told.notes[Note.BAD_LINE].times == 1


@pytest.mark.parametrize("indent", [None, 2])
def test_what_is_no_message_is_noted_at_its_place(indent: int | None) -> None:
    given = [None, 5, "x", said("a"), {}, said("b", "zzz"), {"id": "c", "content": "c"}, said("a")]
    known = HEADER | {"messages": [*given, [said("d")]]}
    told = read("gemini", json.dumps(known, indent=indent), name="f.json")
    assert [(one.role, one.content) for one in told.only().messages] == [
        ("user", "a"),
        ("system", "b"),
        ("system", "c"),
    ]
    assert told.notes == {
        Note.BAD_LINE: (5, (1, 2, 3, 5, 9)),
        Note.UNKNOWN_RECORD: (2, (6, 7)),
        Note.DUPLICATE: (1, (8,)),
    }


def test_what_a_set_holds_that_is_no_message_is_noted_at_its_line() -> None:
    told = log(said("a"), {"$set": {"messages": [said("a"), None, said("b", "zzz")]}})
    assert [one.content for one in told.only().messages] == ["a", "b"]
    assert told.notes == {Note.BAD_LINE: (1, (3,)), Note.UNKNOWN_RECORD: (1, (3,))}


def test_a_subagent_is_below_the_chat_that_names_its_folder() -> None:
    given = lines(HEADER | {"kind": "subagent"}, said("a"))
    known = read("gemini", given, name="/x/chats/parent-1/s.jsonl").only().session
    assert (known.parent_session_id, known.relation) == ("parent-1", Relation.SUBAGENT)


def test_its_places_are_the_chats_of_all_projects(tmp_path: Path) -> None:
    for name in ("a/chats/s.json", "b/chats/p/s.jsonl", "b/logs.json", "b/chats/notes.txt"):
        path = tmp_path / ".gemini" / "tmp" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [path.suffix for path in format_of("gemini").places({}, tmp_path)]
    assert sorted(found) == [".json", ".jsonl"]


def test_it_is_known_by_its_header_or_its_records() -> None:
    assert detected("gemini", [HEADER], "-")
    assert detected("gemini", [said("a")], "-")
    assert detected("gemini", json.dumps(HEADER | {"messages": []}, indent=2), "-")
    assert not detected("gemini", [{"sessionId": "x", "messageId": 1, "type": "user"}])


@needs_samples
def test_real_chats() -> None:
    counts = {
        path.name: (len(one.messages), one.branch_points(), len(one.path()), one.hidden())
        for path in sorted((SAMPLES / "gemini").iterdir())
        for one in [read("gemini", path).only()]
    }
    assert counts == {
        "agent-sessions-v040.jsonl": (3, 0, 3, 0),
        "session-2025-10-29T10-36-453aa339.json": (5, 0, 5, 0),
    }
