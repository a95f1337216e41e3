"""`agentstate index`: what each verb does and shows."""

from __future__ import annotations

import fcntl
import json
from typing import TYPE_CHECKING

import pytest

from cli_support import Cli, golden
from support import copy_store, snapshot

if TYPE_CHECKING:
    from pathlib import Path


def index_of(cli: Cli) -> Path:
    return cli.db.parent / "session_index.jsonl"


def write(cli: Cli, *lines: dict[str, object] | str) -> None:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    index_of(cli).write_text("".join(f"{text}\n" for text in texts))


@pytest.fixture
def drifted(cli: Cli) -> Cli:
    """Let the index and the store differ in every way."""
    cli("threads", "create", "--id", "t-new", "--name", "New", "--cwd", "/w")
    cli("threads", "create", "--id", "t-anon", "--cwd", "/w")
    write(
        cli,
        {"thread_id": "ghost", "thread_name": "Gone", "updated_at": 1},
        "torn {",
        {"thread_id": "t-main", "thread_name": "Old", "updated_at": 2, "extra": 1},
        {"thread_id": "t-main", "thread_name": "Older", "updated_at": 3, "rollout_path": "/r"},
        {"thread_id": "t-anon", "thread_name": "Known", "updated_at": 4},
    )
    return cli


def test_names_and_paths_are_looked_up(cli: Cli) -> None:
    assert cli("index", "name", "t-main").lines == ["Main"]
    assert cli("index", "name", "t-main", "-o", "json").json == {"thread_name": "Main"}
    assert cli("index", "path", "MAIN").lines == ["/logs/main.jsonl"]
    assert cli("index", "path", "main", "-o", "id").lines == ["/logs/main.jsonl"]
    assert cli("index", "name", "t-main", "-o", "id").lines == ["t-main"]


def test_the_newest_line_of_each_thread_is_listed(drifted: Cli) -> None:
    assert drifted("index", "list", "--fields", "thread_id,thread_name").cells == [
        ["ghost", "Gone"],
        ["t-main", "Older"],
        ["t-anon", "Known"],
    ]


def test_a_check_says_what_differs(drifted: Cli) -> None:
    before = snapshot(drifted.db.parent)
    result = drifted.run("index", "check")
    assert (result.code, result.stderr) == (6, b"")
    drawn, expected = golden("index_check", result)
    assert drawn == expected
    result = drifted.run("index", "check", "-o", "json")
    assert result.code == 6
    assert [bad["line"] for bad in result.json["bad_lines"]] == [2]
    assert result.json["ghosts"] == ["ghost"]
    assert sorted(result.json["missing"]) == ["t-new", "t-other"]
    assert result.json["differences"] == 4
    assert snapshot(drifted.db.parent) == before


def test_differences_are_an_error_only_where_asked(cli: Cli) -> None:
    write(cli, {"thread_id": "ghost", "thread_name": "Gone", "updated_at": 1})
    assert cli("index", "check").lines[0] == "ghost is not in the store"
    assert cli.run("index", "check", "--strict").code == 6
    cli("index", "rebuild")
    assert cli.run("index", "check", "--strict").code == 0


def test_a_compaction_keeps_what_counts_and_what_is_unknown(drifted: Cli) -> None:
    result = drifted("index", "compact")
    assert result.stdout == b""
    assert result.notes[0].startswith("5 lines became 4, ")
    lines = index_of(drifted).read_text().splitlines()
    assert [line for line in lines if "torn" in line] == ["torn {"]
    found = drifted("index", "compact", "-o", "json").json
    assert (found["lines_before"], found["lines_after"], found["bad_lines"]) == (4, 4, 1)


def test_a_rebuild_shows_what_differs_and_writes(drifted: Cli) -> None:
    old = index_of(drifted).read_bytes()
    dry = drifted("index", "rebuild", "--dry-run")
    drawn, expected = golden("index_rebuild", dry)
    assert drawn == expected
    assert dry.notes == ["would write 4 lines"]
    assert index_of(drifted).read_bytes() == old
    done = drifted("index", "rebuild")
    backup = drifted.db.parent / "session_index.jsonl.bak"
    assert done.stdout == dry.stdout
    assert done.notes == [f"wrote 4 lines; the old file is {backup}"]
    assert backup.read_bytes() == old
    assert drifted("index", "name", "t-anon").lines == ["Known"]
    assert drifted("index", "name", "t-main").lines == ["Main"]
    drifted.fails(3, "index", "name", "ghost")


def test_a_torn_index_costs_no_good_line(cli: Cli, tmp_path: Path) -> None:
    torn = cli.on(copy_store("v2_rich", tmp_path))
    index_of(torn).write_bytes(
        (index_of(torn).parent / "session_index.jsonl").read_bytes() + b'{"thread_id":"cut'
    )
    assert torn("index", "list").lines
    assert torn.run("index", "check").code == 6
    torn("threads", "create", "--id", "after", "--name", "After", "--cwd", "/w")
    assert torn("index", "name", "after").lines == ["After"]


def test_a_missing_index_reads_as_an_empty_one(cli: Cli) -> None:
    index_of(cli).unlink()
    assert cli("index", "list").stdout == b""
    assert cli("index", "check").lines[-1].startswith("0 lines, 0 threads: 0 bad lines")
    cli.fails(3, "index", "name", "t-main")
    cli("index", "rebuild")
    assert cli("index", "name", "t-main").lines == ["Main"]


def test_the_wait_for_the_lock_obeys_the_timeout(cli: Cli) -> None:
    with (cli.db.parent / "session_index.jsonl.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = cli("--timeout", "0.05", "threads", "rename", "t-main", "Renamed")
        (note,) = result.notes
        assert note.startswith("agentstate: warning: the store was written, the session index was")
        assert "held" in note
        assert cli("threads", "show", "t-main", "--fields", "name").lines == ["Renamed"]
        for verb in ("compact", "rebuild"):
            assert "--timeout" in cli.fails(5, "--timeout", "0.05", "index", verb)
    assert cli("index", "name", "t-main").lines == ["Main"]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_of_the_index(demo: Cli, width: int) -> None:
    seen = demo.screen("--color", "never", "index", "list", width=width)
    drawn, expected = golden(f"index_list_{width}", seen)
    assert drawn == expected
