"""Each error is one clear line on standard error, with its exit code, and changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.core import TyperArgument, TyperOption

from agentstate.cli.app import program
from agentstate.cli.groups import Group
from agentstate.cli.main import main
from cli_stores import ALL_VERBS, ARGUMENTS
from cli_support import append
from support import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer._click import Command

    from cli_support import Cli

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
