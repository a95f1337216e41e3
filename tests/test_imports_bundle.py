"""Bundles back into a store: the same again, or a copy with ids of its own."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate import (
    BadInputError,
    ConflictError,
    StateStore,
    ThreadGoalRecord,
    examine,
)
from agentstate.reports.imports import ImportedThread, LeafMove
from agentstate.store.imports.nowhere import Nowhere
from bundle_support import bundle_of, dump, fill_thread, sealed, unsealed
from examples import examples
from sessions import chain, merge, said, session
from support import Clock, raw, thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@contextmanager
def other_store(folder: Path) -> Iterator[StateStore]:
    with StateStore.open(folder / "other" / "state.db", clock=Clock()) as opened:
        yield opened


def put(store: StateStore, bundle: bytes, **options: Any) -> ImportedThread:  # noqa: ANN401 - those of insert_bundle
    return store.imports.insert_bundle(BytesIO(bundle), **options)


@pytest.fixture
def bundle(store: StateStore, tmp_path: Path) -> bytes:
    """Make a bundle of a thread that has one of everything."""
    merge(store, session(chain("a", "b", "c", hidden="a"), "t", title="Name", cwd="/w/app"))
    store.messages.fork(1, "user", "mine")
    for checkpoint_id in ("b", "a"):
        store.checkpoints.save("t", checkpoint_id, {"at": checkpoint_id})
    store.goals.set(
        ThreadGoalRecord(thread_id="t", goal_id="g", objective="o", created_at=1, updated_at=1)
    )
    return bundle_of(store, tmp_path / "bundle")


# As it was.


def test_it_is_the_same_in_another_store(store: StateStore, bundle: bytes, tmp_path: Path) -> None:
    with other_store(tmp_path) as other:
        done = put(other, bundle)
        assert (done.thread_id, done.name, done.created) == ("t", "Name", True)
        assert (done.messages, done.hidden, done.added, done.leaf) == (4, 1, 4, LeafMove.MOVED)
        assert dump(other.path) == dump(store.path)
        assert other.index.name_of("t") == "Name"
        assert bundle_of(other, tmp_path / "again").splitlines()[1:] == bundle.splitlines()[1:]


def test_again_it_is_left_alone(bundle: bytes, tmp_path: Path) -> None:
    with other_store(tmp_path) as other:
        put(other, bundle, remap=[("/w", "/v")])
        before = dump(other.path)
        done = put(other, bundle, remap=[("/w", "/v")])
        assert (done.created, done.added, done.leaf) == (False, 0, LeafMove.UNCHANGED)
        assert dump(other.path) == before


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("UPDATE messages SET content = 'x' WHERE id = 2", "message 2, in its content"),
        ("DELETE FROM messages WHERE id = 4", "message 4 is only in the bundle"),
        ("UPDATE threads SET title = NULL", "the thread itself, in its title"),
        ("UPDATE thread_goals SET tokens_used = 7", "a row of thread_goals, in its tokens_used"),
        (
            "INSERT INTO messages(thread_id, role, content, created_at) VALUES ('t', 'u', 'x', 1)",
            "it has more in messages than the bundle",
        ),
    ],
)
def test_a_thread_that_differs_is_a_conflict(
    store: StateStore, bundle: bytes, statement: str, difference: str
) -> None:
    with raw(store.path) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(statement)
    before = dump(store.path)
    for dry_run in (True, False):
        with pytest.raises(ConflictError, match=f"differs: {difference}.*--new-ids"):
            put(store, bundle, dry_run=dry_run)
    assert dump(store.path) == before


def test_a_message_id_that_is_taken_is_a_conflict(bundle: bytes, tmp_path: Path) -> None:
    with other_store(tmp_path) as other:
        fill_thread(other, "u")
        before = dump(other.path)
        for dry_run in (True, False):
            with pytest.raises(ConflictError, match=r"message 1 .*--new-ids"):
                put(other, bundle, dry_run=dry_run)
        assert dump(other.path) == before


def test_a_session_that_is_imported_as_another_thread_is_a_conflict(
    bundle: bytes, tmp_path: Path
) -> None:
    with other_store(tmp_path) as other:
        fill_thread(other, "t")
        done = merge(other, session([said(str(n), None) for n in range(9)], "t"))
        other.threads.delete("t")
        with raw(other.path) as connection:
            connection.execute("UPDATE messages SET id = id + 100")
        for dry_run in (True, False):
            with pytest.raises(
                ConflictError, match=f"imported again since, as thread '{done.thread_id}.*--new-ids"
            ):
                put(other, bundle, dry_run=dry_run)


def test_paths_are_put_elsewhere(bundle: bytes, tmp_path: Path) -> None:
    with other_store(tmp_path) as other:
        put(other, bundle, remap=[("/w", "/v"), ("/logs", "/l")])
        kept = other.threads.get("t")
        assert kept is not None
        assert (kept.cwd, kept.rollout_path) == ("/v/app", "/l/s-1.jsonl")
        assert other.index.path_of_name("Name") == "/l/s-1.jsonl"


def test_it_can_be_imported_into_by_its_source(bundle: bytes, tmp_path: Path) -> None:
    with other_store(tmp_path) as other:
        put(other, bundle)
        events = session(chain("a", "b", "c", "d", hidden="a"), "t", title="Name", cwd="/w/app")
        assert merge(other, events).added == 1


def test_it_may_come_through_a_pipe(bundle: bytes, tmp_path: Path) -> None:
    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError("a pipe")

    with other_store(tmp_path) as other:
        assert other.imports.insert_bundle(Pipe(bundle)).created
        assert other.imports.insert_bundle(Pipe(bundle), new_ids=True).created


# With new ids.


def test_a_copy_each_time(store: StateStore, bundle: bytes) -> None:
    first, second = (put(store, bundle, new_ids=True) for _ in range(2))
    assert len({"t", first.thread_id, second.thread_id}) == 3
    assert first.created
    assert first.added == 4
    for copy in (first, second):
        assert copy.thread_id is not None
        texts = [message.content for message in store.messages.branch(copy.thread_id)]
        assert texts == ["text a", "mine"]
        hidden = store.imports.hidden(copy.thread_id)
        contents = {m.content for m in store.messages.all(copy.thread_id) if m.id in hidden}
        assert contents == {"text a"}
        assert [one.checkpoint_id for one in store.checkpoints.list(copy.thread_id)] == ["a", "b"]
        assert store.goals.get(copy.thread_id) is not None
        assert store.imports.get(copy.thread_id) is None, "the session is the first thread's"
        assert store.index.name_of(copy.thread_id) == "Name"
    assert {one.slug for one in examine(store.path).findings} <= {"rollout_missing"}


def test_a_copy_elsewhere_is_the_sessions_thread(bundle: bytes, tmp_path: Path) -> None:
    with other_store(tmp_path) as other:
        fill_thread(other, "t")
        done = put(other, bundle, new_ids=True)
        events = session(chain("a", "b", "c", "d", hidden="a"), "t", title="Name", cwd="/w/app")
        grown = merge(other, events)
        assert (grown.thread_id, grown.added, grown.leaf) == (done.thread_id, 1, LeafMove.KEPT)


def test_what_refers_to_no_message_of_it_refers_to_none(store: StateStore, tmp_path: Path) -> None:
    fill_thread(store, "t")
    with raw(store.path) as connection:
        connection.execute("UPDATE messages SET parent_entry_id = 77 WHERE id = 2")
    damaged = bundle_of(store, tmp_path / "bundle")
    copy = put(store, damaged, new_ids=True).thread_id
    assert copy is not None
    assert [m.parent_entry_id for m in store.messages.all(copy)] == [None, None, 4]


@settings(max_examples=examples(20))
@given(data=st.data())
def test_a_copy_is_the_same_tree(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("copy")
    size = data.draw(st.integers(1, 8))
    with StateStore.open(folder / "state.db", clock=Clock()) as store:
        store.threads.create(thread("t"))
        store.threads.create(thread("u"))
        made: list[int] = []
        for number in range(size):
            if data.draw(st.booleans()):
                store.messages.append("u", "user", "between")
            above = data.draw(st.none() | st.sampled_from(made)) if made else None
            text = f"{number} {data.draw(st.text(max_size=3))}"
            if above is None:
                made.append(store.messages.append("t", "user", text, {"n": number}))
            else:
                made.append(store.messages.fork(above, "user", text))
        store.messages.checkout("t", data.draw(st.sampled_from(made)))
        once = bundle_of(store, folder / "once")
        copy = put(store, once, new_ids=True).thread_id
        assert copy is not None
        twice = bundle_of(store, folder / "twice", copy)
        assert in_order(twice) == in_order(once)
        assert max(made) < min(message.id for message in store.messages.all(copy))
        original = store.threads.get("t")
    with StateStore.open(folder / "other.db", clock=Clock()) as other:
        put(other, once)
        assert other.threads.get("t") == original


def in_order(bundle: bytes) -> list[dict[str, Any]]:
    """Return a bundle's rows with ids by their place, as far as they are of this thread."""
    found = unsealed(bundle)[1:]
    places = {
        line["row"]["id"]: f"#{place}"
        for place, line in enumerate(one for one in found if one["table"] == "messages")
    }
    for line in found:
        row = line["row"]
        for name in ("parent_entry_id", "current_leaf_id"):
            if row.get(name) is not None:
                row[name] = places[row[name]]
        row["id"] = places.get(row.get("id"), "thread")
        row.pop("thread_id", None)
    return found


# Nothing is written.


def test_a_dry_run_writes_nothing(store: StateStore, bundle: bytes, tmp_path: Path) -> None:
    with other_store(tmp_path) as other:
        fill_thread(other, "u")
        before = dump(other.path)
        with StateStore.open(other.path, read_only=True) as reader:
            copy = put(reader, bundle, new_ids=True, dry_run=True)
        assert (copy.thread_id, copy.created, copy.added, copy.hidden) == (None, True, 4, 1)
        assert dump(other.path) == before
    assert put(store, bundle, dry_run=True).created is False
    nowhere = Nowhere().insert_bundle(BytesIO(bundle))
    assert (nowhere.thread_id, nowhere.created, nowhere.messages) == ("t", True, 4)


@pytest.mark.parametrize("new_ids", [False, True])
@pytest.mark.parametrize(
    "damage",
    [
        lambda bundle: bundle[:-1],
        lambda bundle: bundle[: len(bundle) // 2],
        lambda bundle: bundle.replace(b"text b", b"text x"),
        lambda bundle: bundle + b"\n",
        lambda bundle: bundle[:0],
        lambda bundle: sealed([*unsealed(bundle)[:-1]]),
        lambda bundle: sealed([*unsealed(bundle)[:-1], {"table": "jobs", "row": {"id": "j"}}]),
    ],
)
def test_a_bundle_that_is_not_whole_changes_nothing(
    bundle: bytes,
    tmp_path: Path,
    damage: Callable[[bytes], bytes],
    *,
    new_ids: bool,
) -> None:
    with other_store(tmp_path) as other:
        fill_thread(other, "u") if new_ids else None
        before = dump(other.path)
        for dry_run in (True, False):
            with pytest.raises(BadInputError):
                put(other, damage(bundle), new_ids=new_ids, dry_run=dry_run)
        assert dump(other.path) == before
    with pytest.raises(BadInputError):
        Nowhere().insert_bundle(BytesIO(damage(bundle)))


def doubled(bundle: bytes, table: str) -> list[bytes]:
    """Return a bundle's lines with the first row of a table twice."""
    lines = bundle.splitlines(keepends=True)
    place = next(at for at, line in enumerate(lines) if f'"table":"{table}"'.encode() in line)
    return [*lines[:place], lines[place], *lines[place:]]


def refusals(folder: Path, made: bytes, ids: Sequence[bool] = (False, True)) -> set[str]:
    """Return why a bundle is refused, with new ids and without: tried, done, and with no store."""
    found = set()
    with other_store(folder) as other:
        before = dump(other.path)
        for new_ids in ids:
            for dry_run in (False, True):
                with pytest.raises(BadInputError) as caught:
                    put(other, made, new_ids=new_ids, dry_run=dry_run)
                found.add(str(caught.value))
            with pytest.raises(BadInputError) as caught:
                Nowhere().insert_bundle(BytesIO(made), new_ids=new_ids)
            found.add(str(caught.value))
        assert dump(other.path) == before
    return {one.replace(str(other.path), "the store") for one in found}


TABLES: Final = (
    *("threads", "messages", "checkpoints", "thread_goals"),
    *("agentstate_imports", "agentstate_imported_messages"),
)


@pytest.mark.parametrize("table", TABLES)
def test_a_line_that_stands_twice_is_no_conflict(bundle: bytes, tmp_path: Path, table: str) -> None:
    lines = doubled(bundle, table)
    assert refusals(tmp_path, b"".join(lines)) == {
        "the bundle was changed: its end does not fit the rest"
    }
    header, *rows = unsealed(b"".join(lines))
    header["rows"][table] += 1
    # A copy is without what says of which session it is, where another thread says so.
    ids = [False] if table == "agentstate_imports" else [False, True]
    (why,) = refusals(tmp_path, sealed([header, *rows]), ids)
    assert re.fullmatch(r"line \d+ of the bundle: it holds this twice", why)


def test_a_bundle_that_was_changed_is_no_conflict_where_an_id_is_taken(
    bundle: bytes, tmp_path: Path
) -> None:
    with other_store(tmp_path) as other:
        fill_thread(other, "u")
        before = dump(other.path)
        for dry_run in (True, False):
            with pytest.raises(BadInputError, match="its end does not fit"):
                put(other, bundle.replace(b"mine", b"MINE"), dry_run=dry_run)
            with pytest.raises(BadInputError, match="cut short"):
                put(other, bundle[:-1], dry_run=dry_run)
        assert dump(other.path) == before


@pytest.mark.parametrize(
    ("cell", "value", "why"),
    [
        ("messages.content", "\ud800", "lone surrogate"),
        ("threads.title", "\ud800", "lone surrogate"),
        ("messages.id", 5.5, "datatype mismatch|a message without an id"),
        ("messages.id", "x", "datatype mismatch|a message without an id"),
        ("messages.content", None, "NOT NULL"),
    ],
)
def test_a_dry_run_refuses_what_an_import_does(
    bundle: bytes, tmp_path: Path, cell: str, value: object, why: str
) -> None:
    found = refusals(tmp_path, with_cell(bundle, cell, value))
    tables = [line["table"] for line in unsealed(bundle)[1:]]
    line = tables.index(cell.partition(".")[0]) + 2
    assert all(re.match(f"line {line} of the bundle: .*({why})", one) for one in found)


def with_cell(bundle: bytes, cell: str, value: object) -> bytes:
    """Return a bundle with another value in the first row of a table."""
    header, *rows = unsealed(bundle)
    table, column = cell.split(".")
    next(line for line in rows if line["table"] == table)["row"][column] = value
    return sealed([header, *rows])


def test_a_row_of_a_message_that_is_not_there(bundle: bytes, tmp_path: Path) -> None:
    cell = "agentstate_imported_messages.message_id"
    (why,) = refusals(tmp_path, with_cell(bundle, cell, -5), [False])
    assert why.endswith("FOREIGN KEY constraint failed")
    with other_store(tmp_path) as other:
        copy = put(other, with_cell(bundle, cell, -5), new_ids=True).thread_id
        assert copy is not None
        assert other.imports.hidden(copy) == frozenset()
        assert {one.slug for one in examine(other.path).findings} <= {"rollout_missing"}


def test_a_dry_run_knows_the_tables_that_others_have_added(bundle: bytes, tmp_path: Path) -> None:
    more = "CREATE TABLE notes (thread TEXT REFERENCES threads(id) ON DELETE CASCADE, n UNIQUE)"
    header, *rows = unsealed(bundle)
    rows += [{"table": "notes", "row": {"thread": "t", "n": n}} for n in (1, 2)]
    header["rows"]["notes"] = 2
    with other_store(tmp_path) as other:
        with pytest.raises(BadInputError, match="no table 'notes'"):
            put(other, sealed([header, *rows]), dry_run=True)
        with raw(other.path) as connection:
            connection.execute(more)
        assert put(other, sealed([header, *rows]), dry_run=True).created
        rows[-1]["row"]["n"] = 1
        for dry_run in (True, False):
            with pytest.raises(ConflictError, match="a row of notes"):
                put(other, sealed([header, *rows]), dry_run=dry_run)
        assert other.threads.get("t") is None


def test_a_bundle_says_json_of_the_tables(bundle: bytes) -> None:
    tables = [json.loads(line).get("table") for line in bundle.splitlines()]
    assert tables.count("agentstate_imports") == 1
    assert tables.count("agentstate_imported_messages") == 3
