"""`agentstate checkpoint`: what each verb does and shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli_support import Cli, golden, run

if TYPE_CHECKING:
    from pathlib import Path

STATE = '{ "v": 1.10,\n  "big": 123456789012345678901234567890 }\n'


@pytest.mark.parametrize("how", ["text", "file", "stdin"])
def test_a_state_is_kept_as_it_came(cli: Cli, tmp_path: Path, how: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(STATE)
    given = {"text": STATE, "file": f"@{file}", "stdin": "-"}[how]
    save = ("checkpoint", "save", "t-main", "new", "--state", given)
    assert run(*save, db=cli.db, stdin=STATE.encode()).lines == ["new"]
    assert run("checkpoint", "load", "t-main", "new", db=cli.db).stdout == STATE.encode()
    found = cli("checkpoint", "load", "t-main", "new", "-o", "json").text
    assert '"checkpoint_id": "new", "state": { "v": 1.10,   "big": 123456' in found
    assert len(found.splitlines()) == 1


def test_the_latest_is_the_one_saved_last(cli: Cli) -> None:
    for name in ("a", "b", "a"):
        cli("checkpoint", "save", "t-main", name, "--state", f'"{name}"')
    assert cli("checkpoint", "load", "t-main").text == '"a"'
    assert cli("checkpoint", "list", "t-main", "-o", "id").lines == ["a", "b", "cp"]
    assert cli("checkpoint", "list", "t-main", "--limit", "1", "-o", "id").lines == ["a"]


def test_a_checkpoint_is_shown_when_it_is_saved_where_asked(cli: Cli) -> None:
    save = ("checkpoint", "save", "t-main", "n", "--state", " 1.0 ")
    found = cli(*save, "-o", "json").json
    assert (found["thread_id"], found["checkpoint_id"], found["state"]) == ("t-main", "n", 1.0)


def test_one_is_deleted(cli: Cli) -> None:
    delete = ("checkpoint", "delete", "t-main", "cp")
    result = cli(*delete, "--dry-run", "-o", "json")
    assert result.json == {"thread_id": "t-main", "checkpoint_id": "cp"}
    assert result.notes == ["would delete checkpoint 'cp' of thread t-main"]
    result = cli(*delete, "--yes")
    assert (result.stdout, result.notes) == (b"", ["deleted checkpoint 'cp' of thread t-main"])
    cli.fails(3, *delete, "--yes")


@pytest.mark.parametrize("width", [40, 80])
def test_the_table_of_checkpoints(demo: Cli, width: int) -> None:
    seen = demo.screen("--color", "never", "checkpoint", "list", "demo-lexer", width=width)
    drawn, expected = golden(f"checkpoint_list_{width}", seen)
    assert drawn == expected
