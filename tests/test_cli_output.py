"""The shapes of answers are a promise: every verb, every `-o`, fields, limits, notes."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from agentstate import ThreadMetadata
from agentstate.cli.app import program
from agentstate.render import report_shapes, shapes
from cli_stores import ALL_VERBS, ARGUMENTS, FORMATS
from cli_support import without_color

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate.render.shape import Shape
    from cli_support import Cli

SHAPES = {
    "threads": shapes.THREADS,
    "threads tools": shapes.TOOLS,
    "threads goal": shapes.GOALS,
    "threads trash list": report_shapes.TRASH,
    "threads trash empty": report_shapes.TRASH,
    "threads prune": report_shapes.PRUNED,
    "messages": shapes.MESSAGES,
    "messages tree": shapes.TREE,
    "messages clear": shapes.CLEARED,
    "fork": shapes.MESSAGES,
    "checkpoint": shapes.CHECKPOINTS,
    "jobs": shapes.JOBS,
    "index": shapes.INDEX,
    "index check": report_shapes.INDEX_CHECK,
    "index compact": report_shapes.INDEX_COMPACTION,
    "index rebuild": report_shapes.INDEX_REBUILD,
    "import": report_shapes.IMPORTED,
    "search": report_shapes.SEARCH,
    "export": report_shapes.EXPORTED,
    "init": report_shapes.STORE,
    "info": report_shapes.STORE,
    "demo": report_shapes.STORE,
    "doctor": report_shapes.FINDINGS,
    "backup": report_shapes.BACKUP,
    "restore": report_shapes.RESTORATION,
    "recover": report_shapes.RECOVERY,
    "vacuum": report_shapes.VACUUM,
}
IN_JSON = {
    "threads prune": report_shapes.PRUNING,
    "import": report_shapes.IMPORT,
    "doctor": report_shapes.DIAGNOSIS,
}
"""Verbs whose answer is one object in JSON, and else rows."""

ONE_FIELD = {
    "threads path": ["rollout_path"],
    "threads memory": ["memory_mode"],
    "index name": ["thread_name"],
    "index path": ["rollout_path"],
    "checkpoint delete": ["thread_id", "checkpoint_id"],
    "jobs delete": ["id"],
}
"""Verbs that answer with some fields of their shape only."""

LISTS = {"search", "export"} | {
    verb for verb in ALL_VERBS if verb.endswith((" list", " leaves", " tree", " tools", " empty"))
}
SHAPED = [verb for verb in ALL_VERBS if verb not in {"schema", "completion"}]


def shape_of(verb: str) -> Shape:
    return SHAPES.get(verb) or SHAPES[verb.partition(" ")[0]]


def arguments(verb: str, folder: Path) -> list[str]:
    if "BACKUP" in ARGUMENTS[verb]:
        shutil.copytree(folder / "store", folder / "BACKUP")
    given = [str(folder / one) if one in {"DEMO", "BACKUP"} else one for one in ARGUMENTS[verb]]
    return [*verb.split(), *given]


def test_no_verb_is_forgotten_here() -> None:
    assert sorted(ARGUMENTS) == sorted(ALL_VERBS)


@pytest.mark.parametrize("verb", ALL_VERBS)
def test_every_verb_says_what_it_does_with_an_example_and_takes_a_shape(
    cli: Cli, verb: str
) -> None:
    text = cli(*verb.split(), "--help").text
    assert f"Usage: agentstate {verb} " in text
    assert re.search(r"^  Example: .*agentstate ", text, re.MULTILINE)
    assert re.search(r"^  -o, --output <?\[?table\|json\|jsonl\|tsv\|id", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("verb", "default"),
    [
        ("threads list", "table on a terminal, tsv in a pipe"),
        ("import", "table on a terminal, ids in a pipe"),
        ("recover", "table on a terminal, path in a pipe"),
        ("export", "the paths with -O, else the documents"),
        ("threads create", "the id alone"),
        ("fork", "the id alone"),
        ("init", "the path alone"),
    ],
)
def test_help_says_which_shape_is_the_default(cli: Cli, verb: str, default: str) -> None:
    text = " ".join(cli(*verb.split(), "--help").text.split())
    assert f"The shape of the answer. Default: {default}." in text


def test_the_help_of_a_group_lists_all_of_it(cli: Cli) -> None:
    whole = cli("--help").text
    for name in program().commands:
        assert re.search(rf"^  {name}  ", whole, re.MULTILINE)
    verbs = cli("threads", "--help").text
    assert {line.split()[0] for line in verbs.partition("Commands:")[2].splitlines() if line} == {
        verb.split()[1] for verb in ALL_VERBS if verb.startswith("threads ")
    }
    assert "  empty  Remove deleted threads for good" in cli("threads", "trash", "--help").text


@pytest.mark.parametrize("verb", SHAPED)
def test_json_is_one_object_or_one_array_with_every_field(
    cli: Cli, tmp_path: Path, verb: str
) -> None:
    found = cli(*arguments(verb, tmp_path), "-o", "json").json
    if verb in LISTS:
        assert isinstance(found, list)
        assert found
        found = found[0]
    expected = ONE_FIELD.get(verb, list(IN_JSON.get(verb, shape_of(verb)).fields))
    if verb == "threads show":
        expected += shapes.THREAD.extra
    assert [field for field in found if field not in {"messages", "branches"}] == [
        field for field in expected if field not in {"messages", "branches"}
    ]


@pytest.mark.parametrize("verb", SHAPED)
def test_json_lines_are_the_objects_one_a_line(cli: Cli, tmp_path: Path, verb: str) -> None:
    result = cli(*arguments(verb, tmp_path), "-o", "jsonl")
    expected = ONE_FIELD.get(verb, list(shape_of(verb).fields))
    assert result.lines
    for line in result.lines:
        assert list(json.loads(line))[: len(expected)] == expected


@pytest.mark.parametrize("verb", SHAPED)
def test_tsv_has_the_documented_columns(cli: Cli, tmp_path: Path, verb: str) -> None:
    result = cli(*arguments(verb, tmp_path), "-o", "tsv")
    expected = ONE_FIELD.get(verb, list(shape_of(verb).columns))
    assert {len(row) for row in result.cells} == {len(expected)}


@pytest.mark.parametrize("verb", SHAPED)
def test_ids_come_one_a_line(cli: Cli, tmp_path: Path, verb: str) -> None:
    result = cli(*arguments(verb, tmp_path), "-o", "id")
    assert result.cells
    assert all(len(row) == 1 and row[0] for row in result.cells)


@pytest.mark.parametrize("verb", ALL_VERBS)
def test_a_table_comes_where_it_is_asked_for(cli: Cli, tmp_path: Path, verb: str) -> None:
    result = cli(*arguments(verb, tmp_path), "-o", "table")
    # What a rebuild finds to change is listed, and here there is nothing.
    assert result.lines or verb == "index rebuild"
    assert b"\x1b" not in result.stdout


@pytest.mark.parametrize("output", FORMATS)
def test_schemas_and_scripts_come_whatever_the_shape(cli: Cli, output: str) -> None:
    assert "ThreadMetadata" in cli("schema", "ThreadMetadata", "-o", output).text
    assert "agentstate" in cli("completion", "bash", "-o", output).text


def test_a_pipe_gets_tsv_and_a_terminal_a_table(cli: Cli) -> None:
    assert (
        cli("threads", "list", "--all").lines == cli("threads", "list", "--all", "-o", "tsv").lines
    )
    screen = cli.screen("threads", "list", "--all")
    assert without_color(screen.stdout).decode().splitlines() == (
        cli("threads", "list", "--all", "-o", "table").lines
    )


def test_what_is_made_prints_its_id_and_nothing_else(cli: Cli) -> None:
    made = cli("threads", "create", "--name", "New")
    assert len(made.lines) == 1
    assert made.stderr == b""
    assert cli("threads", "show", made.lines[0], "-o", "id").lines == made.lines
    assert cli("messages", "append", made.lines[0], "--role", "user", "--content", "a").lines == [
        "5"
    ]
    assert cli("fork", "1", "--content", "b").lines == ["6"]
    assert cli("checkpoint", "save", "t-main", "c", "--state", "1").lines == ["c"]
    assert len(cli("jobs", "create", "J").lines) == 1
    assert cli("init").lines == [str(cli.db)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("threads", "update", "t-main", "--status", "idle"),
        ("threads", "rename", "t-main", "Other"),
        ("threads", "archive", "t-main"),
        ("threads", "unarchive", "t-main"),
        ("threads", "memory", "t-main", "off"),
        ("threads", "tools", "t-main", "--set", "[]"),
        ("threads", "goal", "t-main", "--status", "paused"),
        ("messages", "checkout", "1"),
        ("jobs", "update", "j-1", "--status", "running"),
    ],
)
def test_what_changes_says_nothing_unless_asked(cli: Cli, arguments: tuple[str, ...]) -> None:
    result = cli(*arguments)
    assert (result.stdout, result.stderr) == (b"", b"")


# Fields.


def test_fields_are_shown_alone_and_in_the_order_named(cli: Cli) -> None:
    fields = ("--fields", "status, id,name")
    assert cli("threads", "show", "t-main", *fields).cells == [["idle", "t-main", "Main"]]
    found = cli("threads", "show", "t-main", *fields, "-o", "json").json
    assert list(found.items()) == [("status", "idle"), ("id", "t-main"), ("name", "Main")]
    table = cli("threads", "show", "t-main", *fields, "-o", "table").lines
    assert [line.split() for line in table] == [
        ["STATUS", "ID", "NAME"],
        ["idle", "t-main", "Main"],
    ]


def test_sizes_of_threads_are_shown_when_named(cli: Cli) -> None:
    found = cli("threads", "list", "--all", "--fields", "id,messages,branches").cells
    assert found == [["t-main", "4", "2"], ["t-other", "0", "0"]]


@pytest.mark.parametrize(
    "verb", ["threads list", "messages list", "jobs list", "index list", "info"]
)
def test_an_unknown_field_lists_the_valid_ones(cli: Cli, verb: str) -> None:
    shape = shape_of(verb)
    line = cli.fails(2, *verb.split(), *ARGUMENTS[verb], "--fields", f"{shape.id},nope")
    assert line == f"no field 'nope'; the fields are: {', '.join(shape.fields + shape.extra)}"


# Escapes.


@pytest.fixture
def odd(cli: Cli) -> Cli:
    """Add a thread of odd letters, and a message of all of them."""
    with cli.store() as store:
        store.threads.create(
            ThreadMetadata(id="odd\nid", name="a\tb\\c\rd\0e", cwd="/w", created_at=2, updated_at=2)
        )
        store.messages.append("odd\nid", "user", "".join(map(chr, range(0xD800))))
    return cli


def test_tsv_escapes_what_would_break_a_line(odd: Cli) -> None:
    (found,) = odd("threads", "show", "odd\nid", "--fields", "id,name").cells
    assert found == ["odd\\nid", "a\\tb\\\\c\\rd\\0e"]


def test_tsv_can_be_read_back(odd: Cli) -> None:
    (line,) = odd("messages", "list", "odd\nid", "--fields", "content").text.split("\n")[:-1]
    letters = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "\\": "\\"}
    text = re.sub(r"\\(.)", lambda escape: letters[escape[1]], line)
    assert text == "".join(map(chr, range(0xD800)))


@pytest.mark.parametrize("output", ["json", "jsonl"])
def test_json_carries_every_letter(odd: Cli, output: str) -> None:
    found = odd("messages", "show", "5", "-o", output)
    assert json.loads(found.stdout)["content"] == "".join(map(chr, range(0xD800)))


def test_ids_can_end_with_nul(odd: Cli) -> None:
    ids = odd("threads", "list", "--all", "-0").stdout
    assert sorted(ids.split(b"\0")) == [b"", b"odd\nid", b"t-main", b"t-other"]
    assert ids.endswith(b"\0")
    assert odd("threads", "list", "--all", "-o", "id", "--null").stdout == ids
    lines = odd("threads", "list", "--all", "-o", "id").stdout.splitlines()
    assert sorted(lines) == [b"odd\\nid", b"t-main", b"t-other"]


def test_nul_goes_with_ids_only(cli: Cli) -> None:
    assert cli.fails(2, "threads", "list", "-0", "-o", "tsv") == "-0 goes with -o id"


def test_an_item_stays_one_line_with_its_numbers_as_they_were(cli: Cli) -> None:
    item = '{\n  "a": 1.10,\r\n  "b": [1E400e0, 123456789012345678901234567890]\n}'
    item = item.replace("1E400e0", "1e3")
    cli("messages", "append", "t-main", "--role", "tool", "--content", "", "--item", item)
    for output in ("jsonl", "json"):
        result = cli("messages", "show", "5", "-o", output)
        assert len(result.lines) == 1
        assert '"a": 1.10' in result.text
        assert "[1e3, 123456789012345678901234567890]" in result.text
    (line,) = cli("messages", "show", "5", "-o", "tsv", "--fields", "item").lines
    assert json.loads(line)["b"] == [1000.0, 123456789012345678901234567890]


def test_empty_answers_are_fine(cli: Cli) -> None:
    nothing = ("threads", "list", "--status", "failed")
    assert cli(*nothing).stdout == b""
    assert cli(*nothing, "-o", "json").json == []
    assert cli(*nothing, "-o", "jsonl").stdout == b""
    assert cli(*nothing, "-o", "id").stdout == b""
    assert cli("messages", "list", "t-other", "-o", "json").json == []
    assert cli("messages", "tree", "t-other", "-o", "json").json == []
