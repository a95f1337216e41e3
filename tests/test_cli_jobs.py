"""`agentstate jobs`: what each verb does and shows."""

from __future__ import annotations

import pytest

from agentstate import JobStateStatus
from cli_support import Cli, golden
from support import raw


def test_a_job_is_made_of_its_options(cli: Cli) -> None:
    create = ("jobs", "create", "Index", "--id", "x", "--status", "running", "--progress", "7")
    found = cli(*create, "--detail", "all files", "-o", "json").json
    assert found == {
        "id": "x",
        "name": "Index",
        "status": "running",
        "progress": 7,
        "detail": "all files",
        "created_at": found["created_at"],
        "updated_at": found["created_at"],
    }
    assert cli("jobs", "show", "x", "-o", "json").json == found
    (made,) = cli("jobs", "create", "Other").lines
    other = cli("jobs", "show", made, "-o", "json").json
    assert (len(made), other["status"], other["progress"]) == (36, "queued", None)


def test_an_update_sets_what_is_named_and_no_more(cli: Cli) -> None:
    before = cli("jobs", "show", "j-1", "-o", "json").json
    for option, field, value in (
        ("--name", "name", "New"),
        ("--detail", "detail", "why"),
        ("--progress", "progress", 0),
        ("--progress", "progress", 100),
    ):
        after = cli("jobs", "update", "j-1", option, value, "-o", "json").json
        assert after == {**before, field: value, "updated_at": after["updated_at"]}
        before = after


def test_any_status_may_follow_any_other(cli: Cli) -> None:
    for status in [*JobStateStatus, *reversed(JobStateStatus)]:
        cli("jobs", "update", "j-1", "--status", status)
        assert cli("jobs", "show", "j-1", "--fields", "status").lines == [status]


def test_a_job_is_deleted(cli: Cli) -> None:
    result = cli("jobs", "delete", "j-1", "--dry-run")
    assert (result.lines, result.notes) == (["j-1"], ["would delete job j-1"])
    result = cli("jobs", "delete", "j-1", "--yes")
    assert (result.stdout, result.notes) == (b"", ["deleted job j-1"])
    assert cli("jobs", "list").stdout == b""


@pytest.mark.parametrize(
    ("progress", "bar"),
    [
        (0, "░░░░░░░░░░   0%"),
        (39, "███░░░░░░░  39%"),
        (100, "██████████ 100%"),
        (255, "██████████ 255%"),
    ],
)
def test_progress_is_a_bar_for_people(cli: Cli, progress: int, bar: str) -> None:
    with raw(cli.db) as connection:
        connection.execute("UPDATE jobs SET progress = ?", (progress,))
    assert bar in cli("jobs", "list", "-o", "table").text
    assert bar in cli("jobs", "show", "j-1", "-o", "table").text
    assert cli("jobs", "list", "--fields", "progress").lines == [str(progress)]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_of_jobs(demo: Cli, width: int) -> None:
    drawn, expected = golden(
        f"jobs_list_{width}", demo.screen("--color", "never", "jobs", "list", width=width)
    )
    assert drawn == expected


def test_the_details_of_a_job(demo: Cli) -> None:
    seen = demo.screen("--color", "never", "jobs", "show", "job-running")
    drawn, expected = golden("jobs_show_80", seen)
    assert drawn == expected
