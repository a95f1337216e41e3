"""JSON that the store takes and gives: its own form kept, nothing the Rust program cannot read."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentstate import BadInputError, JsonText, jsontext

if TYPE_CHECKING:
    from agentstate.records import JsonValue


def nested(depth: int) -> JsonValue:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    return value


SELF: list[Any] = []
SELF.append(SELF)

BAD = {
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "in a list": [1, [math.nan]],
    "in an object": {"a": {"b": math.inf}},
    "integer beyond a double": 10**400,
    "negative integer beyond a double": -(10**309),
    "lone surrogate": "\ud800",
    "lone surrogate in a key": {"\udfff": 1},
    "surrogates in the wrong order": "\ude00\ud83d",
    "128 levels": nested(128),
    "a list in itself": SELF,
    "a number as a key": {1: "x"},
    "None as a key": {None: "x"},
    "bytes": b"x",
    "a set": {1},
    "a decimal": Decimal(1),
    "an object of no kind": object(),
}

BAD_TEXT = [
    "",
    " ",
    "{",
    "[1,]",
    "{'a': 1}",
    "[1] []",
    "tru",
    "01",
    "+1",
    ".5",
    "NaN",
    "Infinity",
    "[-Infinity]",
    "1e400",
    "-1e400",
    "1" * 400,
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '{"a": "\\ud800", "a": 1}',
    '{"a": 1e400, "a": 1}',
    '{"a":' + "[" * 127 + "]" * 127 + ', "a": 1}',
    '"\n"',
    "[" * 128 + "]" * 128,
    "[" * 100_000,
    "\ufeff{}",
    '"\ud800"',
]


@pytest.mark.parametrize("kind", BAD)
def test_a_value_the_rust_program_cannot_read_is_refused(kind: str) -> None:
    with pytest.raises(BadInputError, match=r"^the item ") as raised:
        jsontext.encode(BAD[kind], "the item")
    assert raised.value.exit_code == 7
    assert len(str(raised.value)) < 200
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", BAD_TEXT)
def test_text_the_rust_program_cannot_read_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match=r"^the item "):
        jsontext.encode(JsonText(text), "the item")
    with pytest.raises(BadInputError, match=r"^the item "):
        jsontext.parse(text, "the item")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, False, None]}, '{"b":1,"a":[true,false,null]}'),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (10**308, str(10**308)),
        (2**64, "18446744073709551616"),
        (5e-324, "5e-324"),
        ('漢\0\x1f\x7f\u2028😀"\\/', '"漢\\u0000\\u001f\x7f\u2028😀\\"\\\\/"'),
        ((1, (2,)), "[1,[2]]"),
        (OrderedDict(z=1, a=2), '{"z":1,"a":2}'),
        ({"": ""}, '{"":""}'),
        ([JsonText("{}")], '["{}"]'),  # only the whole may be given as text
    ],
)
def test_a_value_becomes_compact_text_in_its_own_order(value: JsonValue, text: str) -> None:
    assert jsontext.encode(value, "x") == text


@pytest.mark.parametrize(
    "text",
    [
        ' {"b": 1.10, "a":1E+2, "a": 3} \n',
        "1.0",
        "-0",
        "1e5",
        "123456789012345678901234567890.123456789012345678901234567890",
        '"\\u6f22\\/\\ud83d\\ude00"',
        "null",
        '{"a": "\\u0000"}',
    ],
)
def test_text_is_kept_byte_for_byte(text: str) -> None:
    assert jsontext.encode(JsonText(text), "x") == text
    assert jsontext.parse(text, "x") == text
    assert jsontext.verify(text) == text
    assert type(jsontext.parse(text, "x")) is type(jsontext.verify(text)) is JsonText
    assert type(jsontext.encode(JsonText(text), "x")) is str


def test_127_levels_are_good() -> None:
    deep = nested(127)
    text = jsontext.encode(deep, "x")
    assert jsontext.decode(text) == deep
    assert jsontext.encode(JsonText(text), "x") == text


@pytest.mark.parametrize(
    "text", ["{", "NaN", "[Infinity]", "1e400", "", "[" * 100_000, b"{}", None, 5]
)
def test_stored_text_that_is_broken_is_a_value_error(text: Any) -> None:  # noqa: ANN401 - as found
    for read in (jsontext.decode, jsontext.verify):
        with pytest.raises(ValueError, match=r"."):
            read(text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_every_json_value_comes_back_equal(value: JsonValue) -> None:
    text = jsontext.encode(value, "x")
    assert json.dumps(jsontext.decode(text)) == json.dumps(value)  # order and number form too
    assert jsontext.encode(JsonText(text), "x") == text
    assert jsontext.verify(text) == text


@given(st.text(st.characters()))
def test_whatever_is_given_as_text_is_kept_or_refused(text: str) -> None:
    try:
        kept = jsontext.parse(text, "x")
    except BadInputError:
        return
    assert kept == text
    json.loads(text)
