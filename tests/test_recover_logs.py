"""`recover` on a store with what a crash leaves beside it: a write-ahead log or a journal."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from agentstate.store.recovery import recover
from stores import killed_store, log_of, read, store_with, with_hot_journal
from support import rows, snapshot

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "state.db"


def test_what_a_killed_program_left_in_the_log_is_saved(source: Path, out: Path) -> None:
    path = killed_store(source / "state.db", "second", "third")
    before = snapshot(source)
    recover(path, out)
    assert snapshot(source) == before
    assert read(out) == "first second third"


def test_a_log_counts_up_to_what_was_not_written_whole(source: Path, tmp_path: Path) -> None:
    path = killed_store(source / "state.db", "second", "third", "fourth")
    whole = log_of(path).read_bytes()
    for number, size in enumerate(range(len(whole) - 1, 0, -4999)):
        log_of(path).write_bytes(whole[:size])
        out = tmp_path / f"{number}.db"
        recover(path, out)
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(source, copy)
        assert read(out) == read(copy / "state.db")


def test_a_lost_or_overwritten_log_costs_what_it_held(source: Path, tmp_path: Path) -> None:
    path = killed_store(source / "state.db", "second")
    log_of(path).write_bytes(b"\x17" * 9000)
    recover(path, tmp_path / "overwritten.db")
    log_of(path).unlink()
    recover(path, tmp_path / "lost.db")
    assert read(tmp_path / "overwritten.db") == read(tmp_path / "lost.db") == "first"


def test_an_unfinished_transaction_is_rolled_back(source: Path, out: Path) -> None:
    path = with_hot_journal(store_with(source / "state.db", "first", "second"))
    before = snapshot(source)
    recover(path, out)
    assert snapshot(source) == before
    assert read(out) == "first second"
    assert rows(out, "SELECT count(*) FROM jobs") == [(0,)]


def test_a_link_to_the_store_is_followed_to_its_log(source: Path, out: Path) -> None:
    path = killed_store(source / "state.db", "second")
    link = source.parent / "link.db"
    link.symlink_to(path)
    recover(link, out)
    assert read(out) == "first second"
