"""`agentstate recover` as a command: what goes where, and with which code."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from cli_support import Cli, golden, interrupt, run, start
from support import OWNER, as_root, give, mode, raw, snapshot
from wrecks import large_store, overwrite, pages_of_kind, pages_with


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large_store(tmp_path_factory.mktemp("large") / "state.db")


@pytest.fixture
def torn(cli: Cli) -> Cli:
    """Return a store one of whose messages is torn."""
    cli("messages", "append", "t-main", "--role", "user", "--content", "y" * 10_000)
    overwrite(cli.db, pages_with(cli.db, b"y" * 4000)[-1:])
    return cli


def test_a_pipe_gets_the_path_alone(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "new" / "state.db"
    done = cli("recover", out)
    assert done.text == f"{out}\n"
    assert done.notes == [
        "threads: 2 saved, 0 lost",
        "messages: 4 saved, 0 lost",
        "checkpoints: 1 saved, 0 lost",
        "thread_dynamic_tools: 1 saved, 0 lost",
        "thread_goals: 1 saved, 0 lost",
        "jobs: 1 saved, 0 lost",
        f"10 rows saved, no row known to be lost; next: agentstate --db {out} doctor --fix",
    ]
    assert cli.on(out)("threads", "list").text == cli("threads", "list").text


def test_a_folder_gets_a_file_of_the_stores_name(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for out in (f"{tmp_path}/made/", tmp_path / "there"):
        assert cli("recover", out).text == f"{tmp_path}/{Path(out).name}/state.db\n"


def test_lost_rows_are_code_6_and_the_store_is_there(torn: Cli, tmp_path: Path) -> None:
    out = tmp_path / "new.db"
    done = torn.run("recover", out)
    assert (done.code, done.text) == (6, f"{out}\n")
    assert done.notes[1] == "messages: 4 saved, 1 lost"
    assert done.notes[-1].startswith("10 rows saved, at least 1 row lost; next: agentstate --db ")
    assert len(torn.on(out)("messages", "tree", "t-main", "-o", "json", "--all").json) == 4


def test_json_and_tsv_are_as_documented(torn: Cli, tmp_path: Path) -> None:
    out = tmp_path / "new.db"
    done = torn.run("recover", out, "-o", "json")
    assert done.code == 6
    tables = done.json.pop("tables")
    assert done.json | {"tables": []} == {
        "path": str(out),
        "source": str(torn.db),
        "saved": 10,
        "lost": 1,
        "made": 0,
        "index_path": str(tmp_path / "session_index.jsonl"),
        "tables": [],
    }
    assert tables[1] == {"table": "messages", "saved": 4, "lost": 1, "made": 0}
    other = tmp_path / "other.db"
    assert torn.run("recover", other, "-o", "tsv").cells == [[str(other), str(torn.db), "10", "1"]]


def test_a_terminal_gets_a_table(
    torn: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen = torn.screen("recover", "new.db", width=200)
    assert seen.code == 6
    assert seen.text.count(str(tmp_path)) == 3
    text, expected = golden(
        "recover", type(seen)(seen.code, seen.stdout.replace(str(tmp_path).encode(), b"/tmp"))
    )
    assert text == expected


def test_what_is_there_is_code_4_and_stays(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "new.db"
    out.write_bytes(b"mine")
    assert cli.fails(4, "recover", out) == f"{out} exists; name another file"
    assert out.read_bytes() == b"mine"
    assert "exists" in cli.fails(4, "recover", cli.db)
    assert "empty" in cli.fails(2, "recover", "")


@pytest.mark.parametrize(
    "name", ["session_index.jsonl", "a.db-wal", "a-shm", "x-journal", "l.lock"]
)
def test_a_name_of_a_log_or_of_the_index_is_refused(cli: Cli, tmp_path: Path, name: str) -> None:
    assert "no name for a store" in cli.fails(2, "recover", tmp_path / "new" / name)
    assert not (tmp_path / "new").exists()


def test_a_table_of_which_nothing_can_be_read_is_code_6(cli: Cli, tmp_path: Path) -> None:
    with raw(cli.db) as connection:
        connection.executescript(
            "DROP TABLE jobs; CREATE TABLE jobs(id TEXT, pay INTEGER);"
            "INSERT INTO jobs VALUES ('baker', 7)"
        )
    done = cli.run("recover", tmp_path / "new.db")
    assert done.code == 6
    assert "jobs: 0 saved, 1 lost" in done.notes
    assert b"cannot be read, and counted as one lost row each: jobs" in done.stderr


def test_what_is_no_store_is_code_6_or_3(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello " * 1000)
    line = cli.on(tmp_path / "text").fails(6, "recover", tmp_path / "new.db")
    assert line == f"{tmp_path / 'text'} holds nothing of a store; nothing was written"
    assert "no store at" in cli.on(tmp_path / "none").fails(3, "recover", tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_who_is_stopped_in_the_middle_leaves_no_store(
    large: Path, tmp_path: Path, number: signal.Signals
) -> None:
    before = snapshot(large.parent)
    folder = tmp_path / "new"
    with start("recover", folder / "state.db", db=large) as process:
        deadline = time.monotonic() + 30
        while not list(folder.glob(".state.db.scratch-*/copy.db")):
            assert process.poll() is None
            assert time.monotonic() < deadline
        done = interrupt(process, number)
    assert done.code == (-number if number == signal.SIGKILL else 130)
    assert not (folder / "state.db").exists()
    assert folder.exists() == (number == signal.SIGKILL)
    assert run("recover", folder / "state.db", db=large).code == 0
    assert {path.name for path in folder.iterdir()} == {"state.db", "session_index.jsonl"}
    assert snapshot(large.parent) == before


@as_root
def test_a_store_that_may_only_be_read_is_enough(large: Path, public_folder: Path) -> None:
    kept = public_folder / "kept"
    kept.mkdir()
    db = kept / "state.db"
    db.write_bytes(large.read_bytes())
    db.chmod(0o444)
    mine = public_folder / "mine"
    mine.mkdir()
    give(mine, OWNER)
    assert run("recover", mine / "new" / "state.db", db=db, user=OWNER).code == 0
    assert mode(mine / "new" / "state.db") == 0o600
    assert run("recover", kept / "new.db", db=db, user=OWNER).code == 5
    db.chmod(0o400)
    assert run("recover", mine / "other.db", db=db, user=OWNER).code == 5
    assert [path.name for path in mine.iterdir()] == ["new"]


def test_pages_of_another_kind_are_not_needed(large: Path, tmp_path: Path) -> None:
    db = tmp_path / "state.db"
    db.write_bytes(large.read_bytes())
    overwrite(db, pages_of_kind(db, 5))
    done = run("recover", tmp_path / "new.db", db=db)
    assert done.code == 0
    assert "no row known to be lost" in done.notes[-2]
