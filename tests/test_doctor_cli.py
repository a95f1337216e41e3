"""`agentstate doctor`: what it shows, and to whom; its exit codes; and when it is killed."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from cli_stores import FORMATS
from cli_support import FORBIDDEN, Cli, golden, has_open, on_screen, run, start, without_color
from damage import copy_of, damage, everything, found
from support import raw, rows, snapshot, start_python

if TYPE_CHECKING:
    from pathlib import Path

DAMAGE = (
    "UPDATE messages SET parent_entry_id = 3 WHERE id = 1",
    "UPDATE messages SET parent_entry_id = 99 WHERE id = 5",
    "UPDATE messages SET content = CAST(x'ff' AS TEXT) WHERE id = 2",
    "UPDATE messages SET item_json = '{' WHERE id IN (1, 3)",
    "UPDATE threads SET current_leaf_id = NULL WHERE id = 'u'",
    "UPDATE threads SET status = 'odd', rollout_path = '/gone' WHERE id = 't'",
    "INSERT INTO jobs VALUES ('k', 'n', 'queued', 150, NULL, 1, 1)",
    "INSERT INTO checkpoints VALUES ('lost', 'cp', '{}', 1)",
    "DROP INDEX idx_jobs_updated_at",
)
GHOST = '{"thread_id":"ghost","thread_name":"x","updated_at":1}\n'


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """Return a sound store that may be damaged."""
    return copy_of(sound, tmp_path)


@pytest.fixture
def ill(cli: Cli, path: Path) -> Cli:
    """Return the command line on a store in which much is wrong."""
    damage(path, *DAMAGE)
    with (path.parent / "session_index.jsonl").open("a") as index:
        index.write(GHOST)
    return cli.on(path)


@pytest.mark.parametrize("width", [40, 80])
def test_what_is_found_is_listed_the_worst_first(ill: Cli, width: int) -> None:
    before = snapshot(ill.db.parent)
    seen = on_screen(["--db", str(ill.db), "--color", "never", "doctor"], width)
    assert (seen.code, seen.stderr) == (6, b"")
    drawn, expected = golden(f"doctor_{width}", seen)
    assert drawn == expected
    assert all(len(line) <= width for line in drawn.splitlines())
    for again in (("--dry-run",), ("--fix", "--dry-run")):
        assert ill.run("doctor", *again, "-o", "table").code == 6
    assert snapshot(ill.db.parent) == before


def test_what_was_mended_is_listed_with_what_is_left(ill: Cli) -> None:
    damage(ill.db, "ALTER TABLE threads DROP COLUMN git_sha")
    seen = on_screen(["--db", str(ill.db), "--color", "never", "doctor", "--fix"], 80)
    assert seen.code == 6
    drawn, expected = golden("doctor_fix_80", seen)
    assert drawn == expected
    (note,) = seen.notes
    backup = note.removeprefix("the store as it was is kept in ")
    assert rows(ill.db.parent / backup, "SELECT status FROM threads WHERE id = 't'") == [("odd",)]


def test_what_cannot_be_mended_is_left_and_said_so(cli: Cli, path: Path) -> None:
    damage(path, "ALTER TABLE threads DROP COLUMN git_sha")
    before = snapshot(path.parent)
    result = cli.on(path).run("doctor", "--fix", "-o", "table")
    assert (result.code, result.notes) == (6, ["nothing in the store was changed"])
    assert result.lines[-1] == "1 error; agentstate doctor --fix can mend nothing of this"
    assert cli.on(path).run("--quiet", "doctor", "--fix").notes == []
    assert snapshot(path.parent) == before


def test_what_was_cut_off_is_seen_in_the_tree(ill: Cli) -> None:
    damage(ill.db, "UPDATE messages SET parent_entry_id = NULL WHERE id = 1")
    damage(ill.db, "UPDATE messages SET parent_entry_id = 99 WHERE id = 2")
    mended = ill("doctor", "--fix", "-o", "json").json["findings"]
    (cut,) = (one for one in mended if one["slug"] == "parent_missing")
    assert cut["what"] == "2 messages whose parent is missing, in threads 't', 'u'"
    assert ill("messages", "list", "t", "-o", "id").lines == ["2", "4"]
    assert [*map(int, ill("messages", "tree", "t", "--all", "-o", "id").lines)] == [1, 2, 3, 4]


def test_the_help_says_what_the_exit_code_means(cli: Cli) -> None:
    words = " ".join(cli("doctor", "--help").text.split())
    assert "Exit 6 while an error or a warning is left" in words


def test_a_healthy_store_says_so(cli: Cli, path: Path) -> None:
    assert cli.on(path)("doctor", "-o", "table").lines == ["healthy"]
    assert cli.on(path)("doctor").lines == []
    assert cli.on(path)("doctor", "--fix", "-o", "table").lines == ["healthy"]
    damage(path, "UPDATE threads SET rollout_path = '/gone'")
    assert cli.on(path)("doctor", "-o", "table").lines[-1] == "healthy, with 1 note"


def test_in_a_pipe_each_finding_is_a_line(ill: Cli) -> None:
    result = ill.run("doctor")
    assert (result.code, result.stderr) == (6, b"")
    assert result.cells[1] == [
        "error",
        "not_utf8",
        "[2]",
        "1 message with text that is not UTF-8 in content, in thread 't'",
        "each byte that is no UTF-8 becomes U+FFFD; the backup keeps the bytes",
        "false",
    ]
    assert ill.run("doctor", "-o", "id").lines == [cells[1] for cells in result.cells]
    named = ill.run("doctor", "--fields", "slug,ids").cells
    assert ["broken_json", "[1, 3]"] in named
    lines = [json.loads(line) for line in ill.run("doctor", "-o", "jsonl").lines]
    assert lines == ill.run("doctor", "-o", "json").json["findings"]


def test_json_is_one_object_with_the_backup(ill: Cli) -> None:
    looked = ill.run("doctor", "-o", "json")
    assert (looked.code, looked.json["healthy"], looked.json["backup"]) == (6, False, None)
    assert looked.json["path"] == str(ill.db)
    mended = ill("doctor", "--fix", "-o", "json")
    assert mended.json["healthy"]
    assert mended.notes == [f"the store as it was is kept in {mended.json['backup']}"]
    fixed = {one["slug"]: one["ids"] for one in mended.json["findings"] if one["fixed"]}
    assert fixed["parent_cycle"] == [1, 3, 2]
    assert fixed["thread_missing"] == ["lost"]
    assert fixed["index_ghost"] == ["ghost"]
    left = [one for one in mended.json["findings"] if not one["fixed"]]
    assert [(one["slug"], one["severity"]) for one in left] == [("rollout_missing", "note")]
    again = ill("--quiet", "doctor", "--fix", "-o", "json")
    assert (again.json["findings"], again.json["backup"], again.stderr) == (left, None, b"")


def test_a_name_that_only_the_index_knows_stays(cli: Cli, path: Path) -> None:
    damage(path, "UPDATE threads SET title = NULL WHERE id = 'u'")
    damage(path, "UPDATE threads SET title = 'Other' WHERE id = 't'")
    ill = cli.on(path)
    found = ill.run("doctor", "-o", "json").json["findings"]
    assert [(one["slug"], one["ids"]) for one in found] == [("index_drifted", ["t"])]
    lines = path.with_name("session_index.jsonl").read_text()
    ill("doctor", "--fix")
    assert path.with_name("session_index.jsonl").read_text().startswith(lines)
    assert ill("index", "name", "t").lines == ["Other"]
    assert ill("index", "name", "u").lines == ["Name u"]


def test_torn_lines_are_taken_out_and_kept_beside(cli: Cli, path: Path) -> None:
    index = path.with_name("session_index.jsonl")
    torn = index.read_text() + GHOST + '{"thread_id":"t","thr' + GHOST
    index.write_text(torn)
    ill = cli.on(path)
    assert {cells[1] for cells in ill.run("doctor").cells} == {"index_torn", "index_ghost"}
    ill("doctor", "--fix")
    assert path.with_name("session_index.jsonl.bak").read_text() == torn
    ill("index", "check", "--strict")


def test_an_index_that_is_gone_is_written_again(cli: Cli, path: Path) -> None:
    path.with_name("session_index.jsonl").unlink()
    ill = cli.on(path)
    assert [cells[1] for cells in ill.run("doctor").cells] == ["index_missing"]
    ill("doctor", "--fix")
    assert ill("index", "name", "t").lines == ["Name t"]


def test_an_index_that_cannot_be_read_is_a_finding(cli: Cli, path: Path) -> None:
    index = path.with_name("session_index.jsonl")
    index.unlink()
    index.mkdir(0o700)
    ((severity, slug, ids, what, *_),) = cli.on(path).run("doctor").cells
    assert (severity, slug, ids) == ("error", "unchecked", '["index"]')
    assert "it is not a regular file" in what


def test_thousands_of_rows_are_few_lines_on_a_screen_and_all_in_json(cli: Cli, path: Path) -> None:
    with raw(path) as agent:
        agent.execute("BEGIN")
        agent.executemany(
            "INSERT INTO messages(id, thread_id, role, content, created_at, parent_entry_id) "
            "VALUES (?, 't', 'user', '', 1, ?)",
            ((number, number if number % 2 else 99_999) for number in range(100, 4100)),
        )
        agent.execute("COMMIT")
    ill = cli.on(path)
    lines = ill.run("doctor", "-o", "table").lines
    assert len(lines) < 30
    assert "and 1988 more" in lines[1]
    assert "… and 1995 more of parent_cycle" in lines[-2]
    findings = ill.run("doctor", "-o", "json").json["findings"]
    assert findings[0]["ids"] == list(range(100, 4100, 2))
    assert len(findings) == 2001
    assert ill("doctor", "--fix", "-o", "id").code == 0


EVIL = "\x1b[41;5mX\x1b]0;title\x07\x9b35m\u202eabc[bold]m[/bold]"


@pytest.mark.parametrize("output", FORMATS)
def test_hostile_text_is_shown_and_not_obeyed(path: Path, output: str) -> None:
    with raw(path) as agent:
        agent.execute("PRAGMA ignore_check_constraints = ON")
        agent.execute(
            "UPDATE threads SET id = ?, status = ?, source = ? WHERE id = 'u'", (EVIL,) * 3
        )
        agent.execute("UPDATE jobs SET id = ?, progress = ?, status = ?", (EVIL,) * 3)
        agent.execute(f'CREATE TRIGGER "{EVIL}" AFTER DELETE ON jobs BEGIN SELECT 1; END')
    with path.with_name("session_index.jsonl").open("a") as index:
        index.write(json.dumps({"thread_id": EVIL, "thread_name": EVIL, "updated_at": 1}) + EVIL)
    seen = on_screen(["--db", str(path), "doctor", "-o", output])
    assert seen.code == 6
    text = without_color(seen.stdout).replace(b"\t", b" ").decode()
    assert FORBIDDEN.search(text) is None
    assert output == "id" or "[bold]m[/bold]" in text
    refused = on_screen(["--db", str(path), "doctor", "--fix", "-o", output])
    assert refused.code == 6
    assert FORBIDDEN.search(refused.stderr.decode().rstrip("\n")) is None


@pytest.mark.parametrize("fix", [(), ("--fix",)])
def test_what_is_no_store_is_an_error(cli: Cli, tmp_path: Path, fix: tuple[str, ...]) -> None:
    assert cli.on(tmp_path / "gone.db").fails(3, "doctor", *fix).startswith("no store at ")
    other = damage(tmp_path / "other.db", "CREATE TABLE other(x)")
    assert "another program" in cli.on(other).fails(6, "doctor", *fix)


def test_a_newer_store_is_looked_at_and_not_mended(cli: Cli, path: Path) -> None:
    damage(path, "PRAGMA user_version = 9")
    ill = cli.on(path)
    assert ill("doctor", "-o", "id").lines == ["version_newer"]
    assert "only reads it" in ill.fails(6, "doctor", "--fix")


# Killed, and at the same time as others

_KILLED = """
import os, signal, sys
from agentstate import repair
repair(sys.argv[1], before_commit=lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_killed_before_it_is_committed_nothing_is_mended(path: Path) -> None:
    damage(path, *DAMAGE)
    damaged = everything(path, ["threads", "messages", "checkpoints", "jobs"])
    problems = found(path)
    with start_python(_KILLED, path) as process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert everything(path, ["threads", "messages", "checkpoints", "jobs"]) == damaged
    assert found(path) == problems
    assert run("doctor", "--fix", db=path).code == 0


def test_what_another_program_is_writing_is_waited_for_and_mended_too(path: Path) -> None:
    damage(path, "UPDATE jobs SET progress = 200")
    with raw(path) as agent:
        agent.execute("BEGIN IMMEDIATE")
        agent.execute("UPDATE messages SET parent_entry_id = 99 WHERE id = 3")
        with start("--timeout", "30", "doctor", "--fix", db=path) as process:
            has_open(process, path)
            agent.execute("COMMIT")
            process.communicate(timeout=60)
    assert process.returncode == 0
    assert found(path) == []


def test_of_several_that_mend_at_once_each_does_well(path: Path) -> None:
    damage(path, *DAMAGE)
    processes = [start("doctor", "--fix", "-o", "json", db=path) for _ in range(3)]
    for process in processes:
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr.decode()
        assert json.loads(stdout)["healthy"]
    assert found(path) == []
    assert rows(path, "SELECT count(*) FROM messages") == [(6,)]
