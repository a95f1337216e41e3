"""Checkpoints: the one saved last comes first, and its text comes back as it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agentstate import (
    BadInputError,
    CheckpointNotFoundError,
    CheckpointRecord,
    CorruptStoreError,
    JsonText,
    StateStore,
    ThreadNotFoundError,
)
from support import NOW, Clock, raw, rows, thread

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = ' {"b": 1.10, "a":1e5, "big": 18446744073709551616,\n "a" :"\\u6f22"}\t'


@pytest.fixture
def saved(store: StateStore) -> StateStore:
    """Fill a store with checkpoints a, b, c of thread t, all saved within one second."""
    for thread_id in "tu":
        store.threads.create(thread(thread_id))
    for checkpoint_id in "abc":
        store.checkpoints.save("t", checkpoint_id, {"is": checkpoint_id})
    return store


def listed(store: StateStore, limit: int | None = 100) -> str:
    return "".join(one.checkpoint_id for one in store.checkpoints.list("t", limit))


def latest(store: StateStore) -> str | None:
    found = store.checkpoints.load("t")
    return found.checkpoint_id if found else None


def test_a_checkpoint_comes_back_as_it_was_saved(saved: StateStore) -> None:
    expected = CheckpointRecord(thread_id="t", checkpoint_id="a", state={"is": "a"}, created_at=NOW)
    assert saved.checkpoints.load("t", "a") == expected
    assert saved.checkpoints.list("t")[-1] == expected


def test_the_latest_is_the_one_saved_last_also_within_one_second(saved: StateStore) -> None:
    assert (latest(saved), listed(saved)) == ("c", "cba")
    saved.checkpoints.save("t", "a", {"again": True})
    assert (latest(saved), listed(saved)) == ("a", "acb")
    saved.checkpoints.save("t", "b", None)
    assert (latest(saved), listed(saved)) == ("b", "bac")


def test_the_latest_is_the_one_saved_last_also_when_the_clock_goes_back(
    saved: StateStore, clock: Clock
) -> None:
    clock.now = NOW - 1000
    saved.checkpoints.save("t", "a", {})
    assert (latest(saved), listed(saved)) == ("a", "acb")
    found = saved.checkpoints.load("t")
    assert found is not None
    assert found.created_at == NOW


def test_the_latest_of_several_threads_is_each_ones_own(saved: StateStore) -> None:
    saved.checkpoints.save("u", "a", 5)
    assert latest(saved) == "c"
    found = saved.checkpoints.load("u")
    assert found is not None
    assert found.state == 5


def test_a_checkpoint_that_the_agent_saved_counts_as_well(saved: StateStore) -> None:
    with raw(saved.path) as agent:
        agent.execute(
            "INSERT INTO checkpoints VALUES ('t', 'a', '{}', ?) ON CONFLICT(thread_id, "
            "checkpoint_id) DO UPDATE SET created_at = excluded.created_at",
            (NOW + 1,),
        )
    assert latest(saved) == "a"
    saved.checkpoints.save("t", "b", {})
    assert latest(saved) == "b"


@pytest.mark.parametrize(
    ("limit", "expected"), [(0, ""), (1, "c"), (2, "cb"), (100, "cba"), (None, "cba")]
)
def test_a_limit_keeps_the_newest(saved: StateStore, limit: int | None, expected: str) -> None:
    assert listed(saved, limit) == expected


def test_times_are_had_without_the_states(saved: StateStore) -> None:
    saved.checkpoints.save("t", "a", "again")
    with raw(saved.path) as connection:
        connection.execute("UPDATE checkpoints SET state_json = 'no JSON'")
        connection.execute("UPDATE checkpoints SET created_at = 'then' WHERE checkpoint_id = 'b'")
    assert list(saved.checkpoints.times("t").items()) == [("a", NOW), ("c", NOW)]
    assert saved.checkpoints.times("u") == {}


def test_the_default_limit_is_100(saved: StateStore) -> None:
    for number in range(100):
        saved.checkpoints.save("t", f"n{number}", None)
    assert len(saved.checkpoints.list("t")) == 100
    assert (len(saved.checkpoints.list("t", None)), saved.checkpoints.count("t")) == (103, 103)


def test_a_negative_limit_is_refused(saved: StateStore) -> None:
    with pytest.raises(BadInputError, match="limit"):
        saved.checkpoints.list("t", -1)


def test_a_state_given_as_text_is_kept_byte_for_byte(saved: StateStore) -> None:
    saved.checkpoints.save("t", "x", JsonText(TEXT))
    assert rows(saved.path, "SELECT state_json FROM checkpoints WHERE checkpoint_id = 'x'") == [
        (TEXT,)
    ]
    for found in (
        saved.checkpoints.load("t", raw_json=True),
        saved.checkpoints.list("t", 1, raw_json=True)[0],
    ):
        assert found is not None
        assert (type(found.state), found.state) == (JsonText, TEXT)


def test_a_state_given_as_a_value_keeps_its_order_and_its_text(saved: StateStore) -> None:
    saved.checkpoints.save("t", "x", {"z": 1, "a": "漢\0\x1b", "m": [10**30, 1.5, None]})
    assert rows(saved.path, "SELECT state_json FROM checkpoints WHERE checkpoint_id = 'x'") == [
        ('{"z":1,"a":"漢\\u0000\\u001b","m":[1000000000000000000000000000000,1.5,null]}',)
    ]


@pytest.mark.parametrize("state", [None, "text", 0, False, [], {}])
def test_any_json_is_a_state(saved: StateStore, state: object) -> None:
    saved.checkpoints.save("t", "x", state)
    found = saved.checkpoints.load("t")
    assert found is not None
    assert found.state == state


@pytest.mark.parametrize("state", [float("inf"), JsonText("{"), JsonText(""), {"x": "\ud800"}, {1}])
def test_a_bad_state_replaces_nothing(saved: StateStore, state: object) -> None:
    before = rows(saved.path, "SELECT rowid, * FROM checkpoints")
    with pytest.raises(BadInputError, match=r"^state "):
        saved.checkpoints.save("t", "a", state)
    assert rows(saved.path, "SELECT rowid, * FROM checkpoints") == before


def test_an_empty_id_is_refused(saved: StateStore) -> None:
    with pytest.raises(BadInputError, match="id must not be empty"):
        saved.checkpoints.save("t", "", {})


def test_delete(saved: StateStore) -> None:
    assert saved.checkpoints.exists("t", "c")
    saved.checkpoints.delete("t", "c")
    assert not saved.checkpoints.exists("t", "c")
    assert listed(saved) == "ba"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda store: store.checkpoints.save("no", "a", {}), ThreadNotFoundError),
        (lambda store: store.checkpoints.delete("no", "a"), CheckpointNotFoundError),
        (lambda store: store.checkpoints.delete("t", "no"), CheckpointNotFoundError),
        (lambda store: store.checkpoints.delete("u", "a"), CheckpointNotFoundError),
    ],
)
def test_changing_what_is_not_there_raises(
    saved: StateStore, change: Callable[[StateStore], None], error: type[Exception]
) -> None:
    before = rows(saved.path, "SELECT rowid, * FROM checkpoints")
    with pytest.raises(error) as raised:
        change(saved)
    assert getattr(raised.value, "exit_code", None) == 3
    assert rows(saved.path, "SELECT rowid, * FROM checkpoints") == before


def test_reading_what_is_not_there_gives_none(saved: StateStore) -> None:
    assert saved.checkpoints.load("u") is None
    assert saved.checkpoints.load("no", "a") is None
    assert saved.checkpoints.load("t", "no") is None
    assert saved.checkpoints.list("no") == []


@pytest.mark.parametrize("text", ["{", "", "nul", "Infinity", "1e999", "[" * 5000, b"{}"])
@pytest.mark.parametrize("raw_json", [True, False])
def test_a_state_that_is_not_json_is_damage_and_not_null(
    saved: StateStore, text: object, *, raw_json: bool
) -> None:
    with raw(saved.path) as agent:
        agent.execute("UPDATE checkpoints SET state_json = ? WHERE checkpoint_id = 'b'", (text,))
    for read in (
        lambda: saved.checkpoints.load("t", "b", raw_json=raw_json),
        lambda: saved.checkpoints.list("t", raw_json=raw_json),
    ):
        with pytest.raises(CorruptStoreError, match=r"'b' in thread 't'.*doctor") as raised:
            read()
        assert raised.value.exit_code == 6
    assert latest(saved) == "c"
    saved.checkpoints.save("t", "b", {})
    assert latest(saved) == "b"


def test_a_time_that_is_no_number_is_damage_and_does_not_stop_saving(saved: StateStore) -> None:
    with raw(saved.path) as agent:
        agent.execute("UPDATE checkpoints SET created_at = 'x' WHERE checkpoint_id = 'b'")
    with pytest.raises(CorruptStoreError, match="'b' in thread 't' has a value of the wrong type"):
        saved.checkpoints.list("t")
    saved.checkpoints.save("t", "b", {})
    assert listed(saved) == "bca"
