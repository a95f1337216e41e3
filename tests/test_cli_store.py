"""`init`, `info`, `schema`, `demo`, `--version`; and stores that are not as they should be."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from agentstate import StateStore, __version__
from cli_support import ARGUMENTS, READING, Cli, run, the_error
from support import DATA, STRANGER, as_root, copy_store, mode, raw, set_version, snapshot

if TYPE_CHECKING:
    from pathlib import Path

WRITE = ("messages", "append", "t-main", "--role", "user", "--content", "x")


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


# Stores that are missing, or are something else.


@pytest.mark.parametrize("verb", READING)
def test_reading_what_is_missing_says_how_to_make_it(cli: Cli, tmp_path: Path, verb: str) -> None:
    missing = cli.on(tmp_path / "none" / "state.db")
    line = missing.fails(3, *verb.split(), *ARGUMENTS[verb])
    assert line == f"no store at {missing.db}; run 'agentstate init' to create it"
    assert not missing.db.parent.exists()
    missing.db.parent.mkdir()
    missing.db.touch()
    assert missing.fails(3, *verb.split(), *ARGUMENTS[verb]) == line
    assert [path.name for path in missing.db.parent.iterdir()] == ["state.db"]


@pytest.mark.parametrize(
    "arguments",
    [
        WRITE,
        ("threads", "rename", "t-main", "x"),
        ("threads", "delete", "t-main", "--yes"),
        ("messages", "clear", "t-main", "--dry-run"),
        ("jobs", "update", "j-1", "--progress", "1"),
        ("index", "compact"),
        ("index", "rebuild"),
    ],
)
def test_changing_what_is_missing_makes_nothing(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    missing = cli.on(tmp_path / "none" / "state.db")
    assert "agentstate init" in missing.fails(3, *arguments)
    assert not missing.db.parent.exists()


@pytest.mark.parametrize(
    "arguments", [("threads", "create"), ("threads", "ensure", "a"), ("jobs", "create", "J")]
)
def test_the_first_thread_or_job_makes_the_store(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    new = cli.on(tmp_path / "none" / "state.db")
    assert len(new(*arguments).lines) == 1
    assert mode(new.db) == 0o600


def make_folder(path: Path) -> None:
    path.mkdir()


def make_text(path: Path) -> None:
    path.write_text("not a database " * 100)


def make_foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE threads(id TEXT, mine TEXT)")


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_historic(path: Path) -> None:
    path.write_bytes((DATA / "v0" / "state.db").read_bytes())


OTHERS = {
    make_folder: (6, "is a folder, not a store"),
    make_text: (6, "is not a SQLite file"),
    make_foreign: (6, "is a SQLite file of another program, not a store"),
    make_fifo: (6, "is not a file, not a store"),
}


@pytest.mark.parametrize("make", OTHERS)
@pytest.mark.parametrize(
    "arguments", [("threads", "list"), WRITE, ("init",), ("threads", "create")]
)
def test_what_is_no_store_is_left_alone(
    cli: Cli, tmp_path: Path, make: object, arguments: tuple[str, ...]
) -> None:
    assert callable(make)
    code, says = OTHERS[make]
    folder = tmp_path / "other"
    folder.mkdir()
    other = cli.on(folder / "state.db")
    make(other.db)
    before = snapshot(folder)
    assert other.fails(code, *arguments) == f"{other.db} {says}"
    assert snapshot(folder) == before


def test_a_store_of_historic_tables_is_read_after_init(cli: Cli, tmp_path: Path) -> None:
    old = cli.on(tmp_path / "state.db")
    make_historic(old.db)
    line = old.fails(6, "threads", "list")
    assert line.endswith("without the tree; run 'agentstate init' to migrate it")
    old("init")
    assert old("threads", "list", "--all").lines


def test_a_newer_store_is_read_and_not_written(cli: Cli) -> None:
    set_version(cli.db, 99)
    assert cli("threads", "list", "-o", "id").lines == ["t-main"]
    assert "99 (newer than 4: it can only be read)" in cli("info", "-o", "table").text
    before = snapshot(cli.db.parent)
    for arguments in (WRITE, ("init",), ("threads", "delete", "t-main", "--yes")):
        line = cli.fails(6, *arguments)
        assert "is at version 99; this agentstate writes up to 4" in line
    assert snapshot(cli.db.parent) == before


def test_a_store_that_another_program_holds(cli: Cli) -> None:
    with raw(cli.db) as other:
        other.execute("BEGIN IMMEDIATE")
        line = cli.fails(5, "--timeout", "0.05", *WRITE)
        assert line == (
            f"{cli.db} is locked by another program; waited 0.05 s (--timeout waits longer)"
        )
        assert cli("messages", "list", "t-main", "-o", "id").lines == ["1", "4"]
        other.execute("ROLLBACK")
    cli("--timeout", "0", *WRITE)


def test_a_damaged_file_is_said_to_be(cli: Cli) -> None:
    size = cli.db.stat().st_size
    with cli.db.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    assert "is damaged" in cli.fails(6, "threads", "list")


@pytest.mark.parametrize("verb", READING)
def test_reading_leaves_the_folder_as_it_was(cli: Cli, verb: str) -> None:
    before = snapshot(cli.db.parent)
    for output in ("tsv", "table"):
        cli(*verb.split(), *ARGUMENTS[verb], "-o", output)
    assert snapshot(cli.db.parent) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("threads", "delete", "t-main"),
        ("threads", "goal", "t-main", "--delete"),
        ("messages", "clear", "t-main"),
        ("checkpoint", "delete", "t-main", "cp"),
        ("jobs", "delete", "j-1"),
        ("index", "rebuild"),
    ],
)
def test_a_dry_run_leaves_the_folder_as_it_was(cli: Cli, arguments: tuple[str, ...]) -> None:
    with (cli.db.parent / "session_index.jsonl").open("a") as index:
        index.write("torn\n")
    before = snapshot(cli.db.parent)
    result = cli(*arguments, "--dry-run")
    assert result.notes[-1].startswith("would ")
    assert snapshot(cli.db.parent) == before


# Other users, as whom a process of its own must run.


@as_root
def test_a_second_user_reads_and_may_not_write(public_folder: Path, filled: Path) -> None:
    for name in ("state.db", "session_index.jsonl"):
        (public_folder / name).write_bytes((filled / name).read_bytes())
    db = public_folder / "state.db"
    before = snapshot(public_folder)
    assert run("threads", "list", "-o", "id", db=db, user=STRANGER).lines == ["t-main"]
    assert run("index", "name", "t-main", db=db, user=STRANGER).lines == ["Main"]
    assert "may not be written by this user" in the_error(run(*WRITE, db=db, user=STRANGER), 5)
    db.chmod(0o666)
    line = the_error(run(*WRITE, db=db, user=STRANGER), 5)
    assert "this user may not write its folder" in line
    db.chmod(0o600)
    assert "cannot be read: Permission denied" in the_error(
        run("threads", "list", db=db, user=STRANGER), 5
    )
    db.chmod(0o644)
    assert {name: found[0] for name, found in snapshot(public_folder).items()} == {
        name: found[0] for name, found in before.items()
    }


@as_root
def test_a_folder_that_may_not_be_written_holds_no_new_store(public_folder: Path) -> None:
    line = the_error(run("init", db=public_folder / "state.db", user=STRANGER), 5)
    assert line.endswith("cannot be created: Permission denied")
    line = the_error(run("demo", public_folder / "play", user=STRANGER), 5)
    assert line.endswith("cannot be created: Permission denied")


@as_root
def test_without_a_home_a_store_must_be_named(public_folder: Path) -> None:
    line = the_error(run("threads", "create", user=STRANGER - 1000, cwd=public_folder), 2)
    assert line == "no home folder is known; set $HOME, or name the store with --db"
    line = the_error(run("info", environ={"HOME": "here"}, cwd=public_folder), 2)
    assert line.startswith("no home folder is known")
    assert list(public_folder.iterdir()) == []


@as_root
def test_an_index_that_cannot_be_written_costs_a_warning(public_folder: Path, filled: Path) -> None:
    db = public_folder / "state.db"
    db.write_bytes((filled / "state.db").read_bytes())
    db.chmod(0o666)
    public_folder.chmod(0o777)
    (public_folder / "session_index.jsonl").touch(0o600)
    result = run("threads", "rename", "t-main", "Renamed", db=db, user=STRANGER)
    assert (result.code, result.stdout) == (0, b"")
    (note,) = result.notes
    assert note.startswith(
        "agentstate: warning: the store was written, the session index was not: "
    )
    assert note.endswith("Permission denied")
    with StateStore.open(db, read_only=True) as store:
        thread = store.threads.get("t-main")
    assert thread is not None
    assert thread.name == "Renamed"


def test_an_index_that_is_a_folder_costs_a_warning(cli: Cli) -> None:
    index = cli.db.parent / "session_index.jsonl"
    index.unlink()
    index.mkdir()
    result = cli("threads", "create", "--id", "new", "-o", "json")
    assert json.loads(result.stdout)["id"] == "new"
    assert "the session index was not" in result.notes[0]
    assert cli("threads", "show", "new", "-o", "id").lines == ["new"]
