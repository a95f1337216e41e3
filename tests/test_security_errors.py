"""No error line and no warning holds what was said: neither what is stored, nor what is given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from cli_stores import ALL_VERBS, ARGUMENTS
from cli_support import Result, run
from support import raw, set_version, start_python

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli

SECRET: Final = "correct-horse-71828182845"  # noqa: S105 - nobody's
NUMBER: Final = SECRET[-11:]

BAD_JSON: Final = (
    SECRET,
    f'{{"key": "{SECRET}"',
    f'{{"key": "{SECRET}\x01"}}',
    f'{{"key": "{SECRET}", "other": NaN}}',
    f'["{SECRET}\\ud800"]',
    f"[{NUMBER}e99999]",
    f"[{NUMBER * 40}]",
    f'"{SECRET}" "{SECRET}"',
    "[" * 200 + f'"{SECRET}"' + "]" * 200,
)
BAD_TOOLS: Final = (
    f'{{"name": "{SECRET}"}}',
    f'["{SECRET}"]',
    f'[{{"position": "{SECRET}", "name": ["{SECRET}"], "input_schema": {{}}}}]',
    f'[{{"position": 0.5, "name": "{SECRET}", "input_schema": {{}}, "x": "{SECRET}"}}]',
    f'[{{"position": {NUMBER * 3}, "name": "{SECRET}", "input_schema": "{SECRET}"}}]',
    json.dumps([{"position": 0, "name": SECRET, "input_schema": {}}] * 2),
)
APPEND: Final = ("messages", "append", "t-main", "--role", "user")
SAID: Final = (*APPEND, "--content", SECRET)
GIVEN: Final[tuple[tuple[str, ...], ...]] = (
    *((*APPEND, "--content", "x", "--item", text) for text in BAD_JSON),
    *(("fork", "1", "--content", SECRET, "--item", text) for text in BAD_JSON),
    *(("checkpoint", "save", "t-main", "c", "--state", text) for text in BAD_JSON),
    *(("threads", "tools", "t-main", "--set", text) for text in (*BAD_JSON, *BAD_TOOLS)),
    (*APPEND, "--content", f"{SECRET}\udcff"),
    (*APPEND, "--content", SECRET, "--content-file", "/dev/null"),
    (*SAID, "--expect-leaf", "1"),
    (*SAID, "--item", "@/nowhere"),
    (*SAID, "--no-such-option"),
    ("messages", "append", "t-none", "--role", "user", "--content", SECRET),
    ("fork", "999", "--content", SECRET),
    ("threads", "create", "--id", "t-main", "--preview", SECRET),
    ("threads", "update", "t-main", "--title", SECRET, "--status", "none"),
    ("threads", "update", "t-none", "--sandbox-policy", SECRET),
    ("threads", "goal", "t-none", "--objective", SECRET),
    ("threads", "goal", "t-main", "--objective", SECRET, "--token-budget", "x"),
    ("jobs", "create", SECRET, "--id", "j-1", "--detail", SECRET),
    ("jobs", "update", "j-1", "--detail", SECRET, "--progress", "999"),
)
"""What fails, with what must not be shown in a value that is said or stored."""


def without_secret(result: Result) -> None:
    assert result.code != 0
    assert result.stderr
    assert SECRET.encode() not in result.stderr
    assert NUMBER.encode() not in result.stderr


def test_what_is_given_is_not_in_the_error(cli: Cli) -> None:
    for arguments in GIVEN:
        for output in ((), ("-o", "json")):
            without_secret(cli.run(*arguments, *output))


def test_what_a_file_or_a_pipe_gives_is_not_in_the_error(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "given"
    for content in (f"{SECRET}\xff".encode("latin-1"), f'{{"{SECRET}": 1'.encode()):
        file.write_bytes(content)
        if not content.isascii():
            without_secret(cli.run(*APPEND, "--content-file", file))
            without_secret(run(*APPEND, "--content-file", "-", db=cli.db, stdin=content))
        without_secret(cli.run(*APPEND, "--content", "x", "--item", f"@{file}"))
        without_secret(run("checkpoint", "save", "t-main", "c", db=cli.db, stdin=content))


def test_a_password_in_a_url_is_not_in_the_error() -> None:
    url = f"postgres://user:{SECRET}@host/db"
    without_secret(run("--db", url, "threads", "list"))
    without_secret(run("threads", "list", environ={"AGENTSTATE_DB": url}))
    without_secret(run("threads", "list", environ={"CODEWHALE_HOME": url}))


@pytest.mark.parametrize("why", ["locked", "newer", "trigger", "check", "no space"])
def test_what_cannot_be_written_is_not_in_the_error(cli: Cli, why: str) -> None:
    with raw(cli.db) as other:
        if why == "trigger":
            other.execute("CREATE TRIGGER t BEFORE INSERT ON messages BEGIN SELECT 1; END")
        elif why == "check":
            other.execute("ALTER TABLE messages ADD COLUMN x CHECK (content NOT LIKE 'correct%')")
        elif why == "newer":
            set_version(cli.db, 99)
        elif why == "locked":
            other.execute("BEGIN IMMEDIATE")
        if why == "no space":
            without_secret(limited(cli.db, *APPEND, "--content", SECRET * 1000))
        else:
            without_secret(cli.run("--timeout", "0", *SAID))


def limited(db: Path, *arguments: str) -> Result:
    """Run where no file may grow, as on a full disk."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000));"
        "from agentstate.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    process = start_python(code, "--db", db, *arguments)
    output, errors = process.communicate(timeout=60)
    return Result(process.returncode, output.encode(), errors.encode())


SPOIL: Final = f"""
UPDATE messages SET item_json = '{{"{SECRET}": 1' WHERE id = 2;
UPDATE messages SET content = CAST('{SECRET}' || x'ff' AS TEXT) WHERE id = 3;
UPDATE messages SET role = x'00', content = '{SECRET}' WHERE id = 4;
UPDATE checkpoints SET state_json = '{SECRET}';
UPDATE thread_dynamic_tools SET input_schema = '{{"{SECRET}"', description = '{SECRET}';
UPDATE thread_goals SET objective = '{SECRET}', tokens_used = 'many';
UPDATE jobs SET detail = '{SECRET}', progress = 'half';
UPDATE threads SET preview = '{SECRET}', sandbox_policy = '{SECRET}', created_at = 'early';
"""  # noqa: S608 - text of our own


def test_what_is_stored_is_not_in_an_error_or_a_warning(cli: Cli, tmp_path: Path) -> None:
    statements = SPOIL.strip().splitlines()
    for number, spoiled in enumerate(zip(statements[::2], statements[1::2], strict=True)):
        with raw(cli.db) as other:
            other.execute("PRAGMA foreign_keys = OFF")
            other.executescript("".join(spoiled))
        index = cli.db.with_name("session_index.jsonl")
        with index.open("ab") as file:
            file.write(f'{{"thread_id": "{SECRET}", "updated_at": "x"}}\n{{"{SECRET}\n'.encode())
            file.write(f"{SECRET}\xff\n".encode("latin-1"))
        later = ("backup", "recover", "restore", "doctor --fix", "threads delete", "threads prune")
        more = {
            "backup": (str(tmp_path / "backup" / "state.db"), "--force"),
            "recover": (str(tmp_path / f"recovered{number}" / "state.db"),),
            "restore": (str(tmp_path / "backup" / "state.db"), "--yes"),
            "doctor --fix": (),
            "vacuum": (),
        }
        failed = 0
        for verb in [
            *sorted(set(ALL_VERBS) - set(later) - {"demo", "schema", "completion"}),
            *later,
        ]:
            arguments = more.get(verb, ARGUMENTS.get(verb, ()))
            result = cli.run(*verb.split(), *arguments, "-o", "json")
            assert SECRET.encode() not in result.stderr, (verb, result.stderr)
            failed += result.code != 0
        assert failed


def test_what_a_bundle_holds_is_not_in_an_error(cli: Cli) -> None:
    (bundle,) = cli.db.with_name("state.db.trash").iterdir()
    whole = bundle.read_bytes().replace(b'"Gone"', f'"{SECRET}"'.encode())
    damages = (
        whole,
        whole.replace(b'"cwd"', b'"cwd'),
        whole[:-5],
        whole.replace(SECRET.encode(), SECRET.encode() + b"\xff"),
        whole.replace(f'"{SECRET}"'.encode(), f'{{"blob": "{SECRET}!"}}'.encode()),
        whole.replace(f'"{SECRET}"'.encode(), f"{NUMBER}e9999".encode()),
        whole.replace(f'"{SECRET}"'.encode(), f"{NUMBER * 9}".encode()),
    )
    for damaged in damages:
        bundle.write_bytes(damaged)
        cli("threads", "trash", "list")
        without_secret(cli.run("threads", "undelete", "t-gone"))
