"""What the Rust program answered, and what this one answers: on its files, and on its operations.

Each test compares JSON with JSON, numbers and their form included. What differs on purpose
stands in a table, with the reason; everything else must be equal.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from agentstate import (
    AgentStateError,
    BadInputError,
    CheckpointNotFoundError,
    JobNotFoundError,
    MessageNotFoundError,
    StateStore,
    ThreadNotFoundError,
)
from rust_program import answer, read_lines, read_pairs, text
from support import DATA, Clock, copy_store, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from agentstate.records import JsonValue

    Arguments = dict[str, Any]
    Answers = dict[str, Any]
    Difference = Callable[[Arguments, Any, Answers], Any]

RICH: Final = DATA / "v2_rich"


# The rich store: first the operations that made it

SLEEP: Final = 1.15
"""What a sleep of 1.1 seconds, and the work around it, took the Rust program."""

RESULTS: Final[dict[int, tuple[object, str]]] = {
    # The Rust program fails here too, with a message from the depths.
    32: (ThreadNotFoundError, "append to an unknown thread"),
    33: (MessageNotFoundError, "fork at an unknown message"),
    34: (MessageNotFoundError, "fork at what is no message id"),
    129: (ThreadNotFoundError, "save a checkpoint of an unknown thread"),
    171: (BadInputError, "two tools at one position"),
    172: (ThreadNotFoundError, "tools for an unknown thread"),
    # Here it says that all is well, though nothing has that id.
    100: (ThreadNotFoundError, "clear an unknown thread"),
    136: (CheckpointNotFoundError, "delete an unknown checkpoint"),
    165: (JobNotFoundError, "delete an unknown job"),
    176: (ThreadNotFoundError, "archive an unknown thread"),
    # Its index keeps the name of a thread that is gone.
    111: (None, "deleting a thread takes its name out of the index"),
}


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StateStore, list[Any]]]:
    """Run the operations on a new store; return it and the answers."""
    clock = Clock(1795471288.5)
    answers: list[Any] = []
    with StateStore.open(tmp_path_factory.mktemp("replay") / "state.db", clock=clock) as store:
        for operation in read_lines(RICH / "ops.jsonl"):
            if operation["op"] == "_sleep_ms":
                clock.now += SLEEP
                answers.append(None)
                continue
            try:
                answers.append(answer(store, operation))
            except AgentStateError as error:
                answers.append(type(error))
        yield store, answers


def test_each_operation_answers_as_it_did(replayed: tuple[StateStore, list[Any]]) -> None:
    results = read_lines(RICH / "results.jsonl")
    different = {
        number: got
        for number, (got, theirs) in enumerate(zip(replayed[1], results, strict=True), 1)
        if isinstance(got, type) or text(got) != text(theirs.get("ok", "failed"))
    }
    assert different == {number: ours for number, (ours, _) in RESULTS.items()}


# Then the questions, asked of the store that it wrote and of the one that was replayed

BUMPED: Final = {
    "t-run": 1795471288,
    "t-cjk": 1795471288,
    "t-eph": 1795471288,
    "t-arch-op": 1795471288,
    "t-rtl": 1795471289,
    "t-clear": 1795471289,
}
"""When these threads had their last message; t-tree was written whole after its last."""


def limit_0_gives_none(query: Arguments, theirs: JsonValue, _all: Answers) -> JsonValue:
    """The Rust program gives the leaf, since its walk begins before it counts."""
    return [] if query["op"] == "list_messages" and query.get("limit") == 0 else theirs


def latest_saved_comes_first(query: Arguments, theirs: JsonValue, answers: Answers) -> JsonValue:
    """Within one second it lists checkpoints in no order; here cp-3 was saved after cp-2."""
    if query["op"] != "list_checkpoints":
        return theirs
    everything = answers[text({"op": "list_checkpoints", "thread_id": query["thread_id"]})]
    by_id = sorted(everything, key=lambda one: one["checkpoint_id"], reverse=True)
    by_time = sorted(by_id, key=lambda one: one["created_at"], reverse=True)
    return by_time[: query.get("limit", 100)]


def messages_bump_their_thread(query: Arguments, theirs: JsonValue, answers: Answers) -> JsonValue:
    """It leaves `updated_at`, so that a thread sinks while people talk in it."""
    if query["op"] == "get_thread" and query["id"] in BUMPED:
        return {**theirs, "updated_at": BUMPED[query["id"]]}
    if query["op"] != "list_threads":
        return theirs
    everything = answers[text({"op": "list_threads", "include_archived": True})]
    bumped = [
        {**one, "updated_at": BUMPED.get(one["id"], one["updated_at"])}
        for one in everything
        if query["include_archived"] or not one["archived"]
    ]
    return sorted(bumped, key=lambda one: (-one["updated_at"], one["id"]))[: query.get("limit", 50)]


def unarchived_threads_are_idle(query: Arguments, theirs: JsonValue, _all: Answers) -> JsonValue:
    """It leaves the status archived on a thread that is not."""
    threads = [theirs] if query["op"] == "get_thread" else theirs
    if query["op"] not in {"get_thread", "list_threads"} or theirs is None:
        return theirs
    idle = [{**one, "status": "idle"} if one["id"] == "t-unarch" else one for one in threads]
    return idle if threads is theirs else idle[0]


def deleted_threads_have_no_name(query: Arguments, theirs: JsonValue, _all: Answers) -> JsonValue:
    """Its index keeps the name of a thread that is gone."""
    if query["op"] == "find_thread_names_by_ids" and theirs:
        return {**theirs, "t-del": None}
    of_deleted = "t-del" in query.values() or "Deleted" in query.values()
    return None if query["op"].startswith("find_") and of_deleted else theirs


READING: Final = (limit_0_gives_none, latest_saved_comes_first)
WRITING: Final = (
    messages_bump_their_thread,
    unarchived_threads_are_idle,
    deleted_threads_have_no_name,
)


def compare(store: StateStore, differences: Collection[Difference]) -> None:
    """Ask the rich store's questions; each difference must explain something."""
    pairs = read_pairs(RICH / "expected.json")
    answers = {text(query): theirs for query, theirs in pairs}
    idle = {difference.__name__ for difference in differences}
    for query, theirs in pairs:
        expected = theirs
        for difference in differences:
            changed = difference(query, expected, answers)
            if text(changed) != text(expected):
                idle.discard(difference.__name__)
            expected = changed
        assert text(answer(store, query)) == text(expected), query
    assert not idle


@pytest.mark.parametrize("read_only", [True, False])
def test_the_rich_store_answers_as_it_did(tmp_path: Path, *, read_only: bool) -> None:
    with StateStore.open(copy_store("v2_rich", tmp_path), read_only=read_only) as store:
        compare(store, READING)


def test_the_replayed_store_answers_as_the_original(
    replayed: tuple[StateStore, list[Any]],
) -> None:
    compare(replayed[0], (*READING, *WRITING))


def test_the_replayed_store_holds_the_same_text(
    replayed: tuple[StateStore, list[Any]], tmp_path: Path
) -> None:
    """Byte for byte where the Rust program, which sorts the keys of JSON, wrote the same."""
    original = copy_store("v2_rich", tmp_path)
    sql = """
        SELECT id, thread_id, role, content, item_json, created_at, parent_entry_id
        FROM messages ORDER BY id
    """
    ours, theirs = (
        [tuple(map(sort_keys, row)) for row in rows(path, sql)]
        for path in (replayed[0].path, original)
    )
    assert ours == theirs


def sort_keys(value: object) -> object:
    """Bring a column that holds a JSON object or array into one form."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        return text(json.loads(value))
    return value


# The older stores, which are migrated when opened


def test_version_1_answers_as_after_the_rust_programs_migration(tmp_path: Path) -> None:
    with StateStore.open(copy_store("v1", tmp_path), clock=Clock(1795471297)) as store:
        for query, theirs in read_pairs(DATA / "v1" / "expected_after.json"):
            assert text(answer(store, query)) == text(theirs), query


def test_version_1_is_read_as_it_is(tmp_path: Path) -> None:
    pairs = read_pairs(DATA / "v1" / "expected_after.json")
    with StateStore.open(copy_store("v1", tmp_path), read_only=True) as store:
        for query, theirs in pairs[:-2]:  # the last two append and look
            assert text(answer(store, query)) == text(theirs), query
        assert store.info().schema_version == 1


def test_version_0_hides_no_message(tmp_path: Path) -> None:
    """The leaf is the last message by time, at the end of the chain, not the one of largest id.

    The Rust program puts the leaf of z-disorder on #12, in the middle: #6 and #10 are hidden.
    """
    pairs = read_pairs(DATA / "v0" / "expected_after.json")
    different = []
    with StateStore.open(copy_store("v0", tmp_path), clock=Clock(1795471297)) as store:
        for query, theirs in pairs:
            if text(answer(store, query)) != text(theirs):
                different.append(query)
        branch = store.messages.branch("z-disorder")
        disorder = store.threads.get("z-disorder")
    assert different == [
        {"op": "get_thread", "id": "z-disorder"},
        {"op": "list_messages", "thread_id": "z-disorder"},
        {"op": "list_messages", "thread_id": "z-disorder", "limit": 2},
        {"op": "list_threads", "include_archived": True},
    ]
    assert [(message.id, message.parent_entry_id) for message in branch] == [
        (8, None),
        (12, 8),
        (6, 12),
        (10, 6),
    ]
    assert disorder is not None
    assert disorder.current_leaf_id == 10


def test_a_torn_line_of_the_index_costs_only_itself(tmp_path: Path) -> None:
    """The Rust program fails every lookup of a name here."""
    expected = {
        0: "Build fix FINAL",
        1: None,
        2: {"t-run": "Build fix FINAL", "t-tree": "Tree v2"},
        3: {},
        4: "/r/t-tree.jsonl",
        8: "x",
    }
    pairs = read_pairs(DATA / "torn_index" / "oracle_answers.json")
    with StateStore.open(copy_store("torn_index", tmp_path)) as store:
        for number, (query, theirs) in enumerate(pairs):
            assert text(answer(store, query)) == text(expected.get(number, theirs)), query
