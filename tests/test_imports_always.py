"""What always holds of imports, whatever sources and people do: against a plain model."""

from __future__ import annotations

import shutil
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agentstate import StateStore
from agentstate.reports.imports import LeafMove
from examples import examples
from sessions import SOURCE, merge, said, session
from support import Clock

if TYPE_CHECKING:
    from agentstate.formats.events import Message


class Kept(NamedTuple):
    """What the store should have of the session."""

    messages: dict[str, tuple[str | None, bool]]
    """By text: what it answers, and whether it is hidden."""
    leaf: str | None
    put: str | None
    """Where an import put the leaf last."""
    name: str | None
    title: str | None
    """The title that an import gave last."""
    updated_at: int


class Imports(RuleBasedStateMachine):
    """A session that grows, forks and rewinds, and a thread that people work on meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.store = StateStore.open(self.folder / "state.db", clock=self.clock)
        self.numbers = count()
        self.source: list[Message] = []
        self.leaf: str | None = None
        self.title: str | None = None
        self.updated_at = 200
        self.kept: Kept | None = None

    @initialize()
    def begin(self) -> None:
        self.grow(hidden=False)

    # What the source does.

    @rule(hidden=st.booleans())
    def grow(self, *, hidden: bool) -> None:
        native_id = f"n{next(self.numbers)}"
        self.source.append(said(native_id, self.leaf, hidden=hidden, content=native_id))
        self.leaf = native_id
        self.updated_at += 1

    @rule(data=st.data())
    def rewind(self, data: st.DataObject) -> None:
        self.leaf = data.draw(st.sampled_from(self.source)).native_id

    @rule(title=st.none() | st.sampled_from("XYZ"))
    def entitle(self, title: str | None) -> None:
        self.title = title

    # What an import does.

    @rule(dry=st.booleans())
    def import_it(self, *, dry: bool) -> None:
        events = session(self.source, leaf=self.leaf, title=self.title, updated_at=self.updated_at)
        before = self.kept
        told = merge(self.store, events, SOURCE, dry_run=dry)
        known = before.messages if before else {}
        assert told.created is (before is None)
        assert told.messages == len(self.source)
        assert told.added == sum(one.content not in known for one in self.source)
        if dry:
            return
        after = self._imported(before)
        moved = before is None or before.leaf != after.leaf
        is_where_the_source_is = after.leaf == self.leaf
        assert told.leaf is (
            LeafMove.MOVED
            if moved
            else LeafMove.UNCHANGED
            if is_where_the_source_is
            else LeafMove.KEPT
        )
        assert told.name == after.name
        self.kept = after

    def _imported(self, before: Kept | None) -> Kept:
        found = {one.content: (one.parent, one.hidden) for one in self.source}
        if before is None:
            return Kept(found, self.leaf, self.leaf, self.title, self.title, self.updated_at)
        follows = before.leaf in {None, before.put, self.leaf}
        title = before.title if self.title is None else self.title
        return Kept(
            messages={**found, **before.messages},
            leaf=self.leaf if follows else before.leaf,
            put=self.leaf if follows else before.put,
            name=title if before.name == before.title else before.name,
            title=title,
            updated_at=max(before.updated_at, self.updated_at),
        )

    # What people do.

    @precondition(lambda self: self.kept is not None and self.kept.messages)
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        assert self.kept is not None
        above = data.draw(st.sampled_from(sorted(self.kept.messages)))
        text = f"mine {next(self.numbers)}"
        self.store.messages.fork(self._id(above), "user", text)
        self._change(messages={**self.kept.messages, text: (above, False)}, leaf=text, bumps=True)

    @precondition(lambda self: self.kept is not None and self.kept.messages)
    @rule(data=st.data())
    def checkout(self, data: st.DataObject) -> None:
        assert self.kept is not None
        text = data.draw(st.sampled_from(sorted(self.kept.messages)))
        self.store.messages.checkout("s-1", self._id(text))
        self._change(leaf=text, bumps=True)

    @precondition(lambda self: self.kept is not None)
    @rule(name=st.none() | st.sampled_from("XAB"))
    def rename(self, name: str | None) -> None:
        self.store.threads.rename("s-1", name)
        self._change(name=name, bumps=True)

    @precondition(lambda self: self.kept is not None)
    @rule()
    def clear(self) -> None:
        self.store.messages.clear("s-1")
        self._change(messages={}, leaf=None)

    @precondition(lambda self: self.kept is not None)
    @rule()
    def delete(self) -> None:
        self.store.threads.delete("s-1")
        self.kept = None

    @precondition(lambda self: self.kept is not None)
    @rule()
    def delete_and_bring_back(self) -> None:
        self.store.trash.put("s-1")
        self.store.trash.restore("s-1")

    def _change(self, *, bumps: bool = False, **fields: object) -> None:
        assert self.kept is not None
        if bumps:
            fields["updated_at"] = max(self.kept.updated_at, int(self.clock.now))
        self.kept = self.kept._replace(**fields)  # type: ignore[arg-type] # its own fields

    def _id(self, text: str) -> int:
        (found,) = [one.id for one in self.store.messages.all("s-1") if one.content == text]
        return found

    # What holds.

    @invariant()
    def the_store_has_what_the_model_says(self) -> None:
        thread = self.store.threads.get("s-1")
        if self.kept is None:
            assert thread is None
            return
        assert thread is not None
        messages = list(self.store.messages.all("s-1"))
        texts: dict[int | None, str] = {one.id: one.content for one in messages}
        hidden = self.store.imports.hidden("s-1")
        assert {
            one.content: (texts.get(one.parent_entry_id), one.id in hidden) for one in messages
        } == self.kept.messages
        assert len(messages) == len(self.kept.messages), "nothing is there twice"
        assert texts.get(thread.current_leaf_id) == self.kept.leaf
        assert thread.name == self.kept.name
        assert thread.updated_at == self.kept.updated_at

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)


TestImports = Imports.TestCase
TestImports.settings = settings(max_examples=examples(50), stateful_step_count=20, deadline=None)
