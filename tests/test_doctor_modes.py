"""Who else may read a store, and what `doctor` does about it; another user, and root."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from agentstate import (
    Severity,
    StoreUnavailableError,
    examine,
    repair,
)
from cli_support import run
from damage import copy_of, damage
from support import (
    OWNER,
    STRANGER,
    as_root,
    give,
    mode,
    snapshot,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """Return a sound store that may be damaged."""
    return copy_of(sound, tmp_path)


def test_what_others_may_read_is_closed_to_them(path: Path) -> None:
    folder = path.parent
    names = ["state.db", "session_index.jsonl", "session_index.jsonl.lock"]
    (folder / "session_index.jsonl.bak").touch()
    for name in (*names, "session_index.jsonl.bak"):
        (folder / name).chmod(0o644)
    for name in ("state.db.backups", "state.db.trash"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o750)
    folder.chmod(0o755)
    report = examine(path)
    files, folders, own = report.findings
    assert {one.severity for one in report.findings} == {Severity.WARNING}
    assert (files.slug, folders.slug, own.slug) == (
        "file_open_to_others",
        *("folder_open_to_others",) * 2,
    )
    assert {*files.ids} == {str(folder / name) for name in (*names, "session_index.jsonl.bak")}
    assert {*folders.ids} == {str(folder / "state.db.backups"), str(folder / "state.db.trash")}
    assert own.ids == (str(folder),)
    content, backups = path.read_bytes(), [*(folder / "state.db.backups").iterdir()]
    mended = repair(path)
    assert (mended.healthy, mended.backup, path.read_bytes()) == (True, None, content)
    assert [*(folder / "state.db.backups").iterdir()] == backups
    assert {mode(folder / str(name)) for name in files.ids} == {0o600}
    assert {mode(folder / str(name)) for name in folders.ids} | {mode(folder)} == {0o700}
    assert examine(path).findings == ()


@pytest.mark.parametrize("kind", ["shared", "sticky", "home", "dot", "dot home"])
def test_a_folder_is_closed_only_where_it_is_there_for_the_store(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = path.parent
    if "dot" in kind:
        folder = folder.rename(folder.with_name(".codewhale"))
    path = folder / path.name
    (folder / "other").touch()
    folder.chmod(0o1777 if kind == "sticky" else 0o755)
    if kind == "sticky":
        (folder / "other").unlink()
    if "home" in kind:
        monkeypatch.setenv("HOME", str(folder))
    before = mode(folder)
    report = repair(path)
    assert report.healthy
    if kind == "dot":
        assert [one.slug for one in report.findings if one.fixed] == ["folder_open_to_others"]
        assert mode(folder) == 0o700
    else:
        (note,) = report.findings
        assert (note.slug, note.severity, note.fix) == ("folder_shared", Severity.NOTE, None)
        assert mode(folder) == before


def test_behind_a_link_the_file_is_looked_at(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    (tmp_path / "session_index.jsonl").symlink_to(path.with_name("session_index.jsonl"))
    path.chmod(0o644)
    damage(path, "UPDATE jobs SET progress = 200")
    report = repair(link)
    assert [one.slug for one in report.findings if one.fixed][:2] == [
        "job_progress_range",
        "file_open_to_others",
    ]
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@as_root
def test_another_user_looks_without_a_trace_and_mends_nothing(
    public_folder: Path, sound: Path
) -> None:
    path = copy_of(sound, public_folder)
    folder = path.parent
    damage(path, "UPDATE jobs SET progress = 200")
    give(folder, OWNER)
    folder.chmod(0o755)
    for name in ("state.db", "session_index.jsonl"):
        (folder / name).chmod(0o644)
    before = snapshot(folder)
    result = run("doctor", "-o", "json", db=path, user=STRANGER)
    assert result.code == 6
    findings = {one["slug"]: one for one in result.json["findings"]}
    assert findings["job_progress_range"]["fix"]
    assert findings["file_open_to_others"]["fix"] is None
    assert findings["folder_shared"]["severity"] == "note"
    refused = run("doctor", "--fix", db=path, user=STRANGER)
    assert refused.code == StoreUnavailableError.exit_code
    assert "may not be written by this user" in refused.stderr.decode()
    assert snapshot(folder) == before


@as_root
def test_what_root_mends_stays_its_owners(public_folder: Path, sound: Path) -> None:
    path = copy_of(sound, public_folder)
    damage(path, "UPDATE jobs SET progress = 200")
    with (path.parent / "session_index.jsonl").open("a") as index:
        index.write("torn")
    give(path.parent, OWNER)
    mended = repair(path)
    assert mended.healthy
    assert {one.stat().st_uid for one in path.parent.rglob("*")} == {OWNER}
