"""Stores and indexes that a user may not read or write, and users without a home."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agentstate import StateStore
from cli_support import append, run, the_error
from support import STRANGER, as_root, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli


@as_root
def test_a_second_user_reads_and_may_not_write(public_folder: Path, filled: Path) -> None:
    for name in ("state.db", "session_index.jsonl"):
        (public_folder / name).write_bytes((filled / name).read_bytes())
    db = public_folder / "state.db"
    before = snapshot(public_folder)
    assert run("threads", "list", "-o", "id", db=db, user=STRANGER).lines == ["t-main"]
    assert run("index", "name", "t-main", db=db, user=STRANGER).lines == ["Main"]
    assert "may not be written by this user" in the_error(run(*append(), db=db, user=STRANGER), 5)
    db.chmod(0o666)
    line = the_error(run(*append(), db=db, user=STRANGER), 5)
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
