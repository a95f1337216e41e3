"""Lines as they are found: damaged, joined, torn, odd; no good object among them is lost."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from agentstate.formats.notes import Note, Noted, Notes
from agentstate.formats.reading import Reading, first_objects, moment
from agentstate.jsontext import JsonText, encode
from format_support import CHANGED, source_of


def found_in(data: bytes) -> tuple[list[dict[str, Any]], dict[Note, Noted]]:
    notes = Notes()
    values = [line.value for line in Reading(source_of(data, "x"), notes).lines()]
    return values, notes.found()


@pytest.mark.parametrize(
    ("data", "values", "notes"),
    [
        (b"", [], {}),
        (b"\n \n\r\n\t\n", [], {}),
        (b'{"a":1}\r\n{"b":2}', [{"a": 1}, {"b": 2}], {}),
        (b'\xef\xbb\xbf{"a":1}\n', [{"a": 1}], {}),
        (b'{"a":1}{"b":2} {"c":3}\n', [{"a": 1}, {"b": 2}, {"c": 3}], {"several_objects": [1]}),
        (b'{"a":1} x\n{"b":2}\n', [{"a": 1}, {"b": 2}], {"bad_line": [1]}),
        (b'x {"a":1}\n', [{"a": 1}], {"bad_line": [1]}),
        (b'[1]\n"x"\n3\nnull\n{"a":1}\n', [{"a": 1}], {"bad_line": [1, 2, 3, 4]}),
        (b'{"a":1}\n{"b":', [{"a": 1}], {"torn_tail": [2]}),
        (b'{"a":1}\n{"b":\n{"c":3}\n', [{"a": 1}, {"c": 3}], {"bad_line": [2]}),
        (b'{"a":"cut{"b":2}\n', [{"b": 2}], {"bad_line": [1]}),
        (b'{"a":1,{"b":{"c":3}}\n', [{"b": {"c": 3}}], {"bad_line": [1]}),
        (
            b'{"a":[{"b":2}{"c":3}\n',
            [{"b": 2}, {"c": 3}],
            {"bad_line": [1], "several_objects": [1]},
        ),
        (b'{"a":[{"x":1},{"x":2},{"b":2}{"c":3}\n', [{"b": 2}, {"c": 3}], None),
        (b'\0\0\0{"a":1}\n', [{"a": 1}], {"bad_line": [1]}),
        (b"\0\0\0", [], {"bad_line": [1]}),
        (b'{"a":"\xff"}\n', [{"a": "\ufffd"}], {"not_utf8": [1]}),
        (b'\xff\xfe{"a":1}\n', [{"a": 1}], {"not_utf8": [1], "bad_line": [1]}),
        (b'{"a":"\x01"}\n{"b":2}\n', [{"b": 2}], {"bad_line": [1]}),
        (b"'a'\n{a:1}\n{\"b\":2}\n", [{"b": 2}], {"bad_line": [1, 2]}),
        (b'{"a":1}}\n', [{"a": 1}], {"bad_line": [1]}),
    ],
)
def test_damage_costs_nothing_around_it(
    data: bytes, values: list[dict[str, Any]], notes: dict[str, list[int]] | None
) -> None:
    found, noted = found_in(data)
    assert found == values
    if notes is not None:
        assert {note.value: list(lines) for note, (_, lines) in noted.items()} == notes


def test_a_torn_record_with_many_objects_in_it_hides_no_whole_one() -> None:
    torn = json.dumps({"blocks": [{"n": number} for number in range(5000)]})
    whole = '{"type":"user","message":{"content":[{"n":1}]}}'
    for cut in (torn[:-1], torn[:-2], torn[:-10], torn[:5000] + '"'):
        values, _ = found_in(f"{cut}{whole}\n".encode())
        assert values[-1] == json.loads(whole)


def test_a_part_is_named_by_its_line_and_its_place_in_it() -> None:
    lines = Reading(source_of(b'{"a":1}{"b":2}\n{"c":3}\n', "x")).lines()
    assert [(line.ref, line.text) for line in lines] == [
        ("1", '{"a":1}'),
        ("1.1", '{"b":2}'),
        ("2", '{"c":3}'),
    ]


def test_a_line_that_no_agent_writes_is_passed_over() -> None:
    values, noted = found_in(b'{"a":"' + b"x" * (1 << 27) + b'"}\n{"b":2}\n')
    assert values == [{"b": 2}]
    assert noted == {Note.BAD_LINE: (1, (1,))}


@pytest.mark.parametrize("text", ['{"a":', "[", '{"a":{"b":"', '{"', '{ "'])
def test_a_line_of_nothing_but_beginnings_is_given_up(text: str) -> None:
    values, noted = found_in(text.encode() * (1 << 18) + b'\n{"b":2}\n')
    assert values == [{"b": 2}]
    assert noted == {Note.BAD_LINE: (1, (1,))}


def stored(text: str) -> tuple[str, dict[Note, Noted]]:
    """Return the record of a line, which a store must take, and what was noted."""
    notes = Notes()
    reading = Reading(source_of(text.encode() + b"\n", "x"), notes)
    (line,) = reading.lines()
    item = reading.item(line)
    assert encode(JsonText(item), "an item") == item
    return item, notes.found()


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1.10, "b" : [1e5,-0.0,1E-400], "a":2}',
        '{"a":"\\u00e9\\ud83d\\ude00\\\\ud83d","n":1.50}',
        '{"a":"NaN Infinity 1e999 ' + "9" * 400 + '","n":1.50}',
        '{"a":"' + "{[" * 200 + '","n":1.50}',
        '{"a":"\\\\' + '\\"{[' * 200 + '","n":1.50}',
        '{"a":' + "[" * 126 + "]" * 126 + ',"n":1.50}',
        '{"a":[' + "[]," * 300 + "[]]}",
        '{"a":"\U0001f600\u2028\\u0000"}',
        '{"n":' + "1" * 308 + "}",
    ],
)
def test_sound_records_are_kept_as_they_are_written(text: str) -> None:
    assert stored(text) == (text, {})


@pytest.mark.parametrize(
    ("text", "item", "note"),
    [
        ('{"a":NaN,"b":[Infinity,-Infinity]}', '{"a":null,"b":[null,null]}', Note.BAD_NUMBER),
        ('{"a":1e999,"b":-1e999}', '{"a":null,"b":null}', Note.BAD_NUMBER),
        ('{"a":' + "9" * 400 + "}", '{"a":null}', Note.BAD_NUMBER),
        ('{"a":-' + "9" * 5000 + "}", '{"a":null}', Note.BAD_NUMBER),
        ('{"a":1e999,"a":1}', '{"a":1}', None),
        ('{"a":"\\ud800x"}', '{"a":"\ufffdx"}', Note.LONE_SURROGATE),
        ('{"\\udc00\\ud800":1}', '{"\ufffd\ufffd":1}', Note.LONE_SURROGATE),
        ('{"a":"\\\\ud83d\\ude00"}', '{"a":"\\\\ud83d\ufffd"}', Note.LONE_SURROGATE),
        ('{"a":"\\ud800","a":1}', '{"a":1}', None),
    ],
)
def test_what_no_store_can_keep_is_mended_and_noted(
    text: str, item: str, note: Note | None
) -> None:
    found, noted = stored(text)
    assert found == item
    assert set(noted) == ({note} if note else set())


@pytest.mark.parametrize("inside", ["", ',"a":1'])
def test_a_record_nested_too_deeply_is_kept_as_a_string(inside: str) -> None:
    text = '{"a":' + "[" * 127 + "]" * 127 + inside + "}"
    found, noted = stored(text)
    assert json.loads(found) == text
    assert set(noted) == {Note.TOO_DEEP}


def test_a_value_nested_beyond_all_measure_is_a_bad_line() -> None:
    depth = sys.getrecursionlimit() * 100
    values, noted = found_in(b'{"a":' * depth + b"1" + b"}" * depth + b'\n{"b":2}\n')
    assert values[-1] == {"b": 2}
    assert Note.BAD_LINE in noted


def test_halves_of_a_character_that_fit_are_put_together() -> None:
    reading = Reading(source_of(b"", "x"))
    assert reading.text("\ud83d\ude00", 1) == "\U0001f600"
    assert reading.text("a\ud83db", 1) == "a\ufffdb"
    assert reading.text("\0", 1) == "\0"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, 0),
        (1_700_000_000, 1_700_000_000),
        (1_700_000_000.9, 1_700_000_000),
        (1_700_000_000_123, 1_700_000_000),
        ("1700000000", 1_700_000_000),
        ("1700000000123", 1_700_000_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-14T22:13:20.999999+00:00", 1_700_000_000),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000),
        ("2023-11-14 22:13:20", 1_700_000_000),
        ("20231114", 1_699_920_000),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140),
        ("9999-12-31T23:59:59-23:59", 253_402_387_139),
    ],
)
def test_times(given: object, expected: int) -> None:
    assert moment(given) == expected


ODD_TIMES: list[object] = [None, True, [], {}, "", " ", "x", "12", "\ud800", "\0", "-1", "\u0661"]
ODD_TIMES += ["9" * 5000, "2023-13-01", float("nan"), float("inf"), 10**400, -(10**400), 1e300]


@pytest.mark.parametrize("given", ODD_TIMES)
def test_what_is_no_time(given: object) -> None:
    assert moment(given) is None


def test_the_newest_time_at_the_end_of_a_file() -> None:
    def last(data: bytes) -> int:
        return Reading(source_of(data, "x")).last_time("t", "u")

    assert last(b"") == CHANGED
    assert last(b"nonsense") == CHANGED
    assert last(b'{"t":5}\n{"u":"1970-01-01T00:00:09Z"}\n{"t":7}\n') == 9
    assert last(b'{"t":5}\n{"t":' + b"9" * 5000 + b"}\n") == 5
    assert last(b'{"t":5}\n{"t":"' + b"x" * 200_000) == CHANGED


def test_the_first_objects_of_a_file() -> None:
    head = b'\xef\xbb\xbf{"a":1}\nx\n[1]\n{"b":2}\n{"c":'
    assert first_objects(head) == [{"a": 1}, {"b": 2}]
