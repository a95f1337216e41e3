"""The command line among other processes: pipes, signals, locks, full disks, odd surroundings."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentstate import StateStore
from cli_support import PROGRAM, Cli, has_open, interrupt, run, start, the_error
from support import as_root, raw, rows, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

APPEND = ("messages", "append", "t-main", "--role", "user")


def contents(db: Path) -> list[str]:
    """Return the texts of the branch, checked on the way."""
    with StateStore.open(db, read_only=True) as store:
        return [message.content for message in store.messages.branch("t-main", None)]


# What comes in.


@pytest.mark.parametrize("how", ["stdin", "file"])
def test_content_is_taken_as_its_bytes_are(cli: Cli, tmp_path: Path, how: str) -> None:
    content = b"\xef\xbb\xbfa\r\nb\0c\x1b[31m\r\xe6\xbc\xa2\n\n"
    file = tmp_path / "content"
    file.write_bytes(content)
    given = "-" if how == "stdin" else file
    made = run(*APPEND, "--content-file", given, db=cli.db, stdin=content)
    assert (made.code, made.lines) == (0, ["5"])
    assert contents(cli.db)[-1].encode() == content
    (found,) = cli("messages", "show", "5", "--fields", "content", "-o", "jsonl").lines
    assert json.loads(found)["content"].encode() == content


def test_input_that_is_not_utf_8(cli: Cli, tmp_path: Path) -> None:
    before = snapshot(cli.db.parent)
    bad = b"good \xff bad"
    file = tmp_path / "bad"
    file.write_bytes(bad)
    line = the_error(run(*APPEND, "--content-file", "-", db=cli.db, stdin=bad), 7)
    assert line == "standard input is not UTF-8: byte 0xff at offset 5"
    line = cli.fails(7, *APPEND, "--content-file", file)
    assert line == f"{str(file)!r} is not UTF-8: byte 0xff at offset 5"
    line = the_error(
        run("checkpoint", "save", "t-main", "c", "--state", "-", db=cli.db, stdin=bad), 7
    )
    assert line.startswith("standard input is not UTF-8")
    assert snapshot(cli.db.parent) == before


@pytest.mark.parametrize(
    "arguments",
    [
        (*APPEND, "--content", "\udcff"),
        (*APPEND[:4], "\udcff", "--content", "x"),
        ("fork", "1", "--content", "\udcff"),
        ("threads", "create", "--name", "\udcff"),
        ("threads", "create", "--id", "\udcff"),
        ("threads", "create", "--cwd", "/\udcff"),
        ("threads", "rename", "t-main", "\udcff"),
        ("threads", "memory", "t-main", "\udcff"),
        ("threads", "goal", "t-main", "--objective", "\udcff"),
        ("threads", "list", "--name", "\udcff"),
        ("threads", "show", "\udcff"),
        ("checkpoint", "save", "t-main", "\udcff", "--state", "1"),
        ("checkpoint", "save", "t-main", "c", "--state", '"\udcff"'),
        ("jobs", "create", "\udcff"),
        ("jobs", "show", "\udcff"),
    ],
)
def test_arguments_that_are_not_utf_8(cli: Cli, arguments: tuple[str, ...]) -> None:
    before = snapshot(cli.db.parent)
    cli.fails(7, *arguments)
    assert snapshot(cli.db.parent) == before


def test_a_path_that_is_not_utf_8(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "\udcff"
    folder.mkdir()
    odd = cli.on(folder / "state.db")
    made = run("init", db=odd.db)
    assert made.stdout == os.fsencode(odd.db) + b"\n"
    assert run("threads", "create", "--id", "t", db=odd.db).lines == ["t"]
    assert json.loads(odd("info", "-o", "json").text)["path"] == str(odd.db)


def test_a_content_of_100_megabytes_goes_in_and_out(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "large"
    line = "x" * 60 + "\t漢\n"
    file.write_text(line * (100_000_000 // len(line.encode())))
    made = measured(tmp_path, *APPEND, "--content-file", file, db=cli.db)
    assert made < 500
    shown = tmp_path / "shown"
    used = measured(shown, "messages", "show", "5", "--fields", "content", "-o", "json", db=cli.db)
    assert used < 1000
    assert json.loads(shown.read_bytes())["content"] == file.read_text()


def test_input_that_cannot_be_read(cli: Cli, tmp_path: Path) -> None:
    assert cli.fails(7, *APPEND, "--content-file", tmp_path) == (
        f"cannot read {str(tmp_path)!r}: Is a directory"
    )
    assert cli.fails(7, *APPEND, "--content", "x", "--item", "@/nope") == (
        "cannot read '/nope': No such file or directory"
    )
    closed = run(*APPEND, "--content-file", "-", db=cli.db, preexec_fn=lambda: os.close(0))
    assert the_error(closed, 7) == "cannot read standard input: it is closed"
    assert len(contents(cli.db)) == 2


# What goes out.


@pytest.fixture(scope="module")
def long(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store with a branch of 100,000 messages."""
    db = tmp_path_factory.mktemp("long") / "state.db"
    db.write_bytes((filled / "state.db").read_bytes())
    with raw(db) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO messages(id, thread_id, role, content, created_at, parent_entry_id) "
            "VALUES (?, 't-main', 'user', ?, 1, ?)",
            ((10 + n, f"message {n}", 9 + n if n else 4) for n in range(100_000)),
        )
        connection.execute("UPDATE threads SET current_leaf_id = 100009 WHERE id = 't-main'")
        connection.execute("COMMIT")
    return db


@pytest.mark.parametrize(
    "arguments",
    [
        ("messages", "list", "t-main", "--limit", "0", "-o", "jsonl"),
        ("messages", "list", "t-main", "--limit", "0", "-o", "json"),
        ("messages", "list", "t-main", "--limit", "0"),
        ("--color", "always", "messages", "list", "t-main", "--limit", "5000", "-o", "table"),
        ("--color", "always", "messages", "tree", "t-main", "--limit", "5000"),
        ("messages", "tree", "t-main", "--limit", "5000"),
    ],
)
def test_a_reader_that_leaves_early_is_no_error(long: Path, arguments: tuple[str, ...]) -> None:
    with start(*arguments, db=long) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
    assert (
        process.returncode,
        errors.replace(b"5000 of 100002 messages; --limit 0 for all\n", b""),
    ) == (0, b"")


@pytest.mark.parametrize(
    "arguments", [("threads", "list"), ("threads", "list", "-o", "table"), ("--version",)]
)
def test_an_answer_that_cannot_be_written(cli: Cli, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        result = run(*arguments, db=cli.db, stdout=full)
    assert the_error(result, 1) == "cannot write the answer: No space left on device"


def test_help_that_cannot_be_written_is_one_line(cli: Cli) -> None:
    with Path("/dev/full").open("wb") as full:
        result = run("threads", "--help", db=cli.db, stdout=full)
    assert (result.code, len(result.notes)) == (1, 1)


def test_what_was_written_stands_where_its_id_cannot_be_said(cli: Cli) -> None:
    with Path("/dev/full").open("wb") as full:
        assert run(*APPEND, "--content", "x", db=cli.db, stdout=full).code == 1
    assert contents(cli.db)[-1] == "x"


def test_errors_that_cannot_be_said_keep_their_code(cli: Cli) -> None:
    with Path("/dev/full").open("wb") as full:
        assert run("threads", "show", "nope", db=cli.db, stderr=full).code == 3
    assert run("threads", "show", "nope", db=cli.db, preexec_fn=lambda: os.close(2)).code == 3
    with start("threads", "show", "nope", db=cli.db) as process:
        assert process.stderr is not None
        process.stderr.close()
    assert process.returncode == 3


def close_all() -> None:
    for descriptor in (0, 1, 2):
        os.close(descriptor)


@pytest.mark.parametrize("output", ["tsv", "table"])
def test_closed_outputs_are_no_error_and_harm_no_store(cli: Cli, output: str) -> None:
    before = rows(cli.db, "SELECT * FROM messages")
    for arguments in (("threads", "list"), ("messages", "tree", "t-main")):
        assert run(*arguments, "-o", output, db=cli.db, preexec_fn=close_all).code == 0
    assert run(*APPEND, "--content", "x", "-o", output, db=cli.db, preexec_fn=close_all).code == 0
    found = rows(cli.db, "SELECT * FROM messages")
    assert found[:-1] == before
    assert found[-1][3] == "x"
    assert rows(cli.db, "PRAGMA integrity_check") == [("ok",)]


def measured(output: Path, *arguments: object, db: Path) -> float:
    """Run to a file, and return the largest size in memory, in MiB.

    A process inherits the size of the one that starts it, so a small one is put between.
    """
    code = """
import os, sys
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
actions = [(os.POSIX_SPAWN_DUP2, out, 1)]
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=actions)
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
    target = output / "output" if output.is_dir() else output
    command = [sys.executable, "-S", "-E", "-c", code, target, *PROGRAM, "--db", db, *arguments]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    size, status = map(int, done.stdout.split())
    assert status == 0, done.stderr
    return size / 1024


def test_streaming_100_000_messages_takes_little_memory(long: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    arguments = ("messages", "list", "t-main", "--limit", "0", "-o", "jsonl")
    assert measured(output, *arguments, db=long) < 45
    with output.open() as file:
        assert sum(1 for line in file if json.loads(line)["thread_id"] == "t-main") == 100_002


@pytest.mark.parametrize(
    "arguments", [("--limit", "0"), ("--all",), ("-o", "jsonl", "--limit", "0")]
)
def test_a_tree_100_000_deep_is_drawn(long: Path, arguments: tuple[str, ...]) -> None:
    result = run("messages", "tree", "t-main", *arguments, db=long)
    assert result.code == 0, result.stderr
    assert result.stdout.count(b"message ") >= 100_000


# Several at once, and interrupted ones.


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
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(wait)
        raise subprocess.TimeoutExpired([], wait)
    result = interrupt(process, signal.SIGTERM)
    found = contents(cli.db)
    assert result.code in {0, 130}
    assert [len(content) for content in found[2:]] in ([], [20_000_000])
    assert result.code == 130 or len(found) == 3
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
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", folder], check=False
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


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


# Odd surroundings.


def test_a_folder_that_is_gone(cli: Cli, tmp_path: Path) -> None:
    def gone(*arguments: str, db: Path | None = cli.db) -> str:
        folder = tmp_path / "gone"
        folder.mkdir()
        return the_error(run(*arguments, db=db, cwd=folder, preexec_fn=lambda: folder.rmdir()), 2)

    says = "the current folder is gone or closed to you; go to another, and try again"
    assert gone("threads", "create") == says
    assert gone("threads", "list", "--cwd", ".") == says
    assert gone("threads", "show", "@cwd") == says
    assert gone("demo", db=None) == says
    assert gone("info", db=Path("state.db")) == says
    folder = tmp_path / "gone"
    folder.mkdir()
    result = run("threads", "list", "-o", "id", db=cli.db, cwd=folder, preexec_fn=folder.rmdir)
    assert (result.code, result.lines) == (0, ["t-main"])


LOCALES = [
    {"LANG": "", "LC_ALL": "C"},
    {"LANG": "", "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "xx_XX.nope"},
]


@pytest.mark.parametrize("environ", LOCALES)
def test_a_pipe_gets_utf_8_in_any_locale(cli: Cli, environ: dict[str, str]) -> None:
    cli("messages", "append", "t-main", "--role", "user", "--content", "漢 é \U0001f600")
    for arguments in (
        ("messages", "list", "t-main"),
        ("messages", "list", "t-main", "-o", "json"),
        ("messages", "list", "t-main", "-o", "table"),
        ("messages", "tree", "t-main"),
        ("--color", "always", "messages", "tree", "t-main"),
    ):
        result = run(*arguments, db=cli.db, environ=environ)
        assert (result.code, result.stderr) == (0, b"")
        assert "漢 é \U0001f600".encode() in result.stdout
    result = run("threads", "show", "漢", db=cli.db, environ=environ)
    assert result.code in {3, 7}, result.stderr
    assert len(result.notes) == 1


@pytest.mark.parametrize("columns", ["1", "0", "-5", "x", "99999999999999999999", ""])
def test_odd_widths(cli: Cli, columns: str) -> None:
    for arguments in (
        ("threads", "list", "-o", "table"),
        ("threads", "show", "t-main", "-o", "table"),
        ("messages", "tree", "t-main"),
    ):
        result = run(*arguments, db=cli.db, environ={"COLUMNS": columns})
        assert (result.code, result.stderr) == (0, b"")
        assert result.lines
