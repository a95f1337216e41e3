"""What `doctor` finds in the schema and the version of a store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    NotAStoreError,
    Severity,
    StateStore,
    StoreTooNewError,
    UntrustedSchemaError,
    examine,
    repair,
)
from damage import copy_of, damage, found, rewrite_schema
from support import copy_store, rows, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli

ERROR, WARNING = Severity.ERROR, Severity.WARNING


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """Return a sound store that may be damaged."""
    return copy_of(sound, tmp_path)


OF_THE_AGENT: Final = {
    "v0": {
        "thread_status_unknown": ("z-empty",),
        "thread_source_unknown": ("z-empty",),
        "index_missing": ("z-sametime", "z-empty"),
    },
    "v1": {},
    "v2_rich": {
        # Taken out of the archive by the agent.
        "archived_disagrees": ("t-unarch",),
        # 255, which the agent takes.
        "job_progress_range": ("job-05", "job-10", "job-15", "job-20", "job-25"),
        # The first was deleted by the agent.
        "index_ghost": ("t-del", "only-in-index", "only-in-index-2", "nl", "up"),
        "index_drifted": ("t-run", "t-emoji", "t-unarch"),
    },
}
"""What is wrong with the stores that the agent program wrote, notes aside."""


@pytest.mark.parametrize("name", ["v0", "v1", "v2_rich", "torn_index"])
def test_stores_of_the_agent_are_looked_at_as_they_are_and_migrated(
    tmp_path: Path, name: str
) -> None:
    path = copy_store(name, tmp_path)
    for file in tmp_path.iterdir():
        file.chmod(0o600)
    before = snapshot(tmp_path)
    findings = {one.slug: one for one in examine(path).findings}
    assert findings.pop("version_older").severity is Severity.NOTE
    assert findings.pop("rollout_missing").severity is Severity.NOTE
    assert snapshot(tmp_path) == before
    if name == "torn_index":
        assert findings.pop("index_torn").ids == (13,)
        assert findings.pop("index_missing").ids == ("t-clear",)
        name = "v2_rich"
    assert {slug: one.ids for slug, one in findings.items()} == OF_THE_AGENT[name]
    messages = rows(path, "SELECT id, thread_id, content FROM messages ORDER BY id")
    assert repair(path).healthy
    assert rows(path, "SELECT id, thread_id, content FROM messages ORDER BY id") == messages
    assert rows(path, "PRAGMA user_version") == [(4,)]
    assert found(path) == []


def test_a_version_above_ours_is_read_and_not_mended(path: Path) -> None:
    damage(path, "PRAGMA user_version = 5", "UPDATE threads SET current_leaf_id = NULL")
    before = snapshot(path.parent)
    report = examine(path)
    assert {one.slug for one in report.findings} == {"leaf_null", "version_newer"}
    assert {one.fix for one in report.findings} == {None}
    with pytest.raises(StoreTooNewError, match="version 5"):
        repair(path)
    assert snapshot(path.parent) == before


def test_a_version_that_a_restore_reset_is_set_again_and_the_tree_kept(path: Path) -> None:
    damage(path, "PRAGMA user_version = 0")
    tree = rows(path, "SELECT id, parent_entry_id FROM messages")
    assert found(path) == ["version_too_low"]
    assert repair(path).healthy
    assert rows(path, "PRAGMA user_version") == [(4,)]
    assert rows(path, "SELECT id, parent_entry_id FROM messages") == tree


@pytest.mark.parametrize(
    ("statement", "severity", "part"),
    [
        ("DROP TABLE jobs", ERROR, "table jobs"),
        ("DROP TABLE leaf_runs", ERROR, "table leaf_runs"),
        ("DROP INDEX idx_messages_parent_entry_id", WARNING, "index idx_messages_parent_entry_id"),
        (
            "ALTER TABLE thread_goals DROP COLUMN continuation_count",
            ERROR,
            "column thread_goals.continuation_count",
        ),
    ],
)
def test_what_is_missing_of_the_schema_is_made_again(
    path: Path, statement: str, severity: Severity, part: str
) -> None:
    schema = "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY 1"
    whole = rows(path, schema)
    damage(path, statement)
    (finding,) = (one for one in examine(path).findings if one.slug == "schema_incomplete")
    assert finding.severity is severity
    assert part in finding.ids
    assert repair(path).healthy
    assert rows(path, schema) == whole
    assert found(path) == []


def test_a_tree_whose_columns_are_gone_is_a_line_again(path: Path) -> None:
    damage(
        path,
        "DROP INDEX idx_messages_parent_entry_id",
        "ALTER TABLE messages DROP COLUMN parent_entry_id",
        "ALTER TABLE threads DROP COLUMN current_leaf_id",
    )
    assert "schema_incomplete" in found(path)
    assert repair(path).healthy
    with StateStore.open(path, read_only=True) as store:
        assert store.messages.branch_ids("t") == [1, 2, 3, 4]


def test_a_column_that_no_step_makes_is_left_to_a_person(path: Path) -> None:
    damage(path, "ALTER TABLE threads DROP COLUMN git_sha", "UPDATE jobs SET progress = 200")
    report = repair(path)
    assert not report.healthy
    assert [(one.slug, one.fixed) for one in report.findings if one.severity is ERROR] == [
        ("schema_incomplete", False)
    ]
    assert rows(path, "SELECT progress FROM jobs") == [(100,)]


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("ALTER TABLE threads DROP COLUMN preview", "column threads.preview"),
        ("ALTER TABLE messages DROP COLUMN item_json", "column messages.item_json"),
        ("DROP TABLE messages", "table messages"),
        ("DROP TABLE threads", "table threads"),
    ],
)
@pytest.mark.parametrize("version", [0, 4, 5])
def test_a_store_that_lacks_what_every_store_has_is_left_to_recover(
    cli: Cli, path: Path, statement: str, part: str, version: int
) -> None:
    damage(
        path,
        "UPDATE jobs SET progress = 200",
        "PRAGMA foreign_keys = OFF",
        statement,
        f"PRAGMA user_version = {version}",
    )
    path.chmod(0o644)
    before = snapshot(path.parent)
    report = examine(path)
    assert snapshot(path.parent) == before
    (lacking,) = (one for one in report.findings if one.slug.endswith("_incomplete"))
    assert lacking.slug == "store_incomplete"
    assert (lacking.severity, lacking.ids, lacking.fix) == (ERROR, (part,), None)
    assert "agentstate recover OUT" in lacking.what
    assert [one.slug for one in report.findings if one.fix] == ["file_open_to_others"]
    assert "job_progress_range" in {one.slug for one in report.findings}
    content = path.read_bytes()

    mended = repair(path)
    assert [one.slug for one in mended.findings if one.fixed] == ["file_open_to_others"]
    assert (mended.healthy, mended.backup, path.read_bytes()) == (False, None, content)
    ill = cli.on(path)
    assert (
        ill.run("doctor", "--fix")
        .notes[-1]
        .endswith("agentstate recover OUT reads what can be read into a new store")
    )
    assert "another program" in ill.fails(6, "threads", "list")
    ill.run("recover", str(path.parent / "out.db"))
    assert rows(path.parent / "out.db", "SELECT progress FROM jobs") == [(200,)]
    assert repair(path.parent / "out.db").healthy


def test_a_file_in_which_both_tables_are_others_is_no_store(tmp_path: Path) -> None:
    other = damage(
        tmp_path / "other.db",
        "CREATE TABLE threads(id, status, updated_at)",
        "CREATE TABLE messages(id, thread_id, role, content, created_at)",
    )
    with pytest.raises(NotAStoreError, match="another program"):
        examine(other)


def test_other_declarations_and_columns_are_notes(path: Path) -> None:
    damage(path, "ALTER TABLE jobs ADD COLUMN owner TEXT")
    rewrite_schema(path, "detail TEXT", "detail BLOB")
    report = examine(path)
    assert report.healthy
    assert [(one.slug, one.ids) for one in report.findings] == [
        ("schema_extra", ("jobs.owner",)),
        ("schema_differs", ("jobs.detail",)),
    ]
    assert repair(path) == report


def test_a_store_with_a_trigger_is_looked_at_and_not_mended(path: Path) -> None:
    damage(
        path,
        "UPDATE jobs SET progress = 200",
        "CREATE TRIGGER eat AFTER UPDATE ON jobs BEGIN DELETE FROM messages; END",
    )
    before = snapshot(path.parent)
    report = examine(path)
    assert [(one.slug, one.fix) for one in report.findings] == [
        ("job_progress_range", None),
        ("schema_untrusted", None),
    ]
    assert report.findings[1].ids == ("eat",)
    assert report.findings[1].what == (
        "the store has the trigger 'eat' on the table 'jobs' "
        "('CREATE TRIGGER eat AFTER UPDATE ON jobs BEGIN DELETE FROM messages; END'), which no "
        "store of an agent has; it is only read. If you know what that does, write with "
        "--trust-schema"
    )
    with pytest.raises(UntrustedSchemaError, match="'eat'"):
        repair(path)
    assert snapshot(path.parent) == before


def test_a_trigger_that_is_trusted_is_a_note(path: Path) -> None:
    damage(
        path,
        "UPDATE jobs SET progress = 200",
        "CREATE TRIGGER tell AFTER UPDATE ON jobs BEGIN UPDATE jobs SET detail = 'told'; END",
    )
    report = repair(path, trust_schema=True)
    assert report.healthy
    assert [(one.slug, one.fixed) for one in report.findings] == [
        ("job_progress_range", True),
        ("schema_trusted", False),
    ]
    trusted = report.findings[1]
    assert trusted.ids == ("tell",)
    assert trusted.what.endswith("it is trusted, and acts on every write")
    assert rows(path, "SELECT progress, detail FROM jobs") == [(100, "told")]


def test_what_acts_by_itself_is_named_and_shown_so_that_a_person_can_decide(path: Path) -> None:
    damage(
        path,
        "CREATE VIEW both AS SELECT * FROM threads JOIN messages",
        'CREATE TRIGGER "\x1b[2J\u202e"\n  AFTER UPDATE ON jobs\nBEGIN\n  SELECT 1;\nEND',
        "CREATE TRIGGER third AFTER UPDATE ON jobs BEGIN SELECT '" + "long" * 100 + "'; END",
        "CREATE TRIGGER fourth AFTER UPDATE ON jobs BEGIN SELECT 1; END",
        "CREATE TRIGGER fifth AFTER UPDATE ON jobs BEGIN SELECT 1; END",
    )
    (finding,) = examine(path).findings
    assert {*finding.ids} == {"both", "\x1b[2J\u202e", "third", "fourth", "fifth"}
    assert " and 2 more things, which no store of an agent has; it is only read" in finding.what
    assert finding.what.isprintable()
    assert r"""on the table 'jobs' ('CREATE TRIGGER "\x1b[2J\u202e" AFTER UPDATE""" in finding.what
    assert re.search("(long)+[long]*…", finding.what)
