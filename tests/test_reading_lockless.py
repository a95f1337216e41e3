"""Reading without a lock, where none can be taken, beside a program that comes meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import StateStore, StoreBusyError
from agentstate.db.opening import _look_this_way
from agentstate.db.reading import IMMUTABLE, Watch, way_to_read
from stores import index_of_log, killed_store, log_of, read, store_with
from support import OWNER, STRANGER, as_root, finish, give, rows, start_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import Popen

THEIRS: Final = """
import sqlite3, sys
for line in sys.stdin:
    for step in line.split():
        if step == "open":
            connection = sqlite3.connect(sys.argv[1], isolation_level=None)
            connection.execute("SELECT count(*) FROM threads").fetchone()
        elif step == "write":
            connection.execute("UPDATE threads SET preview = preview || 'x'")
        else:
            connection.close()
    print("done", flush=True)
"""


class Program:
    """Another program, which goes step by step."""

    def __init__(self, process: Popen[str]) -> None:
        self._process = process

    def __call__(self, steps: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@contextmanager
def another_program(path: Path, user: int | None = None) -> Iterator[Program]:
    with start_python(THEIRS, path, user=user) as process:
        yield Program(process)
        finish(process)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a store whose last message is in a log that has no index, as in a copy of both."""
    path = killed_store(tmp_path / "state.db", "second")
    index_of_log(path).unlink()
    return path


@pytest.mark.parametrize("meanwhile", ["open write close open", "open write close open write"])
def test_a_log_that_another_program_began_while_we_looked_stays(path: Path, meanwhile: str) -> None:
    """A connection without locks would take itself for the last, and delete the log."""
    watch = Watch(path, path)
    way = way_to_read(path)
    assert way.reads_log
    with another_program(path) as theirs:
        theirs(meanwhile)
        with pytest.raises(StoreBusyError, match="was opened by another program"):
            _look_this_way(path, path, way, 1, watch)
        theirs("write")
        assert rows(path, "SELECT preview FROM threads") == [
            ("x" * f"{meanwhile} write".count("w"),)
        ]
        theirs("close")
    assert read(path) == "first second"


@pytest.mark.parametrize("meanwhile", ["open", "open write", "open write close"])
def test_what_is_read_while_another_program_comes_is_not_used(path: Path, meanwhile: str) -> None:
    with StateStore.open(path, read_only=True) as store, another_program(path) as theirs:
        assert len(store.messages.branch("t0")) == 2
        theirs(meanwhile)
        for look in (
            lambda: store.messages.branch("t0"),
            lambda: list(store.messages.stream("t0")),
            store.info,
        ):
            with pytest.raises(StoreBusyError, match="was opened by another program"):
                look()
    assert read(path) == "first second"


def test_a_log_that_is_read_without_a_lock_stays_when_another_program_has_begun_it_anew(
    path: Path,
) -> None:
    with another_program(path) as theirs:
        with StateStore.open(path, read_only=True):
            theirs("open write close open write")
        theirs("write")
        assert rows(path, "SELECT preview FROM threads") == [("xxx",)]


def test_a_log_without_a_transaction_is_watched(path: Path) -> None:
    log_of(path).write_bytes(b"")
    with StateStore.open(path, read_only=True) as store, another_program(path) as theirs:
        assert len(store.messages.branch("t0")) == 1
        theirs("open write")
        with pytest.raises(StoreBusyError, match="was opened by another program"):
            store.messages.branch("t0")


@as_root
def test_a_file_in_a_folder_of_another_user_is_watched(public_folder: Path) -> None:
    path = store_with(public_folder / "state.db", "one")
    path.chmod(0o644)
    give(public_folder, OWNER)
    code = """
import sys
from agentstate import AgentStateError, StateStore
with StateStore.open(sys.argv[1], read_only=True) as store:
    for line in sys.stdin:
        try:
            print(store.threads.list()[0].preview, flush=True)
        except AgentStateError as error:
            print(error.exit_code, error.slug, flush=True)
"""
    with (
        another_program(path, OWNER) as theirs,
        start_python(code, path, user=STRANGER) as reader,
    ):
        assert reader.stdin is not None
        assert reader.stdout is not None
        for steps, said in (
            ("", "\n"),
            ("open write", "5 store_busy\n"),
            ("close", "5 store_busy\n"),
        ):
            theirs(steps)
            reader.stdin.write("look\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == said
        finish(reader)
    assert way_to_read(path) != IMMUTABLE  # for us, who may write there
