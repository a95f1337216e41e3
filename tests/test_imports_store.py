"""What the store makes of sessions: threads that grow with their source, and nothing of others'."""

from __future__ import annotations

import io
from itertools import permutations
from typing import TYPE_CHECKING, Any, Final

import pytest

from agentstate import (
    BadInputError,
    ConflictError,
    SessionSource,
    StateStore,
    StoreTooNewError,
    StoreUnavailableError,
    ThreadStatus,
    examine,
    recover,
)
from agentstate.formats.events import Message, Relation, Start
from agentstate.reports.imports import LeafMove
from agentstate.store.imports.joining import waits_in
from agentstate.store.imports.nowhere import Nowhere
from bundle_support import bundle_of, dump
from sessions import SOURCE, chain, contents, merge, parents, said, session
from support import NOW, Clock, copy_store, raw, rows, set_version, snapshot, thread

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate.formats.events import Event

OWN: Final = "SELECT name FROM sqlite_schema WHERE name LIKE '%agentstate%'"
LARGE: Final = "x" * 900_000
"""Some of these fill a transaction."""


# A session comes in.


def test_a_session_becomes_a_thread(store: StateStore) -> None:
    messages = [
        said("a", None, hidden=True),
        said("b", "a", role="assistant", content="Hello", item='{"n": 1.10}', created_at=150),
    ]
    fields: dict[str, Any] = {
        "title": "Fix it",
        "preview": "Why?",
        "cwd": "/w/app",
        "model_provider": "acme",
        "cli_version": "1.2",
        "git_branch": "main",
        "git_sha": "abc",
        "git_origin_url": "git@x:y",
        "source": SessionSource.INTERACTIVE,
        "parent_session_id": "s-0",
        "relation": Relation.FORK,
    }
    done = merge(store, session(messages, **fields))
    assert (done.thread_id, done.name, done.created) == ("s-1", "Fix it", True)
    assert (done.messages, done.hidden, done.added, done.leaf) == (2, 1, 2, LeafMove.MOVED)
    assert (done.parent_session_id, done.relation) == ("s-0", "fork")
    kept = store.threads.get("s-1")
    assert kept == thread(
        "s-1",
        name="Fix it",
        preview="Why?",
        cwd="/w/app",
        model_provider="acme",
        cli_version="1.2",
        git_branch="main",
        git_sha="abc",
        git_origin_url="git@x:y",
        source=SessionSource.INTERACTIVE,
        rollout_path=SOURCE,
        created_at=100,
        updated_at=200,
        current_leaf_id=2,
    )
    first, second = store.messages.branch("s-1", raw_json=True)
    assert (second.role, second.content, second.item) == ("assistant", "Hello", '{"n": 1.10}')
    assert (second.created_at, second.parent_entry_id) == (150, first.id)
    assert store.imports.hidden("s-1") == {first.id}
    assert store.index.name_of("s-1") == "Fix it"
    assert store.index.path_of_name("Fix it") == SOURCE
    origin = store.imports.get("s-1")
    assert origin is not None
    assert (origin.format, origin.session_id, origin.source_path) == ("test", "s-1", SOURCE)
    assert (origin.parent_session_id, origin.relation) == ("s-0", "fork")
    assert origin.imported_at == NOW
    assert store.imports.list() == [origin]


def test_reading_makes_no_tables(store: StateStore) -> None:
    assert store.imports.hidden("s-1") == frozenset()
    assert store.imports.get("s-1") is None
    assert store.imports.list() == []
    merge(store, session(chain("a")), dry_run=True)
    assert rows(store.path, OWN) == []


def test_sessions_of_two_formats_may_have_one_id(store: StateStore) -> None:
    first = merge(store, session(chain("a")))
    (second,) = store.imports.merge(session(chain("a")), format_name="other", source=SOURCE)
    assert first.thread_id == "s-1"
    assert second.created
    assert second.thread_id not in {None, "s-1"}


@pytest.mark.parametrize(
    "session_id",
    ["", "@last", "a~1", "a:b", "a b", "a\tb", "a\nb", "-x", "x" * 129, "a\x00", "\u202ea"],
)
def test_an_id_that_nobody_could_type_is_not_a_threads(store: StateStore, session_id: str) -> None:
    done = merge(store, session(chain("a"), session_id))
    assert done.thread_id not in {None, session_id}
    again = merge(store, session(chain("a"), session_id))
    assert (again.thread_id, again.added) == (done.thread_id, 0)


def test_a_thread_that_was_not_imported_is_never_touched(talk: StateStore) -> None:
    before = (talk.threads.get("t"), list(talk.messages.all("t")))
    done = merge(talk, session(chain("a"), "t"))
    assert done.thread_id not in {None, "t"}
    assert (talk.threads.get("t"), list(talk.messages.all("t"))) == before


def test_a_session_without_messages_is_none(store: StateStore) -> None:
    assert list(store.imports.merge(session([]), format_name="test", source=SOURCE)) == []
    assert store.threads.ids() == []


def test_an_archived_session_is_an_archived_thread(store: StateStore) -> None:
    merge(store, session(chain("a"), archived=True))
    kept = store.threads.get("s-1")
    assert kept is not None
    assert (kept.archived, kept.archived_at, kept.status) == (True, 200, ThreadStatus.ARCHIVED)
    store.threads.unarchive("s-1")
    merge(store, session(chain("a", "b"), archived=True))
    kept = store.threads.get("s-1")
    assert kept is not None
    assert not kept.archived, "a person took it out of the archive"


def test_archiving_follows_the_source(store: StateStore) -> None:
    merge(store, session(chain("a")))
    merge(store, session(chain("a"), archived=True))
    kept = store.threads.get("s-1")
    assert kept is not None
    assert kept.archived


def test_ids_are_never_used_again(store: StateStore) -> None:
    merge(store, session(chain("a", "b", "c")))
    store.threads.delete("s-1")
    merge(store, session(chain("a")))
    assert [message.id for message in store.messages.all("s-1")] == [4]


def test_bad_text_is_refused_and_nothing_is_written(store: StateStore) -> None:
    with pytest.raises(BadInputError):
        merge(store, session([said("a", None, content="\ud800")]))
    assert store.threads.ids() == []
    assert rows(store.path, OWN) == []


# It comes in again.


def test_again_writes_nothing(store: StateStore) -> None:
    merge(store, session(chain("a", "b"), title="T"))
    before = snapshot(store.path.parent)
    done = merge(store, session(chain("a", "b"), title="T"))
    assert (done.created, done.added, done.leaf) == (False, 0, LeafMove.UNCHANGED)
    assert snapshot(store.path.parent) == before


def test_only_what_is_new_is_added(store: StateStore, clock: Clock) -> None:
    merge(store, session(chain("a", "b")))
    clock.now += 10
    done = merge(store, session(chain("a", "b", "c"), updated_at=300))
    assert (done.messages, done.added, done.leaf) == (3, 1, LeafMove.MOVED)
    assert contents(store) == ["text a", "text b", "text c"]
    kept, origin = store.threads.get("s-1"), store.imports.get("s-1")
    assert kept is not None
    assert origin is not None
    assert (kept.updated_at, origin.imported_at) == (300, NOW + 10)


def test_a_fork_and_a_rewind_are_followed(store: StateStore) -> None:
    merge(store, session(chain("a", "b", "c")))
    forked = merge(store, session([*chain("a", "b", "c"), said("d", "a")]))
    assert forked.leaf is LeafMove.MOVED
    assert contents(store) == ["text a", "text d"]
    rewound = merge(store, session([*chain("a", "b", "c"), said("d", "a")], leaf="b"))
    assert (rewound.added, rewound.leaf) == (0, LeafMove.MOVED)
    assert contents(store) == ["text a", "text b"]


def test_a_leaf_that_somebody_moved_stays(store: StateStore) -> None:
    merge(store, session(chain("a", "b")))
    store.messages.append("s-1", "user", "mine")
    done = merge(store, session(chain("a", "b", "c")))
    assert (done.added, done.leaf) == (1, LeafMove.KEPT)
    assert contents(store) == ["text a", "text b", "mine"]
    assert parents(store)["text c"] == "text b"
    # Who goes where the source is, is taken along from then on.
    (leaf,) = [m.id for m in store.messages.all("s-1") if m.content == "text c"]
    store.messages.checkout("s-1", leaf)
    assert merge(store, session(chain("a", "b", "c"))).leaf is LeafMove.UNCHANGED
    assert merge(store, session(chain("a", "b", "c", "d"))).leaf is LeafMove.MOVED


def test_a_name_follows_the_title_until_somebody_gives_another(store: StateStore) -> None:
    def name() -> str | None:
        kept = store.threads.get("s-1")
        assert kept is not None
        return kept.name

    merge(store, session(chain("a")))
    assert name() is None
    assert merge(store, session(chain("a"), title="One")).name == "One"
    merge(store, session(chain("a"), title="Two"))
    assert name() == "Two"
    assert store.index.name_of("s-1") == "Two"
    store.threads.rename("s-1", "Mine")
    assert merge(store, session(chain("a"), title="Three")).name == "Mine"
    store.threads.rename("s-1", None)
    merge(store, session(chain("a"), title="Four"))
    assert name() is None, "it was taken away"


def test_a_name_that_is_asked_for_is_given_and_stays(store: StateStore) -> None:
    assert merge(store, session(chain("a"), title="One"), name="Mine").name == "Mine"
    assert merge(store, session(chain("a"), title="Two")).name == "Mine"
    assert merge(store, session(chain("a"), title="Two"), name="Other").name == "Other"


def test_what_somebody_changed_is_not_changed_back(store: StateStore) -> None:
    merge(store, session(chain("a"), cwd="/w", updated_at=200))
    store.threads.update("s-1", cwd="/mine", rollout_path="/mine.jsonl", updated_at=900)
    merge(store, session(chain("a", "b"), cwd="/w", updated_at=300, preview="late"), "/moved.jsonl")
    kept = store.threads.get("s-1")
    assert kept is not None
    assert (kept.cwd, kept.rollout_path, kept.updated_at) == ("/mine", "/mine.jsonl", 900)
    assert kept.preview == "late", "what was empty is filled in"


def test_a_file_that_moved_is_followed(store: StateStore) -> None:
    merge(store, session(chain("a")))
    merge(store, session(chain("a")), "/moved.jsonl")
    assert store.threads.rollout_path("s-1") == "/moved.jsonl"


def test_cleared_messages_come_again(store: StateStore) -> None:
    merge(store, session(chain("a", "b")))
    store.messages.clear("s-1")
    assert rows(store.path, "SELECT * FROM agentstate_imported_messages") == []
    assert merge(store, session(chain("a", "b"))).added == 2
    assert contents(store) == ["text a", "text b"]


def test_a_source_that_goes_on_with_another(store: StateStore) -> None:
    first = [message._replace(position=at) for at, message in enumerate(chain("1:0", "1:1", "1:2"))]
    merge(store, session(first, updated_at=200), "/1.jsonl")
    second = [
        said("2:0", None, position=2),
        said("2:1", "2:0", position=3),
        said("2:2", None, position=4),
    ]
    events = session(second, leaf="2:1", continues_before=2, updated_at=300)
    assert merge(store, events, "/2.jsonl").leaf is LeafMove.MOVED
    assert contents(store) == ["text 1:0", "text 1:1", "text 2:0", "text 2:1"]
    assert parents(store)["text 2:2"] == "text 1:1"
    # The older file again, and the newer: nothing goes back and forth.
    for source, events in (
        ("/1.jsonl", session(first, updated_at=200)),
        ("/2.jsonl", session(second, leaf="2:1", continues_before=2, updated_at=300)),
    ):
        done = merge(store, events, source)
        assert (done.added, done.leaf) == (0, LeafMove.UNCHANGED)
    assert store.threads.rollout_path("s-1") == "/2.jsonl"


def rollouts() -> dict[str, list[Event]]:
    """Return four sources of one session: 2 goes on with 1, and 3 with 2, as does 4."""

    def source(number: int, begin: int, count: int, before: int | None = None) -> list[Event]:
        names = [f"{number}:{place}" for place in range(begin, begin + count)]
        messages = [one._replace(position=begin + place) for place, one in enumerate(chain(*names))]
        return session(messages, continues_before=before, updated_at=100 * number)

    return {
        "/1": source(1, 0, 4),
        "/2": source(2, 3, 3, before=3),
        "/3": source(3, 6, 2, before=6),
        "/4": source(4, 6, 2, before=6),
    }


JOINED: Final = {
    "text 1:0": None,
    "text 1:1": "text 1:0",
    "text 1:2": "text 1:1",
    "text 1:3": "text 1:2",
    "text 2:3": "text 1:2",
    "text 2:4": "text 2:3",
    "text 2:5": "text 2:4",
    "text 3:6": "text 2:5",
    "text 3:7": "text 3:6",
    "text 4:6": "text 2:5",
    "text 4:7": "text 4:6",
}


@pytest.mark.parametrize("order", [*permutations(("/1", "/2", "/3", "/4"))], ids="".join)
def test_sources_that_go_on_with_one_another_may_come_in_any_order(
    store: StateStore, order: tuple[str, ...]
) -> None:
    for source in order:
        merge(store, rollouts()[source], source)
    assert parents(store) == JOINED
    assert contents(store)[-1] == "text 4:7", "the leaf is the newest source's"
    before = snapshot(store.path.parent)
    for source in order:
        done = merge(store, rollouts()[source], source)
        assert (done.added, done.leaf) == (0, LeafMove.UNCHANGED)
    assert snapshot(store.path.parent) == before, "again writes nothing"


def test_what_somebody_added_stays_below_what_waits(store: StateStore) -> None:
    merge(store, rollouts()["/2"], "/2")
    store.messages.append("s-1", "user", "mine")
    assert contents(store) == ["text 2:3", "text 2:4", "text 2:5", "mine"]
    assert merge(store, rollouts()["/1"], "/1").leaf is LeafMove.UNCHANGED
    merge(store, rollouts()["/3"], "/3")
    assert contents(store)[:4] == ["text 1:0", "text 1:1", "text 1:2", "text 2:3"]
    assert contents(store)[-1] == "mine"
    assert parents(store)["text 3:6"] == "text 2:5"


def test_a_large_source_is_gone_on_with_at_its_end(store: StateStore) -> None:
    merge(store, session([said("b", None)], continues_before=30, updated_at=900), "/2.jsonl")
    places = iter(range(30))
    whole = [
        event._replace(position=next(places)) if isinstance(event, Message) else event
        for event in large()
    ]
    merge(store, whole)
    assert len(contents(store)) == 31
    assert contents(store)[-1] == "text b"


def test_what_came_loose_is_joined_again(store: StateStore) -> None:
    for source, events in rollouts().items():
        merge(store, events, source)
    with raw(store.path) as connection:
        connection.execute("UPDATE messages SET parent_entry_id = NULL WHERE content = 'text 2:3'")
        connection.execute("UPDATE messages SET parent_entry_id = 999 WHERE content = 'text 3:6'")
    loose = dump(store.path)
    merge(store, rollouts()["/1"], "/1", dry_run=True)
    assert dump(store.path) == loose
    merge(store, rollouts()["/1"], "/1")
    assert parents(store) == JOINED


def test_a_source_whose_start_was_written_anew_makes_no_ring(store: StateStore) -> None:
    first = said("2:1", None, position=200)
    merge(store, session([first], continues_before=100), "/2.jsonl")
    grown = [first, said("2:2", "2:1", position=60)]
    merge(store, session(grown, continues_before=50), "/2.jsonl")
    assert parents(store) == {"text 2:1": None, "text 2:2": "text 2:1"}
    before = snapshot(store.path.parent)
    merge(store, session(grown, continues_before=50), "/2.jsonl")
    assert snapshot(store.path.parent) == before


def test_what_waits_is_found_by_its_index(store: StateStore) -> None:
    merge(store, session(chain(*map(str, range(300)))))
    plan = rows(store.path, "EXPLAIN QUERY PLAN SELECT " + waits_in("'s-1'"))
    assert "idx_agentstate_awaiting_messages" in plan[-1][3]


def test_what_waits_waits_in_a_bundle_too(store: StateStore, tmp_path: Path) -> None:
    merge(store, rollouts()["/3"], "/3")
    bundle = bundle_of(store, tmp_path / "bundle", "s-1")
    with StateStore.open(tmp_path / "other.db") as other:
        other.imports.insert_bundle(io.BytesIO(bundle))
        merge(other, rollouts()["/1"], "/1")
        merge(other, rollouts()["/2"], "/2")
        assert parents(other)["text 3:6"] == "text 2:5"
    recover(store.path, tmp_path / "recovered.db")
    with StateStore.open(tmp_path / "recovered.db") as recovered:
        merge(recovered, rollouts()["/1"], "/1")
        assert parents(recovered)["text 3:6"] == "text 1:3"
    store.trash.put("s-1")
    store.trash.restore("s-1")
    merge(store, rollouts()["/1"], "/1")
    assert parents(store)["text 3:6"] == "text 1:3"
    assert [one.slug for one in examine(store.path).findings] == ["rollout_missing"]


def test_a_source_that_tells_no_name_takes_none_away(store: StateStore) -> None:
    def name_after(source: str, **fields: Any) -> str | None:  # noqa: ANN401 - a session's fields
        merge(store, session(chain(source), **fields), source)
        kept = store.threads.get("s-1")
        assert kept is not None
        return kept.name

    assert name_after("/2", updated_at=300) is None
    words: dict[str, Any] = {"title": "words", "is_named": False}
    assert name_after("/1", updated_at=200, **words) == "words", "an older one may fill it in"
    assert name_after("/3", updated_at=400, title="more", is_named=False) == "words"
    assert name_after("/4", updated_at=500, title="Named") == "Named"
    assert name_after("/5", updated_at=600) == "Named"
    assert name_after("/1", updated_at=700, **words) == "Named"
    assert name_after("/6", updated_at=650, title="Old") == "Named"
    assert name_after("/7", updated_at=800, title="New") == "New"
    store.threads.rename("s-1", None)
    assert name_after("/1", updated_at=900, **words) is None, "it was taken away"


# Options.


def test_since_leaves_out_what_has_not_changed(store: StateStore) -> None:
    events = [
        *session(chain("a"), "old", updated_at=100),
        *session(chain("a"), "new", updated_at=200),
    ]
    done = store.imports.merge(events, format_name="test", source=SOURCE, since=200)
    assert [one.session_id for one in done] == ["new"]
    assert store.threads.ids() == ["new"]


@pytest.mark.parametrize(
    ("rules", "cwd", "expected"),
    [
        ([("/home/a", "/Users/b")], "/home/a/src", "/Users/b/src"),
        ([("/home/a", "/Users/b")], "/home/a", "/Users/b"),
        ([("/home/a", "/Users/b")], "/home/ab/src", "/home/ab/src"),
        ([("/home/a/", "/Users/b/")], "/home/a/src", "/Users/b/src"),
        ([("/", "/mnt")], "/w", "/mnt/w"),
        ([("/w", "/")], "/w/a", "/a"),
        ([("/w", "/")], "/w", "/"),
        ([("/x", "/y"), ("/w", "/v"), ("/w/a", "/u")], "/w/a", "/v/a"),
        ([("/w", "/v")], "", ""),
    ],
)
def test_paths_are_put_elsewhere_by_whole_parts(
    store: StateStore, rules: list[tuple[str, str]], cwd: str, expected: str
) -> None:
    merge(store, session(chain("a"), cwd=cwd), remap=rules)
    kept = store.threads.get("s-1")
    assert kept is not None
    assert kept.cwd == expected


def test_the_source_is_remembered_as_it_is(store: StateStore) -> None:
    merge(store, session(chain("a")), remap=[("/logs", "/elsewhere")])
    origin = store.imports.get("s-1")
    assert origin is not None
    assert origin.source_path == SOURCE
    assert store.threads.rollout_path("s-1") == "/elsewhere/s-1.jsonl"


def test_a_dry_run_says_what_would_be_done(store: StateStore) -> None:
    merge(store, session(chain("a", "b")))
    store.threads.create(thread("taken"))
    before = snapshot(store.path.parent)
    events = [
        *session(chain("a", "b", "c"), title="T"),
        *session(chain("a", "b"), "new"),
        *session(chain("a"), "taken"),
    ]
    with StateStore.open(store.path, read_only=True) as reader:
        grown, new, taken = reader.imports.merge(
            events, format_name="test", source=SOURCE, dry_run=True
        )
        with pytest.raises(StoreUnavailableError, match="reading only"):
            merge(reader, session(chain("a")))
    assert (grown.created, grown.added, grown.leaf, grown.name) == (False, 1, LeafMove.MOVED, "T")
    assert (new.thread_id, new.created, new.added) == ("new", True, 2)
    assert (taken.thread_id, taken.created) == (None, True)
    assert snapshot(store.path.parent) == before


def test_without_a_store_everything_is_new() -> None:
    events = [
        *session(chain("a", "b", hidden="a"), title="T"),
        *session(chain("a"), "@x"),
        *session([], "empty"),
        *session(chain("a"), "old", updated_at=1),
    ]
    first, second = Nowhere().merge(events, format_name="test", source=SOURCE, since=100)
    assert (first.thread_id, first.name, first.created) == ("s-1", "T", True)
    assert (first.messages, first.hidden, first.added) == (2, 1, 2)
    assert second.thread_id is None


# Large sessions, and others at work meanwhile.


def large(number: int = 30) -> list[Event]:
    natives = [str(one) for one in range(number)]
    messages = [message._replace(content=LARGE) for message in chain(*natives)]
    return session(messages, title="Large", cwd="/w")


def test_a_large_session_comes_in_parts_and_is_whole_at_the_end(store: StateStore) -> None:
    seen: list[tuple[int, bool]] = []

    def look() -> None:
        with StateStore.open(store.path, timeout=0) as other:
            # It is sound, and the agent's writes get in between.
            branch = other.messages.branch("s-1", None)
            seen.append((len(branch), branch[-1].id == other.messages.leaf_of("s-1")))
            other.messages.append("agents", "user", "meanwhile")

    store.threads.create(thread("agents"))
    done = merge(store, large(), progress=look)
    assert (done.created, done.added, done.leaf) == (True, 30, LeafMove.MOVED)
    assert len(seen) > 2
    assert [number for number, _ in seen] == sorted({number for number, _ in seen})
    assert all(sound for _, sound in seen)
    assert [m.parent_entry_id for m in store.messages.branch("s-1", None)][1:] == [
        m.id for m in store.messages.branch("s-1", None)
    ][:-1]
    kept = store.threads.get("s-1")
    assert kept is not None
    assert (kept.name, kept.cwd) == ("Large", "/w")
    assert len(list(store.messages.all("agents"))) == len(seen)


def test_what_an_interruption_left_is_completed(store: StateStore) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(store, large(), progress=interrupt)
    short = len(store.messages.branch("s-1", None))
    assert 0 < short < 30
    done = merge(store, large())
    assert (done.created, done.added, done.leaf) == (False, 30 - short, LeafMove.MOVED)
    assert len(store.messages.branch("s-1", None)) == 30
    kept = store.threads.get("s-1")
    assert kept is not None
    assert (kept.name, kept.cwd, kept.created_at) == ("Large", "/w", 100)
    assert store.index.name_of("s-1") == "Large"


def test_a_thread_that_is_deleted_meanwhile_is_said(store: StateStore) -> None:
    def delete() -> None:
        with StateStore.open(store.path) as other:
            if other.threads.exists("s-1"):
                other.threads.delete("s-1")

    with pytest.raises(ConflictError, match="'s-1' was deleted while it was imported"):
        merge(store, large(), progress=delete)


def test_a_thread_that_is_cleared_meanwhile_stays_sound(store: StateStore) -> None:
    cleared: list[int] = []

    def clear() -> None:
        if not cleared:
            with StateStore.open(store.path) as other:
                cleared.append(other.messages.clear("s-1"))

    merge(store, large(), progress=clear)
    assert len(store.messages.branch("s-1", None)) == 30 - cleared[0]
    assert merge(store, large()).added == cleared[0]


def test_an_id_that_comes_twice_is_one_message(store: StateStore) -> None:
    near = [*chain("a", "b"), said("a", "b"), said("c", "b")]
    assert merge(store, session(near)).added == 3
    far = [message for message in large()[1:-1] if not isinstance(message, Start)]
    assert merge(store, session([*far, *far[:3]], "s-2", leaf="29")).added == 30  # type: ignore[list-item] # all are messages


def test_many_small_sessions_share_a_transaction(store: StateStore) -> None:
    calls: list[None] = []
    events = [event for n in range(50) for event in session(chain("a", "b"), f"s-{n}")]
    done = store.imports.merge(
        events, format_name="test", source=SOURCE, progress=lambda: calls.append(None)
    )
    assert [one.session_id for one in done] == [f"s-{n}" for n in range(50)]
    assert len(calls) == 1
    assert len(store.index.list()) == 50


# The tables, and what others do.


def test_tables_of_a_newer_program_are_not_written(store: StateStore) -> None:
    merge(store, session(chain("a", "b", hidden="a")))
    with raw(store.path) as connection:
        connection.execute("UPDATE agentstate_meta SET value = 2 WHERE key = 'version'")
    before = dump(store.path)
    with pytest.raises(StoreTooNewError, match="tables of imports are at version 2"):
        merge(store, session(chain("a", "b", "c")))
    assert dump(store.path) == before
    assert store.imports.hidden("s-1") == {1}
    store.messages.append("s-1", "user", "as ever")


@pytest.mark.parametrize(
    ("enforced", "statement"),
    [
        (True, "DELETE FROM threads WHERE id = 's-1'"),
        (True, "DELETE FROM messages WHERE thread_id = 's-1'"),
        (True, "DELETE FROM messages WHERE id = 2"),
        (False, "DELETE FROM threads WHERE id = 's-1'"),
        (False, "DELETE FROM messages WHERE thread_id = 's-1'"),
        (False, "DELETE FROM messages WHERE id = 3"),
    ],
)
def test_what_the_agent_deletes_comes_again(
    store: StateStore, statement: str, *, enforced: bool
) -> None:
    merge(store, session(chain("a", "b", "c")))
    with raw(store.path) as connection:
        connection.execute(f"PRAGMA foreign_keys = {enforced}")
        connection.execute(statement)
        if "FROM threads" in statement:
            connection.execute("DELETE FROM messages WHERE thread_id = 's-1'")
        left = connection.execute(
            "SELECT count(*) FROM agentstate_imported_messages "
            "WHERE message_id NOT IN (SELECT id FROM messages)"
        ).fetchone()
    assert (left == (0,)) is enforced
    merge(store, session(chain("a", "b", "c"), leaf="a"))
    assert sorted(parents(store)) == ["text a", "text b", "text c"]
    assert rows(store.path, "SELECT count(*) FROM pragma_foreign_key_check") == [(0,)]


def test_what_the_agent_deletes_of_a_source_of_many_comes_again(store: StateStore) -> None:
    events = [
        event for number in range(1, 5) for event in session(chain("a", "b", "c"), f"s-{number}")
    ]
    list(store.imports.merge(events, format_name="test", source=SOURCE))
    with raw(store.path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM threads WHERE id IN ('s-2', 's-3')")
        connection.execute("DELETE FROM messages WHERE thread_id IN ('s-2', 's-3')")
        connection.execute("DELETE FROM agentstate_imports WHERE thread_id = 's-3'")
    done = store.imports.merge(events, format_name="test", source=SOURCE)
    assert [(one.thread_id, one.created, one.added) for one in done] == [
        ("s-1", False, 0),
        ("s-2", True, 3),
        ("s-3", True, 3),
        ("s-4", False, 0),
    ]
    assert rows(store.path, "SELECT count(*) FROM messages") == [(12,)]
    assert examine(store.path).healthy


def test_a_source_that_tells_one_session_twice_has_it_once(store: StateStore) -> None:
    events = [
        *session(chain("a", "b")),
        *session(chain("a"), "s-2"),
        *session(chain("a", "b", "c")),
    ]
    done = store.imports.merge(events, format_name="test", source=SOURCE)
    assert [(one.thread_id, one.created, one.added) for one in done] == [
        ("s-1", True, 2),
        ("s-2", True, 1),
        ("s-1", False, 1),
    ]
    assert parents(store) == {"text a": None, "text b": "text a", "text c": "text b"}


def test_a_line_of_the_index_that_a_killed_import_owes_comes_again(store: StateStore) -> None:
    events = [*session(chain("a")), *session(chain("b"), "s-2", title="T")]
    list(store.imports.merge(events, format_name="test", source=SOURCE))
    kept, index = [*store.index.list()], store.path.with_name("session_index.jsonl")
    index.write_bytes(index.read_bytes().splitlines(keepends=True)[0])
    list(store.imports.merge(events, format_name="test", source=SOURCE, dry_run=True))
    assert [*store.index.list()] == kept[:1]
    with StateStore.open(store.path) as another:
        list(another.imports.merge(events, format_name="test", source=SOURCE))
    assert [*store.index.list()] == kept
    before = snapshot(store.path.parent)
    list(store.imports.merge(events, format_name="test", source=SOURCE))
    assert snapshot(store.path.parent) == before


def test_tables_that_lack_later_columns_get_them(store: StateStore) -> None:
    for source in ("/2", "/1"):
        merge(store, rollouts()[source], source)
    with raw(store.path) as connection:
        for column in ("awaits_source", "awaits_turns"):
            connection.execute(f"ALTER TABLE agentstate_imported_messages DROP COLUMN {column}")
    with StateStore.open(store.path) as another:
        assert merge(another, rollouts()["/3"], "/3", dry_run=True).added == 2
        for source in ("/4", "/3"):
            merge(another, rollouts()[source], source)
        assert parents(another) == JOINED
    assert examine(store.path).healthy


def test_deleting_is_fast_where_much_was_imported(store: StateStore) -> None:
    merge(store, session(chain(*map(str, range(300)))))
    plan = rows(
        store.path,
        "EXPLAIN QUERY PLAN DELETE FROM agentstate_imported_messages WHERE message_id = 1",
    )
    assert "PRIMARY KEY" in plan[0][3]
    store.threads.delete("s-1")
    assert rows(store.path, "SELECT count(*) FROM agentstate_imported_messages") == [(0,)]
    assert rows(store.path, "SELECT count(*) FROM agentstate_imports") == [(0,)]


def test_an_old_store_is_migrated_and_takes_imports(tmp_path: Path) -> None:
    path = copy_store("v0", tmp_path)
    with StateStore.open(path) as store:
        merge(store, session(chain("a", "b")))
        before = dump(path)
    set_version(path, 0)
    with StateStore.open(path) as store:
        assert store.info().counts["agentstate_imported_messages"] == 2
        assert dump(path) == before
        assert merge(store, session(chain("a", "b"))).added == 0
