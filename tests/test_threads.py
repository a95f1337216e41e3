"""Threads: made, changed, listed and deleted, without losing what another program wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentstate import (
    AgentStateWarning,
    AmbiguousError,
    BadInputError,
    ConflictError,
    SessionSource,
    StateStore,
    ThreadListFilters,
    ThreadMetadata,
    ThreadNotFoundError,
    ThreadStats,
    ThreadStatus,
    UsageError,
)
from support import NOW, Clock, raw, rows, thread

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = ThreadMetadata(
    id="t",
    rollout_path="/r/./a//b.jsonl",
    preview="p\0\x1b[31m\t漢",
    ephemeral=True,
    model_provider="m",
    created_at=-(2**63),
    updated_at=2**63 - 1,
    status=ThreadStatus.PAUSED,
    path="relative/../path",
    cwd="/w/",
    cli_version="1",
    source=SessionSource.API,
    name="n",
    sandbox_policy="s",
    approval_mode="a",
    archived=True,
    archived_at=7,
    git_sha="g",
    git_branch="b",
    git_origin_url="u",
    memory_mode="mm",
)


def lines(store: StateStore) -> list[dict[str, Any]]:
    """Return the lines of the session index."""
    path = store.path.with_name("session_index.jsonl")
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def the(store: StateStore, thread_id: str = "t") -> ThreadMetadata:
    found = store.threads.get(thread_id)
    assert found is not None
    return found


def ids(store: StateStore, **filters: Any) -> list[str]:  # noqa: ANN401 - fields of the filters
    return [one.id for one in store.threads.list(ThreadListFilters(**filters))]


# Writing whole rows


@pytest.mark.parametrize("write", ["create", "upsert"])
def test_a_thread_comes_back_as_it_was_written(store: StateStore, write: str) -> None:
    getattr(store.threads, write)(FULL)
    assert store.threads.get("t") == FULL
    assert store.threads.list(ThreadListFilters(include_archived=True)) == [FULL]


def test_upsert_replaces_every_column_but_the_leaf(store: StateStore) -> None:
    store.threads.upsert(FULL)
    leaf = store.messages.append("t", "user", "hello")
    store.threads.upsert(thread("t", current_leaf_id=999))
    assert the(store) == thread("t", current_leaf_id=leaf)


def test_a_new_thread_has_no_leaf_whatever_its_record_says(store: StateStore) -> None:
    store.threads.create(thread("a", current_leaf_id=5))
    store.threads.upsert(thread("b", current_leaf_id=5))
    assert [the(store, one).current_leaf_id for one in "ab"] == [None, None]


def test_create_refuses_an_id_that_exists(store: StateStore) -> None:
    store.threads.create(FULL)
    written = len(lines(store))
    with pytest.raises(ConflictError, match="thread 't' exists") as raised:
        store.threads.create(thread("t"))
    assert raised.value.exit_code == 4
    assert the(store) == FULL
    assert len(lines(store)) == written


def test_writing_a_thread_appends_an_index_line(store: StateStore) -> None:
    store.threads.create(thread("a", name="A", updated_at=5, rollout_path="/r"))
    store.threads.upsert(thread("a", name=None, updated_at=6))
    assert lines(store) == [
        {"thread_id": "a", "thread_name": "A", "updated_at": 5, "rollout_path": "/r"},
        {"thread_id": "a", "thread_name": None, "updated_at": 6, "rollout_path": None},
    ]


def test_paths_may_be_given_as_such_and_come_back_as_text(store: StateStore) -> None:
    store.threads.create(thread("t", cwd=Path("/w"), path=Path("p"), rollout_path=Path("/r")))
    assert (the(store).cwd, the(store).path, the(store).rollout_path) == ("/w", "p", "/r")
    store.threads.update("t", cwd=Path("/x"))
    assert the(store).cwd == "/x"
    assert store.threads.rollout_path("t") == "/r"
    assert ids(store, cwd="/x") == ["t"]


# Writing some columns


def test_update_sets_the_named_columns_only(store: StateStore) -> None:
    store.threads.create(thread("t", preview="p", updated_at=1))
    with raw(store.path) as agent:
        agent.execute("UPDATE threads SET preview = 'theirs', git_sha = 'new'")
    store.threads.update("t", status=ThreadStatus.RUNNING, ephemeral=True, name="N")
    assert the(store) == thread(
        "t",
        preview="theirs",
        git_sha="new",
        status=ThreadStatus.RUNNING,
        ephemeral=True,
        name="N",
        updated_at=NOW,
    )


def test_update_and_rename_bump_the_time_and_never_move_it_back(store: StateStore) -> None:
    store.threads.create(thread("old", updated_at=1))
    store.threads.create(thread("ahead", updated_at=NOW + 9))
    for thread_id in ("old", "ahead"):
        store.threads.rename(thread_id, "n")
    assert (the(store, "old").updated_at, the(store, "ahead").updated_at) == (NOW, NOW + 9)
    store.threads.update("ahead", updated_at=3)
    assert the(store, "ahead").updated_at == 3


def test_a_changed_name_path_or_time_appends_an_index_line(store: StateStore) -> None:
    store.threads.create(thread("t", name="a", updated_at=NOW))
    before = len(lines(store))
    store.threads.update("t", preview="not in the index")
    assert len(lines(store)) == before
    store.threads.rename("t", "b")
    store.threads.update("t", rollout_path="/r")
    store.threads.update("t", updated_at=NOW + 1)
    assert [
        (line["thread_name"], line["rollout_path"], line["updated_at"])
        for line in lines(store)[before:]
    ] == [("b", None, NOW), ("b", "/r", NOW), ("b", "/r", NOW + 1)]


def test_a_name_may_be_taken_away(store: StateStore) -> None:
    store.threads.create(thread("t", name="a"))
    store.threads.rename("t", None)
    assert the(store).name is None
    assert store.index.name_of("t") is None


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({}, UsageError, "at least one"),
        ({"id": "x"}, UsageError, "id cannot be changed"),
        ({"current_leaf_id": 1}, UsageError, "current_leaf_id cannot be changed"),
        ({"title": "x"}, UsageError, "no field 'title'; the fields are: id, rollout_path"),
        ({"preview = 'x' --": "x"}, UsageError, "no field"),
        ({"updated_at": "5"}, BadInputError, "updated_at must be int, not str"),
        ({"updated_at": True}, BadInputError, "updated_at must be int, not bool"),
        ({"updated_at": None}, BadInputError, "updated_at must be int, not NoneType"),
        ({"updated_at": 2**63}, BadInputError, "64 bits"),
        ({"archived": 1}, BadInputError, "archived must be bool, not int"),
        ({"status": "walking"}, BadInputError, "status must be one of running, idle"),
        ({"name": "\ud800"}, BadInputError, "lone surrogate"),
        ({"preview": b"x"}, BadInputError, "preview must be str, not bytes"),
        ({"preview": Path("x")}, BadInputError, "preview must be str, not PosixPath"),
    ],
)
def test_bad_changes_change_nothing(
    store: StateStore, columns: dict[str, Any], error: type[Exception], message: str
) -> None:
    store.threads.create(FULL)
    before = lines(store)
    with pytest.raises(error, match=message):
        store.threads.update("t", **columns)
    assert (the(store), lines(store)) == (FULL, before)


@pytest.mark.parametrize("field", ["updated_at", "cwd", "id", "status", "name"])
def test_a_record_of_the_wrong_types_is_refused(store: StateStore, field: str) -> None:
    for write in (store.threads.create, store.threads.upsert):
        with pytest.raises(BadInputError, match=field):
            write(ThreadMetadata(**{**vars(FULL), field: 1.5}))
    assert store.threads.ids() == []


def test_an_empty_id_is_refused(store: StateStore) -> None:
    for write in (store.threads.create, store.threads.upsert):
        with pytest.raises(BadInputError, match="id must not be empty"):
            write(thread(""))


# Finding or making


def test_ensure_makes_a_thread_once(store: StateStore) -> None:
    made = store.threads.ensure("Work", cwd="/here", model_provider="m")
    found = store.threads.ensure("wORK", cwd="/there")
    assert made == found == the(store, made.id)
    assert (made.name, made.cwd, made.created_at, made.updated_at) == ("Work", "/here", NOW, NOW)
    assert len(lines(store)) == 1
    assert store.index.name_of(made.id) == "Work"


def test_ensure_takes_new_ids_from_the_store(tmp_path: Path) -> None:
    with StateStore.open(tmp_path / "state.db", new_id=lambda: "made-here") as store:
        assert store.threads.ensure("n").id == "made-here"
        with pytest.raises(ConflictError):
            store.threads.ensure("another")
        assert store.threads.ensure("another", id="given").id == "given"


def test_ensure_finds_an_archived_thread(store: StateStore) -> None:
    store.threads.create(thread("t", name="n"))
    store.threads.archive("t")
    assert store.threads.ensure("N").id == "t"


def test_ensure_refuses_a_name_that_several_have(store: StateStore) -> None:
    store.threads.create(thread("a", name="n"))
    store.threads.create(thread("b", name="N"))
    with pytest.raises(AmbiguousError, match="a, b") as raised:
        store.threads.ensure("n")
    assert raised.value.exit_code == 4
    assert store.threads.ids() == ["a", "b"]


@pytest.mark.parametrize(
    ("columns", "error"),
    [({"nonsense": 1}, UsageError), ({"cwd": 5}, BadInputError), ({"status": "x"}, BadInputError)],
)
def test_ensure_with_bad_columns_makes_nothing(
    store: StateStore, columns: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        store.threads.ensure("n", **columns)
    assert store.threads.ids() == []


# Archive, memory, delete


def test_archive_and_unarchive(store: StateStore, clock: Clock) -> None:
    store.threads.create(thread("t", status=ThreadStatus.RUNNING))
    clock.now = 77.9
    store.threads.archive("t")
    assert the(store) == thread("t", status=ThreadStatus.ARCHIVED, archived=True, archived_at=77)
    store.threads.unarchive("t")
    assert the(store) == thread("t", status=ThreadStatus.IDLE)


def test_unarchive_keeps_any_other_status(store: StateStore) -> None:
    store.threads.create(thread("t", status=ThreadStatus.FAILED, archived=True, archived_at=1))
    store.threads.unarchive("t")
    assert the(store) == thread("t", status=ThreadStatus.FAILED)


def test_memory_mode(store: StateStore) -> None:
    store.threads.create(thread("t"))
    assert store.threads.get_memory_mode("t") is None
    store.threads.set_memory_mode("t", "enabled")
    assert store.threads.get_memory_mode("t") == "enabled"
    store.threads.set_memory_mode("t", None)
    assert store.threads.get_memory_mode("t") is None


def test_delete_takes_everything_of_the_thread_with_it(store: StateStore) -> None:
    from agentstate import DynamicToolRecord, ThreadGoalRecord  # noqa: PLC0415 - used here alone

    for thread_id in ("t", "other"):
        store.threads.create(thread(thread_id, name="n"))
        store.messages.append(thread_id, "user", "x")
        store.checkpoints.save(thread_id, "c", {})
        store.tools.replace(thread_id, [DynamicToolRecord(position=0, name="t", input_schema={})])
        store.goals.set(
            ThreadGoalRecord(
                thread_id=thread_id, goal_id="g", objective="o", created_at=1, updated_at=1
            )
        )
    store.threads.delete("t")
    for table in ("messages", "checkpoints", "thread_dynamic_tools", "thread_goals"):
        assert rows(store.path, f"SELECT thread_id FROM {table}") == [("other",)]  # noqa: S608 - a name of the test
    assert store.threads.ids() == ["other"]
    assert lines(store)[-1] == {
        "thread_id": "t",
        "thread_name": None,
        "updated_at": NOW,
        "rollout_path": None,
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.threads.update("no", name="n"),
        lambda store: store.threads.rename("no", "n"),
        lambda store: store.threads.archive("no"),
        lambda store: store.threads.unarchive("no"),
        lambda store: store.threads.delete("no"),
        lambda store: store.threads.set_memory_mode("no", "m"),
    ],
)
def test_changing_what_is_not_there_raises(
    store: StateStore, change: Callable[[StateStore], None]
) -> None:
    store.threads.create(thread("t"))
    before = lines(store)
    with pytest.raises(ThreadNotFoundError, match="no thread 'no'") as raised:
        change(store)
    assert raised.value.exit_code == 3
    assert (the(store), lines(store)) == (thread("t"), before)


def test_reading_what_is_not_there_gives_none(store: StateStore) -> None:
    assert store.threads.get("no") is None
    assert store.threads.get_memory_mode("no") is None
    assert store.threads.rollout_path("no") is None
    assert store.threads.list() == []
    assert store.threads.stats(["no"]) == {"no": ThreadStats()}


def test_a_store_stands_where_the_index_cannot_be_written(store: StateStore) -> None:
    store.path.with_name("session_index.jsonl").mkdir()
    with pytest.warns(AgentStateWarning, match="the session index was not"):
        store.threads.create(thread("t"))
    with pytest.warns(AgentStateWarning, match="the session index was not"):
        store.threads.rename("t", "n")
    assert the(store).name == "n"
    with pytest.warns(AgentStateWarning, match="the session index was not"):
        store.threads.delete("t")
    assert store.threads.ids() == []
