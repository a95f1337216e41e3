"""The command line on a terminal: prompts, colours, widths, and stored text that is hostile."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pexpect  # type: ignore[import-untyped] # it has no types
import pytest

from cli_stores import ARGUMENTS
from cli_support import FORBIDDEN, finish, on_screen, run, spawn, without_color
from support import rows, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli

# Prompts.

DESTROYING = {
    "threads delete": ("t-main", "Delete thread t-main (Main) with 4 messages?"),
    "messages clear": ("t-main", "Delete 4 messages of thread t-main (Main)?"),
    "checkpoint delete": ("t-main cp", "Delete checkpoint 'cp' of thread t-main?"),
    "jobs delete": ("j-1", "Delete job j-1?"),
    "threads goal": ("t-main --delete", "Delete the goal of thread t-main (Green)?"),
}
COUNTS = {
    "threads delete": "SELECT count(*) FROM threads WHERE id = 't-main'",
    "messages clear": "SELECT count(*) > 0 FROM messages",
    "checkpoint delete": "SELECT count(*) FROM checkpoints",
    "jobs delete": "SELECT count(*) FROM jobs",
    "threads goal": "SELECT count(*) FROM thread_goals",
}


@pytest.mark.parametrize("verb", DESTROYING)
@pytest.mark.parametrize("answer", ["y\r", "YES\r"])
def test_a_yes_destroys(cli: Cli, verb: str, answer: str) -> None:
    arguments, question = DESTROYING[verb]
    terminal = spawn(*verb.split(), *arguments.split(), db=cli.db)
    terminal.expect_exact(f"{question} [y/N] ")
    terminal.send(answer)
    result = finish(terminal)
    assert result.code == 0
    assert b"deleted " in result.stdout
    assert rows(cli.db, COUNTS[verb]) == [(0,)]


NO: Final = {
    "no": b"n\r",
    "nothing": b"\r",
    "something else": b"\xff\x00yes\r",
    "Ctrl-C": b"\x03",
    "Ctrl-D": b"\x04",
}


@pytest.mark.parametrize("answer", NO)
def test_anything_else_changes_nothing_and_is_130(cli: Cli, answer: str) -> None:
    before = snapshot(cli.db.parent)
    terminal = spawn("messages", "clear", "t-main", db=cli.db)
    terminal.expect_exact("[y/N] ")
    terminal.send(NO[answer])
    result = finish(terminal)
    assert result.code == 130
    # The line stands alone, also where the answer had no end.
    assert result.stdout.splitlines()[-1] == b"agentstate: nothing was done"
    assert snapshot(cli.db.parent) == before


@pytest.mark.parametrize("verb", DESTROYING)
def test_off_a_terminal_nobody_is_asked(cli: Cli, verb: str) -> None:
    before = snapshot(cli.db.parent)
    arguments, _ = DESTROYING[verb]
    line = cli.fails(2, *verb.split(), *arguments.split())
    assert line == "this destroys data: add --yes, or look first with --dry-run"
    assert snapshot(cli.db.parent) == before


def test_a_y_from_a_pipe_is_no_answer(cli: Cli) -> None:
    terminal = spawn("threads", "list", db=cli.db)
    assert finish(terminal).code == 0
    command = "yes | $0 -m agentstate --db $1 messages clear t-main; echo code $?"
    piped = pexpect_shell(command, cli.db)
    assert b"this destroys data" in piped
    assert b"code 2" in piped
    assert rows(cli.db, "SELECT count(*) FROM messages") == [(4,)]


def pexpect_shell(command: str, db: Path) -> bytes:
    """Run a shell's command on a terminal."""
    terminal = pexpect.spawn("sh", ["-c", command, sys.executable, str(db)], timeout=20)
    terminal.expect(pexpect.EOF)
    terminal.close()
    found: bytes = terminal.before
    return found


def test_the_start_of_an_id_will_do_at_a_prompt_only(cli: Cli) -> None:
    line = cli.fails(2, "threads", "delete", "t-m", "--yes")
    assert line == "'t-m' is only the start of an id; to destroy it, give it in full: t-main"
    cli.fails(2, "threads", "delete", "t-m", "--dry-run")
    cli.fails(2, "messages", "clear", "t-m", "--yes")
    cli.fails(2, "checkpoint", "delete", "t-m", "cp", "--yes")
    cli.fails(2, "threads", "goal", "t-m", "--delete", "--yes")
    terminal = spawn("threads", "delete", "t-m", db=cli.db)
    terminal.expect_exact("Delete thread t-main (Main) with 4 messages? [y/N] ")
    terminal.send("y\r")
    assert finish(terminal).code == 0
    assert rows(cli.db, COUNTS["threads delete"]) == [(0,)]


# Colours.

COLORS: dict[str, tuple[list[str], dict[str, str], bool]] = {
    "a terminal": ([], {}, True),
    "NO_COLOR": ([], {"NO_COLOR": "1"}, False),
    "an empty NO_COLOR": ([], {"NO_COLOR": ""}, True),
    "TERM=dumb": ([], {"TERM": "dumb"}, False),
    "no TERM": ([], {"TERM": ""}, True),
    "--color never": (["--color", "never"], {"CLICOLOR_FORCE": "1"}, False),
    "--color always": (["--color", "always"], {"NO_COLOR": "1", "TERM": "dumb"}, True),
}


@pytest.mark.parametrize("case", COLORS)
@pytest.mark.parametrize("verb", ["threads list", "messages tree"])
def test_colour_on_a_terminal(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, case: str, verb: str
) -> None:
    options, environ, colored = COLORS[case]
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    result = on_screen(["--db", str(cli.db), *options, *verb.split(), *ARGUMENTS[verb]])
    assert (b"\x1b[" in result.stdout) is colored
    assert b"Main" in without_color(result.stdout)


@pytest.mark.parametrize("verb", ["threads list", "messages tree"])
def test_colour_in_a_pipe(cli: Cli, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    arguments = [*verb.split(), *ARGUMENTS[verb], "-o", "table"]
    assert b"\x1b[" not in cli(*arguments).stdout
    assert b"\x1b[" in cli("--color", "always", *arguments).stdout
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert b"\x1b[" in cli(*arguments).stdout
    assert b"\x1b[" not in cli(*arguments[:-2], "-o", "jsonl").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert b"\x1b[" not in cli(*arguments).stdout


# Widths and encodings.


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
@pytest.mark.parametrize(
    "verb",
    ["threads list", "threads show", "messages list", "jobs list", "index list", "checkpoint list"],
)
def test_no_line_is_wider_than_the_screen(cli: Cli, width: int, verb: str) -> None:
    with cli.store() as store:
        long = "漢字 and long words " * 30
        store.threads.update("t-main", name=long, preview=long, cwd=f"/{'x' * 300}")
        store.messages.append("t-main", "r" * 50, long)
        store.checkpoints.save("t-main", "c" * 100, long)
        store.jobs.update("j-1", name=long, detail=long, progress=33)
    seen = without_color(cli.screen(*verb.split(), *ARGUMENTS[verb], width=width).stdout)
    lines = seen.decode().splitlines()
    assert lines
    for line in lines:
        assert len(line) + len(re.findall("[漢字]", line)) <= width
    assert any(len(line) > width / 2 for line in lines)


@pytest.fixture(scope="module")
def latin_1(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables of a locale in which a letter is one byte."""
    folder = tmp_path_factory.mktemp("locales")
    target = folder / "en_US.ISO-8859-1"
    try:
        command = ["localedef", "-c", "-f", "ISO-8859-1", "-i", "en_US", str(target)]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no locale can be made here")
    return {"LOCPATH": str(folder), "LC_ALL": target.name, "NO_COLOR": "1"}


def test_a_locale_of_single_bytes(cli: Cli, latin_1: dict[str, str]) -> None:
    name = b"caf\xe9"
    made = run("threads", "create", "--cwd", "/w", "--name", name, db=cli.db, environ=latin_1)
    assert cli("threads", "show", "caf\u00e9", "-o", "id").lines == made.lines
    show = ("threads", "show", name, "-o")
    assert "caf\u00e9".encode() in run(*show, "json", db=cli.db, environ=latin_1).stdout
    seen = finish(spawn("threads", "show", "@last", "-o", "table", db=cli.db, environ=latin_1))
    assert re.search(rb"^name +caf\xe9$", seen.stdout, re.MULTILINE)
    tree = finish(spawn("messages", "tree", "t-main", db=cli.db, environ=latin_1))
    assert re.search(rb"^@  #4 ", tree.stdout, re.MULTILINE)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_gets_what_it_can_show(cli: Cli, encoding: str) -> None:
    cli("threads", "rename", "t-main", "漢 caf\u00e9 \u00c1")
    cli("messages", "append", "t-main", "--role", "user", "--content", "漢 caf\u00e9 \u00c1")
    environ = {"PYTHONIOENCODING": encoding, "NO_COLOR": "1"}
    cafe = "caf\u00e9".encode(encoding, "backslashreplace")
    for verb in ("threads list", "messages tree", "messages list"):
        for output in ("table", "json"):
            arguments = [*verb.split(), *ARGUMENTS[verb], "-o", output]
            result = finish(spawn(*arguments, db=cli.db, environ=environ))
            assert result.code == 0
            assert b"\\u6f22 " + cafe in result.stdout
            assert re.search(rb"[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.stdout) is None


# What is printed as it is.

STATES = [
    '{"b": 1.10, "a": 123456789012345678901234567890, "e": 1E+2}',
    '{\n  "pretty": [\n\t1,\r\n    2\n  ]\n}\n',
    ' "\u202e\u00ad" ',
    '"\x7f\x85"',
    "null",
    '{"a": 1, "a": 2}',
]


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_printed_as_it_was_saved(cli: Cli, state: str) -> None:
    cli("checkpoint", "save", "t-main", "exact", "--state", state)
    assert cli("checkpoint", "load", "t-main", "exact").text == state
    assert cli("checkpoint", "load", "t-main").text == state
    seen = cli.screen("checkpoint", "load", "t-main")
    if state.isascii() and "\x7f" not in state:
        assert seen.text == state
    else:
        assert json.loads(seen.text) == json.loads(state)
        assert FORBIDDEN.search(seen.text) is None
    assert cli.screen("checkpoint", "load", "t-main", "--raw").text == state
