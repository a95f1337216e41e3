"""Imports in processes of their own: two at once, one that is killed, and the agent meanwhile."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import StateStore, examine
from support import finish, new_store, rows, start_python

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

MESSAGES: Final = 1500

# A session of several transactions, the same whenever it is told.
IMPORT: Final = """
import sys
from agentstate import StateStore
from agentstate.formats.events import Message, Session, Start

def events(number):
    yield Start("s-1", 200)
    for n in range(number):
        above = None if n == 0 else f"n{n - 1 - (n % 7 == 3)}"
        yield Message(f"n{n}", above, "user", f"{n} " + "x" * 30_000, None, 100 + n, n % 5 == 0)
    yield Session(
        session_id="s-1", leaf=f"n{number - 1}", created_at=100, updated_at=200, title="T"
    )

def tell():
    print("done", flush=True)

with StateStore.open(sys.argv[1], timeout=30) as store:
    if sys.argv[3:]:
        sys.stdin.readline()
    (thread,) = store.imports.merge(
        events(int(sys.argv[2])), format_name="test", source="/s-1.jsonl", progress=tell
    )
    print(thread.added)
"""


def start(path: Path, *arguments: object) -> subprocess.Popen[str]:
    return start_python(IMPORT, path, MESSAGES, *arguments)


def check(path: Path) -> None:
    """See that every message is there once, below the right one, and that all is sound."""
    answers = (
        "SELECT count(*), count(DISTINCT messages.content), "
        "sum(parent.id IS NULL), sum(messages.parent_entry_id IS NULL) FROM messages "
        "LEFT JOIN messages AS parent ON parent.id = messages.parent_entry_id "
        "WHERE messages.thread_id = 's-1'"
    )
    assert rows(path, answers) == [(MESSAGES, MESSAGES, 1, 1)]
    wrong = (
        "SELECT messages.id FROM messages JOIN messages AS parent "
        "ON parent.id = messages.parent_entry_id "
        "WHERE messages.thread_id = 's-1' AND CAST(parent.content AS INTEGER) <> "
        "CAST(messages.content AS INTEGER) - 1 - (CAST(messages.content AS INTEGER) % 7 = 3)"
    )
    assert rows(path, wrong) == []
    with StateStore.open(path, read_only=True) as store:
        leaf = store.messages.branch("s-1", 1)[0]
        assert leaf.content.startswith(f"{MESSAGES - 1} ")
        assert len(store.imports.hidden("s-1")) == MESSAGES // 5
        thread = store.threads.get("s-1")
        assert thread is not None
        assert thread.name == "T"
        assert store.index.name_of("s-1") == "T"
    assert {one.slug for one in examine(path).findings} <= {"rollout_missing", "log_large"}


def test_two_imports_at_once_add_each_message_once(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    both = [start(path, "wait") for _ in range(2)]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    added = [int(finish(process).split()[-1]) for process in both]
    assert sum(added) == MESSAGES
    check(path)


@pytest.mark.parametrize("transactions", [1, 3])
def test_a_killed_import_leaves_a_sound_thread_and_is_completed(
    tmp_path: Path, transactions: int
) -> None:
    path = new_store(tmp_path / "state.db")
    process = start(path)
    assert process.stdout is not None
    for _ in range(transactions):
        assert process.stdout.readline() == "done\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with StateStore.open(path) as store:
        branch = store.messages.branch("s-1", None)
        assert 0 < len(branch) < MESSAGES
        assert branch[-1].id == store.messages.leaf_of("s-1")
    assert {one.slug for one in examine(path).findings} <= {
        "rollout_missing",
        "log_large",
        "index_missing",
    }
    again = int(finish(start(path)).split()[-1])
    assert 0 < again < MESSAGES
    check(path)


def test_the_agent_writes_while_an_import_goes_on(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    process = start(path)
    assert process.stdout is not None
    written = 0
    with StateStore.open(path, timeout=5) as store:
        while process.stdout.readline() == "done\n":
            store.messages.append("t0", "user", "meanwhile")
            written += 1
    process.communicate()
    assert process.returncode == 0
    assert written > 2
    with StateStore.open(path, read_only=True) as store:
        assert len(store.messages.branch("t0")) == written
    check(path)
