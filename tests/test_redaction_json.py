"""Secrets in JSON values, which are told by the names around them."""

import json

import pytest

from agentstate.jsontext import JsonText
from agentstate.records import JsonValue
from agentstate.redaction import Redactor
from secret_samples import HEX, chosen

PLAIN = Redactor("/home/me")
KEY = chosen(20, HEX)
MARK = "[redacted: secret]"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": ["abc123xyz"]}, {"password": [MARK]}),
        ({"env": {"DB_PASSWORD": {"value": "abc123xyz"}}},
         {"env": {"DB_PASSWORD": {"value": MARK}}}),
        ({"password": [{"value": "abc123xyz"}]}, {"password": [{"value": MARK}]}),
        ([{"name": "API_KEY", "value": KEY}], [{"name": "API_KEY", "value": MARK}]),
        ({"key": "password", "value": "abc123xyz"}, {"key": "password", "value": MARK}),
        (["--token", KEY, KEY], ["--token", MARK, KEY]),
        (["mysql", "--password", "abc123xyz"], ["mysql", "--password", MARK]),
        ({"Authorization": KEY}, {"Authorization": MARK}),
        ({"password": "correcthorse"}, {"password": MARK}),
        ({"a": {"password": "abc123xyz"}, "b": KEY}, {"a": {"password": MARK}, "b": KEY}),
        ({"path": "\\/home\\/me\\/src"}, {"path": "~\\/src"}),
    ],
)  # fmt: skip
def test_a_secret_in_json_is_hidden_by_the_names_around_it(
    value: JsonValue, expected: JsonValue
) -> None:
    assert PLAIN.value(value) == expected
    assert PLAIN.value(JsonText(json.dumps(value))) == json.dumps(expected)
    assert PLAIN.value(expected) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"name": "commit", "value": KEY},
        {"password": {"type": "string1", "description": "abc123xyz"}},
        {"password": [], "list": ["abc123xyz", {"value": KEY}]},
        ["--commit", KEY, "-v"],
        {"name": "API_KEY", "value": 5, "commit": KEY},
        [["--token"], KEY, {"--token": ["x"]}, KEY],
        {"password": "Passwort", "passwordHint": "correcthorse"},
        {"password": 12345678},
    ],
)
def test_what_no_name_calls_a_secret_stays_in_json(value: JsonValue) -> None:
    assert PLAIN.value(value) == value
    assert PLAIN.value(JsonText(json.dumps(value))) == json.dumps(value)


def test_a_mark_in_a_key_is_no_name() -> None:
    once = PLAIN.value({"ghp_" + chosen(36): "abc123def456ghi7", "me@mail.org": KEY})
    assert PLAIN.value(once) == once
