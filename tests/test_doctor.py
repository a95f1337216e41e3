"""What `doctor` finds in the rows of a store, and what its repair makes of them."""

from __future__ import annotations

import fcntl
import sqlite3
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import AgentStateWarning, Severity, StateStore, examine, repair
from damage import copy_of, damage, everything, slugs
from doctor_cases import CASES, MESSAGE, STATES, THREAD, TREE, Case
from support import raw, rows, snapshot

if TYPE_CHECKING:
    from pathlib import Path

TABLES: Final = (
    "threads",
    "messages",
    "checkpoints",
    "thread_dynamic_tools",
    "thread_goals",
    "jobs",
)


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """Return a sound store that may be damaged."""
    return copy_of(sound, tmp_path)


def test_a_sound_store_is_healthy_and_not_touched(path: Path) -> None:
    before = snapshot(path.parent)
    report = examine(path)
    assert (report.healthy, report.findings, report.backup) == (True, (), None)
    assert report.path == str(path)
    assert repair(path) == report
    assert snapshot(path.parent) == before


@pytest.mark.parametrize("wrong", CASES.values(), ids=CASES)
def test_damage_is_found_mended_and_then_gone(path: Path, wrong: Case) -> None:
    damage(path, *wrong.statements)
    damaged = everything(path, TABLES)
    before = snapshot(path.parent)

    report = examine(path)
    assert snapshot(path.parent) == before
    assert not report.healthy
    finding = next(one for one in report.findings if one.slug == wrong.slug)
    assert (finding.severity, finding.ids, finding.fixed) == (wrong.severity, wrong.ids, False)
    assert finding.fix

    mended = repair(path)
    assert mended.healthy
    assert [one.slug for one in mended.findings if one.fixed] == slugs(report)
    assert rows(path, wrong.question) == wrong.answer
    assert mended.backup is not None
    assert everything(path.parent / mended.backup, TABLES) == damaged

    after = snapshot(path.parent)
    again = repair(path)
    assert (again.healthy, again.backup, slugs(again)) == (True, None, [])
    assert snapshot(path.parent) == after
    use(path)


def use(path: Path) -> None:
    """Read all of a store, each branch from each leaf, and write to every thread."""
    with StateStore.open(path) as store:
        for thread_id in store.threads.ids():
            assert store.threads.get(thread_id) is not None
            walked = {
                message.id
                for leaf in store.messages.leaves(thread_id)
                for message in store.messages.branch(thread_id, None, leaf=leaf.id)
            }
            assert walked == {message.id for message in store.messages.all(thread_id)}
            store.messages.branch(thread_id, None)
            store.messages.append(thread_id, "user", "more")
            store.checkpoints.list(thread_id)
            store.tools.list(thread_id)
            store.goals.get(thread_id)
        store.jobs.list(None)
        assert store.index.check().missing == ()


@pytest.mark.parametrize("name", ["missing", "in another thread", "that is a fraction"])
def test_where_a_branch_was_cut_the_active_one_begins_there(path: Path, name: str) -> None:
    statements = TREE[f"parent {name}"].statements
    damage(path, *(one.replace("WHERE id = 3", "WHERE id = 2") for one in statements))
    (finding,) = (one for one in repair(path).findings if one.fixed)
    assert finding.what.endswith("in thread 't'")
    assert finding.fix is not None
    assert "the active branch" in finding.fix
    assert "messages tree THREAD --all" in finding.fix
    with StateStore.open(path, read_only=True) as store:
        assert store.messages.branch_ids("t") == [2, 4]
        assert {leaf.id for leaf in store.messages.leaves("t")} == {1, 3, 4}


THREADS: Final = {
    ("u",): "in thread 'u'",
    ("u", "c", "b"): "in threads 'b', 'c', 'u'",
    ("u", "d", "c", "b"): "in threads 'b', 'c', 'd' and 1 more thread",
    ("u", "e", "d", "c", "b"): "in threads 'b', 'c', 'd' and 2 more threads",
    ("\x1b[2J\u202e",): r"in thread '\x1b[2J\u202e'",
    ("l" * 1000,): f"in thread '{'l' * 59}…'",
}
"""Threads, the newest message's first, and how a finding names them."""


@pytest.mark.parametrize(("threads", "named"), THREADS.items())
@pytest.mark.parametrize(
    ("slug", "change"),
    [
        ("parent_missing", "parent_entry_id = 99"),
        ("parent_foreign", "parent_entry_id = 1"),
        ("parent_type", "parent_entry_id = 'x'"),
        ("broken_json", "item_json = '{'"),
        ("not_utf8", "role = CAST(x'ff' AS TEXT)"),
        ("wrong_type", "created_at = 'soon'"),
    ],
)
def test_of_messages_the_threads_are_named(
    path: Path, slug: str, change: str, threads: tuple[str, ...], named: str
) -> None:
    with raw(path) as agent:
        for number, thread_id in enumerate(reversed(threads), 10):
            agent.execute(THREAD.format("?"), (thread_id,)) if thread_id != "u" else None
            agent.execute(MESSAGE.format(f"{number}, ?", 1, "NULL"), (thread_id,))
        agent.execute(f"UPDATE messages SET {change} WHERE id >= 10")  # noqa: S608 - from above
    (finding,) = (one for one in examine(path).findings if one.slug == slug)
    assert finding.ids == (*range(10, 10 + len(threads)),)
    assert finding.what.endswith(f", {named}")


def test_the_thread_of_a_cycle_is_named(path: Path) -> None:
    damage(path, *TREE["cycle, cut at its oldest"].statements)
    (finding,) = (one for one in examine(path).findings if one.slug == "parent_cycle")
    assert finding.what == "3 messages are a cycle of parents, the oldest 2, in thread 't'"


def test_several_kinds_of_damage_are_found_at_once(path: Path) -> None:
    for wrong in (*TREE.values(), *STATES.values()):
        damage(path, *(one.replace("INSERT", "INSERT OR REPLACE", 1) for one in wrong.statements))
    report = examine(path)
    assert {"parent_cycle", "leaf_type", "thread_missing", "job_progress_type"} <= {*slugs(report)}
    severities = [one.severity for one in report.findings]
    assert severities == sorted(severities, key=list(Severity).index)
    assert repair(path).healthy


def test_each_cycle_is_a_finding_and_is_cut_once(path: Path) -> None:
    damage(
        path,
        "UPDATE messages SET parent_entry_id = 3 WHERE id = 1",
        "UPDATE messages SET parent_entry_id = 6 WHERE id = 5",
        MESSAGE.format("7, 'u'", 1, 6),
        MESSAGE.format("8, 'u'", 1, 8),
    )
    cycles = [one.ids for one in examine(path).findings if one.slug == "parent_cycle"]
    assert sorted(map(sorted, cycles)) == [[1, 2, 3], [5, 6], [8]]
    assert repair(path).healthy
    roots = "SELECT id FROM messages WHERE parent_entry_id IS NULL ORDER BY id"
    assert rows(path, roots) == [(1,), (5,), (8,)]


def test_of_two_threads_whose_ids_become_the_same_both_stay(path: Path) -> None:
    damage(
        path,
        THREAD.format("x'74'"),
        THREAD.format("CAST(x'74ff' AS TEXT)"),
        MESSAGE.format("7, x'74'", 1, "NULL"),
        MESSAGE.format("8, CAST(x'74ff' AS TEXT)", 1, "NULL"),
        "INSERT INTO checkpoints VALUES (x'74', 'cp', '{}', 5)",
    )
    assert repair(path).healthy
    found = rows(path, "SELECT thread_id, group_concat(id) FROM messages GROUP BY 1 ORDER BY 1")
    assert found == [("t", "1,2,3,4"), ("t-2", "7"), ("t\ufffd", "8"), ("u", "5,6")]
    assert rows(path, "SELECT thread_id FROM checkpoints ORDER BY 1") == [("t",), ("t-2",)]


def test_a_row_that_has_no_room_in_its_thread_gets_a_thread_of_its_own(path: Path) -> None:
    damage(path, "INSERT INTO checkpoints VALUES (x'74', 'cp', '{\"other\": 1}', 5)")
    assert repair(path).healthy
    found = rows(path, "SELECT thread_id, state_json FROM checkpoints ORDER BY 1")
    assert found == [("t", '{"n":1}'), ("t-2", '{"other": 1}')]
    assert rows(path, "SELECT id FROM threads WHERE id = 't-2'") == [("t-2",)]


def test_what_the_agent_keeps_of_workflows_is_never_changed(path: Path) -> None:
    damage(
        path,
        "INSERT INTO branch_runs(id, workflow_run_id, branch_id, node_id, status, started_at, "
        "result_json) VALUES ('b', 'gone', 'x', 'y', 'odd', 1, '{')",
    )
    report = repair(path)
    assert report.healthy
    assert report.backup is None
    assert [(one.slug, one.ids, one.fix) for one in report.findings] == [
        ("reference_dangling", ("branch_runs",), None),
        ("workflow_json", ("branch_runs/b",), None),
    ]


def test_a_rollout_path_without_a_file_is_a_note(path: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.jsonl"
    there.touch()
    with raw(path) as agent:
        for thread_id, rollout in (("t", there), ("u", tmp_path / "gone"), ("a", "relative")):
            sql = "UPDATE threads SET rollout_path = ? WHERE id = ?"
            agent.execute(sql, (str(rollout), thread_id))
    report = examine(path)
    (note,) = report.findings
    assert (note.slug, note.severity, note.ids, note.fix) == (
        "rollout_missing",
        Severity.NOTE,
        ("u",),
        None,
    )
    assert report.healthy


def test_an_index_that_is_locked_is_left_and_said_so(path: Path) -> None:
    damage(
        path, "UPDATE threads SET title = 'Other' WHERE id = 't'", "UPDATE jobs SET progress = 200"
    )
    with path.with_name("session_index.jsonl.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.warns(AgentStateWarning, match="left as it was: the session index's lock"):
            report = repair(path, timeout=0.1)
    assert [(one.slug, one.fixed) for one in report.findings] == [
        ("job_progress_range", True),
        ("index_drifted", False),
    ]
    assert not report.healthy
    assert repair(path).healthy


def test_while_it_is_mended_nobody_else_writes(path: Path) -> None:
    damage(path, "UPDATE messages SET parent_entry_id = 99 WHERE id = 3")
    refused = []

    def meanwhile() -> None:
        with raw(path, timeout=0) as agent, pytest.raises(sqlite3.OperationalError, match="locked"):
            agent.execute("UPDATE messages SET content = 'theirs'")
        refused.append(True)

    assert repair(path, before_commit=meanwhile).healthy
    assert refused == [True]
    assert rows(path, "SELECT count(*) FROM messages WHERE content = 'theirs'") == [(0,)]
