"""Random operations on a store, compared at each step with a model that is easy to believe."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agentstate import (
    AmbiguousError,
    CheckpointNotFoundError,
    CheckpointRecord,
    ConflictError,
    DynamicToolRecord,
    GoalNotFoundError,
    JobNotFoundError,
    JobStateRecord,
    JobStateStatus,
    MessageNotFoundError,
    MessageRecord,
    SessionSource,
    StateStore,
    ThreadGoalRecord,
    ThreadGoalStatus,
    ThreadListFilters,
    ThreadMetadata,
    ThreadNotFoundError,
    ThreadStatus,
)
from support import NOW, Clock, thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.records import JsonValue

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


class StoreMachine(RuleBasedStateMachine):
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

    # Messages

    @rule(thread_id=IDS, content=TEXT, item=JSON, expect=st.sampled_from(["any", "right", "wrong"]))
    def append(self, thread_id: str, content: str, item: JsonValue, expect: str) -> None:
        known = self.model.threads.get(thread_id)
        leaf = known.current_leaf_id if known else None
        expected = {"any": ..., "right": leaf, "wrong": 999}[expect]
        error = self.unknown(thread_id) or (ConflictError if expect == "wrong" else None)
        with self.expecting(error):
            message_id = self.store.messages.append(
                thread_id, "user", content, item, expect_leaf=expected
            )
        if error is None:
            self.added(message_id, thread_id, content, item, leaf)

    @rule(pick=PICK, content=TEXT)
    def fork(self, pick: int, content: str) -> None:
        parent = self.model.pick(pick)
        known = self.model.messages.get(parent)
        with self.expecting(None if known else MessageNotFoundError):
            message_id = self.store.messages.fork(parent, "user", content)
        if known:
            self.added(message_id, known.thread_id, content, None, parent)

    def added(
        self, message_id: int, thread_id: str, content: str, item: JsonValue, parent: int | None
    ) -> None:
        assert message_id > self.model.last_id  # ids are never used again
        message = MessageRecord(
            id=message_id,
            thread_id=thread_id,
            role="user",
            content=content,
            item=item,
            created_at=self.now,
            parent_entry_id=parent,
        )
        self.model.add(message, self.now)

    @rule(thread_id=IDS, pick=PICK)
    def checkout(self, thread_id: str, pick: int) -> None:
        message_id = self.model.pick(pick)
        known = self.model.messages.get(message_id)
        right = known is not None and known.thread_id == thread_id
        error = self.unknown(thread_id) or (None if right else MessageNotFoundError)
        with self.expecting(error):
            self.store.messages.checkout(thread_id, message_id)
        if error is None:
            self.model.move(thread_id, message_id, self.now)

    @rule(thread_id=IDS)
    def clear(self, thread_id: str) -> None:
        with self.expecting(self.unknown(thread_id)):
            assert self.store.messages.clear(thread_id) == self.model.drop_messages(thread_id)
        if thread_id in self.model.threads:
            self.model.change(thread_id, current_leaf_id=None)

    @rule(thread_id=IDS, limit=LIMITS)
    def branch(self, thread_id: str, limit: int | None) -> None:
        known = self.model.threads.get(thread_id)
        whole = self.model.branch(known.current_leaf_id if known else None)
        expected = whole if limit is None else whole[len(whole) - min(limit, len(whole)) :]
        assert self.store.messages.branch(thread_id, limit) == expected

    # Checkpoints, jobs, tools, goals

    @rule(thread_id=IDS, checkpoint_id=IDS, state=JSON)
    def save_checkpoint(self, thread_id: str, checkpoint_id: str, state: JsonValue) -> None:
        with self.expecting(self.unknown(thread_id)):
            self.store.checkpoints.save(thread_id, checkpoint_id, state)
        if thread_id in self.model.threads:
            saved = self.model.checkpoints.setdefault(thread_id, {})
            newest = max((one.created_at for one in saved.values()), default=self.now)
            saved.pop(checkpoint_id, None)
            saved[checkpoint_id] = CheckpointRecord(
                thread_id=thread_id,
                checkpoint_id=checkpoint_id,
                state=state,
                created_at=max(self.now, newest),
            )

    @rule(thread_id=IDS, checkpoint_id=IDS)
    def delete_checkpoint(self, thread_id: str, checkpoint_id: str) -> None:
        saved = self.model.checkpoints.get(thread_id, {})
        with self.expecting(None if checkpoint_id in saved else CheckpointNotFoundError):
            self.store.checkpoints.delete(thread_id, checkpoint_id)
        saved.pop(checkpoint_id, None)

    @rule(thread_id=IDS, checkpoint_id=IDS, limit=LIMITS)
    def load_checkpoints(self, thread_id: str, checkpoint_id: str, limit: int | None) -> None:
        saved = self.model.checkpoints.get(thread_id, {})
        newest_first = list(reversed(saved.values()))
        store = self.store.checkpoints
        assert store.load(thread_id, checkpoint_id) == saved.get(checkpoint_id)
        assert store.load(thread_id) == (newest_first[0] if saved else None)
        assert store.list(thread_id, limit) == newest_first[:limit]

    @rule(job_id=IDS, status=st.sampled_from(JobStateStatus), progress=st.integers(0, 255))
    def upsert_job(self, job_id: str, status: JobStateStatus, progress: int) -> None:
        job = JobStateRecord(
            id=job_id,
            name="n",
            status=status,
            progress=progress,
            created_at=1,
            updated_at=self.now,
        )
        self.store.jobs.upsert(job)
        self.model.jobs[job_id] = job

    @rule(job_id=IDS, detail=TEXT | st.none())
    def update_job(self, job_id: str, detail: str | None) -> None:
        known = self.model.jobs.get(job_id)
        with self.expecting(None if known else JobNotFoundError):
            self.store.jobs.update(job_id, detail=detail)
        if known:
            updated_at = max(self.now, known.updated_at)
            self.model.jobs[job_id] = JobStateRecord(
                **{**vars(known), "detail": detail, "updated_at": updated_at}
            )

    @rule(job_id=IDS)
    def delete_job(self, job_id: str) -> None:
        with self.expecting(None if job_id in self.model.jobs else JobNotFoundError):
            self.store.jobs.delete(job_id)
        self.model.jobs.pop(job_id, None)

    @rule(thread_id=IDS, positions=st.lists(st.integers(-2, 5), unique=True, max_size=3))
    def replace_tools(self, thread_id: str, positions: list[int]) -> None:
        tools = [DynamicToolRecord(position=one, name="n", input_schema={}) for one in positions]
        with self.expecting(self.unknown(thread_id)):
            self.store.tools.replace(thread_id, tools)
        if thread_id in self.model.threads:
            self.model.tools[thread_id] = sorted(tools, key=lambda tool: tool.position)

    @rule(thread_id=IDS, status=st.sampled_from(ThreadGoalStatus))
    def set_goal(self, thread_id: str, status: ThreadGoalStatus) -> None:
        goal = ThreadGoalRecord(
            thread_id=thread_id,
            goal_id="g",
            objective="o",
            status=status,
            created_at=1,
            updated_at=self.now,
        )
        with self.expecting(self.unknown(thread_id)):
            self.store.goals.set(goal)
        if thread_id in self.model.threads:
            self.model.goals[thread_id] = goal

    @rule(thread_id=IDS)
    def delete_goal(self, thread_id: str) -> None:
        with self.expecting(None if thread_id in self.model.goals else GoalNotFoundError):
            self.store.goals.delete(thread_id)
        self.model.goals.pop(thread_id, None)

    # The index

    @rule(thread_id=IDS, name=NAMES | st.none(), path=TEXT | st.none())
    def append_name(self, thread_id: str, name: str | None, path: str | None) -> None:
        self.store.index.append(thread_id, name, self.now, path)
        self.model.index.pop(thread_id, None)
        self.model.index[thread_id] = (name, self.now, path)

    @rule()
    def compact(self) -> None:
        self.store.index.compact()

    @rule(name=NAMES)
    def look_up_name(self, name: str) -> None:
        """The newest time wins; of equal times the last line."""
        path, newest = None, None
        for its_name, updated_at, its_path in self.model.index.values():
            same = its_name is not None and ascii_lower(its_name) == ascii_lower(name)
            if same and (newest is None or updated_at >= newest):
                path, newest = its_path, updated_at
        assert self.store.index.path_of_name(name) == path

    @rule()
    def look_up_ids(self) -> None:
        names = {thread_id: name for thread_id, (name, _, _) in self.model.index.items()}
        assert self.store.index.names_of([*names, "no"]) == {**names, "no": None}
        for thread_id, name in names.items():
            assert self.store.index.name_of(thread_id) == name

    # What must hold after every step

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        everything = ThreadListFilters(include_archived=True, limit=None)
        assert self.store.threads.list(everything) == newest_first(self.model.threads)
        assert self.store.jobs.list(None) == newest_first(self.model.jobs)
        rows = self.agent.execute("SELECT id, thread_id, content, parent_entry_id FROM messages")
        assert rows.fetchall() == [
            (one.id, one.thread_id, one.content, one.parent_entry_id)
            for one in self.model.messages.values()
        ]

    @invariant()
    def each_thread_holds_what_its_model_holds(self) -> None:
        answered = {one.parent_entry_id for one in self.model.messages.values()}
        for thread_id, known in self.model.threads.items():
            of_thread = self.model.of(thread_id)
            leaves = [one for one in of_thread if one.id not in answered]
            stats = self.store.threads.stats([thread_id])[thread_id]
            assert self.store.threads.get(thread_id) == known
            assert self.store.messages.branch(thread_id) == self.model.branch(known.current_leaf_id)
            assert self.store.messages.leaves(thread_id) == leaves
            assert (stats.messages, stats.branches) == (len(of_thread), len(leaves))
            assert self.store.tools.list(thread_id) == self.model.tools.get(thread_id, [])
            assert self.store.goals.get(thread_id) == self.model.goals.get(thread_id)
            saved = self.model.checkpoints.get(thread_id, {})
            assert self.store.checkpoints.list(thread_id) == list(reversed(saved.values()))


class Dated(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def updated_at(self) -> int: ...


_D = TypeVar("_D", bound=Dated)


def newest_first(records: dict[str, _D]) -> list[_D]:
    return sorted(records.values(), key=lambda one: (-one.updated_at, one.id))


def ascii_lower(text: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in text)


TestStore: Final = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
