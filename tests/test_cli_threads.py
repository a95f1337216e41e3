"""`agentstate threads`: what each verb does and shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from agentstate import SessionSource, ThreadMetadata, ThreadStatus
from cli_support import golden, run
from support import raw, rows

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli

EVERYTHING = {
    "--name": ("name", "All of it"),
    "--cwd": ("cwd", "/src/x"),
    "--preview": ("preview", "Words"),
    "--provider": ("model_provider", "acme"),
    "--status": ("status", "running"),
    "--source": ("source", "api"),
    "--rollout-path": ("rollout_path", "/logs/../r.jsonl"),
    "--path": ("path", "p"),
    "--cli-version": ("cli_version", "1.2"),
    "--sandbox-policy": ("sandbox_policy", "none"),
    "--approval-mode": ("approval_mode", "never"),
    "--git-sha": ("git_sha", "abc"),
    "--git-branch": ("git_branch", "main"),
    "--git-origin-url": ("git_origin_url", "ssh://x/y"),
}
OPTIONS = [part for option, (_, value) in EVERYTHING.items() for part in (option, value)]


# Making and changing.


def test_a_thread_is_made_of_its_options(cli: Cli) -> None:
    before = int(time.time())
    found = cli("threads", "create", "--id", "t", *OPTIONS, "--ephemeral", "-o", "json").json
    assert {field: found[field] for field, _ in EVERYTHING.values()} == dict(EVERYTHING.values())
    assert (found["id"], found["ephemeral"], found["current_leaf_id"]) == ("t", True, None)
    assert before <= found["created_at"] == found["updated_at"] <= time.time()
    shown = cli("threads", "show", "t", "-o", "json").json
    assert {field: shown[field] for field in found} == found
    assert cli("index", "name", "t").lines == ["All of it"]


def test_json_of_one_thread_has_all_that_belongs_to_it(cli: Cli) -> None:
    extra = ("messages", "branches", "checkpoints", "goal", "tools", "imported")
    with raw(cli.db) as connection:
        connection.execute("UPDATE thread_dynamic_tools SET input_schema = '{\"n\":\n1.10}'")
    for output in ("json", "jsonl"):
        result = cli("threads", "show", "t-main", "-o", output)
        found = result.json
        assert tuple(found)[-6:] == extra
        assert [found[field] for field in extra[:3]] == [4, 2, 1]
        assert found["goal"]["objective"] == "Green"
        assert [tool["name"] for tool in found["tools"]] == ["grep"]
        assert '"input_schema": {"n": 1.10}' in result.text
        assert found["imported"] is None
    assert len(cli("threads", "show", "t-main", "-o", "tsv").cells[0]) == 6


def test_a_thread_needs_nothing(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (made,) = cli("threads", "create").lines
    found = cli("threads", "show", made, "-o", "json").json
    assert (found["cwd"], found["name"], found["status"]) == (str(tmp_path), None, "idle")
    assert len(made) == 36


@pytest.mark.parametrize(
    ("given", "kept"), [("sub/../x", "{here}/x"), ("~/src", "{home}/src"), ("/a/./b/", "/a/b")]
)
def test_a_folder_is_made_absolute(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, kept: str
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = kept.format(here=tmp_path, home=tmp_path / "home")
    cli("threads", "create", "--id", "t", "--cwd", given)
    assert cli("threads", "show", "t", "--fields", "cwd").lines == [kept]
    assert cli("threads", "list", "--cwd", given, "-o", "id").lines == ["t"]


def test_an_update_sets_what_is_named_and_no_more(cli: Cli) -> None:
    before = cli("threads", "show", "t-main", "-o", "json").json
    for option, (field, value) in EVERYTHING.items():
        after = cli("threads", "update", "t-main", option, value, "-o", "json").json
        assert after[field] == value
        changed = {name for name in after if after[name] != before[name]}
        assert changed <= {field, "updated_at"}
        before = after
    assert cli("threads", "update", "t-main", "--ephemeral", "-o", "json").json["ephemeral"] is True
    found = cli("threads", "update", "t-main", "--no-ephemeral", "-o", "json").json
    assert found["ephemeral"] is False


def test_rename_gives_a_name_or_takes_it(cli: Cli) -> None:
    cli("threads", "rename", "main", "Other")
    assert cli("threads", "show", "other", "--fields", "name").lines == ["Other"]
    assert cli("index", "name", "t-main").lines == ["Other"]
    cli("threads", "rename", "other", "")
    assert cli("threads", "show", "t-main", "-o", "json").json["name"] is None


def test_ensure_finds_or_makes(cli: Cli) -> None:
    assert cli("threads", "ensure", "MAIN").lines == ["t-main"]
    made = cli("threads", "ensure", "nightly", "--cwd", "/w", "--source", "api").lines
    assert cli("threads", "ensure", "Nightly", "--cwd", "/elsewhere").lines == made
    found = cli("threads", "show", "nightly", "-o", "json").json
    assert (found["name"], found["cwd"], found["source"]) == ("nightly", "/w", "api")


def test_archiving_and_back(cli: Cli) -> None:
    found = cli("threads", "archive", "t-main", "-o", "json").json
    assert (found["archived"], found["status"]) == (True, "archived")
    assert cli("threads", "list").stdout == b""
    found = cli("threads", "unarchive", "t-main", "-o", "json").json
    assert (found["archived"], found["archived_at"], found["status"]) == (False, None, "idle")


def test_deleting_takes_everything_along(cli: Cli) -> None:
    result = cli("threads", "delete", "t-main", "--yes")
    assert (result.stdout, result.notes) == (
        b"",
        ["deleted thread t-main; agentstate threads undelete t-main brings it back"],
    )
    for table in ("messages", "checkpoints", "thread_dynamic_tools", "thread_goals"):
        assert rows(cli.db, f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608 - names of ours
    assert cli("index", "list").stdout == b""
    cli.fails(3, "threads", "delete", "t-main", "--yes")


def test_a_dry_run_says_what_would_go(cli: Cli) -> None:
    result = cli("threads", "delete", "t-main", "--dry-run")
    assert (result.lines, result.notes) == (
        ["t-main"],
        ["would delete thread t-main (Main) with 4 messages"],
    )
    found = cli("threads", "delete", "t-main", "--dry-run", "-o", "json").json
    assert (found["id"], found["name"]) == ("t-main", "Main")


def test_memory_is_printed_set_and_removed(cli: Cli) -> None:
    assert cli("threads", "memory", "t-main").lines == ["enabled"]
    cli("threads", "memory", "t-main", "off")
    assert cli("threads", "memory", "t-main", "-o", "json").json == {"memory_mode": "off"}
    cli("threads", "memory", "t-main", "--unset")
    cli.fails(3, "threads", "memory", "t-main")


# Tools and goals.

TOOLS = """[
  {"position": 2, "name": "b", "description": "B",
   "input_schema": {"maximum": 1.10, "n": 12345678901234567890123}},
  {"input_schema": null, "name": "a", "position": 1}
]"""


@pytest.mark.parametrize("how", ["text", "file", "stdin"])
def test_tools_are_replaced_with_their_numbers_as_they_were(
    cli: Cli, tmp_path: Path, how: str
) -> None:
    file = tmp_path / "tools.json"
    file.write_text(TOOLS)
    given = {"text": TOOLS, "file": f"@{file}", "stdin": "-"}[how]
    result = run("threads", "tools", "t-main", "--set", given, db=cli.db, stdin=TOOLS.encode())
    assert (result.code, result.stdout, result.stderr) == (0, b"", b"")
    assert cli("threads", "tools", "t-main").cells == [["1", "a", ""], ["2", "b", "B"]]
    found = cli("threads", "tools", "t-main", "-o", "jsonl").lines
    assert found[0].endswith('"description": null, "input_schema": null}')
    assert found[1].endswith('"input_schema": {"maximum": 1.10, "n": 12345678901234567890123}}')


def test_tools_are_shown_after_they_are_set_where_asked(cli: Cli) -> None:
    assert cli("threads", "tools", "t-main", "--set", TOOLS, "-o", "id").lines == ["a", "b"]
    assert cli("threads", "tools", "t-main", "--set", "[]", "-o", "json").json == []


def test_a_goal_is_set_part_by_part(cli: Cli) -> None:
    cli("threads", "goal", "t-other", "--objective", "Ship", "--token-budget", "9")
    first = cli("threads", "goal", "t-other", "-o", "json").json
    assert (first["objective"], first["status"], first["token_budget"]) == ("Ship", "active", 9)
    cli("threads", "goal", "t-other", "--status", "paused")
    cli("threads", "goal", "t-other", "--token-budget", "0")
    found = cli("threads", "goal", "t-other", "-o", "json").json
    assert found == {
        **first,
        "status": "paused",
        "token_budget": None,
        "updated_at": found["updated_at"],
    }
    result = cli("threads", "goal", "t-other", "--delete", "--yes")
    assert (result.stdout, result.notes) == (b"", ["deleted the goal of thread t-other (Ship)"])
    cli.fails(3, "threads", "goal", "t-other")


# Listing.


@pytest.fixture
def listed(cli: Cli, tmp_path: Path) -> Cli:
    """Return a store of threads that differ in what can be filtered."""
    new = cli.on(tmp_path / "listed" / "state.db")
    now = int(time.time())
    each: list[dict[str, Any]] = [
        {
            "name": "Fix the lexer",
            "status": ThreadStatus.RUNNING,
            "updated_at": now - 100,
            "created_at": 3,
        },
        {"name": "fix b", "source": SessionSource.API, "updated_at": now - 4000, "created_at": 9},
        {"name": None, "model_provider": "acme", "updated_at": now - 2 * 86_400, "created_at": 1},
        {"name": "Other", "git_branch": "dev", "updated_at": now - 30 * 86_400, "created_at": 2},
        {"name": "Gone", "archived": True, "updated_at": 1_700_000_000, "created_at": 8},
    ]
    with new.store() as store:
        for number, fields in enumerate(each):
            thread = ThreadMetadata(
                id=f"t{number}", cwd=f"/w/{number % 2}", created_at=0, updated_at=0
            )
            store.threads.create(thread)
            store.threads.update(thread.id, **fields)
    return new


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("", "0 1 2 3"),
        ("--all", "0 1 2 3 4"),
        ("--archived", "4"),
        ("--status running", "0"),
        ("--source api", "1"),
        ("--provider acme", "2"),
        ("--cwd /w/1", "1 3"),
        ("--name fix*", "0 1"),
        ("--name *LEXER", "0"),
        ("--branch dev", "3"),
        ("--since 1h", "0"),
        ("--since 3d", "0 1 2"),
        ("--until 3d", "3"),
        ("--since 5w --until 60m", "1 2 3"),
        ("--since 1y --until 60m", "1 2 3"),
        ("--all --until 12mo", "4"),
        ("--all --until 1700000000", "4"),
        ("--all --since 1700000001", "0 1 2 3"),
        ("--all --until 2023-11-14T22:13:20Z", "4"),
        ("--all --until 2023-11-14T22:13:19+00:00", ""),
        ("--all --until 2023-12-01", "4"),
        ("--since 2023-11-16", "0 1 2 3"),
        ("--limit 2", "0 1"),
        ("--sort created", "1 0 3 2"),
        ("--sort name", "1 0 3 2"),
        ("--sort id --all", "0 1 2 3 4"),
        ("--name fix* --status idle", "1"),
    ],
)
def test_threads_are_filtered_and_sorted(listed: Cli, filters: str, found: str) -> None:
    result = listed("-q", "threads", "list", *filters.split(), "-o", "id")
    assert [line.removeprefix("t") for line in result.lines] == found.split()


# What people look at.


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_of_threads(demo: Cli, width: int) -> None:
    seen = demo.screen("--color", "never", "threads", "list", "--all", width=width)
    drawn, expected = golden(f"threads_list_{width}", seen)
    assert drawn == expected


@pytest.mark.parametrize("width", [40, 80])
def test_the_details_of_a_thread(demo: Cli, width: int) -> None:
    seen = demo.screen("--color", "never", "threads", "show", "demo-lexer", width=width)
    drawn, expected = golden(f"threads_show_{width}", seen)
    assert drawn == expected


def test_the_tools_of_a_thread(demo: Cli) -> None:
    seen = demo.screen("--color", "never", "threads", "tools", "demo-lexer")
    drawn, expected = golden("threads_tools_80", seen)
    assert drawn == expected


def test_the_goal_of_a_thread(demo: Cli) -> None:
    seen = demo.screen("--color", "never", "threads", "goal", "demo-lexer")
    drawn, expected = golden("threads_goal_80", seen)
    assert drawn == expected


def test_ids_are_shortened_to_what_is_still_unique(cli: Cli) -> None:
    for thread_id in ("0199a213-81c0-7800", "0199a213-81c0-7811", "0199a213-9", "short"):
        cli("threads", "create", "--id", thread_id, "--cwd", "/w")
    shown = [line.split()[0] for line in cli("threads", "list", "-o", "table").lines[1:]]
    assert sorted(shown) == [
        "0199a213-81c0-7800",
        "0199a213-81c0-7811",
        "0199a213-9",
        "short",
        "t-main",
    ]
    cli("threads", "create", "--id", "abcdefghijklmnop", "--cwd", "/w")
    assert "abcdefgh " in cli("threads", "list", "-o", "table").text
    assert cli("threads", "show", "abcdefgh", "-o", "id").lines == ["abcdefghijklmnop"]


def test_a_leaf_that_is_none_is_said(cli: Cli) -> None:
    with raw(cli.db) as connection:
        connection.execute("UPDATE threads SET current_leaf_id = 99 WHERE id = 't-main'")
    seen = cli("threads", "show", "t-main", "-o", "table").text
    assert "#99, which is no message of this thread" in seen
