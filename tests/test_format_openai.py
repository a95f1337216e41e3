"""Conversations of chat-completions: many in a file, and without ids of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentstate.formats.notes import Note
from agentstate.records import SessionSource
from format_support import CHANGED, SAMPLES, detected, lines, needs_samples, read

Messages = list[dict[str, Any]]


def chat(*texts: str, **more: object) -> dict[str, Any]:
    roles = ("user", "assistant")
    said = [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]
    return {"messages": said} | more


def ids(*given: object, name: str = "/x/chat.jsonl") -> list[str]:
    return [one.session_id for one in read("openai", given, name=name).sessions]


FIRST, SECOND = chat("hi", "hello"), chat("bye", "see you")


@pytest.mark.parametrize(
    "given",
    [
        lines(FIRST, SECOND),
        json.dumps([FIRST, SECOND]).encode(),
        json.dumps([FIRST, SECOND], indent=2).encode(),
        json.dumps(FIRST, indent=2).encode() + json.dumps(SECOND, indent=2).encode(),
    ],
)
def test_conversations_stand_on_lines_or_in_a_list(given: bytes) -> None:
    told = read("openai", given)
    assert [[one.content for one in each.path()] for each in told.conversations] == [
        ["hi", "hello"],
        ["bye", "see you"],
    ]
    known = told.sessions[0]
    assert (known.preview, known.title, known.source) == ("hi", "hi", SessionSource.API)
    assert not known.is_named, "its first words are no name"
    assert known.created_at == known.updated_at == CHANGED
    assert told.messages[0].item == json.dumps(FIRST["messages"][0], indent=None) or b"\n " in given
    assert Note.BAD_LINE not in told.notes


def test_what_an_object_says_of_itself() -> None:
    given = chat("hi", id="own", title="T", model="gpt-4o", created=1767323045)
    known = read("openai", [given]).only().session
    assert (known.session_id, known.title, known.model_provider) == ("own", "T", "openai")
    assert known.created_at == 1767323045
    assert ids(chat("hi", id=7)) == ["7"]


def test_who_says_what() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    messages: Messages = [
        {"role": "system", "content": "be kind"},
        {"role": "developer", "content": [{"type": "text", "text": "be brief"}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                {"type": "input_audio", "input_audio": {}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [call, 7]},
        {"role": "tool", "tool_call_id": "1", "content": "out"},
        {"role": "assistant", "content": None, "function_call": {"name": "g", "arguments": "{}"}},
        {"role": "function", "name": "g", "content": "done"},
        {"role": "assistant", "content": None, "refusal": "no", "reasoning_content": "hm"},
        {"role": "assistant", "tool_calls": [{"custom": {"name": "c", "input": "x"}}]},
        {"role": "narrator", "content": "odd"},
    ]
    told = read("openai", [{"messages": messages}]).only()
    assert [(one.role, one.content) for one in told.path()] == [
        ("system", "be kind"),
        ("developer", "be brief"),
        (
            "user",
            (
                "look\n\n[image: image/png]\n\n[image: url]\n\nhttps://example.org/a.png\n\n"
                "[other: input_audio]"
            ),
        ),
        ("assistant", '[tool call: f] {"a": 1}'),
        ("tool", "out"),
        ("assistant", "[tool call: g] {}"),
        ("tool", "done"),
        ("assistant", "[thinking] hm\n\n[other: refusal] no"),
        ("assistant", "[tool call: c] x"),
        ("system", "odd"),
    ]
    assert told.session.preview == "look"
    assert told.hidden() == 0


def test_ids_stay_when_the_file_grows() -> None:
    first = ids(FIRST, SECOND)
    longer = chat("hi", "hello", "and now?", "later")
    assert ids(longer, SECOND, chat("new"))[:2] == first
    assert ids(chat("in front"), FIRST, SECOND)[1:] == first
    assert ids(FIRST, SECOND, FIRST, FIRST)[:2] == first
    assert len(set(ids(FIRST, SECOND, FIRST, FIRST))) == 4
    before = read("openai", [FIRST]).only().tree()
    assert read("openai", [longer]).only().tree()[:2] == before


def test_files_do_not_share_ids() -> None:
    assert ids(FIRST) != ids(FIRST, name="/y/chat.jsonl")
    assert ids(FIRST, name="-") == ids(FIRST, SECOND, name="-")[:1]


def test_a_path_names_a_file_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chat.jsonl").write_bytes(lines(FIRST))
    monkeypatch.chdir(tmp_path)
    paths = (Path("chat.jsonl"), tmp_path / "chat.jsonl", tmp_path / "x" / ".." / "chat.jsonl")
    (tmp_path / "x").mkdir()
    assert len({read("openai", path).only().session.session_id for path in paths}) == 1


def test_a_message_that_was_changed_is_another_one() -> None:
    before = read("openai", [chat("a", "b", "c", "d")]).only()
    after = read("openai", [chat("a", "b", "x", "d")]).only()
    assert before.session.session_id == after.session.session_id
    assert before.tree()[:2] == after.tree()[:2]
    assert not {one.native_id for one in before.messages[2:]} & set(after.by_id())


def test_an_id_that_comes_again() -> None:
    told = read("openai", [chat("a", id="x"), chat("a", id="x"), chat("b", id="x")])
    assert [one.session_id for one in told.sessions] == ["x", "x:3"]
    assert told.notes[Note.DUPLICATE].lines == (2, 3)


def test_messages_that_stand_alone_are_one_conversation() -> None:
    given = lines(*FIRST["messages"], *SECOND["messages"])
    told = read("openai", given).only()
    assert [one.content for one in told.path()] == ["hi", "hello", "bye", "see you"]
    assert detected("openai", given)
    mixed = read("openai", [*FIRST["messages"], SECOND, *FIRST["messages"]])
    assert [len(one.messages) for one in mixed.conversations] == [2, 2, 2]


def test_damage_costs_one_conversation() -> None:
    torn = json.dumps(FIRST)[:-5]
    told = read("openai", lines(FIRST, torn, SECOND, {"x": 1}, "7", torn))
    assert [one.preview for one in told.sessions] == ["hi", "bye"]
    assert {note: found.lines for note, found in told.notes.items()} == {
        Note.BAD_LINE: (2, 5, 6),
        Note.UNKNOWN_RECORD: (4,),
    }
    told = read("openai", f"[{json.dumps(FIRST)},{torn},{json.dumps(SECOND)}]")
    assert [one.preview for one in told.sessions] == ["hi", "bye"]
    assert told.notes[Note.BAD_LINE].lines == (2,)
    told = read("openai", b'{"messages": [{"role":\n' + lines(FIRST) + b"\n}\n" + lines(SECOND))
    assert [one.preview for one in told.sessions] == ["hi", "bye"]
    told = read("openai", [{"messages": [7, {"content": "nobody"}, *FIRST["messages"]]}])
    assert [one.content for one in told.messages] == ["hi", "hello"]
    assert told.notes[Note.BAD_LINE].times == 2


def test_large_images_are_left_out_of_the_record() -> None:
    url = "data:image/png;base64," + "A" * 100_000
    content = [{"type": "image_url", "image_url": {"url": url}}]
    given = [{"messages": [{"role": "user", "content": content}]}]
    told = read("openai", given)
    assert '"omitted":"image/png"' in (told.messages[0].item or "")
    assert told.messages[0].content == "[image: image/png]"
    assert told.notes[Note.IMAGE_LEFT_OUT].times == 1
    assert url in (read("openai", given, keep_images=True).messages[0].item or "")


def test_it_is_known_by_its_messages() -> None:
    assert detected("openai", [FIRST], "-")
    assert detected("openai", json.dumps([FIRST], indent=1), "-")
    assert not detected("openai", json.dumps({"sessionId": "x", "messages": []}))


@needs_samples
def test_a_real_file() -> None:
    told = read("openai", SAMPLES / "openai-chat" / "toy_chat_fine_tuning.first4.jsonl")
    assert [len(one.path()) for one in told.conversations] == [3, 9, 2, 2]
    assert told.notes == {}
