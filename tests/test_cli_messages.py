"""`agentstate messages` and `agentstate fork`: what each verb does and shows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from cli_support import Cli, golden, run, without_color

if TYPE_CHECKING:
    from pathlib import Path

APPEND = ("messages", "append", "t-main", "--role", "user")


def branch(cli: Cli) -> list[str]:
    return cli("messages", "list", "t-main", "-o", "id").lines


def test_a_message_is_appended_below_the_leaf(cli: Cli) -> None:
    found = cli(*APPEND, "--content", "More", "--item", '{"n": 1.0}', "-o", "jsonl").text
    assert found.startswith('{"id": 5, "thread_id": "t-main", "role": "user", "content": "More", ')
    assert '"item": {"n": 1.0}, ' in found
    assert json.loads(found)["parent_entry_id"] == 4
    assert branch(cli) == ["1", "4", "5"]


def test_an_item_comes_from_a_file_or_standard_input(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "item.json"
    file.write_text('{"from": "file"}\n')
    cli(*APPEND, "--content", "", "--item", f"@{file}")
    assert cli("messages", "show", "5", "-o", "json").json["item"] == {"from": "file"}
    result = run(*APPEND, "--content", "", "--item", "-", db=cli.db, stdin=b"[1e2]")
    assert result.lines == ["6"]
    assert '"item": [1e2]' in cli("messages", "show", "6", "-o", "json").text


def test_an_expected_leaf_lets_it_through(cli: Cli) -> None:
    assert cli(*APPEND, "--content", "x", "--expect-leaf", "4").lines == ["5"]
    other = ("messages", "append", "t-other", "--role", "user", "--content", "first")
    assert cli(*other, "--expect-leaf", "none").lines == ["6"]


def test_a_fork_begins_a_branch_and_becomes_the_leaf(cli: Cli) -> None:
    result = cli("fork", "t-main~1", "--content", "Again")
    assert result.lines == ["5"]
    assert branch(cli) == ["1", "5"]
    made = cli("messages", "show", "5", "-o", "json").json
    assert (made["role"], made["parent_entry_id"]) == ("user", 1)
    assert cli("fork", "2", "--content", "x", "--role", "tool", "-o", "json").json["role"] == "tool"


def test_a_checkout_moves_the_leaf(cli: Cli) -> None:
    cli("messages", "checkout", "3")
    assert branch(cli) == ["1", "2", "3"]
    assert cli("messages", "checkout", "t-main~1", "-o", "id").lines == ["2"]
    assert branch(cli) == ["1", "2"]


def test_leaves_are_the_ends_of_branches(cli: Cli) -> None:
    assert cli("messages", "leaves", "t-main", "-o", "id").lines == ["3", "4"]


def test_another_leaf_gives_another_branch(cli: Cli) -> None:
    listed = ("messages", "list", "t-main", "-o", "id")
    assert cli(*listed, "--leaf", "3").lines == ["1", "2", "3"]
    assert cli(*listed, "--leaf", "t-main@leaf").lines == ["1", "4"]
    assert cli(*listed, "--leaf", "3", "--role", "user").lines == ["1", "3"]
    assert cli(*listed, "--leaf", "3", "--limit", "1").lines == ["3"]


def test_a_message_says_which_thread_is_meant(cli: Cli) -> None:
    assert cli("messages", "list", "--leaf", "3", "-o", "id").lines == ["1", "2", "3"]
    for options in ((), ("-o", "json"), ("--limit", "1")):
        alone = cli("messages", "tree", "--at", "2", *options)
        assert alone == cli("messages", "tree", "t-main", "--at", "2", *options)
    for verb in ("list", "tree"):
        option = {"list": "--leaf", "tree": "--at"}[verb]
        assert cli.fails(3, "messages", verb, option, "99") == "no message 99"
        other = cli.fails(3, "messages", verb, "t-other", option, "2")
        assert other == "message 2 is of thread 't-main', not 't-other'"
        assert cli.fails(2, "messages", verb, option, "") == "the message is empty; name one"
        nowhere = cli.on(cli.db.parent / "nowhere.db")
        assert nowhere.fails(2, "messages", verb) == f"give a THREAD, or {option} MESSAGE"


def test_clearing_deletes_every_branch(cli: Cli) -> None:
    assert cli("messages", "clear", "t-main", "--dry-run").lines == ["t-main"]
    result = cli("messages", "clear", "t-main", "--dry-run", "-o", "json")
    assert result.json == {"thread_id": "t-main", "messages": 4}
    assert result.notes == ["would delete 4 messages of thread t-main (Main)"]
    result = cli("messages", "clear", "t-main", "--yes", "-o", "json")
    assert result.json == {"thread_id": "t-main", "messages": 4}
    assert result.notes == ["deleted 4 messages of thread t-main (Main)"]
    assert branch(cli) == []
    assert cli(*APPEND, "--content", "anew", "--expect-leaf", "none").lines == ["5"]


def test_the_nodes_of_a_tree(cli: Cli) -> None:
    nodes = cli("messages", "tree", "t-main", "-o", "json").json
    assert [node["id"] for node in nodes] == [1, 4]
    assert nodes[0] == {
        "id": 1,
        "parent_entry_id": None,
        "role": "user",
        "content": "Why does it fail?",
        "created_at": nodes[0]["created_at"],
        "depth": 0,
        "on_active_branch": True,
        "is_leaf": False,
        "is_current_leaf": False,
    }
    every = cli("messages", "tree", "t-main", "--all", "-o", "json").json
    assert {
        node["id"]: (
            node["depth"],
            node["on_active_branch"],
            node["is_leaf"],
            node["is_current_leaf"],
        )
        for node in every
    } == {
        1: (0, True, False, False),
        2: (1, False, False, False),
        3: (2, False, True, False),
        4: (1, True, True, True),
    }
    assert cli("messages", "tree", "t-main", "--all", "-o", "tsv").cells[0][:4] == [
        "1",
        "",
        "0",
        "user",
    ]


def test_a_limited_tree_keeps_the_depths(demo: Cli) -> None:
    result = demo("messages", "tree", "demo-lexer", "--limit", "2", "-o", "json")
    assert [node["depth"] for node in result.json] == [4, 5]
    assert result.notes == ["2 of 6 messages; --limit 0 for all"]


def test_the_tree_is_the_same_drawing_on_a_terminal_and_in_a_pipe(
    demo: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for more in (
        (),
        ("--all",),
        ("--depth", "3"),
        ("--role", "user"),
        ("--ascii",),
        ("--limit", "2"),
    ):
        seen = without_color(demo.screen("messages", "tree", "demo-lexer", *more).stdout)
        monkeypatch.setenv("COLUMNS", "80")
        assert demo("messages", "tree", "demo-lexer", *more).stdout == seen
        monkeypatch.delenv("COLUMNS")
        uncut = demo("messages", "tree", "demo-lexer", *more).lines
        assert "\n".join(uncut).count("#") == seen.decode().count("#")
        assert "…" not in "".join(line for line in uncut if "earlier" not in line)


@pytest.mark.parametrize("options", ["", "--full --limit 3"])
def test_the_drawing_of_the_demo(demo: Cli, options: str) -> None:
    arguments = ("--color", "never", "messages", "tree", "demo-lexer", *options.split())
    name = "_".join(["messages_tree", *re.findall("[a-z0-9]+", options), "80"])
    drawn, expected = golden(name, demo.screen(*arguments))
    assert drawn == expected


@pytest.mark.parametrize("width", [40, 80])
def test_the_table_of_messages(demo: Cli, width: int) -> None:
    demo("messages", "append", "demo-lexer", "--role", "tool", "--content", " ", "--item", ITEM)
    seen = demo.screen("--color", "never", "messages", "list", "demo-lexer", width=width)
    drawn, expected = golden(f"messages_list_{width}", seen)
    assert drawn == expected


def test_a_message_that_says_nothing_is_shown_as_empty(cli: Cli) -> None:
    for item in ((), ("--item", '{"message": {"parts": [""]}}'), ("--item", '{"type": "user"}')):
        cli(*APPEND, "--content", "\n", *item)
    for verb in ("list", "tree"):
        lines = cli.screen("--color", "never", "messages", verb, "t-main").lines
        assert all(re.search(r"user +\(empty\) +", line) for line in lines[-3:])


ITEM = '{"type": "tool_call", "name": "exec", "arguments": {"cmd": ["pytest", "-q"]}}'


def test_the_table_of_leaves(demo: Cli) -> None:
    seen = demo.screen("--color", "never", "messages", "leaves", "demo-lexer")
    drawn, expected = golden("messages_leaves_80", seen)
    assert drawn == expected


def test_a_message_is_shown_whole(demo: Cli) -> None:
    content = "First\tline\n\n  second " + "and more words, " * 10 + "and\nlast"
    arguments = ("messages", "append", "demo-lexer", "--role", "user", "--content", content)
    (made,) = demo(*arguments, "--item", ITEM).lines
    drawn, expected = golden(
        "messages_show_80", demo.screen("--color", "never", "messages", "show", made)
    )
    assert drawn == expected
