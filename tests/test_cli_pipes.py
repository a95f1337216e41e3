"""What goes out, as large as it comes: pipes, full and closed outputs, locales, odd places."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from cli_support import APPEND, Cli, contents, measured, run, start, the_error
from support import raw, rows


def with_branch(db: Path, filled: Path, size: int) -> Path:
    """Make a store with a branch of so many messages more."""
    db.write_bytes((filled / "state.db").read_bytes())
    with raw(db) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO messages(id, thread_id, role, content, created_at, parent_entry_id) "
            "VALUES (?, 't-main', 'user', ?, 1, ?)",
            ((10 + n, f"message {n}", 9 + n if n else 4) for n in range(size)),
        )
        connection.execute(
            "UPDATE threads SET current_leaf_id = ? WHERE id = 't-main'", (size + 9,)
        )
        connection.execute("COMMIT")
    return db


@pytest.fixture(scope="module")
def long(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_branch(tmp_path_factory.mktemp("long") / "state.db", filled, 100_000)


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


def test_streaming_100_000_messages_takes_little_memory(long: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    arguments = ("messages", "list", "t-main", "--limit", "0", "-o", "jsonl")
    assert measured(output, *arguments, db=long) < 45
    with output.open() as file:
        assert sum(1 for line in file if json.loads(line)["thread_id"] == "t-main") == 100_002


def test_a_tree_100_000_deep_is_drawn(long: Path) -> None:
    result = run("messages", "tree", "t-main", "--all", db=long)
    assert result.code == 0, result.stderr
    assert result.stdout.count(b"message ") >= 100_000


@pytest.mark.parametrize("arguments", [("--limit", "0"), ("-o", "jsonl", "--limit", "0")])
def test_a_tree_far_deeper_than_calls_may_be_is_drawn(
    filled: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    size = 20_000
    assert sys.getrecursionlimit() < size // 10
    db = with_branch(tmp_path / "state.db", filled, size)
    result = run("messages", "tree", "t-main", *arguments, db=db)
    assert result.code == 0, result.stderr
    assert result.stdout.count(b"message ") >= size


# Odd surroundings.


def test_a_folder_that_is_gone(cli: Cli, tmp_path: Path) -> None:
    def gone(*arguments: str, db: Path | None = cli.db) -> str:
        folder = tmp_path / "gone"
        folder.mkdir()
        return the_error(run(*arguments, db=db, cwd=folder, preexec_fn=folder.rmdir), 2)

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
