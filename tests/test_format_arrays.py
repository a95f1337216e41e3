"""JSON that is walked through piece by piece, wherever the pieces are cut as they are read."""

from __future__ import annotations

import json
import time

import pytest

from agentstate.formats.arrays import Walk
from agentstate.formats.documents import document, outline
from agentstate.formats.notes import Note, Notes
from agentstate.formats.reading import Reading
from agentstate.formats.windows import CHUNK
from format_support import read, source_of


def chats(text: str, count: int) -> str:
    return json.dumps([{"messages": [{"role": "user", "content": text}]} for _ in range(count)])


@pytest.mark.parametrize("before", range(8))
@pytest.mark.parametrize("text", ["世界", "\U0001f600 \\ud83d\\ude00", "\\\\\\n 1.25e-3 true null"])
def test_a_piece_may_be_cut_anywhere_as_it_is_read(before: int, text: str) -> None:
    start, whole = (
        " " * (CHUNK - 62 - before),
        f'[{{"messages": [{{"role": "user", "n": [12, true], "content": "{text}"}}]}}]',
    )
    told = read("openai", start + whole)
    assert told.messages[0].content == json.loads(whole)[0]["messages"][0]["content"]
    assert told.notes == {}


def test_a_piece_may_be_longer_than_what_is_read_at_once() -> None:
    text = "x" * (2 * CHUNK + 7)
    told = read("openai", chats(text, 3))
    assert [one.content for one in told.messages] == [text] * 3


def test_damage_may_be_longer_than_what_is_read_at_once() -> None:
    text = "x" * (2 * CHUNK + 7)
    damaged = chats(text, 3).replace('": "user"', '": user', 1)
    told = read("openai", damaged)
    assert len(told.sessions) == 2
    assert told.notes[Note.BAD_LINE].lines == (1,)


@pytest.mark.parametrize(
    "hostile", ['{"a":', '{"messages":[', "[", '{"', "{ ", '"', "\\", '{"a":"', "{}", "1 "]
)
def test_nothing_takes_long(hostile: str) -> None:
    good = chats("hi", 1)[1:-1]
    given = f"{hostile * (100_000 // len(hostile))}\n{good}\n"
    begun = time.monotonic()
    read("openai", given)
    assert time.monotonic() - begun < 10


def test_a_document_gives_its_lists_and_its_values() -> None:
    given = '{"a": 1, "in": {"b": 2, "list": [{"x": 1.10}, 7]}, "other": [3], "list2": 5} {"a": 2}'
    notes = Notes()
    found = document(
        Reading(source_of(given, "x"), notes), dict.fromkeys(["list", "list2"], bool), "in"
    )
    assert found.values == {"a": 1, "b": 2, "other": [3], "list2": 5}
    assert [piece.text for piece in found.records["list"]] == ['{"x": 1.10}', "7"]
    assert list(notes.found()) == [Note.SEVERAL_OBJECTS, Note.UNKNOWN_RECORD]


def test_an_outline_tells_what_is_there() -> None:
    assert outline(b'[{"a": 1, "list": [1, {"b": 2}, {"c"') == {"a": 1, "list": [1, {"b": 2}]}
    assert outline(b'{"a": {"b": ') == {"a": None}
    assert outline(b"\xef\xbb\xbf \n[]") == outline(b"") == outline(b"nothing") == {}


def test_the_number_is_a_line_or_a_place() -> None:
    for given, numbers in (
        ('{}\n\n{}\n{"a":\n1}\n{}', [1, 3, 4, 6]),
        ("[{},\n\n{}, {}]", [1, 2, 3]),
    ):
        found = []
        with Walk(Reading(source_of(given, "x"))) as walk:
            while walk.next_object(bool):
                found.append(walk.number)
                walk.value()
        assert found == numbers
