"""What is handed in: standard input, files and arguments, also those that are not UTF-8."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from cli_support import APPEND, contents, measured, run, the_error
from support import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli


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


def test_a_content_of_30_megabytes_goes_in_and_out(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "large"
    line = "x" * 60 + "\t\\\n"
    file.write_text(line * (30_000_000 // len(line.encode())))
    made = measured(tmp_path, *APPEND, "--content-file", file, db=cli.db)
    assert made < 180
    shown = tmp_path / "shown"
    used = measured(shown, "messages", "show", "5", "--fields", "content", "-o", "json", db=cli.db)
    assert used < 330
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
