"""A model of a store that is easy to believe, and the rules for its threads."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from agentstate import (
    AmbiguousError,
    CheckpointRecord,
    ConflictError,
    DynamicToolRecord,
    JobStateRecord,
    MessageRecord,
    SessionSource,
    StateStore,
    ThreadGoalRecord,
    ThreadMetadata,
    ThreadNotFoundError,
    ThreadStatus,
)
from support import NOW, Clock, thread

if TYPE_CHECKING:
    from collections.abc import Iterator


IDS: Final = st.sampled_from(["a", "b", "A"])
NAMES: Final = st.sampled_from(["one", "ONE", "two", "é", ""])
TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
JSON: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [None, 0, 1.5, "x", [], {"b": 1, "a": [None]}, 10**30]
)
LIMITS: Final = st.sampled_from([None, 0, 1, 2, 3, 500])
PICK: Final = st.integers(0, 30)
"""Chooses one of the messages that there are, or, above 25, an id that may be unknown."""


@dataclass
class Model:
    """What a store should hold; rows are kept as records, which do not change."""

    threads: dict[str, ThreadMetadata] = field(default_factory=dict)
    messages: dict[int, MessageRecord] = field(default_factory=dict)
    checkpoints: dict[str, dict[str, CheckpointRecord]] = field(default_factory=dict)
    """Of each thread, in the order of saving."""
    tools: dict[str, list[DynamicToolRecord]] = field(default_factory=dict)
    goals: dict[str, ThreadGoalRecord] = field(default_factory=dict)
    jobs: dict[str, JobStateRecord] = field(default_factory=dict)
    index: dict[str, tuple[str | None, int, str | None]] = field(default_factory=dict)
    """Of each id: name, time, path; later lines come later."""
    last_id: int = 0

    def change(self, thread_id: str, **values: Any) -> None:  # noqa: ANN401 - a thread's fields
        self.threads[thread_id] = ThreadMetadata(**{**vars(self.threads[thread_id]), **values})

    def publish(self, thread_id: str) -> None:
        one = self.threads[thread_id]
        self.index.pop(thread_id, None)
        self.index[thread_id] = (one.name, one.updated_at, one.rollout_path)

    def add(self, message: MessageRecord, now: int) -> None:
        self.messages[message.id] = message
        self.last_id = message.id
        self.move(message.thread_id, message.id, now)

    def move(self, thread_id: str, message_id: int, now: int) -> None:
        updated_at = max(now, self.threads[thread_id].updated_at)
        self.change(thread_id, current_leaf_id=message_id, updated_at=updated_at)

    def branch(self, leaf: int | None) -> list[MessageRecord]:
        found: list[MessageRecord] = []
        while leaf is not None:
            found.insert(0, self.messages[leaf])
            leaf = self.messages[leaf].parent_entry_id
        return found

    def of(self, thread_id: str) -> list[MessageRecord]:
        return [one for one in self.messages.values() if one.thread_id == thread_id]

    def pick(self, number: int) -> int:
        known = list(self.messages)
        return known[number % len(known)] if known and number <= 25 else number

    def drop_messages(self, thread_id: str) -> int:
        gone = self.of(thread_id)
        for message in gone:
            del self.messages[message.id]
        return len(gone)


class ThreadMachine(RuleBasedStateMachine):
    """One store, one model, and a second program that writes to the same file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "state.db"
        self.clock = Clock()
        self.model = Model()
        self.made = 0
        self.store = self.open()
        self.agent = sqlite3.connect(self.path, isolation_level=None)
        for thread_id in ("a", "b"):  # most of what can go wrong needs a thread or two
            self.store.threads.create(thread(thread_id))
            self.model.threads[thread_id] = thread(thread_id)
            self.model.publish(thread_id)

    def open(self) -> StateStore:
        return StateStore.open(self.path, clock=self.clock, new_id=self.new_id)

    def new_id(self) -> str:
        self.made += 1
        return f"new{self.made}"

    def teardown(self) -> None:
        self.agent.close()
        self.store.close()
        self.folder.cleanup()

    @property
    def now(self) -> int:
        return int(self.clock.now)

    @contextmanager
    def expecting(self, error: type[Exception] | None) -> Iterator[None]:
        """Run a call that must raise `error`, or, for None, must not raise."""
        with nullcontext() if error is None else pytest.raises(error):
            yield

    def unknown(self, thread_id: str) -> type[Exception] | None:
        return None if thread_id in self.model.threads else ThreadNotFoundError

    # The world around the store

    @rule(seconds=st.sampled_from([0.4, 1, 60, -30]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.open()

    @rule(thread_id=IDS, preview=TEXT, content=TEXT)
    def the_agent_writes(self, thread_id: str, preview: str, content: str) -> None:
        """It appends a message and changes a column, in one transaction of its own."""
        if thread_id not in self.model.threads:
            return
        leaf = self.model.threads[thread_id].current_leaf_id
        self.agent.execute("BEGIN")
        (message_id,) = self.agent.execute(
            "INSERT INTO messages(thread_id, role, content, created_at, parent_entry_id) "
            "VALUES (?, 'agent', ?, 5, ?) RETURNING id",
            (thread_id, content, leaf),
        ).fetchone()
        self.agent.execute(
            "UPDATE threads SET current_leaf_id = ?, preview = ? WHERE id = ?",
            (message_id, preview, thread_id),
        )
        self.agent.execute("COMMIT")
        message = MessageRecord(
            id=message_id,
            thread_id=thread_id,
            role="agent",
            content=content,
            created_at=5,
            parent_entry_id=leaf,
        )
        self.model.messages[message_id] = message
        self.model.last_id = message_id
        self.model.change(thread_id, current_leaf_id=message_id, preview=preview)

    # Threads

    @rule(thread_id=IDS, name=NAMES | st.none(), updated_at=st.integers(NOW - 2, NOW + 2))
    def create_thread(self, thread_id: str, name: str | None, updated_at: int) -> None:
        exists = thread_id in self.model.threads
        made = thread(thread_id, name=name, updated_at=updated_at)
        with self.expecting(ConflictError if exists else None):
            self.store.threads.create(made)
        if not exists:
            self.model.threads[thread_id] = made
            self.model.publish(thread_id)

    @rule(
        thread_id=IDS,
        name=NAMES | st.none(),
        status=st.sampled_from(ThreadStatus),
        archived=st.booleans(),
        path=TEXT | st.none(),
    )
    def upsert_thread(
        self,
        thread_id: str,
        name: str | None,
        status: ThreadStatus,
        path: str | None,
        *,
        archived: bool,
    ) -> None:
        written = thread(
            thread_id,
            name=name,
            status=status,
            archived=archived,
            source=SessionSource.API,
            rollout_path=path,
            current_leaf_id=12345,
        )
        self.store.threads.upsert(written)
        before = self.model.threads.get(thread_id)
        self.model.threads[thread_id] = written
        self.model.change(thread_id, current_leaf_id=before and before.current_leaf_id)
        self.model.publish(thread_id)

    @rule(
        thread_id=IDS,
        columns=st.fixed_dictionaries(
            {},
            optional={
                "preview": TEXT,
                "cwd": TEXT,
                "rollout_path": TEXT | st.none(),
                "updated_at": st.integers(-5, 5),
                "ephemeral": st.booleans(),
                "name": NAMES | st.none(),
            },
        ).filter(bool),
    )
    def update_thread(self, thread_id: str, columns: dict[str, Any]) -> None:
        with self.expecting(self.unknown(thread_id)):
            self.store.threads.update(thread_id, **columns)
        before = self.model.threads.get(thread_id)
        if before is None:
            return
        self.model.change(thread_id, **{"updated_at": max(self.now, before.updated_at), **columns})
        after = self.model.threads[thread_id]
        if any(
            getattr(before, name) != getattr(after, name)
            for name in ("name", "updated_at", "rollout_path")
        ):
            self.model.publish(thread_id)

    @rule(name=NAMES)
    def ensure_thread(self, name: str) -> None:
        same = [
            one
            for one in self.model.threads.values()
            if one.name is not None and ascii_lower(one.name) == ascii_lower(name)
        ]
        with self.expecting(AmbiguousError if len(same) > 1 else None):
            found = self.store.threads.ensure(name, cwd="/ensured")
            if same:
                assert found == same[0]
            else:
                self.model.threads[found.id] = thread(
                    found.id, name=name, cwd="/ensured", created_at=self.now, updated_at=self.now
                )
                self.model.publish(found.id)

    @rule(thread_id=IDS)
    def archive(self, thread_id: str) -> None:
        with self.expecting(self.unknown(thread_id)):
            self.store.threads.archive(thread_id)
        if thread_id in self.model.threads:
            self.model.change(
                thread_id, archived=True, archived_at=self.now, status=ThreadStatus.ARCHIVED
            )

    @rule(thread_id=IDS)
    def unarchive(self, thread_id: str) -> None:
        with self.expecting(self.unknown(thread_id)):
            self.store.threads.unarchive(thread_id)
        if thread_id in self.model.threads:
            status = self.model.threads[thread_id].status
            idle = ThreadStatus.IDLE if status is ThreadStatus.ARCHIVED else status
            self.model.change(thread_id, archived=False, archived_at=None, status=idle)

    @rule(thread_id=IDS)
    def delete_thread(self, thread_id: str) -> None:
        with self.expecting(self.unknown(thread_id)):
            self.store.threads.delete(thread_id)
        if self.model.threads.pop(thread_id, None):
            self.model.drop_messages(thread_id)
            for kept in (self.model.checkpoints, self.model.tools, self.model.goals):
                kept.pop(thread_id, None)
            self.model.index.pop(thread_id, None)
            self.model.index[thread_id] = (None, self.now, None)


def ascii_lower(text: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in text)
