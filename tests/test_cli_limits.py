"""Limits, and the notes that say what they cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import raw

if TYPE_CHECKING:
    from cli_support import Cli


@pytest.fixture
def many(cli: Cli) -> Cli:
    """Add threads, checkpoints, jobs and messages beyond the default limits."""
    with raw(cli.db) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN")
        for number in range(60):
            connection.execute(
                "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, "
                "updated_at, status, cwd, cli_version, source, archived) "
                "VALUES (?, '', 0, '', 5, 5, 'idle', '/w', '', 'api', 0)",
                (f"m-{number:03}",),
            )
        for number in range(110):
            connection.execute(
                "INSERT INTO checkpoints(thread_id, checkpoint_id, state_json, created_at) "
                "VALUES ('m-000', ?, '1', ?)",
                (f"c{number}", number),
            )
            connection.execute(
                "INSERT INTO jobs(id, name, status, created_at, updated_at) "
                "VALUES (?, 'n', 'queued', 1, 1)",
                (f"k{number}",),
            )
        for number in range(1, 511):
            connection.execute(
                "INSERT INTO messages(id, thread_id, role, content, created_at, parent_entry_id) "
                "VALUES (?, 'm-001', ?, 'x', 1, ?)",
                (
                    1000 + number,
                    "user" if number % 2 else "tool",
                    999 + number if number > 1 else None,
                ),
            )
        connection.execute("UPDATE threads SET current_leaf_id = 1510 WHERE id = 'm-001'")
        connection.execute("COMMIT")
    return cli


LIMITED = {
    "threads list": "50 of 61 threads",
    "threads list --all": "50 of 62 threads",
    "threads list --limit 7": "7 of 61 threads",
    "checkpoint list m-000": "100 of 110 checkpoints",
    "jobs list": "100 of 111 jobs",
    "messages list m-001": "500 of 510 messages",
    "messages list m-001 --limit 3": "3 of 510 messages",
    "messages list m-001 --role user --limit 9": "9 of 255 messages",
    "messages list m-001 --leaf 1020 --limit 9": "9 of 20 messages",
}


@pytest.mark.parametrize("arguments", LIMITED)
@pytest.mark.parametrize("output", ["tsv", "table"])
def test_a_note_says_what_a_limit_cut(many: Cli, arguments: str, output: str) -> None:
    result = many(*arguments.split(), "-o", output)
    shown = int(LIMITED[arguments].split()[0])
    assert len(result.lines) == shown + (output == "table")
    assert result.notes == [f"{LIMITED[arguments]}; --limit 0 for all"]


@pytest.mark.parametrize("arguments", LIMITED)
def test_limit_0_means_all(many: Cli, arguments: str) -> None:
    result = many(*arguments.split(), "--limit", "0", "-o", "jsonl")
    assert len(result.lines) == int(LIMITED[arguments].split()[2])
    assert result.stderr == b""


def test_quiet_leaves_the_note_out(many: Cli) -> None:
    assert many("--quiet", "threads", "list").stderr == b""
    assert many("-q", "threads", "delete", "m-001", "--yes").stderr == b""


def test_quiet_still_says_errors(cli: Cli) -> None:
    assert "no thread 'nope'" in cli.fails(3, "-q", "threads", "show", "nope")


def test_a_limited_branch_is_its_end(many: Cli) -> None:
    assert many("messages", "list", "m-001", "--limit", "2", "-o", "id").lines == ["1509", "1510"]
    found = many("messages", "list", "m-001", "--role", "user", "--limit", "2", "-o", "id").lines
    assert found == ["1507", "1509"]


def test_the_end_of_the_index_is_shown_where_it_is_limited(cli: Cli) -> None:
    with cli.store() as store:
        store.index.append("t-z", "Zed", 9, None)
    result = cli("index", "list", "--limit", "1", "--fields", "thread_id")
    assert result.lines == ["t-z"]
    assert result.notes == ["1 of 2 entries; --limit 0 for all"]
