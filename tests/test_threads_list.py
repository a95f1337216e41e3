"""Lists of threads: filtered before the limit, in order, past rows that cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from agentstate import (
    AgentStateWarning,
    BadInputError,
    CorruptStoreError,
    SessionSource,
    StateStore,
    ThreadListFilters,
    ThreadMetadata,
    ThreadSort,
    ThreadStatus,
)
from support import raw, snapshot, thread


def the(store: StateStore, thread_id: str = "t") -> ThreadMetadata:
    found = store.threads.get(thread_id)
    assert found is not None
    return found


def ids(store: StateStore, **filters: Any) -> list[str]:  # noqa: ANN401 - fields of the filters
    return [one.id for one in store.threads.list(ThreadListFilters(**filters))]


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
        agent.execute(f"UPDATE threads SET {column} = ? WHERE id = 'bad'", (value,))  # noqa: S608 - a name of the test
    with pytest.warns(AgentStateWarning, match="left out: thread 'bad' has a value of the wrong"):
        assert ids(store, include_archived=True) == ["good"]
    with pytest.raises(CorruptStoreError, match=r"thread 'bad'.*doctor") as raised:
        store.threads.get("bad")
    assert raised.value.exit_code == 6
    assert store.threads.ids() == ["bad", "good"]
    with pytest.raises(CorruptStoreError):
        store.threads.update("bad", preview="x")


@pytest.mark.parametrize("damaged", [1, 3, 700])
def test_the_limit_counts_rows_that_can_be_read(store: StateStore, damaged: int) -> None:
    for number in range(4):
        store.threads.create(thread(f"t{number}", updated_at=number))
    with raw(store.path) as agent:
        agent.executemany(
            "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, updated_at, "
            "status, cwd, cli_version, source) VALUES (?, '', 0, '', 'x', 9, 'idle', '/', '', '')",
            [(f"bad{number}",) for number in range(damaged)],
        )
    with pytest.warns(AgentStateWarning, match="left out: thread 'bad"):
        assert ids(store, limit=1) == ["t3"]
    with pytest.warns(AgentStateWarning, match="left out"):
        assert ids(store, limit=3) == ["t3", "t2", "t1"]
    with pytest.warns(AgentStateWarning, match="left out"):
        assert ids(store, limit=9) == ["t3", "t2", "t1", "t0"]


def test_a_thread_that_cannot_be_read_is_found_and_deleted_by_its_id(store: StateStore) -> None:
    store.threads.create(thread("bad", name="Bad"))
    with raw(store.path) as agent:
        agent.execute("UPDATE threads SET created_at = 'x'")
    for find in (store.threads.by_name, store.threads.by_prefix):
        with pytest.raises(CorruptStoreError, match="thread 'bad'"):
            find("bad")
    assert store.threads.ids_by_name("BAD") == store.threads.ids_by_prefix("ba") == ["bad"]
    assert store.threads.exists("bad")
    store.threads.archive("bad")
    store.threads.delete("bad")
    assert not store.threads.exists("bad")


@pytest.mark.parametrize("in_index", [None, "known"])
@pytest.mark.parametrize("in_store", [None, "known", "other"])
@pytest.mark.parametrize("bad", [True, False])
def test_after_a_rebuild_a_check_finds_nothing(
    store: StateStore, in_store: str | None, in_index: str | None, *, bad: bool
) -> None:
    store.threads.create(thread("t", name=in_store))
    store.threads.create(thread("u"))
    store.index.append("t", in_index, 5, "/r")
    store.index.append("ghost", "gone", 5, "/r")
    if bad:
        with (store.path.parent / "session_index.jsonl").open("a") as index:
            index.write("torn {\n")
    store.index.rebuild()
    check = store.index.check()
    assert (check.ghosts, check.drifted, check.missing, check.bad_lines) == ((), (), (), ())
    assert store.index.name_of("t") == (in_store or in_index)


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
