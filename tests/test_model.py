"""Random operations on a store, compared at each step with a model that is easy to believe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from agentstate import (
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
    ThreadGoalRecord,
    ThreadGoalStatus,
    ThreadListFilters,
)
from examples import examples
from model import IDS, JSON, LIMITS, NAMES, PICK, TEXT, ThreadMachine, ascii_lower

if TYPE_CHECKING:
    from agentstate.records import JsonValue


class StoreMachine(ThreadMachine):
    """Rules for all the rest, and what must hold after every step."""

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


TestStore: Final = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=examples(80),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
