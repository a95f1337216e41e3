"""Goals: at most one a thread, set whole or changed column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agentstate import (
    BadInputError,
    CorruptStoreError,
    GoalNotFoundError,
    StateStore,
    ThreadGoalRecord,
    ThreadGoalStatus,
    ThreadNotFoundError,
    UsageError,
)
from support import NOW, raw, rows, thread

if TYPE_CHECKING:
    from pathlib import Path

GOAL = ThreadGoalRecord(
    thread_id="t",
    goal_id="g",
    objective="o\0漢",
    status=ThreadGoalStatus.BLOCKED,
    token_budget=10,
    tokens_used=2**40,
    time_used_seconds=3,
    created_at=4,
    updated_at=5,
    continuation_count=6,
)


@pytest.fixture
def thread_store(store: StateStore) -> StateStore:
    store.threads.create(thread("t"))
    return store


@pytest.mark.parametrize("status", ThreadGoalStatus)
def test_a_goal_comes_back_as_it_was_set(
    thread_store: StateStore, status: ThreadGoalStatus
) -> None:
    goal = ThreadGoalRecord(**{**vars(GOAL), "status": status})
    thread_store.goals.set(goal)
    assert thread_store.goals.get("t") == goal


def test_set_replaces_the_whole_goal(thread_store: StateStore) -> None:
    thread_store.goals.set(GOAL)
    small = ThreadGoalRecord(thread_id="t", goal_id="h", objective="p", created_at=7, updated_at=8)
    thread_store.goals.set(small)
    assert thread_store.goals.get("t") == small
    assert rows(thread_store.path, "SELECT count(*) FROM thread_goals") == [(1,)]


def test_change_sets_the_named_columns_only(thread_store: StateStore) -> None:
    thread_store.goals.set(GOAL)
    with raw(thread_store.path) as agent:
        agent.execute("UPDATE thread_goals SET tokens_used = 99")
    thread_store.goals.change("t", status=ThreadGoalStatus.COMPLETE, token_budget=None)
    assert thread_store.goals.get("t") == ThreadGoalRecord(
        **{
            **vars(GOAL),
            "tokens_used": 99,
            "status": ThreadGoalStatus.COMPLETE,
            "token_budget": None,
            "updated_at": NOW,
        }
    )


def test_change_begins_a_goal_that_is_not_there(tmp_path: Path) -> None:
    with StateStore.open(tmp_path / "s.db", clock=lambda: 9.5, new_id=lambda: "new") as store:
        store.threads.create(thread("t"))
        store.goals.change("t", objective="begin", token_budget=5)
        assert store.goals.get("t") == ThreadGoalRecord(
            thread_id="t",
            goal_id="new",
            objective="begin",
            token_budget=5,
            created_at=9,
            updated_at=9,
        )


def test_a_goal_needs_an_objective_and_a_thread(thread_store: StateStore) -> None:
    with pytest.raises(GoalNotFoundError, match="give its objective"):
        thread_store.goals.change("t", token_budget=5)
    with pytest.raises(ThreadNotFoundError, match="no thread 'no'"):
        thread_store.goals.change("no", objective="o")
    with pytest.raises(ThreadNotFoundError, match="no thread 'no'"):
        thread_store.goals.set(ThreadGoalRecord(**{**vars(GOAL), "thread_id": "no"}))
    assert rows(thread_store.path, "SELECT count(*) FROM thread_goals") == [(0,)]


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        ({}, UsageError),
        ({"nonsense": 1}, UsageError),
        ({"status": "walking"}, BadInputError),
        ({"tokens_used": 1.5}, BadInputError),
        ({"tokens_used": None}, BadInputError),
        ({"objective": "\ud800"}, BadInputError),
        ({"token_budget": 2**63}, BadInputError),
    ],
)
def test_bad_changes_change_nothing(
    thread_store: StateStore, columns: dict[str, Any], error: type[Exception]
) -> None:
    thread_store.goals.set(GOAL)
    with pytest.raises(error):
        thread_store.goals.change("t", **columns)
    if error is BadInputError:
        with pytest.raises(error):
            thread_store.goals.set(ThreadGoalRecord(**{**vars(GOAL), **columns}))
    assert thread_store.goals.get("t") == GOAL


def test_delete(thread_store: StateStore) -> None:
    thread_store.goals.set(GOAL)
    thread_store.goals.delete("t")
    assert thread_store.goals.get("t") is None
    with pytest.raises(GoalNotFoundError, match="thread 't' has no goal") as raised:
        thread_store.goals.delete("t")
    assert raised.value.exit_code == 3


def test_a_goal_goes_with_its_thread(thread_store: StateStore) -> None:
    thread_store.goals.set(GOAL)
    thread_store.threads.delete("t")
    assert rows(thread_store.path, "SELECT count(*) FROM thread_goals") == [(0,)]


@pytest.mark.parametrize(
    ("column", "value"),
    [("tokens_used", "many"), ("token_budget", 1.5), ("objective", b"o"), ("created_at", "x")],
)
def test_a_goal_of_wrong_types_is_damage(
    thread_store: StateStore, column: str, value: object
) -> None:
    thread_store.goals.set(GOAL)
    with raw(thread_store.path) as agent:
        agent.execute(f"UPDATE thread_goals SET {column} = ?", (value,))  # noqa: S608 - ours
    with pytest.raises(CorruptStoreError, match=r"goal of thread 't' cannot be read.*doctor"):
        thread_store.goals.get("t")


def test_a_status_that_nobody_knows_is_damage(thread_store: StateStore) -> None:
    thread_store.goals.set(GOAL)
    with raw(thread_store.path) as agent:
        agent.execute("PRAGMA ignore_check_constraints = ON")
        agent.execute("UPDATE thread_goals SET status = 'weird'")
    with pytest.raises(CorruptStoreError, match="goal of thread 't'"):
        thread_store.goals.get("t")
