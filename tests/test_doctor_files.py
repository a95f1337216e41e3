"""What `doctor` finds in the file itself: damaged pages and indexes, and what it cannot open."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    AgentStateWarning,
    NotAStoreError,
    StoreBusyError,
    StoreNotFoundError,
    examine,
    repair,
)
from damage import copy_of, damage, found, slugs
from stores import to_rollback_mode
from support import (
    mode,
    raw,
    rows,
    snapshot,
)

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli

PAGE: Final = 4096


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """Return a sound store that may be damaged."""
    return copy_of(sound, tmp_path)


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def root_page(path: Path, name: str) -> int:
    ((page,),) = rows(path, "SELECT rootpage FROM sqlite_schema WHERE name = ?", name)
    return int(page)


# Files that SQLite cannot open or read


@pytest.mark.parametrize(
    ("offset", "content"),
    [(0, b"\0" * 100), (0, os.urandom(64)), (100, b"\xff" * 2000)],
    ids=["header wiped", "noise", "schema overwritten"],
)
def test_what_cannot_be_opened_is_a_finding_that_only_recover_mends(
    path: Path, offset: int, content: bytes
) -> None:
    overwrite(path, offset, content)
    path.chmod(0o644)
    before = snapshot(path.parent)
    report = examine(path)
    assert slugs(report) == ["file_unreadable", "file_open_to_others"]
    assert "agentstate recover OUT" in report.findings[0].what
    assert report.findings[0].fix is None
    assert snapshot(path.parent) == before
    content = path.read_bytes()

    left = repair(path)
    assert [(one.slug, one.fixed) for one in left.findings] == [
        ("file_unreadable", False),
        ("file_open_to_others", True),
    ]
    assert (left.healthy, left.backup) == (False, None)
    assert (path.read_bytes(), mode(path)) == (content, 0o600)


def test_a_truncated_file_is_unreadable(path: Path) -> None:
    overwrite(path, 0, path.read_bytes())
    os.truncate(path, path.stat().st_size - 2 * PAGE)
    report = examine(path)
    assert slugs(report) == ["file_unreadable"]
    assert repair(path) == report


def test_a_damaged_table_keeps_no_other_check_from_looking(path: Path) -> None:
    damage(path, "UPDATE jobs SET progress = 200", "UPDATE threads SET current_leaf_id = 99")
    overwrite(path, (root_page(path, "messages") - 1) * PAGE, b"\xff" * PAGE)
    before = snapshot(path.parent)
    report = examine(path)
    assert snapshot(path.parent) == before
    assert {"pages_damaged", "unchecked", "job_progress_range"} <= {*slugs(report)}
    assert {one.fix for one in report.findings} == {None}
    (unchecked,) = (one for one in report.findings if one.slug == "unchecked")
    assert "values" in unchecked.ids
    assert "is damaged" in unchecked.what
    assert repair(path) == report
    assert snapshot(path.parent) == before


@pytest.mark.parametrize("content", [b"\xff", b"\0"], ids=["noise", "zeros"])
@pytest.mark.parametrize("name", ["messages", "jobs", "idx_threads_updated_at"])
def test_the_damaged_pages_are_named_in_sqlites_words(
    path: Path, name: str, content: bytes
) -> None:
    page = root_page(path, name)
    overwrite(path, (page - 1) * PAGE, content * PAGE)
    (damaged,) = (one for one in examine(path).findings if one.slug == "pages_damaged")
    assert page in damaged.ids
    assert re.search(rf"\(.*[Pp]age {page}\b.*\)", damaged.what)
    assert str(path) not in damaged.what
    assert "\n" not in damaged.what
    assert damaged.what.endswith("; agentstate recover OUT reads what can be read")


@pytest.mark.parametrize("table", ["", "messages"], ids=["file", "pages"])
def test_what_a_repair_leaves_of_a_damaged_file_is_said_with_what_to_do(
    cli: Cli, path: Path, table: str
) -> None:
    page = root_page(path, table) if table else 1
    overwrite(path, (page - 1) * PAGE, b"\xff" * PAGE)
    path.chmod(0o644)
    ill = cli.on(path)
    recover = "agentstate recover OUT reads what can be read into a new store"
    last = f"agentstate doctor --fix cannot mend a damaged file; {recover}"
    looked = ill.run("doctor", "-o", "table")
    assert " ".join(looked.lines[-2:]).endswith(last)
    assert (looked.code, looked.notes) == (6, [])
    mended = ill.run("doctor", "--fix", "-o", "table")
    assert "1 mended; " in mended.text
    assert " ".join(mended.lines[-2:]).endswith(last)
    assert (mended.code, mended.notes) == (6, [f"nothing in the store was changed; {recover}"])
    assert ill.run("doctor", "--fix", "--dry-run").notes == []


@pytest.mark.parametrize(
    "statement",
    ["PRAGMA user_version = 9", "CREATE TRIGGER eat AFTER UPDATE ON jobs BEGIN SELECT 1; END"],
    ids=["newer", "untrusted"],
)
def test_of_a_damaged_file_damage_is_said_first(path: Path, statement: str) -> None:
    damage(path, statement)
    overwrite(path, (root_page(path, "messages") - 1) * PAGE, b"\xff" * PAGE)
    before = snapshot(path.parent)
    report = repair(path)
    assert (report.findings[0].slug, report.backup) == ("pages_damaged", None)
    assert snapshot(path.parent) == before


def break_index(path: Path, index: str, statement: str) -> None:
    """Let an index lose track of its table, as a program did that was built without it."""
    with raw(path) as connection:
        sql = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name = ?"
        saved = connection.execute(sql, (index,)).fetchone()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = ?", (index,))
        connection.execute("PRAGMA writable_schema = RESET")
        connection.execute(statement)
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", saved)
        connection.execute("PRAGMA writable_schema = RESET")


def test_an_index_that_disagrees_with_its_table_is_made_again(path: Path) -> None:
    break_index(path, "idx_threads_updated_at", "UPDATE threads SET updated_at = updated_at + 7")
    ((first, *_),) = rows(path, "PRAGMA integrity_check(1)")
    assert first != "ok"
    report = examine(path)
    assert slugs(report) == ["index_of_table_damaged"]
    mended = repair(path)
    assert mended.healthy
    assert mended.backup is not None
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert found(path) == []


def test_two_rows_of_one_key_are_left_to_a_person(path: Path) -> None:
    damage(path, "CREATE UNIQUE INDEX by_name ON jobs(name)")
    again = "INSERT INTO jobs VALUES ('k', 'Job', 'queued', 200, NULL, 1, 1)"
    break_index(path, "by_name", again)
    with pytest.warns(AgentStateWarning, match="indexes cannot be made again"):
        report = repair(path)
    assert [(one.slug, one.fixed) for one in report.findings] == [
        ("index_of_table_damaged", False),
        ("job_progress_range", True),
    ]
    assert rows(path, "SELECT count(*) FROM jobs NOT INDEXED WHERE +name = 'Job'") == [(2,)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "^no store at .*missing; run 'agentstate init' to create it$"),
        ("empty", r"init.* The file there is empty: if .* a backup is needed, .* restore$"),
        ("kept", r"init.* The file there is empty: if .*; there are some in .*kept\.backups$"),
    ],
)
def test_a_store_that_is_not_there_is_not_found(tmp_path: Path, name: str, words: str) -> None:
    for empty in ("empty", "kept"):
        (tmp_path / empty).touch()
    (tmp_path / "kept.backups").mkdir()
    before = snapshot(tmp_path)
    for doctor in (examine, repair):
        with pytest.raises(StoreNotFoundError, match=words):
            doctor(tmp_path / name)
    assert snapshot(tmp_path) == before


def test_a_file_of_another_program_is_no_store(tmp_path: Path) -> None:
    damage(tmp_path / "other.db", "CREATE TABLE other(x)")
    for doctor in (examine, repair):
        with pytest.raises(NotAStoreError, match="another program"):
            doctor(tmp_path / "other.db")
        with pytest.raises(NotAStoreError, match="is a folder"):
            doctor(tmp_path)


def test_a_store_that_is_locked_is_busy_and_not_kept_in_vain(path: Path) -> None:
    damage(path, "UPDATE jobs SET progress = 200")
    with raw(path) as agent:
        agent.execute("BEGIN IMMEDIATE")
        assert found(path) == ["job_progress_range"]
        with pytest.raises(StoreBusyError):
            repair(path, timeout=0.1)
    assert not path.with_name("state.db.backups").exists()
    to_rollback_mode(path)
    with raw(path) as agent:
        agent.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusyError):
            examine(path, timeout=0.1)
