"""Rollouts of Codex that go on with one another: one thread, whichever file comes first."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate import StateStore
from agentstate.formats.source import Source
from agentstate.reports.imports import LeafMove
from agentstate.store.imports.files import ImportChoices, import_sources
from examples import examples
from format_support import lines
from sessions import contents, parents

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentstate.reports.imports import ImportedThread

THREAD: Final = "01234567-89ab-7cde-8f01-23456789abcd"

Line = dict[str, Any]


def rollout_id(number: int) -> str:
    """Return the id of a rollout; the first of a thread has the thread's own."""
    return THREAD if number == 0 else f"{number:08d}-89ab-7cde-8f01-23456789abcd"


def write(folder: Path, number: int, base: tuple[int, int] | None, records: list[Line]) -> Path:
    """Write a rollout, which may go on with another before an ordinal."""
    suffix = f"_{rollout_id(number)}" if number else ""
    path = folder / f"rollout-2026-01-{number + 1:02}T00-00-00-{THREAD}{suffix}.jsonl"
    meta: Line = {"id": THREAD, "cwd": "/w"}
    if base is not None:
        meta["history_base"] = {"thread_id": rollout_id(base[0]), "end_ordinal_exclusive": base[1]}
    begin = base[1] if base else 0
    stamp = {"timestamp": f"2026-01-{number + 1:02}T00:00:00Z"}
    head = {**stamp, "ordinal": begin, "type": "session_meta", "payload": meta}
    placed = [{**stamp, "ordinal": begin + at, **one} for at, one in enumerate(records, 1)]
    path.write_bytes(lines(head, *placed))
    return path


def said(text: str, role: str = "user") -> Line:
    """Return a line with what somebody said."""
    kind = "output_text" if role == "assistant" else "input_text"
    payload = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
    return {"type": "response_item", "payload": payload}


def answer(text: str) -> Line:
    """Return a line with what the model said."""
    return said(text, "assistant")


def event(kind: str, **more: object) -> Line:
    """Return a line that tells what happened."""
    return {"type": "event_msg", "payload": {"type": kind, **more}}


def back(turns: int) -> Line:
    """Return the line that takes back so many turns."""
    return event("thread_rolled_back", num_turns=turns)


def bring(store: StateStore, *paths: Path) -> list[ImportedThread]:
    """Import files, one after the other."""
    done = import_sources(store.imports, map(Source.of_file, paths), ImportChoices())
    return [thread for file in done for thread in file.threads]


def first(folder: Path) -> Path:
    """Write a rollout of two turns; its messages have the ordinals 1 to 4."""
    return write(folder, 0, None, [said("u1"), answer("a1"), said("u2"), answer("a2")])


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize(
    ("turns", "above", "active"),
    [
        (1, "a2", ["u1", "a1", "u2", "a2", "u4"]),
        (2, "a1", ["u1", "a1", "u4"]),
        (3, None, ["u4"]),
        (9, None, ["u4"]),
    ],
)
def test_turns_of_the_rollout_before_are_taken_back(  # noqa: PLR0913 - fixtures, and a table
    store: StateStore,
    tmp_path: Path,
    turns: int,
    above: str | None,
    active: list[str],
    *,
    is_reversed: bool,
) -> None:
    later = [said("u3"), answer("a3"), back(turns), said("u4")]
    files = [first(tmp_path), write(tmp_path, 1, (0, 5), later)]
    bring(store, *(files[::-1] if is_reversed else files))
    assert contents(store, THREAD) == active
    found = parents(store, THREAD)
    assert (found["u3"], found["u4"]) == ("a2", above)


@pytest.mark.parametrize(("turns", "leaf"), [(1, "a2"), (2, "a1")])
def test_where_nothing_follows_it_goes_on_in_the_rollout_before(
    store: StateStore, tmp_path: Path, turns: int, leaf: str
) -> None:
    files = [first(tmp_path), write(tmp_path, 1, (0, 5), [said("u3"), answer("a3"), back(turns)])]
    bring(store, *files)
    assert contents(store, THREAD)[-1] == leaf
    assert [one.leaf for one in bring(store, *files)] == [LeafMove.UNCHANGED] * 2
    files[1].write_bytes(
        files[1].read_bytes()
        + lines({"ordinal": 9, "timestamp": "2026-01-02T00:00:01Z"} | said("u4"))
    )
    bring(store, *files)
    assert contents(store, THREAD)[-2:] == [leaf, "u4"]


def test_a_later_rollout_moves_nothing_that_was_placed(store: StateStore, tmp_path: Path) -> None:
    files = [
        write(tmp_path, 0, None, [said("u1"), answer("a1")]),
        write(tmp_path, 1, (0, 3), [said("u2")]),
        write(tmp_path, 2, (0, 2), [said("u3")]),
    ]
    bring(store, *files)
    assert parents(store, THREAD) == {"u1": None, "a1": "u1", "u2": "a1", "u3": "u1"}


class Model(NamedTuple):
    """Rollouts as they are written, and the tree that they are."""

    rollouts: list[tuple[tuple[int, int] | None, list[str]]]
    parents: dict[str, str | None]


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Return a thread whose rollouts each go on with one before it."""
    rollouts: list[tuple[tuple[int, int] | None, list[str]]] = []
    above: dict[str, str | None] = {}
    for number in range(draw(st.integers(2, 4), "rollouts")):
        base, parent, begin = None, None, 0
        if number:
            source = draw(st.integers(0, number - 1), "base")
            base_begin = begin_of(rollouts[source])
            begin = draw(
                st.integers(base_begin + 1, base_begin + 1 + len(rollouts[source][1])), "cut"
            )
            base = (source, begin)
            kept = rollouts[source][1][: begin - base_begin - 1]
            parent = kept[-1] if kept else above[rollouts[source][1][0]]
        names = [f"{number}.{at}" for at in range(draw(st.integers(1, 4), "messages"))]
        for name in names:
            above[name], parent = parent, name
        rollouts.append((base, names))
    return Model(rollouts, above)


def begin_of(rollout: tuple[tuple[int, int] | None, list[str]]) -> int:
    """Return the ordinal of a rollout's first line."""
    base, _ = rollout
    return base[1] if base else 0


def import_all(folder: Path, model: Model, order: Sequence[int]) -> dict[str, str | None]:
    """Import the rollouts in an order, and return what each message answers."""
    files = [
        write(folder, number, base, [said(name) for name in names])
        for number, (base, names) in enumerate(model.rollouts)
    ]
    with StateStore.open(folder / "state.db") as store:
        bring(store, *(files[number] for number in order))
        found = parents(store, THREAD)
        thread = store.threads.get(THREAD)
        assert thread is not None
        earliest = min(model.parents)
        assert (thread.name, thread.preview) == (earliest, earliest)
        newest = store.messages.get(thread.current_leaf_id or 0)
        assert newest is not None
        assert newest.content == model.rollouts[-1][1][-1]
        bring(store, *files)
        assert parents(store, THREAD) == found
    return found


@settings(max_examples=examples(25), deadline=None)
@given(model=models(), data=st.data())
def test_the_tree_is_the_same_in_any_order(model: Model, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(model.rollouts))), "order")
    with tempfile.TemporaryDirectory() as folder:
        assert import_all(Path(folder), model, order) == model.parents


def test_of_two_that_end_at_once_the_later_one_is_followed(
    store: StateStore, tmp_path: Path
) -> None:
    files = [first(tmp_path), write(tmp_path, 1, (0, 5), [said("u3")])]
    for path in files:
        path.write_bytes(path.read_bytes().replace(b"2026-01-02T", b"2026-01-01T"))
    bring(store, *files)
    for _ in range(2):
        assert [one.leaf for one in bring(store, *files)] == [LeafMove.UNCHANGED] * 2
        assert contents(store, THREAD)[-1] == "u3"
        assert store.threads.rollout_path(THREAD) == str(files[1])


def grown(store: StateStore, folder: Path, records: Iterable[Line]) -> list[ImportedThread]:
    """Import a rollout each time it has grown by a line."""
    known: list[Line] = []
    done: list[ImportedThread] = []
    for one in records:
        known.append(one)
        done += bring(store, write(folder, 0, None, known))
    return done


def test_an_event_that_comes_before_its_item_is_one_message(
    store: StateStore, tmp_path: Path
) -> None:
    asked, more = event("user_message", message="hello"), event("user_message", message="more")
    done = grown(store, tmp_path, [asked, said("hello"), answer("hi"), more, said("more")])
    assert [(one.added, one.updated) for one in done] == [(1, 0), (0, 1), (1, 0), (1, 0), (0, 1)]
    assert contents(store, THREAD) == ["hello", "hi", "more"]
    assert len(list(store.messages.all(THREAD))) == 3


def test_words_that_are_a_part_of_others_are_words_of_their_own(
    store: StateStore, tmp_path: Path
) -> None:
    records = [said("look at this"), answer("yes"), event("user_message", message="look")]
    bring(store, write(tmp_path, 0, None, records))
    assert contents(store, THREAD) == ["look at this", "yes", "look"]


def test_what_codex_says_for_a_person_is_no_turn(store: StateStore, tmp_path: Path) -> None:
    shell = "<user_shell_command>\nls\n</user_shell_command>"
    skill = "<skill>\nname\n</skill>"
    notice = "<subagent_notification>{}</subagent_notification>"
    records = [said(shell), said("q1"), answer("r1"), said("q2"), said(skill), said(shell)]
    bring(
        store, write(tmp_path, 0, None, [*records, said(notice), answer("r2"), back(1), said("q3")])
    )
    assert contents(store, THREAD) == [shell, "q1", "r1", "q3"]
    hidden = store.imports.hidden(THREAD)
    told = {one.content for one in store.messages.all(THREAD) if one.id in hidden}
    assert told == {skill, notice}
    thread = store.threads.get(THREAD)
    assert thread is not None
    assert thread.preview == "q1"
