"""Each error is one clear line on standard error, with its exit code, and changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.core import TyperArgument, TyperOption

from agentstate.cli.app import program
from agentstate.cli.groups import Group
from agentstate.cli.main import main
from cli_support import ALL_VERBS, ARGUMENTS, READING, Cli
from support import raw, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer._click import Command

TAKING_A_THREAD = [verb for verb, arguments in ARGUMENTS.items() if arguments[:1] == ("t-main",)]
TAKING_A_MESSAGE = [verb for verb, arguments in ARGUMENTS.items() if arguments[:1] == ("1",)]
TAKING_A_JOB = [verb for verb, arguments in ARGUMENTS.items() if arguments[:1] == ("j-1",)]


def with_first(verb: str, first: str) -> list[str]:
    return [*verb.split(), first, *ARGUMENTS[verb][1:]]


# What is not there.


@pytest.mark.parametrize("verb", TAKING_A_THREAD)
def test_an_unknown_thread(cli: Cli, verb: str) -> None:
    before = snapshot(cli.db.parent)
    line = cli.fails(3, *with_first(verb, "nope"))
    assert "'nope'" in line
    assert "agentstate threads list" in line or verb == "index name"
    assert snapshot(cli.db.parent) == before


@pytest.mark.parametrize("verb", TAKING_A_MESSAGE)
@pytest.mark.parametrize("number", ["99", "0", "9223372036854775808", "9" * 5000])
def test_an_unknown_message(cli: Cli, verb: str, number: str) -> None:
    before = snapshot(cli.db.parent)
    assert cli.fails(3, *with_first(verb, number)) == f"no message {number}"
    assert snapshot(cli.db.parent) == before


@pytest.mark.parametrize("verb", TAKING_A_JOB)
def test_an_unknown_job(cli: Cli, verb: str) -> None:
    assert cli.fails(3, *with_first(verb, "nope")) == "no job 'nope'; see agentstate jobs list"


@pytest.mark.parametrize("verb", ["load", "delete"])
def test_an_unknown_checkpoint(cli: Cli, verb: str) -> None:
    yes = ("--yes",) if verb == "delete" else ()
    line = cli.fails(3, "checkpoint", verb, "t-main", "nope", *yes)
    assert line == "no checkpoint 'nope' in thread 't-main'"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("checkpoint", "load", "t-other"), "no checkpoint in thread 't-other'"),
        (("threads", "goal", "t-other"), "thread 't-other' has no goal; set one with --objective"),
        (("threads", "goal", "t-other", "--delete", "--yes"), "thread 't-other' has no goal"),
        (
            ("threads", "goal", "t-other", "--status", "paused"),
            "thread 't-other' has no goal yet; give its objective",
        ),
        (("threads", "path", "t-other"), "thread 't-other' has no rollout path"),
        (("threads", "memory", "t-other"), "thread 't-other' has no memory mode"),
        (("index", "path", "nope"), "the index has no path for the name 'nope'"),
        (("messages", "show", "t-other@leaf"), "thread 't-other' has no messages on its branch"),
        (
            ("messages", "show", "t-main~2"),
            "thread 't-main' has 2 messages on its branch, none 2 above the leaf",
        ),
        (("schema", "Nope"), "no record 'Nope'; the records are: ThreadMetadata, MessageRecord, "),
    ],
)
def test_what_a_thread_or_the_index_does_not_have(
    cli: Cli, arguments: tuple[str, ...], says: str
) -> None:
    assert cli.fails(3, *arguments).startswith(says)


def test_a_message_of_another_thread(cli: Cli) -> None:
    line = cli.fails(3, "messages", "list", "t-other", "--leaf", "1")
    assert line == "message 1 is of thread 't-main', not 't-other'"


# What was expected.


@pytest.mark.parametrize(("expected", "there"), [("3", "4"), ("none", "4"), ("9" * 5000, "4")])
def test_another_leaf_than_expected(cli: Cli, expected: str, there: str) -> None:
    before = snapshot(cli.db.parent)
    line = cli.fails(4, *append("--expect-leaf", expected))
    assert line.startswith(f"the leaf of thread 't-main' is {there}, not ")
    assert line.endswith("; nothing was appended")
    assert snapshot(cli.db.parent) == before


def test_an_id_that_exists(cli: Cli) -> None:
    line = cli.fails(4, "threads", "create", "--id", "t-main")
    assert line == "thread 't-main' exists; choose another id, or update it"
    line = cli.fails(4, "jobs", "create", "J", "--id", "j-1")
    assert line == "job 'j-1' exists; choose another id, or update it"
    line = cli.fails(4, "demo", str(cli.db.parent))
    assert line == f"{cli.db} exists; name another folder"


# Bad data.


def append(*more: str) -> tuple[str, ...]:
    return ("messages", "append", "t-main", "--role", "user", "--content", "x", *more)


BAD_JSON = {
    "{": "is not valid JSON: ",
    "": "is not valid JSON: ",
    "1 2": "is not valid JSON: Extra data",
    '{"a": NaN}': "is not valid JSON: NaN is not JSON",
    "-Infinity": "is not valid JSON: -Infinity is not JSON",
    "1e999": "is not valid JSON: 1e999 is beyond the range of a double",
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
            '[{"position": 0, "name": "n", "input_schema": 1},'
            ' {"position": 0, "name": "m", "input_schema": 1}]',
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
        (append()[:4] + ("", "--content", "x"), 7),
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


# Usage.


def parameters(command: Command, path: str) -> Iterator[tuple[str, TyperArgument | TyperOption]]:
    if isinstance(command, Group):
        for name, verb in command.commands.items():
            yield from parameters(verb, f"{path} {name}".strip())
    else:
        for parameter in command.params:
            assert isinstance(parameter, TyperArgument | TyperOption)
            yield path, parameter


CHOICES = [
    (path, parameter.opts[0], choices)
    for path, parameter in parameters(program(), "")
    if isinstance(parameter, TyperOption) and (choices := getattr(parameter.type, "choices", None))
]


@pytest.mark.parametrize(("verb", "option", "choices"), CHOICES)
def test_an_unknown_choice_lists_the_valid_ones(
    cli: Cli, verb: str, option: str, choices: list[str]
) -> None:
    line = cli.fails(2, *verb.split(), *ARGUMENTS[verb], option, "nope")
    assert all(f"'{choice}'" in line for choice in choices)
    assert "'nope' is not one of" in line


def test_there_are_choices_to_look_at() -> None:
    assert len(CHOICES) > len(ALL_VERBS)
    assert {option for _, option, _ in CHOICES} >= {"--output", "--status", "--source", "--sort"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nope",), "No such command 'nope'"),
        (("threads", "lst"), "No such command 'lst'. Did you mean 'list'?"),
        (("threads", "list", "--nope"), "No such option: --nope"),
        (("threads", "show"), "Missing argument 'THREAD'"),
        (("threads", "show", "a", "b"), "Got unexpected extra argument"),
        (
            ("threads", "list", "--limit", "x"),
            "Invalid value for '--limit': 'x' is not a valid int",
        ),
        (("threads", "list", "--limit", "-1"), "Invalid value for '--limit': -1 is not in the ran"),
        (("threads", "list", "-o"), "Option '-o' requires an argument"),
        (("jobs", "update", "j-1", "--progress", "101"), "Invalid value for '--progress': 101 is "),
        (("jobs", "update", "j-1"), "name at least one column to update"),
        (("threads", "update", "t-main"), "name at least one column to update"),
        (("threads", "memory", "t-main", "on", "--unset"), "give a MODE or --unset, not both"),
        (("threads", "goal", "t-main", "--delete", "--objective", "x"), "--delete goes alone"),
        (("threads", "goal", "t-main", "--objective", "x", "--dry-run"), "--yes and --dry-run go "),
        (append()[:5], "give the text with --content TEXT, or --content-file PATH"),
        (append("--content-file", "-"), "give the text with --content TEXT, or --content-file"),
        (append("--expect-leaf", "last"), "--expect-leaf takes a message id or none, not 'last'"),
        (("--timeout", "nan", "info"), "--timeout takes seconds, not nan"),
        (("--timeout", "-1", "info"), "Invalid value for '--timeout': -1.0 is not in the range"),
        (("--color", "pink", "info"), "Invalid value for '--color': 'pink' is not one of"),
    ],
)
def test_usage(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    before = snapshot(cli.db.parent)
    assert cli.fails(2, *arguments).startswith(says)
    assert snapshot(cli.db.parent) == before


@pytest.mark.parametrize("arguments", [("threads",), ("index",)])
def test_a_missing_verb_shows_the_help_as_an_error(cli: Cli, arguments: tuple[str, ...]) -> None:
    result = cli.run(*arguments)
    assert (result.code, result.stdout) == (2, b"")
    assert result.notes[0].startswith(f"Usage: agentstate {arguments[0]} ")


def test_no_arguments_at_all_show_the_help_as_an_error(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    assert main([]) == 2
    stdout, stderr = capsysbinary.readouterr()
    assert stdout == b""
    assert stderr.startswith(b"Usage: agentstate [OPTIONS] COMMAND")


@pytest.mark.parametrize(
    ("option", "given"), [("--since", "soon"), ("--until", ""), ("--since", "3x")]
)
def test_a_time_that_is_none(cli: Cli, option: str, given: str) -> None:
    line = cli.fails(2, "threads", "list", option, given)
    assert line.startswith(f"{option} takes Unix seconds, ISO 8601, or an age such as 90s, 3d")


# As JSON.


@pytest.mark.parametrize("shape", [("-o", "json"), ("--output=jsonl",), ("-ojson",)])
@pytest.mark.parametrize(
    ("arguments", "code", "slug"),
    [
        (("threads", "show", "nope"), 3, "thread_not_found"),
        (("messages", "show", "99"), 3, "message_not_found"),
        (("threads", "show", "t-"), 4, "ambiguous"),
        (("threads", "list", "--status", "nope"), 2, "usage"),
        (("threads", "list", "--nope"), 2, "usage"),
        (append("--item", "{"), 7, "bad_input"),
        (append("--expect-leaf", "1"), 4, "conflict"),
        (("threads", "delete", "t-main"), 2, "usage"),
    ],
)
def test_an_error_is_an_object_where_json_is_wanted(
    cli: Cli, arguments: tuple[str, ...], code: int, slug: str, shape: tuple[str, ...]
) -> None:
    result = cli.run(*arguments, *shape)
    assert (result.code, result.stdout) == (code, b"")
    (line,) = result.notes
    error = json.loads(line)
    assert list(error) == ["error"]
    assert list(error["error"]) == ["code", "message"]
    assert error["error"]["code"] == slug


def test_text_that_looks_like_an_option_does_not_make_json(cli: Cli) -> None:
    assert "no thread" in cli.fails(3, "threads", "show", "nope", "--fields", "id")
    assert "-o json" in cli.fails(3, "threads", "show", "--", "-o json")


def test_hostile_text_in_an_error_is_shown_and_not_obeyed(cli: Cli) -> None:
    line = cli.fails(3, "threads", "show", "a\x1b[31m\nb\u202e\x9b[bold]")
    assert line.isprintable()
    assert "[bold]" in line
    result = cli.run("threads", "show", "a\x1b[31m\nb\u202e\x9b", "-o", "json")
    assert result.stderr.decode().rstrip("\n").isprintable()
    assert "a\\x1b" in json.loads(result.stderr)["error"]["message"]


# Damaged rows.


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
        ("item", ("messages", "tree", "t-main", "--all"), "the item of message 2 is not JSON"),
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


def test_reading_verbs_are_verbs() -> None:
    assert set(READING) < set(ALL_VERBS)
