"""Damaged rows and trees are named, exit 6, and people can get out of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli_support import append
from support import raw, rows

if TYPE_CHECKING:
    from cli_support import Cli


DAMAGE = {
    "item": "UPDATE messages SET item_json = '{' WHERE id = 2",
    "state": "UPDATE checkpoints SET state_json = '{'",
    "schema": "UPDATE thread_dynamic_tools SET input_schema = '{'",
}


@pytest.mark.parametrize(
    ("damage", "arguments", "names"),
    [
        ("item", ("messages", "show", "2"), "the item of message 2 is not JSON"),
        ("item", ("messages", "list", "t-main", "--leaf", "3"), "the item of message 2 is not"),
        ("state", ("checkpoint", "load", "t-main"), "the state of checkpoint 'cp' in thread 't-"),
        ("state", ("checkpoint", "list", "t-main"), "the state of checkpoint 'cp' in thread 't-"),
        ("schema", ("threads", "tools", "t-main"), "the schema of tool 'grep' in thread 't-main'"),
    ],
)
def test_json_that_is_broken_in_the_store_names_the_row(
    cli: Cli, damage: str, arguments: tuple[str, ...], names: str
) -> None:
    with raw(cli.db) as connection:
        connection.execute(DAMAGE[damage])
    for output in ("json", "tsv", "table"):
        line = cli.fails(6, *arguments, "-o", output) if output != "json" else ""
        if output == "json":
            result = cli.run(*arguments, "-o", output)
            assert result.code == 6
            line = json.loads(result.stderr)["error"]["message"]
        assert line.startswith(names)
        assert line.endswith("see agentstate doctor")


def test_what_is_broken_can_still_be_deleted(cli: Cli) -> None:
    with raw(cli.db) as connection:
        connection.execute(DAMAGE["state"])
        connection.execute("UPDATE jobs SET progress = 'half'")
    assert cli("checkpoint", "delete", "t-main", "cp", "--yes", "-o", "id").lines == ["cp"]
    assert cli("jobs", "delete", "j-1", "--yes", "-o", "json").json == {"id": "j-1"}


def test_a_job_that_cannot_be_read_is_left_out_with_a_note(cli: Cli) -> None:
    cli("jobs", "create", "Good", "--id", "good")
    with raw(cli.db) as connection:
        connection.execute("UPDATE jobs SET progress = 'half' WHERE id = 'j-1'")
    result = cli("jobs", "list", "-o", "id")
    assert result.lines == ["good"]
    (note,) = result.notes
    assert note.startswith("agentstate: warning: left out: job 'j-1' has a value of the wrong type")
    assert "job 'j-1'" in cli.fails(6, "jobs", "show", "j-1")


def test_an_item_that_is_not_json_does_not_end_a_listing(cli: Cli) -> None:
    with raw(cli.db) as connection:
        connection.execute(DAMAGE["item"])
    for output in ("jsonl", "tsv", "table"):
        result = cli("messages", "tree", "t-main", "--all", "-o", output)
        assert len(result.lines) >= 2
        (note,) = result.notes
        assert note.startswith("agentstate: warning: shown in part: the item of message 2 is not")


def test_the_limit_counts_what_is_shown(cli: Cli) -> None:
    cli("jobs", "create", "Good", "--id", "good")
    with raw(cli.db) as connection:
        connection.execute(
            "UPDATE jobs SET progress = 'half', updated_at = 1 << 40 WHERE id = 'j-1'"
        )
    result = cli("jobs", "list", "--limit", "1", "-o", "id")
    assert result.lines == ["good"]
    assert len(cli("jobs", "list", "-o", "id").notes) == 1


def test_a_thread_that_cannot_be_read_is_named_by_selectors(cli: Cli) -> None:
    cli("threads", "create", "--id", "t-bad", "--name", "Bad", "--cwd", "/w")
    with raw(cli.db) as connection:
        connection.execute("UPDATE threads SET created_at = 'x', updated_at = 1 << 40 "
                           "WHERE id = 't-bad'")  # fmt: skip
    for selector in ("t-bad", "bad", "t-ba"):
        assert "thread 't-bad' has a value" in cli.fails(6, "threads", "show", selector)
    assert cli("threads", "list", "--limit", "1", "-o", "id").lines != ["t-bad"]
    assert cli("threads", "show", "@last", "-o", "id").lines != ["t-bad"]


# Damaged trees.


TREES = {
    "cycle": "UPDATE messages SET parent_entry_id = 3 WHERE id = 1",
    "missing parent": "UPDATE messages SET parent_entry_id = 99 WHERE id = 1",
    "dangling leaf": "UPDATE threads SET current_leaf_id = 99 WHERE id = 't-main'",
    "foreign parent": "UPDATE messages SET parent_entry_id = 5 WHERE id = 1",
    "foreign leaf": "UPDATE threads SET current_leaf_id = 5 WHERE id = 't-main'",
}


@pytest.fixture(params=TREES)
def damaged(cli: Cli, request: pytest.FixtureRequest) -> Cli:
    cli("messages", "append", "t-other", "--role", "user", "--content", "elsewhere")
    cli("messages", "checkout", "3")
    with raw(cli.db) as connection:
        connection.execute(TREES[request.param])
    return cli


@pytest.mark.parametrize(
    "arguments",
    [
        ("messages", "list", "t-main"),
        ("messages", "list", "t-main", "--limit", "0"),
        ("messages", "list", "t-main", "--role", "user"),
        ("messages", "tree", "t-main"),
        ("messages", "show", "t-main~1"),
    ],
)
def test_a_damaged_branch_is_said_and_not_followed(
    damaged: Cli, arguments: tuple[str, ...]
) -> None:
    for output in ("tsv", "table"):
        line = damaged.fails(6, *arguments, "-o", output)
        assert "'t-main'" in line
        assert "doctor" in line


def test_people_get_out_of_a_damaged_branch(damaged: Cli) -> None:
    assert len(damaged("messages", "tree", "t-main", "--all", "-o", "json").json) == 4
    assert len(damaged("messages", "tree", "t-main", "--all").lines) >= 4
    assert damaged("messages", "leaves", "t-main", "-o", "id").lines[-1] == "4"
    assert [row[0] for row in damaged("threads", "list", "--all").cells]
    assert damaged("threads", "show", "t-main", "-o", "table").lines
    made = damaged("fork", "2", "--content", "onwards").lines
    assert damaged("threads", "show", "t-main", "--fields", "current_leaf_id").lines == made
    damaged("messages", "checkout", "4")
    assert damaged("messages", "show", "t-main@leaf", "-o", "id").lines == ["4"]


def test_nothing_is_appended_to_a_leaf_that_is_none(cli: Cli) -> None:
    with raw(cli.db) as connection:
        connection.execute(TREES["dangling leaf"])
    assert "99" in cli.fails(6, *append())


def test_a_thread_that_cannot_be_read_can_be_deleted(cli: Cli) -> None:
    with raw(cli.db) as other:
        other.execute("UPDATE threads SET created_at = 'never' WHERE id = 't-main'")
    dry = cli("threads", "delete", "t-main", "--dry-run")
    assert (dry.code, dry.lines) == (0, ["t-main"])
    assert cli("threads", "archive", "t-main").code == 0
    assert cli("threads", "delete", "t-main", "--yes").code == 0
    assert rows(cli.db, "SELECT count(*) FROM messages WHERE thread_id = 't-main'") == [(0,)]
