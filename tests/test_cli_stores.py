"""Stores that are missing, locked, damaged or something else; and reading that leaves no trace."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from cli_stores import ARGUMENTS, READING
from cli_support import append
from support import DATA, mode, raw, set_version, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli

WRITE = append()


@pytest.mark.parametrize("verb", READING)
def test_reading_what_is_missing_says_how_to_make_it(cli: Cli, tmp_path: Path, verb: str) -> None:
    missing = cli.on(tmp_path / "none" / "state.db")
    line = missing.fails(3, *verb.split(), *ARGUMENTS[verb])
    assert line == f"no store at {missing.db}; run 'agentstate init' to create it"
    assert not missing.db.parent.exists()
    missing.db.parent.mkdir()
    missing.db.touch()
    said = missing.fails(3, *verb.split(), *ARGUMENTS[verb])
    assert said == line or (
        verb == "doctor" and said.startswith(f"{line}. The file there is empty")
    )
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
    make_text: (6, "is not a SQLite file; if it was a store, see agentstate doctor"),
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
def test_reading_beside_the_agent_leaves_the_folder_as_it_was(cli: Cli, verb: str) -> None:
    with raw(cli.db) as agent:
        agent.execute("UPDATE jobs SET progress = 1")
        before = snapshot(cli.db.parent)
        assert "state.db-wal" in before
        cli(*verb.split(), *ARGUMENTS[verb])
        assert snapshot(cli.db.parent) == before


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
