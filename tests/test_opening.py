"""What is no store is refused and stays as it was; a new store is private."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from agentstate import (
    CorruptStoreError,
    NotAStoreError,
    StateStore,
    StoreNotFoundError,
    StoreUnavailableError,
)
from stores import (
    WRITE,
    read,
    store_with,
)
from support import (
    OWNER,
    as_root,
    mode,
    new_store,
    raw,
    rows,
    run_python,
    snapshot,
    thread,
)

if TYPE_CHECKING:
    from pathlib import Path

# What is no store


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("size", [None, 0])
def test_a_missing_or_empty_file_is_no_store(
    tmp_path: Path, size: int | None, *, read_only: bool
) -> None:
    path = tmp_path / "state.db"
    if size is not None:
        path.touch()
    before = snapshot(tmp_path)
    with pytest.raises(StoreNotFoundError, match="run 'agentstate init'") as raised:
        StateStore.open(path, read_only=read_only, create=False)
    assert (raised.value.exit_code, str(path) in str(raised.value)) == (3, True)
    assert snapshot(tmp_path) == before


def test_a_database_without_tables_is_no_store_until_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with raw(path) as connection:
        connection.execute("CREATE TABLE t(x)")
        connection.execute("DROP TABLE t")
    before = snapshot(tmp_path)
    for read_only in (True, False):
        with pytest.raises(StoreNotFoundError):
            StateStore.open(path, read_only=read_only, create=False)
    assert snapshot(tmp_path) == before
    StateStore.open(path).close()
    assert rows(path, "PRAGMA user_version") == [(4,)]


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("content", [b"hello\n", b"x" * 100_000, b"SQLite format 2\0" + b"x" * 999])
def test_a_file_that_is_not_sqlite_is_left_alone(
    tmp_path: Path, content: bytes, *, read_only: bool
) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    before = snapshot(tmp_path)
    with pytest.raises(NotAStoreError, match="is not a SQLite file") as raised:
        StateStore.open(path, read_only=read_only)
    assert raised.value.exit_code == 6
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_folder_a_pipe_and_a_socket_are_no_store(tmp_path: Path, *, read_only: bool) -> None:
    folder, pipe, listener = tmp_path / "folder", tmp_path / "pipe", tmp_path / "socket"
    folder.mkdir()
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(listener))
    for path, message in ((folder, "is a folder"), (pipe, "not a file"), (listener, "not a file")):
        with pytest.raises(NotAStoreError, match=message):
            StateStore.open(path, read_only=read_only)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_path_below_a_file_is_unavailable(tmp_path: Path, *, read_only: bool) -> None:
    path = store_with(tmp_path / "state.db", "one")
    with pytest.raises(StoreUnavailableError, match="Not a directory") as raised:
        StateStore.open(path / "below.db", read_only=read_only)
    assert raised.value.exit_code == 5


def test_a_link_in_a_circle_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for read_only in (True, False):
        with pytest.raises(StoreUnavailableError):
            StateStore.open(tmp_path / "a", read_only=read_only)


@pytest.mark.parametrize("size", [50, 512, 4096, 9000])
def test_a_truncated_store_is_said_to_be_damaged(tmp_path: Path, size: int) -> None:
    path = store_with(tmp_path / "state.db", *("x" * 9000 for _ in range(5)))
    path.write_bytes(path.read_bytes()[:size])
    before = snapshot(tmp_path)
    for read_only in (True, False):
        with (
            pytest.raises((CorruptStoreError, NotAStoreError)) as raised,
            StateStore.open(path, read_only=read_only) as store,
        ):
            store.messages.branch("t0")
        assert raised.value.exit_code == 6
    assert {name: file[0] for name, file in snapshot(tmp_path).items()} == {
        name: file[0] for name, file in before.items()
    }


# Making one


def test_a_new_store_and_its_folders_are_private(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "state.db"
    with StateStore.open(path) as store:
        store.threads.create(thread("t", name="n"))
        files = {file.name: mode(file) for file in path.parent.iterdir()}
    assert set(files.values()) == {0o600}
    assert files.keys() >= {"state.db", "state.db-wal", "session_index.jsonl"}
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


def test_a_store_is_made_in_a_file_that_is_there_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(mode=0o640)
    path.chmod(0o640)
    new_store(path)
    assert mode(path) == 0o640


@as_root
def test_what_root_makes_in_a_users_folder_is_that_users(public_folder: Path) -> None:
    os.chown(public_folder, OWNER, OWNER)
    path = public_folder / "a" / "b" / "state.db"
    new_store(path)
    made = [path.parent.parent, path.parent, *path.parent.iterdir()]
    assert path in made
    assert {(one.stat().st_uid, one.stat().st_gid) for one in made} == {(OWNER, OWNER)}
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    assert run_python(WRITE, path, user=OWNER) == ""
    assert read(path) == "theirs"


def test_a_store_is_made_at_the_target_of_a_link(tmp_path: Path) -> None:
    link = tmp_path / "state.db"
    link.symlink_to(tmp_path / "elsewhere" / "real.db")
    new_store(link)
    assert link.is_symlink()
    assert mode(tmp_path / "elsewhere" / "real.db") == 0o600
    with StateStore.open(link, read_only=True) as store:
        assert store.threads.ids() == ["t0"]


@pytest.mark.parametrize("name", ["a b.db", "per%20cent.db", "what?.db", "hash#.db", "naïve 語.db"])
def test_a_path_may_hold_what_urls_may_not(tmp_path: Path, name: str) -> None:
    path = store_with(tmp_path / name, "one")
    assert read(path) == "one"
    assert path.exists()


def test_a_relative_path_and_one_with_two_slashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with StateStore.open("state.db") as store:
        store.threads.create(thread("t0"))
    for path in ("./state.db", f"/{tmp_path}/state.db", "sqlite:///state.db"):
        with StateStore.open(path, read_only=True) as store:
            assert store.threads.ids() == ["t0"]
