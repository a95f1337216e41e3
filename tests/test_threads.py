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
    CorruptStoreError,
    SessionSource,
    StateStore,
    ThreadListFilters,
    ThreadMetadata,
    ThreadNotFoundError,
    ThreadSort,
    ThreadStats,
    ThreadStatus,
    UsageError,
)
from support import NOW, Clock, raw, rows, snapshot, thread

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
        ({"status": "running"}, BadInputError, "status must be ThreadStatus, not str"),
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
        assert rows(store.path, f"SELECT thread_id FROM {table}") == [("other",)]  # noqa: S608
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


# Lists


@pytest.fixture
def many(store: StateStore) -> StateStore:
    """Fill a store so that each filter tells some threads from others."""
    made = [
        thread("a", updated_at=10, created_at=3, name="Alpha", cwd="/w", git_branch="main"),
        thread("b", updated_at=30, created_at=2, name="alpha 2", status=ThreadStatus.RUNNING),
        thread("c", updated_at=20, created_at=1, model_provider="m", source=SessionSource.API),
        thread("d", updated_at=20, created_at=9, archived=True, status=ThreadStatus.ARCHIVED),
        thread("e", updated_at=20, name="[x]", cwd="/w/sub", git_branch="Main", archived=True),
        thread("f", updated_at=5, name="éclair"),
    ]
    for one in made:
        store.threads.create(one)
    with raw(store.path) as agent:
        agent.execute("UPDATE threads SET status = 'weird', source = 'strange' WHERE id = 'f'")
    return store


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "bcaf"),
        ({"include_archived": True}, "bcdeaf"),
        ({"archived_only": True}, "de"),
        ({"limit": 0}, ""),
        ({"limit": 2}, "bc"),
        ({"limit": None, "include_archived": True}, "bcdeaf"),
        ({"limit": 3, "include_archived": True}, "bcd"),
        ({"status": ThreadStatus.RUNNING}, "b"),
        ({"status": ThreadStatus.IDLE}, "caf"),  # an unknown status reads as idle
        ({"status": ThreadStatus.ARCHIVED}, "d"),
        ({"source": SessionSource.API}, "c"),
        ({"source": SessionSource.UNKNOWN}, "baf"),  # an unknown source reads as unknown
        ({"model_provider": "m"}, "c"),
        ({"cwd": "/w"}, "bcaf"),
        ({"cwd": "/w/sub", "include_archived": True}, "e"),
        ({"git_branch": "main", "include_archived": True}, "a"),
        ({"name": "alpha"}, "a"),
        ({"name": "ALPHA*"}, "ba"),
        ({"name": "*"}, "baf"),
        ({"name": "?lpha"}, "a"),
        ({"name": "[A-Z]lpha*"}, "ba"),
        ({"name": "[[]x]", "include_archived": True}, "e"),
        ({"name": "É*"}, ""),  # only ASCII letters have no case
        ({"name": "%"}, ""),
        ({"since": 20}, "bc"),
        ({"until": 20, "include_archived": True}, "cdeaf"),
        ({"since": 20, "until": 20}, "c"),
        ({"sort": ThreadSort.CREATED}, "abcf"),
        ({"sort": ThreadSort.NAME}, "abfc"),
        ({"sort": ThreadSort.ID, "include_archived": True}, "abcdef"),
        ({"sort": ThreadSort.ID, "limit": 2}, "ab"),
        ({"cwd": "/w", "name": "alpha*", "status": ThreadStatus.RUNNING, "limit": 1}, "b"),
    ],
)
def test_filters(many: StateStore, filters: dict[str, Any], expected: str) -> None:
    assert "".join(ids(many, **filters)) == expected
    unlimited = {**filters, "limit": None}
    assert many.threads.count(ThreadListFilters(**filters)) == len(ids(many, **unlimited))


def test_the_default_limit_is_50(store: StateStore) -> None:
    with raw(store.path) as agent:
        agent.executemany(
            "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, updated_at, "
            "status, cwd, cli_version, source) VALUES (?, '', 0, '', 1, ?, 'idle', '/', '', 'api')",
            [(f"{number:03}", number // 3) for number in range(120)],
        )
    assert ids(store) == [f"{number:03}" for third in range(39, -1, -1)
                          for number in range(third * 3, third * 3 + 3)][:50]  # fmt: skip
    assert len(store.threads.list()) == 50
    assert len(ids(store, limit=None)) == 120


@pytest.mark.parametrize("limit", [-1, -(2**70), 2**63])
def test_a_limit_out_of_range_is_refused(many: StateStore, limit: int) -> None:
    with pytest.raises(BadInputError):
        ids(many, limit=limit)


def test_unknown_status_and_source_have_a_meaning(many: StateStore) -> None:
    odd = the(many, "f")
    assert (odd.status, odd.source) == (ThreadStatus.IDLE, SessionSource.UNKNOWN)


def test_threads_are_found_by_name_and_by_the_start_of_their_id(store: StateStore) -> None:
    for thread_id, name, updated_at in (("ab1", "N", 1), ("ab2", "n", 2), ("aB3", "n_", 3)):
        store.threads.create(thread(thread_id, name=name, updated_at=updated_at))
    store.threads.archive("ab1")
    assert [one.id for one in store.threads.by_name("n")] == ["ab2", "ab1"]
    assert [one.id for one in store.threads.by_prefix("ab")] == ["ab1", "ab2"]
    assert [one.id for one in store.threads.by_prefix("ab", limit=1)] == ["ab1"]
    assert [one.id for one in store.threads.by_prefix("a%")] == []


def test_stats_count_messages_and_branches(store: StateStore) -> None:
    for number in range(3):
        store.threads.create(thread(f"t{number}"))
    root = store.messages.append("t0", "user", "root")
    for _ in range(3):
        store.messages.fork(root, "user", "x")
    store.messages.append("t1", "user", "alone")
    found = store.threads.stats([f"t{number}" for number in range(3)])
    assert {key: (one.messages, one.branches) for key, one in found.items()} == {
        "t0": (4, 3),
        "t1": (1, 1),
        "t2": (0, 0),
    }


def test_stats_of_more_threads_than_a_statement_takes(store: StateStore) -> None:
    names = [f"t{number:04}" for number in range(1201)]
    with raw(store.path) as agent:
        agent.execute("BEGIN")
        for name in names:
            agent.execute(
                "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, "
                "updated_at, status, cwd, cli_version, source) "
                "VALUES (?, '', 0, '', 1, 1, 'idle', '/', '', 'api')",
                (name,),
            )
            agent.execute(
                "INSERT INTO messages(thread_id, role, content, created_at) VALUES (?, 'u', '', 1)",
                (name,),
            )
        agent.execute("COMMIT")
    assert [one.messages for one in store.threads.stats(names).values()] == [1] * 1201


# Damaged rows


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("created_at", "yesterday"),
        ("updated_at", 1.5),
        ("updated_at", ""),
        ("archived_at", ""),
        ("archived_at", b"\0"),
        ("ephemeral", "no"),
        ("archived", 2.5),
        ("preview", b"\xff\xfe"),
        ("title", b"blob"),
        ("cwd", b"/w"),
        ("status", b"idle"),
        ("git_sha", b""),
    ],
)
def test_a_row_of_wrong_types_is_left_out_and_reported(
    store: StateStore, column: str, value: object
) -> None:
    store.threads.create(thread("good"))
    store.threads.create(thread("bad"))
    with raw(store.path) as agent:
        agent.execute(f"UPDATE threads SET {column} = ? WHERE id = 'bad'", (value,))  # noqa: S608
    with pytest.warns(AgentStateWarning, match="left out: thread 'bad' has a value of the wrong"):
        assert ids(store, include_archived=True) == ["good"]
    with pytest.raises(CorruptStoreError, match=r"thread 'bad'.*doctor") as raised:
        store.threads.get("bad")
    assert raised.value.exit_code == 6
    assert store.threads.ids() == ["bad", "good"]
    with pytest.raises(CorruptStoreError):
        store.threads.update("bad", preview="x")


@pytest.mark.parametrize("leaf", ["text", 1.5, b"blob", ""])
def test_a_thread_whose_leaf_is_no_number_is_still_listed(store: StateStore, leaf: object) -> None:
    store.threads.create(thread("t"))
    with raw(store.path) as agent:
        agent.execute("UPDATE threads SET current_leaf_id = ?", (leaf,))
    assert (the(store), ids(store)) == (thread("t"), ["t"])


def test_an_index_rebuilt_keeps_the_line_of_a_thread_that_cannot_be_read(store: StateStore) -> None:
    store.threads.create(thread("bad", name="kept"))
    store.threads.create(thread("good", name="n"))
    with raw(store.path) as agent:
        agent.execute("UPDATE threads SET created_at = 'x' WHERE id = 'bad'")
    with pytest.warns(AgentStateWarning, match="left out"):
        check = store.index.check()
    assert (check.ghosts, check.missing) == ((), ())
    with pytest.warns(AgentStateWarning, match="left out"):
        rebuilt = store.index.rebuild()
    assert rebuilt.dropped == ()
    assert store.index.names_of(["bad", "good"]) == {"bad": "kept", "good": "n"}


def test_reading_threads_changes_no_file(store: StateStore) -> None:
    store.threads.create(thread("t"))
    before = snapshot(store.path.parent)
    store.threads.list()
    store.threads.get("t")
    assert snapshot(store.path.parent) == before
