"""The records of a store: what its rows mean, with their units.

One definition serves two uses. Rows that come back from the store fill a record directly
(beside each SELECT); untrusted data goes through `agentstate.validation`,
which hands the same classes to pydantic. Nothing here imports pydantic.

All times are Unix seconds. Field names are the Rust program's and are what JSON output shows.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple

from agentstate.record import Record, record

JsonValue = Any
"""What `json.loads` gives, or a `JsonText` holding JSON text that was not decoded."""

PATH_FIELDS: Final = ("rollout_path", "path", "cwd")
"""Fields that take an `os.PathLike` too, and keep it as its text."""

_STRICT: Final = {"extra": "forbid", "strict": True}


class ThreadStatus(StrEnum):
    """What a thread is doing; an unknown stored value reads as idle."""

    RUNNING = "running"
    IDLE = "idle"
    COMPLETED = "completed"
    FAILED = "failed"
    PAUSED = "paused"
    ARCHIVED = "archived"


class SessionSource(StrEnum):
    """How a thread began; an unknown stored value reads as unknown."""

    INTERACTIVE = "interactive"
    RESUME = "resume"
    FORK = "fork"
    API = "api"
    UNKNOWN = "unknown"


class JobStateStatus(StrEnum):
    """What a job is doing; an unknown stored value reads as queued."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ThreadGoalStatus(StrEnum):
    """Where a thread's goal stands."""

    ACTIVE = "active"
    PAUSED = "paused"
    BLOCKED = "blocked"
    USAGE_LIMITED = "usage_limited"
    BUDGET_LIMITED = "budget_limited"
    COMPLETE = "complete"


class ThreadSort(StrEnum):
    """The order of a list of threads: newest first for times, A to Z for text."""

    UPDATED = "updated"
    CREATED = "created"
    NAME = "name"
    ID = "id"


@record
class ThreadMetadata(Record):
    """A thread: one conversation, without its messages.

    Paths are text and come back byte for byte as they were stored; an `os.PathLike` is
    accepted and kept as its text.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    id: str
    """Chosen when the thread is made; it never changes."""
    rollout_path: str | None = None
    """The file in which the agent program logs the session."""
    preview: str = ""
    """The first words of the conversation."""
    ephemeral: bool = False
    """Whether the agent program means to forget it."""
    model_provider: str = ""
    """Whose model answers, such as deepseek."""
    created_at: int
    updated_at: int
    status: ThreadStatus = ThreadStatus.IDLE
    """What the thread is doing."""
    path: str | None = None
    """A path of the thread's own, if the agent program gave it one."""
    cwd: str
    """The folder in which the agent worked."""
    cli_version: str = ""
    """The version of the agent program that made it."""
    source: SessionSource = SessionSource.UNKNOWN
    """How the thread began."""
    name: str | None = None
    """What people call it; the column is `title`."""
    sandbox_policy: str | None = None
    """What the agent's commands may touch, such as workspace-write."""
    approval_mode: str | None = None
    """When the agent asks before it acts, such as on-request."""
    archived: bool = False
    """Whether lists leave it out."""
    archived_at: int | None = None
    """When it was archived."""
    git_sha: str | None = None
    """The commit that was checked out."""
    git_branch: str | None = None
    """The branch that was checked out."""
    git_origin_url: str | None = None
    """Where the repository was cloned from."""
    memory_mode: str | None = None
    """Whether the agent keeps memories of it, such as enabled."""
    current_leaf_id: int | None = None
    """The message at which the conversation goes on; only message operations move it."""

    def __post_init__(self) -> None:
        """Keep path-like objects as their text."""
        for field in PATH_FIELDS:
            value = getattr(self, field)
            if isinstance(value, os.PathLike):
                object.__setattr__(self, field, os.fspath(value))


@record
class MessageRecord(Record):
    """A message: one node in the tree of its thread."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    id: int
    """Unique in the store, and never used again."""
    thread_id: str
    role: str
    """Who speaks: user, assistant, tool, system or another."""
    content: str
    """The text."""
    item: JsonValue = None
    """The agent's structured form of the message, if it kept one."""
    created_at: int
    parent_entry_id: int | None = None
    """The message this one answers; None for a root."""


@record
class CheckpointRecord(Record):
    """A saved state of a thread, under an id the agent chose."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    thread_id: str
    checkpoint_id: str
    """Unique in its thread."""
    state: JsonValue
    """Any JSON."""
    created_at: int
    """When it was last saved."""


@record
class JobStateRecord(Record):
    """A background job of the agent."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    id: str
    """Chosen when the job is made."""
    name: str
    """What people call it."""
    status: JobStateStatus = JobStateStatus.QUEUED
    """What the job is doing."""
    progress: int | None = None
    """Percent done; a stored value outside 0..255 reads as None."""
    detail: str | None = None
    """What it is about, or why it failed."""
    created_at: int
    updated_at: int


@record
class DynamicToolRecord(Record):
    """A tool offered to the model in one thread."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    position: int
    """Its place in the list, unique in the thread."""
    name: str
    """What the model calls it."""
    description: str | None = None
    """What the model is told of it."""
    input_schema: JsonValue
    """The JSON Schema of its arguments."""


@record
class ThreadGoalRecord(Record):
    """What a thread is meant to achieve, and what was spent on it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    thread_id: str
    goal_id: str
    """An id of its own."""
    objective: str
    """What is to be achieved."""
    status: ThreadGoalStatus = ThreadGoalStatus.ACTIVE
    """Where it stands."""
    token_budget: int | None = None
    """How many tokens it may use; None is no limit."""
    tokens_used: int = 0
    """How many tokens were used."""
    time_used_seconds: int = 0
    """How long was worked on it."""
    created_at: int
    updated_at: int
    continuation_count: int = 0
    """How often the agent went on by itself."""


@record
class SessionIndexEntry(Record):
    """One line of `session_index.jsonl`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    thread_id: str
    thread_name: str | None = None
    """The thread's name when the line was written."""
    updated_at: int
    rollout_path: str | None = None
    """Where its log was then; with no name either, the thread was deleted."""


@record
class ThreadListFilters(Record):
    """Which threads to list, and how many; a None filters nothing.

    `limit` 0 gives none and `None` gives all. `archived_only` includes what it asks for, and so
    does the status archived, whatever `include_archived` says.
    """

    include_archived: bool = False
    limit: int | None = 50
    archived_only: bool = False
    status: ThreadStatus | None = None
    source: SessionSource | None = None
    model_provider: str | None = None
    cwd: str | None = None
    name: str | None = None
    """A glob (`*`, `?`, `[a-z]`), compared without regard to ASCII case."""
    git_branch: str | None = None
    since: int | None = None
    """Updated at this time or later."""
    until: int | None = None
    """Updated at this time or earlier."""
    sort: ThreadSort = ThreadSort.UPDATED


@record
class ThreadStats(Record):
    """How large a thread's tree is."""

    messages: int = 0
    branches: int = 0
    """Messages that nothing answers."""


class SideBranch(NamedTuple):
    """A branch beside the one that is looked at."""

    message: MessageRecord
    """Its first message; what that answers is where the branch leaves."""
    size: int
    """How many messages it holds, with all that branches off it."""
    leaves: int
    """How many of those nothing answers."""
    leaf_id: int
    """The newest of them."""
