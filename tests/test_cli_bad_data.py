"""Data that the store could not keep, or the agent not read, is refused and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli_support import append
from support import snapshot

if TYPE_CHECKING:
    from cli_support import Cli


BAD_JSON = {
    "{": "is not valid JSON: ",
    "": "is not valid JSON: ",
    "1 2": "is not valid JSON: Extra data",
    '{"a": NaN}': "is not valid JSON: NaN is not JSON",
    "-Infinity": "is not valid JSON: -Infinity is not JSON",
    "1e999": "is not valid JSON: a number is beyond the range of a double",
    "1" * 400: "holds a number beyond the range of a double",
    '"\\ud800"': "holds a lone surrogate, which is not valid text",
    '{"\\udfff": 1}': "holds a lone surrogate, which is not valid text",
    "[" * 128 + "]" * 128: "is nested deeper than 127 levels",
    "[" * 200_000: "is not valid JSON: ",
    '"\x01"': "is not valid JSON: Invalid control character",
}


@pytest.mark.parametrize("text", BAD_JSON)
@pytest.mark.parametrize(
    "arguments",
    [
        append("--item"),
        ("fork", "1", "--content", "x", "--item"),
        ("checkpoint", "save", "t-main", "c", "--state"),
        ("threads", "tools", "t-main", "--set"),
    ],
)
def test_json_that_the_agent_could_not_read(
    cli: Cli, arguments: tuple[str, ...], text: str
) -> None:
    before = snapshot(cli.db.parent)
    line = cli.fails(7, *arguments, text)
    assert line.startswith(f"{arguments[-1]} {BAD_JSON[text]}")
    assert len(line) < 200
    assert snapshot(cli.db.parent) == before


def test_json_as_deep_as_the_agent_reads(cli: Cli) -> None:
    deep = "[" * 127 + "]" * 127
    cli("checkpoint", "save", "t-main", "c", "--state", deep)
    assert cli("checkpoint", "load", "t-main", "c").text == deep


@pytest.mark.parametrize(
    ("tools", "says"),
    [
        ("{}", "--set: the value: Input should be a valid array"),
        ("[1]", "--set: 0: Input should be "),
        ("[{}]", "--set: 0.position: Field required (and 2 more)"),
        ('[{"position": "0", "name": "n", "input_schema": 1}]', "--set: 0.position: Input should"),
        ('[{"position": 0, "name": "n", "input_schema": 1, "x": 1}]', "--set: 0.x: "),
        (
            "[" + ", ".join('{"position": 0, "name": "n", "input_schema": 1}' for _ in "12") + "]",
            "two tools have the same position",
        ),
    ],
)
def test_tools_of_the_wrong_form(cli: Cli, tools: str, says: str) -> None:
    assert cli.fails(7, "threads", "tools", "t-main", "--set", tools).startswith(says)
    assert cli("threads", "tools", "t-main").cells == [["0", "grep", ""]]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((*append()[:4], "", "--content", "x"), 7),
        (("threads", "create", "--id", ""), 7),
        (("jobs", "create", "J", "--id", ""), 7),
        (("checkpoint", "save", "t-main", "", "--state", "1"), 7),
        (("checkpoint", "load", "t-main", ""), 2),
        (("checkpoint", "delete", "t-main", "", "--yes"), 2),
        (("jobs", "show", ""), 2),
        (("jobs", "update", "", "--progress", "1"), 2),
        (("jobs", "delete", "", "--yes"), 2),
        (("threads", "ensure", ""), 2),
        (("index", "name", ""), 2),
        (("index", "path", ""), 2),
        (("threads", "list", "--limit", "9" * 30), 7),
        (("threads", "goal", "t-main", "--token-budget", "9" * 30), 7),
    ],
)
def test_empty_ids_and_numbers_too_large(cli: Cli, arguments: tuple[str, ...], code: int) -> None:
    before = snapshot(cli.db.parent)
    cli.fails(code, *arguments)
    assert snapshot(cli.db.parent) == before
