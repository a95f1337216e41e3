"""`init`, `info`, `schema`, `demo`, `--version` and `--help`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from agentstate import __version__
from cli_support import run, the_error
from support import copy_store, mode, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli


def test_init_makes_a_store_of_ones_own_and_prints_its_path(cli: Cli, tmp_path: Path) -> None:
    new = cli.on(tmp_path / "a" / "b" / "state.db")
    assert new("init").lines == [str(new.db)]
    assert (mode(new.db), mode(new.db.parent), mode(new.db.parent.parent)) == (0o600, 0o700, 0o700)
    before = snapshot(new.db.parent)
    assert new("init", "-o", "json").json["schema_version"] == 4
    assert snapshot(new.db.parent) == before


@pytest.mark.parametrize("name", ["v0", "v1", "v2_rich"])
def test_init_migrates_an_old_store(cli: Cli, tmp_path: Path, name: str) -> None:
    old = cli.on(copy_store(name, tmp_path))
    assert old("init", "-o", "json").json["schema_version"] == 4
    assert old("threads", "list", "--all", "--limit", "0").lines


@pytest.mark.parametrize("name", ["v1", "v2_rich"])
def test_an_old_store_is_read_as_it_is(cli: Cli, tmp_path: Path, name: str) -> None:
    old = cli.on(copy_store(name, tmp_path))
    before = snapshot(tmp_path)
    version = int(name[1])
    assert old("info", "--fields", "schema_version").lines == [str(version)]
    assert f"{version} (the next write makes it 4)" in old("info", "-o", "table").text
    assert old("threads", "list", "--all").lines
    thread = old("threads", "list", "--all", "-o", "id").lines[0]
    old("messages", "list", thread)
    old("threads", "show", thread, "-o", "table")
    old.fails(3, "threads", "goal", thread)
    assert snapshot(tmp_path) == before


def test_the_first_verb_that_writes_migrates(cli: Cli, tmp_path: Path) -> None:
    old = cli.on(copy_store("v1", tmp_path))
    old("threads", "create", "--id", "new", "--cwd", "/w")
    assert old("info", "--fields", "schema_version").lines == ["4"]


def test_info_says_where_and_why(cli: Cli) -> None:
    found = cli("info", "-o", "json").json
    assert (found["path"], found["rule"]) == (str(cli.db), "--db")
    assert found["index_path"] == str(cli.db.parent / "session_index.jsonl")
    assert found["counts"]["messages"] == 4
    assert found["size"] == cli.db.stat().st_size
    assert run("info", "--fields", "rule", environ={"AGENTSTATE_DB": str(cli.db)}).lines == [
        "$AGENTSTATE_DB"
    ]


def test_info_for_people(demo: Cli) -> None:
    seen = demo.screen("--color", "never", "info", width=200).lines
    found = dict(re.split("  +", line, maxsplit=1) for line in seen)
    assert found["store"] == str(demo.db)
    assert found["chosen by"] == "--db"
    assert found["schema version"] == "4"
    assert found["size"] == f"{demo.db.stat().st_size} bytes"
    assert (found["threads"], found["messages"], found["jobs"]) == ("3", "13", "6")
    assert "write-ahead log" not in found


def test_a_url_names_a_store_as_a_path_does(cli: Cli) -> None:
    assert run("--db", f"sqlite:///{cli.db}", "threads", "list", "-o", "id").lines == ["t-main"]
    line = the_error(run("--db", "postgres://me:secret@host/db", "info"), 2)
    assert "postgres" in line
    assert "secret" not in line


@pytest.mark.parametrize("variable", ["AGENTSTATE_DB", "CODEWHALE_HOME"])
def test_a_relative_variable_is_refused(variable: str) -> None:
    line = the_error(run("info", environ={variable: "some/where"}), 2)
    assert line == f"${variable} must be an absolute path, not 'some/where'"


def test_schemas_are_json_schemas(cli: Cli) -> None:
    found = cli("schema").json
    assert list(found["ThreadMetadata"]["properties"])[:2] == ["id", "rollout_path"]
    assert cli("schema", "ThreadMetadata").json == found["ThreadMetadata"]
    assert len(cli("schema", "-o", "jsonl").lines) == 1
    assert cli("schema", "-o", "id").lines == list(found)
    assert cli("schema", "MessageRecord", "-o", "id").lines == ["MessageRecord"]


def test_the_demo_is_a_store_to_play_with(cli: Cli, tmp_path: Path) -> None:
    result = cli("demo", tmp_path / "play")
    path = tmp_path / "play" / "state.db"
    assert result.lines == [str(path)]
    assert result.notes == [f"try: agentstate --db {path} messages tree @last"]
    demo = cli.on(path)
    assert demo("threads", "list", "-o", "id").lines == ["demo-lexer", "demo-release"]
    assert len(demo("messages", "leaves", "demo-lexer").lines) == 3
    assert demo("index", "check", "--strict").lines[-1].startswith("2 lines, 2 threads: 0 bad")


def test_version(cli: Cli) -> None:
    assert cli("--version").lines == [f"agentstate {__version__}"]


def test_help_needs_no_store(cli: Cli, tmp_path: Path) -> None:
    nowhere = cli.on(tmp_path / "none" / "state.db")
    assert nowhere("threads", "list", "--help").lines
    assert not nowhere.db.parent.exists()
