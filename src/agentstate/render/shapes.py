"""The shape of each noun's answers: the fields and columns of machine output."""

from typing import Final

from agentstate.records import (
    CheckpointRecord,
    DynamicToolRecord,
    JobStateRecord,
    MessageRecord,
    SessionIndexEntry,
    ThreadGoalRecord,
    ThreadMetadata,
)
from agentstate.render.shape import Shape, field_names

THREADS: Final = Shape(
    noun="threads",
    fields=field_names(ThreadMetadata),
    columns=("id", "name", "status", "updated_at", "cwd", "preview"),
    id="id",
    extra=("messages", "branches"),
)
THREAD: Final = Shape(
    noun="threads",
    fields=THREADS.fields,
    columns=THREADS.columns,
    id=THREADS.id,
    extra=(*THREADS.extra, "checkpoints", "goal", "tools", "imported"),
)
TOOLS: Final = Shape(
    noun="tools",
    fields=field_names(DynamicToolRecord),
    columns=("position", "name", "description"),
    id="name",
)
GOALS: Final = Shape(
    noun="goals",
    fields=field_names(ThreadGoalRecord),
    columns=(
        "goal_id",
        "status",
        "objective",
        "tokens_used",
        "token_budget",
        "time_used_seconds",
        "continuation_count",
    ),
    id="goal_id",
)
MESSAGES: Final = Shape(
    noun="messages",
    fields=field_names(MessageRecord),
    columns=("id", "parent_entry_id", "role", "created_at", "content"),
    id="id",
)
TREE: Final = Shape(
    noun="messages",
    fields=(
        "id",
        "parent_entry_id",
        "role",
        "content",
        "created_at",
        "depth",
        "on_active_branch",
        "is_leaf",
        "is_current_leaf",
    ),
    columns=("id", "parent_entry_id", "depth", "role", "created_at", "content"),
    id="id",
    extra=("hidden",),
)
CLEARED: Final = Shape(
    noun="threads",
    fields=("thread_id", "messages"),
    columns=("thread_id", "messages"),
    id="thread_id",
)
CHECKPOINTS: Final = Shape(
    noun="checkpoints",
    fields=field_names(CheckpointRecord),
    columns=("checkpoint_id", "created_at"),
    id="checkpoint_id",
)
JOBS: Final = Shape(
    noun="jobs",
    fields=field_names(JobStateRecord),
    columns=("id", "name", "status", "progress", "updated_at", "detail"),
    id="id",
)
INDEX: Final = Shape(
    noun="entries",
    fields=field_names(SessionIndexEntry),
    columns=("thread_id", "thread_name", "updated_at", "rollout_path"),
    id="thread_id",
)
