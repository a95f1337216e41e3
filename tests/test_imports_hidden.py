"""Hidden messages: in the tree like any other, and left out of views unless `--all` is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from agentstate import StateStore
from agentstate.formats.events import Relation
from sessions import SOURCE, chain, said, session
from support import Clock

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli


TREE: Final = """\
●  #2 user       text b
●  #3 assistant  text c
├─○  #6 user       text f  1 message, leaf #6
├─○  #8 user       text h  1 message, leaf #10
◉  #5 user       text e  ◀ leaf"""


@pytest.fixture
def talk_cli(cli: Cli, tmp_path: Path) -> Cli:
    """Return the command line on an imported thread half of whose messages are hidden."""
    path = tmp_path / "imported" / "state.db"
    messages = [
        said("a", None, hidden=True),
        said("b", "a"),
        said("c", "b", role="assistant"),
        said("d", "c", hidden=True),
        said("e", "d"),
        said("f", "d"),
        said("g", "c", hidden=True),
        said("h", "g"),
        said("i", "b", hidden=True),
        said("j", "h", hidden=True),
    ]
    events = session(
        messages,
        leaf="e",
        title="Title",
        cwd="/w",
        parent_session_id="s-0",
        relation=Relation.FORK,
    )
    with StateStore.open(path, clock=Clock()) as store:
        store.imports.merge(events, format_name="test", source=SOURCE)
    return cli.on(path)


def ids(lines: list[list[str]]) -> list[int]:
    return [int(line[0]) for line in lines]


def test_a_list_leaves_them_out(talk_cli: Cli) -> None:
    listed = talk_cli("messages", "list", "s-1")
    assert ids(listed.cells) == [2, 3, 5]
    assert listed.notes == ["2 hidden messages left out; --all shows them"]
    everything = talk_cli("messages", "list", "s-1", "--all")
    assert ids(everything.cells) == [1, 2, 3, 4, 5]
    assert everything.notes == []


@pytest.mark.parametrize(
    ("arguments", "expected", "notes"),
    [
        (("--limit", 2), [3, 5], ["2 of 3 messages; --limit 0 for all"]),
        (("--limit", 3), [2, 3, 5], []),
        (("--limit", 0), [2, 3, 5], []),
        (("--role", "user"), [2, 5], []),
        (("--role", "user", "--limit", 1), [5], ["1 of 2 messages; --limit 0 for all"]),
        (("--leaf", 10), [2, 3, 8], []),
        (("--leaf", 1), [], []),
    ],
)
def test_limits_and_roles_count_what_is_shown(
    talk_cli: Cli, arguments: tuple[object, ...], expected: list[int], notes: list[str]
) -> None:
    listed = talk_cli("messages", "list", "s-1", *arguments)
    assert ids(listed.cells) == expected
    assert [note for note in listed.notes if "hidden" not in note] == notes
    assert len([note for note in listed.notes if "hidden" in note]) == 1
    told = talk_cli("messages", "list", "s-1", *arguments, "-o", "json").json
    assert [message["id"] for message in told] == expected


def test_selectors_count_all_messages(talk_cli: Cli) -> None:
    shown = talk_cli("messages", "show", "s-1~1", "-o", "json").json
    assert (shown["id"], shown["content"]) == (4, "text d")


def test_the_tree_leaves_them_out(talk_cli: Cli) -> None:
    header, *drawn = talk_cli("messages", "tree", "s-1").lines
    assert header.startswith("Title  s-1  10 messages · 5 hidden · 4 branches · /w · ")
    # The age at the end of a line is not what this is about.
    assert "\n".join(line.rpartition("  ")[0].rstrip() for line in drawn) == TREE


def test_the_whole_tree_shows_them(talk_cli: Cli) -> None:
    drawn = talk_cli("messages", "tree", "s-1", "--all").text
    assert all(f"text {letter}" in drawn for letter in "abcdefghij")
    assert "hidden" not in drawn


def test_a_limit_of_the_tree_counts_what_is_shown(talk_cli: Cli) -> None:
    drawn = talk_cli("messages", "tree", "s-1", "--limit", 2).text
    assert "… 1 earlier" in drawn
    assert "text b" not in drawn
    nodes = talk_cli("messages", "tree", "s-1", "--limit", 2, "-o", "json")
    assert [node["id"] for node in nodes.json] == [3, 5]
    assert [node["depth"] for node in nodes.json] == [2, 4]
    assert nodes.notes == [
        "2 of 3 messages; --limit 0 for all",
        "2 hidden messages left out; --all shows them",
    ]
    roles = talk_cli("messages", "tree", "s-1", "--limit", 1, "--role", "user", "-o", "json")
    assert [node["id"] for node in roles.json] == [5]
    assert roles.notes[0] == "1 of 2 messages; --limit 0 for all"


def test_nodes_say_which_are_hidden(talk_cli: Cli) -> None:
    nodes = talk_cli("messages", "tree", "s-1", "--all", "-o", "json", "--fields", "id,hidden").json
    assert [node["id"] for node in nodes if node["hidden"]] == [1, 4, 7, 9, 10]
    plain = talk_cli("messages", "tree", "s-1", "--all", "-o", "json").json
    assert "hidden" not in plain[0]
    active = talk_cli("messages", "tree", "s-1", "-o", "tsv", "--fields", "id,hidden").lines
    assert active == ["2\tfalse", "3\tfalse", "5\tfalse"]


def test_a_hidden_leaf_is_told_of(talk_cli: Cli) -> None:
    talk_cli("messages", "checkout", "10")
    drawn = talk_cli("messages", "tree", "s-1").text
    assert "the current leaf #10 is hidden; --all shows it" in drawn
    assert "text j" not in drawn
    appended = talk_cli("messages", "append", "s-1", "--role", "user", "--content", "more").lines
    assert ids(talk_cli("messages", "list", "s-1").cells) == [2, 3, 8, int(appended[0])]


def test_a_thread_shows_where_it_is_from(talk_cli: Cli) -> None:
    lines = talk_cli("threads", "show", "s-1", "-o", "table").lines
    assert [line for line in lines if line.startswith("imported")] == [
        "imported      test session s-1, fork of s-0, from /logs/s-1.jsonl"
    ]
    told = talk_cli("threads", "show", "s-1", "-o", "json", "--fields", "imported").json
    assert told["imported"]["format"] == "test"
    assert talk_cli("threads", "show", "s-1", "-o", "json").json["imported"] == told["imported"]


def test_a_thread_that_was_not_imported_is_as_ever(cli: Cli) -> None:
    told = cli("threads", "show", "t-main", "-o", "json", "--fields", "imported").json
    assert told == {"imported": None}
    listed = cli("messages", "list", "t-main")
    assert listed.notes == []
    assert cli("messages", "list", "t-main", "--all").lines == listed.lines
    assert not [
        line
        for line in cli("threads", "show", "t-main", "-o", "table").lines
        if line.startswith("imported")
    ]


def test_the_end_of_a_long_branch_is_read_alone(talk_cli: Cli) -> None:
    natives = [str(number) for number in range(3000)]
    with talk_cli.store() as store:
        messages = chain(*natives, hidden=natives[1::2])
        store.imports.merge(session(messages, "long"), format_name="test", source=SOURCE)
    listed = talk_cli("messages", "list", "long", "--limit", 5, "--fields", "content").lines
    assert listed == [f"text {number}" for number in range(2990, 3000, 2)]
    drawn = talk_cli("messages", "tree", "long", "--limit", 5).text
    assert "… 1495 earlier" in drawn
