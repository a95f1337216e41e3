"""What a source tells anew: messages that its program wrote again, or gave better ids."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from agentstate.formats.source import Source
from agentstate.reports.imports import LeafMove
from agentstate.reports.search import SearchFilters
from agentstate.store.imports.files import ImportChoices, import_sources
from agentstate.store.imports.nowhere import Closed
from format_support import lines
from sessions import chain, contents, merge, parents, said, session
from support import raw, rows, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate import StateStore
    from agentstate.formats.events import Message
    from agentstate.reports.imports import ImportedThread


def growing(content: str, **fields: Any) -> Message:  # noqa: ANN401 - a message's fields
    """Return a message that its program writes more than once."""
    return said("b", "a", **{"content": content, "item": json.dumps(content), **fields})._replace(
        may_change=True
    )


def bring(store: StateStore, path: Path) -> ImportedThread:
    """Import a file of one session."""
    (file,) = import_sources(store.imports, [Source.of_file(path)], ImportChoices())
    (thread,) = file.threads
    return thread


def test_a_message_that_was_written_again_says_what_it_says_now(store: StateStore) -> None:
    merge(store, session([*chain("a"), growing("thi")]))
    store.messages.append("s-1", "user", "mine")
    later = session([*chain("a"), growing("think", role="assistant", hidden=True)], updated_at=300)
    before = snapshot(store.path.parent)
    told = merge(store, later, dry_run=True)
    assert (told.added, told.updated, told.leaf) == (0, 1, LeafMove.KEPT)
    assert snapshot(store.path.parent) == before
    done = merge(store, later)
    assert (done.added, done.updated, done.leaf) == (0, 1, LeafMove.KEPT)
    assert contents(store) == ["text a", "think", "mine"]
    changed = store.messages.get(2)
    assert changed is not None
    assert (changed.role, changed.item) == ("assistant", "think")
    assert store.imports.hidden("s-1") == {2}
    after = snapshot(store.path.parent)
    assert merge(store, later).updated == 0
    assert snapshot(store.path.parent) == after


def test_an_older_file_takes_no_newer_words_away(store: StateStore) -> None:
    merge(store, session([*chain("a"), growing("new")], updated_at=300), "/new.json")
    older = session([*chain("a"), growing("old")], updated_at=200)
    assert merge(store, older, "/old.json").updated == 0
    assert contents(store) == ["text a", "new"]


def test_words_that_somebody_else_changed_stay(store: StateStore) -> None:
    events = session([*chain("a"), growing("said")])
    merge(store, events)
    with raw(store.path) as connection:
        connection.execute("UPDATE messages SET content = 'theirs' WHERE id = 2")
    assert merge(store, events).updated == 0
    assert contents(store) == ["text a", "theirs"]


def test_a_search_finds_what_was_written_again(store: StateStore) -> None:
    merge(store, session([*chain("a"), growing("before")]))
    merge(store, session([said(f"{n}", None) for n in range(50)], "s-2"))
    assert store.search.find("before").matches == 1
    merge(store, session([*chain("a"), growing("afterwards")], updated_at=300))
    assert store.search.find("before").matches == 0
    hits = store.search.find("afterwards", SearchFilters(thread_id="s-1")).hits
    assert [hit.message_id for hit in hits] == [2]


def test_a_better_id_is_taken_on(store: StateStore) -> None:
    merge(store, session(chain("1", "2")))
    better = [
        said("x", None, content="text 1")._replace(replaces="1"),
        said("y", "x", content="text 2")._replace(replaces="2"),
        said("z", "y", content="text 3")._replace(replaces="3"),
    ]
    done = merge(store, session(better, updated_at=300))
    assert (done.created, done.added, done.updated, done.leaf) == (False, 1, 2, LeafMove.MOVED)
    assert parents(store) == {"text 1": None, "text 2": "text 1", "text 3": "text 2"}
    natives = "SELECT native_id FROM agentstate_imported_messages ORDER BY message_id"
    assert rows(store.path, natives) == [("x",), ("y",), ("z",)]
    assert merge(store, session(better, updated_at=300)).updated == 0


def test_an_id_that_is_still_told_is_replaced_by_none(store: StateStore) -> None:
    merge(store, session(chain("1")))
    both = [*chain("1"), said("x", "1")._replace(replaces="1")]
    assert merge(store, session(both, updated_at=300)).added == 1
    assert parents(store) == {"text 1": None, "text x": "text 1"}


# What the programs do.


def test_pi_gives_the_entries_of_its_first_version_ids(store: StateStore, tmp_path: Path) -> None:
    def entry(role: str, text: str, **ids: str | None) -> dict[str, Any]:
        content = [{"type": "text", "text": text}]
        return {
            "type": "message",
            "timestamp": "2026-01-02T03:04:05Z",
            "message": {"role": role, "content": content},
            **ids,
        }

    header = {"type": "session", "id": "s-1", "timestamp": "2026-01-02T03:04:05Z", "cwd": "/w"}
    path = tmp_path / "1_s-1.jsonl"
    path.write_bytes(lines(header, entry("user", "q"), entry("assistant", "r")))
    assert bring(store, path).added == 2
    path.write_bytes(
        lines(
            {**header, "version": 3},
            entry("user", "q", id="aa", parentId=None),
            entry("assistant", "r", id="bb", parentId="aa"),
            entry("user", "s", id="cc", parentId="bb"),
        )
    )
    done = bring(store, path)
    assert (done.added, done.updated) == (1, 2)
    assert contents(store) == ["q", "r", "s"]
    assert len(list(store.messages.all("s-1"))) == 3


def test_codewhale_begins_to_keep_a_journal(store: StateStore, tmp_path: Path) -> None:
    def message(role: str, text: str) -> dict[str, Any]:
        return {"role": role, "content": [{"type": "text", "text": text}]}

    def entry(own: str, parent: str | None, said: dict[str, Any]) -> dict[str, Any]:
        return {"id": own, "parent_id": parent, "kind": "message", "message": said}

    known = {"id": "s-1", "updated_at": "2026-01-03T03:04:05Z", "workspace": "/w"}
    told = [message("user", "q"), message("assistant", "r")]
    path = tmp_path / "s-1.json"
    path.write_text(json.dumps({"schema_version": 1, "metadata": known, "messages": told}))
    assert bring(store, path).added == 2
    told.append(message("user", "s"))
    entries = [
        entry(f"e{at}", f"e{at - 1}" if at else None, one)
        for at, one in enumerate([*told, message("user", "t")])
    ]
    entries[3]["parent_id"] = "e1"
    journal = {"entries": entries, "leaf_id": "e2"}
    whole = {"schema_version": 2, "metadata": known, "messages": told, "journal": journal}
    path.write_text(json.dumps(whole))
    done = bring(store, path)
    assert (done.added, done.updated) == (2, 2)
    assert parents(store) == {"q": None, "r": "q", "s": "r", "t": "r"}


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_gemini_writes_an_answer_again_as_it_grows(
    store: StateStore, tmp_path: Path, form: str
) -> None:
    def session_of(answer: str, *more: dict[str, Any]) -> bytes:
        head = {"sessionId": "s-1", "startTime": "2026-01-02T03:04:05Z"}
        told = [
            {"id": "u1", "type": "user", "content": "q", "timestamp": "2026-01-02T03:04:05Z"},
            {"id": "a1", "type": "gemini", "content": answer, "timestamp": "2026-01-02T03:04:06Z"},
            *more,
        ]
        if form == "json":
            return json.dumps({**head, "messages": told}).encode()
        return lines(head, *told)

    path = tmp_path / f"session-1.{form}"
    path.write_bytes(session_of(""))
    bring(store, path)
    assert contents(store) == ["q", ""]
    later = {"id": "u2", "type": "user", "content": "s", "timestamp": "2026-01-02T03:04:07Z"}
    path.write_bytes(session_of("whole", later))
    done = bring(store, path)
    assert (done.added, done.updated) == (1, 1)
    assert contents(store) == ["q", "whole", "s"]


def test_a_source_that_can_be_read_only_later_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(lines({"messages": [{"role": "user", "content": "q"}]}))
    (file,) = import_sources(Closed(), [Source.of_file(path)], ImportChoices())
    assert (file.threads, file.error) == (
        (),
        "it could not be read a moment before; import it again",
    )


def test_what_cannot_be_read_is_told_apart(store: StateStore, tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("{}")
    source = Source.of_file(path)
    path.unlink()
    (file,) = import_sources(store.imports, [source], ImportChoices())
    assert (file.unread, file.error) == (True, "it cannot be read: No such file or directory")
