"""The command line among other processes: writing at once, signals, full disks."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from agentstate import StateStore
from cli_support import APPEND, contents, has_open, interrupt, run, start, the_error
from support import as_root, raw, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli_support import Cli


def test_eight_processes_append_to_one_thread(cli: Cli) -> None:
    each = 3
    code = (
        "import sys\nfrom agentstate.cli.main import main\n"
        f"for n in range({each}):\n"
        "    assert main([*sys.argv[1:], f'{sys.argv[0]}-{n}']) == 0\n"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "--db",
        str(cli.db),
        "--timeout",
        "30",
        *APPEND,
        "--content",
    ]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(8)]
    printed = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    ids = sorted(int(one) for ids in printed for one in ids)
    assert ids == list(range(5, 5 + 8 * each))
    with StateStore.open(cli.db, read_only=True) as store:
        assert store.messages.branch_ids("t-main") == [1, 4, *ids]


AGENT = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
for number in range(150):
    connection.execute("BEGIN IMMEDIATE")
    sql = "SELECT current_leaf_id FROM threads WHERE id = 't-main'"
    (leaf,) = connection.execute(sql).fetchone()
    cursor = connection.execute(
        "INSERT INTO messages(thread_id, role, content, created_at, parent_entry_id) "
        "VALUES ('t-main', 'assistant', 'agent', 1, ?)", (leaf,))
    connection.execute(
        "UPDATE threads SET current_leaf_id = ? WHERE id = 't-main'", (cursor.lastrowid,))
    connection.execute("COMMIT")
"""


def test_another_program_writes_all_the_while(cli: Cli) -> None:
    ours = 0
    with subprocess.Popen([sys.executable, "-c", AGENT, str(cli.db)]) as agent:
        while agent.poll() is None:
            cli("--timeout", "30", *APPEND, "--content", "ours")
            ours += 1
            nodes = cli("messages", "tree", "t-main", "--limit", "5", "-o", "json").json
            assert [node["is_current_leaf"] for node in nodes][-1:] == [True]
            depths = [node["depth"] for node in nodes]
            assert depths == list(range(depths[0], depths[0] + len(depths)))
            cli("messages", "list", "t-main", "--limit", "3", "-o", "table")
            cli("threads", "show", "t-main", "-o", "table")
    assert agent.returncode == 0
    found = contents(cli.db)
    assert (found.count("agent"), found.count("ours"), len(found)) == (150, ours, 152 + ours)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_waiting_for_a_lock(cli: Cli, number: int) -> None:
    with raw(cli.db) as other:
        other.execute("BEGIN IMMEDIATE")
        process = start("--timeout", "60", *APPEND, "--content", "x", db=cli.db)
        has_open(process, cli.db)
        result = interrupt(process, number)
        other.execute("ROLLBACK")
    assert the_error(result, 130) == "interrupted"
    assert len(contents(cli.db)) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_reading_from_a_pipe(cli: Cli, number: int) -> None:
    process = start(*APPEND, "--content-file", "-", "-o", "json", db=cli.db)
    assert process.stdin is not None
    # More than a pipe holds: when it is written, the program reads.
    process.stdin.write(b"x" * 200_000)
    process.stdin.flush()
    result = interrupt(process, number)
    assert (result.code, result.stdout) == (130, b"")
    assert json.loads(result.stderr)["error"]["code"] == "interrupted"
    assert len(contents(cli.db)) == 2


@pytest.mark.parametrize("wait", [0, 0.005, 0.01, 0.02, 0.04, 0.08])
def test_a_signal_while_writing_leaves_all_or_nothing(
    cli: Cli, tmp_path: Path, wait: float
) -> None:
    file = tmp_path / "large"
    file.write_text("x" * 20_000_000)
    process = start(*APPEND, "--content-file", file, db=cli.db)
    has_open(process, cli.db)
    with suppress(subprocess.TimeoutExpired):
        process.wait(wait)
    result = interrupt(process, signal.SIGTERM)
    found = contents(cli.db)
    assert result.code in {0, 130}
    assert [len(content) for content in found[2:]] in ([], [20_000_000])
    assert (result.code == 0) == (len(found) == 3)  # who hears "interrupted" may try again
    assert rows(cli.db, "PRAGMA integrity_check") == [("ok",)]


# Full disks.


def small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))


def test_a_file_that_may_not_grow(cli: Cli) -> None:
    arguments = (*APPEND, "--content-file", "-")
    result = run(*arguments, db=cli.db, stdin=b"x" * 2_000_000, preexec_fn=small_files)
    assert str(cli.db) in the_error(result, 5)
    assert len(contents(cli.db)) == 2
    cli(*APPEND, "--content", "later")


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", folder], check=False
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", folder], check=True)


@as_root
def test_a_full_disk(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder):
        full = cli.on(folder / "state.db")
        full("threads", "create", "--id", "t-main", "--cwd", "/w")
        large = tmp_path / "large"
        large.write_text("x" * 1_000_000)
        line = full.fails(5, *APPEND, "--content-file", large)
        assert line == f"{full.db}: database or disk is full"
        assert contents(full.db) == []
        full(*APPEND, "--content", "later")
        assert contents(full.db) == ["later"]
