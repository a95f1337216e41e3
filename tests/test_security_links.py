"""Links that others plant, and names that would be paths: followed or refused on purpose."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import StateStore, StoreNotFoundError
from cli_support import run, the_error
from stores import log_of, store_with
from support import (
    OWNER,
    STRANGER,
    as_root,
    give,
    mode,
    new_store,
    rows,
    snapshot,
    thread,
)

if TYPE_CHECKING:
    from cli_support import Cli, Result

RENAME: Final = ("threads", "rename", "t0", "New")


def index_of(db: Path) -> Path:
    return db.with_name("session_index.jsonl")


def lock_of(db: Path) -> Path:
    return db.with_name("session_index.jsonl.lock")


def plant(link: Path, target: Path, user: int) -> None:
    """Make a link as another user would."""
    link.symlink_to(target)
    os.lchown(link, user, user)


def warning(result: Result) -> str:
    """Return the warning that the index could not be written, although the store was."""
    assert (result.code, result.stdout) == (0, b""), result
    (note,) = result.notes
    start = "agentstate: warning: the store was written, the session index was not: "
    assert note.startswith(start)
    return note.removeprefix(start)


# Links to the store and to the index


def test_links_of_our_own_are_followed_and_stay(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    new_store(real / "data.db")
    index_of(real / "data.db").unlink()
    link = tmp_path / "state.db"
    link.symlink_to(real / "data.db")
    index_of(link).symlink_to(real / "names.jsonl")
    with StateStore.open(link) as store:
        store.threads.rename("t0", "New")
        assert log_of(real / "data.db").exists()
        store.index.compact()
    assert '"thread_name":"New"' in (real / "names.jsonl").read_text()
    assert mode(real / "names.jsonl") == 0o600
    assert link.is_symlink()
    assert index_of(link).is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {
        "real",
        "state.db",
        "session_index.jsonl",
        "session_index.jsonl.lock",
    }


def test_a_link_to_nothing_says_where_a_store_is_made(tmp_path: Path) -> None:
    link = tmp_path / "state.db"
    link.symlink_to("folder/real.db")
    with pytest.raises(StoreNotFoundError):
        StateStore.open(link, read_only=True)
    new_store(link)
    assert link.is_symlink()
    assert rows(tmp_path / "folder" / "real.db", "SELECT id FROM threads") == [("t0",)]
    assert mode(tmp_path / "folder") == 0o700
    assert mode(tmp_path / "folder" / "real.db") == 0o600


@pytest.fixture
def shared(public_folder: Path) -> Path:
    """Make a folder that all may write, with a store of OWNER's in a folder that is OWNER's."""
    own = public_folder / "own"
    own.mkdir()
    store_with(own / "state.db", "one")
    give(own, OWNER)
    shared = public_folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    return shared


@as_root
@pytest.mark.parametrize(("maker", "writer"), [(STRANGER, OWNER), (STRANGER, 0), (OWNER, 0)])
def test_a_store_is_not_written_through_a_link_of_another_user(
    shared: Path, maker: int, writer: int
) -> None:
    own = shared.parent / "own" / "state.db"
    link = shared / "state.db"
    plant(link, own, maker)
    if maker == OWNER:
        os.chown(own, STRANGER, STRANGER)
    before = snapshot(own.parent)
    backup = shared.parent / "backup.db"
    backup.write_bytes(own.read_bytes())
    backup.chmod(0o644)
    for arguments in (RENAME, ("restore", backup, "--yes"), ("vacuum",)):
        line = the_error(run(*arguments, db=link, user=writer), 5)
        assert line == (
            f"{link} is a link of the user {maker}, which is not followed to write; "
            "name the file that it leads to"
        )
    assert run("threads", "list", "-o", "id", db=link, user=writer).lines == ["t0"]
    assert snapshot(own.parent) == before


@as_root
@pytest.mark.parametrize(("maker", "writer"), [(0, OWNER), (OWNER, OWNER), (OWNER, 0), (0, 0)])
def test_a_store_is_written_through_a_link_of_its_owner_or_of_root(
    shared: Path, maker: int, writer: int
) -> None:
    own = shared.parent / "own" / "state.db"
    plant(shared / "first.db", own, maker)
    plant(shared / "state.db", Path("first.db"), maker)
    assert run(*RENAME, db=shared / "state.db", user=writer).code == 0
    assert rows(own, "SELECT title FROM threads") == [("New",)]


@as_root
@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("writer", [OWNER, 0])
def test_an_index_is_not_written_through_a_link_of_another_user(
    shared: Path, writer: int, *, exists: bool
) -> None:
    """A name such as $(reboot) must not get into a file that a shell reads."""
    db = shared / "state.db"
    db.write_bytes((shared.parent / "own" / "state.db").read_bytes())
    give(shared, OWNER)
    profile = shared.parent / "own" / ".profile"
    if exists:
        profile.write_text("")
        os.chown(profile, writer, writer)
    plant(index_of(db), profile, STRANGER)
    assert "is a link of the user" in warning(run(*RENAME, db=db, user=writer))
    for verb in ("compact", "rebuild") if exists else ("rebuild",):
        assert "is a link of the user" in the_error(run("index", verb, db=db, user=writer), 5)
    assert profile.exists() == exists
    assert not exists or (profile.read_text(), profile.stat().st_uid) == ("", writer)


@as_root
def test_root_gives_away_nothing_that_it_did_not_make(shared: Path) -> None:
    """A link in place of the lock, or of the index, would make a user the owner of any file."""
    db = shared / "state.db"
    db.write_bytes((shared.parent / "own" / "state.db").read_bytes())
    secret = shared.parent / "secret"
    secret.touch(0o600)
    give(shared, OWNER)
    plant(lock_of(db), secret, OWNER)
    assert "Too many levels of symbolic links" in warning(run(*RENAME, db=db))
    lock_of(db).unlink()
    os.link(secret, lock_of(db))
    os.link(secret, index_of(db))
    assert run(*RENAME, db=db).code == 0
    assert secret.stat().st_uid == 0


def test_the_lock_of_the_index_is_not_made_where_a_link_leads(tmp_path: Path) -> None:
    db = new_store(tmp_path / "state.db")
    lock_of(db).unlink()
    lock_of(db).symlink_to(tmp_path / "made")
    assert "Too many levels of symbolic links" in warning(run(*RENAME, db=db))
    assert not (tmp_path / "made").exists()


# Links in place of files and folders that we make


def test_links_in_place_of_temporary_files_are_not_followed(cli: Cli, tmp_path: Path) -> None:
    """Of their names the number of the process can be guessed."""
    target = tmp_path / "target"
    target.write_text("theirs")
    out = tmp_path / "out"
    out.mkdir()
    (out / f".state.db.new-{os.getpid()}").symlink_to(target)
    cli("backup", out / "state.db")
    assert (out / f".state.db.new-{os.getpid()}").is_symlink()
    folder = cli.db.parent
    (folder / f".session_index.jsonl.tmp-{os.getpid()}").symlink_to(target)
    (folder / "session_index.jsonl.bak").symlink_to(target)
    cli("index", "rebuild")
    assert (folder / "session_index.jsonl.bak.1").exists()
    assert (folder / "session_index.jsonl.bak").is_symlink()
    assert not index_of(cli.db).is_symlink()
    assert target.read_text() == "theirs"


def test_a_link_in_place_of_the_trash_is_not_followed(cli: Cli, tmp_path: Path) -> None:
    trash = cli.db.with_name("state.db.trash")
    trash.rename(tmp_path / "moved")
    trash.symlink_to(tmp_path / "moved")
    before = snapshot(tmp_path / "moved")
    for arguments in (
        ("delete", "t-main", "--yes"),
        ("prune", "--archived", "--yes"),
        ("undelete", "t-gone"),
        ("trash", "list"),
        ("trash", "empty", "--yes"),
    ):
        line = cli.fails(5, "threads", *arguments)
        assert f"the trash {trash} is no folder, so it is not used" in line
    assert snapshot(tmp_path / "moved") == before
    assert cli("threads", "list", "--all", "-o", "id").lines == ["t-main", "t-other"]


@as_root
def test_backups_are_not_kept_behind_a_link_of_another_user(shared: Path) -> None:
    db = shared / "state.db"
    db.write_bytes((shared.parent / "own" / "state.db").read_bytes())
    give(shared, OWNER)
    target = shared.parent / "target"
    target.mkdir()
    target.chmod(0o777)
    plant(shared / "state.db.backups", target, STRANGER)
    backup = shared.parent / "own" / "state.db"
    before = snapshot(shared)
    assert "is a link of the user" in the_error(run("restore", backup, "--yes", db=db), 5)
    assert list(target.iterdir()) == []
    assert snapshot(shared) == before


def test_an_id_is_no_path(cli: Cli, tmp_path: Path) -> None:
    ids = ["../../up", "/etc/root", "..", "a/b", "-x", "nul\0", "\x1b[1m\n", "x" * 300]
    with cli.store() as store:
        for thread_id in ids:
            store.threads.create(thread(thread_id, name=f"../{thread_id}"))
            store.checkpoints.save(thread_id, thread_id, {})
    before = {path for path in tmp_path.rglob("*") if cli.db.parent not in path.parents}
    for thread_id in ids:
        with cli.store() as store:
            store.trash.put(thread_id)
            store.trash.restore(thread_id)
    cli("threads", "prune", "--older-than", "1970-01-02", "--yes")
    cli("index", "rebuild")
    after = {path for path in tmp_path.rglob("*") if cli.db.parent not in path.parents}
    assert after == before
    names = [path.name for path in cli.db.with_name("state.db.trash").iterdir()]
    assert len(names) > len(ids)
    assert all(name.replace("-", "").removesuffix(".ndjson").isalnum() for name in names)
