"""`recover` where parents of rows are lost, and what the ids of messages are after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agentstate import (
    StateStore,
)
from agentstate.store.recovery import recover
from old_stores import migrate
from stores import store_with
from support import copy_store, new_store, raw, rows
from wrecks import all_rows, overwrite, pages_with

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate.reports.recovery import RecoverReport


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "state.db"


def counted(report: RecoverReport) -> dict[str, tuple[int, int, int]]:
    return {
        one.table: (one.saved, one.lost, one.made)
        for one in report.tables
        if one.saved or one.lost or one.made
    }


def test_messages_of_a_lost_thread_get_one(source: Path, out: Path) -> None:
    path = copy_store("v2_rich", source)
    migrate(path)
    with raw(path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM threads")
    report = recover(path, out)
    expected = rows(
        path,
        "SELECT thread_id, max(created_at) FROM (SELECT thread_id, created_at FROM messages UNION "
        "ALL SELECT thread_id, created_at FROM checkpoints UNION ALL "
        "SELECT thread_id, NULL FROM thread_dynamic_tools) GROUP BY thread_id",
    )
    assert rows(out, "SELECT id, updated_at FROM threads ORDER BY id") == expected
    assert counted(report)["threads"] == (0, 0, len(expected))
    assert all_rows(out)["messages"] == all_rows(path)["messages"]
    with StateStore.open(out) as store:
        for thread_id in store.threads.ids():
            found = store.threads.get(thread_id)
            assert found is not None
            assert (found.status, found.source, found.name) == ("idle", "unknown", None)
            leaves = [leaf.id for leaf in store.messages.leaves(thread_id)]
            assert [
                leaf
                for (leaf,) in rows(
                    out, "SELECT current_leaf_id FROM threads WHERE id = ?", thread_id
                )
            ] == [max(leaves, default=None)]


def test_workflow_rows_of_lost_parents_get_those(source: Path, out: Path) -> None:
    path = new_store(source / "state.db")
    with raw(path) as connection:
        for statement in (
            "leaf_runs VALUES ('l', 'run', 'branch', 'x', 'y', NULL, 'done', '{}', '[]', 7, 8)",
            "teacher_candidates VALUES ('k', 'run', 'node', 'c', NULL, 0.5, 1, '{}', 6)",
        ):
            connection.execute(f"INSERT INTO {statement}")
    report = counted(recover(path, out))
    assert {table: made for table, (_, _, made) in report.items() if made} == {
        "workflow_runs": 1,
        "branch_runs": 1,
        "control_node_runs": 1,
    }
    assert rows(out, "SELECT id, status, started_at FROM workflow_runs") == [("run", "unknown", 6)]
    assert rows(out, "SELECT id, workflow_run_id FROM branch_runs") == [("branch", "run")]
    for table in ("leaf_runs", "teacher_candidates"):
        assert all_rows(out)[table] == all_rows(path)[table]


def test_a_row_that_the_schema_refuses_is_counted_as_lost(source: Path, out: Path) -> None:
    path = new_store(source / "state.db", threads=2)
    with raw(path) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for thread_id, status in (("t0", "active"), ("t1", "dreaming")):
            connection.execute(
                "INSERT INTO thread_goals VALUES (?, 'g', 'o', ?, NULL, 0, 0, 1, 1, 0)",
                (thread_id, status),
            )
    assert counted(recover(path, out))["thread_goals"] == (1, 1, 0)


def test_trees_stay_as_they_are_and_ids_are_not_given_again(source: Path, out: Path) -> None:
    path = store_with(source / "state.db", *"abcdef")
    with raw(path) as connection:
        connection.execute("DELETE FROM messages WHERE id IN (3, 6)")
    recover(path, out)
    sql = "SELECT id, parent_entry_id FROM messages"
    assert rows(out, sql) == [(1, None), (2, 1), (4, 3), (5, 4)]
    assert rows(out, "SELECT current_leaf_id FROM threads") == [(6,)]
    with StateStore.open(out) as store:
        assert store.messages.fork(5, "user", "new") == 7


def test_ids_of_lost_messages_are_not_given_again(source: Path, out: Path) -> None:
    path = store_with(source / "state.db", "first", "x" * 20_000)
    torn = pages_with(path, b"x" * 4000)
    overwrite(path, [*torn[-1:], *pages_with(path, b"messages\x02")])
    with raw(path) as connection, pytest.raises(Exception, match="malformed"):
        connection.execute("SELECT length(content || '') FROM messages, sqlite_sequence").fetchall()
    report = recover(path, out)
    assert counted(report)["messages"] == (1, 1, 0)
    with StateStore.open(out) as store:
        assert store.messages.fork(1, "user", "new") == 3
