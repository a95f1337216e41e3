"""The schema, as the steps of its history; a fresh file takes the same steps as an old one.

Read top to bottom, this is what a file at the newest version holds. Every statement may meet a
file on which it was run before (a restore can reset `user_version` to 0), so all of them say
IF NOT EXISTS, and columns are added by `agentstate.db.migrations`, which looks first.
"""

from typing import Final

NEWEST: Final = 4
"""The version written today: what the released agent program writes."""

THREADS_BASE: Final = ("id", "preview", "model_provider", "updated_at", "status", "cwd", "source")
MESSAGES_BASE: Final = ("id", "thread_id", "role", "content", "item_json", "created_at")
"""Columns by which a file is known to be a store, from the historic tables on."""

OF_THREADS: Final = ("messages", "checkpoints", "thread_dynamic_tools", "thread_goals")
"""Tables whose rows go with their thread, which `thread_id` names."""

WORKFLOW_TABLES: Final = (
    "workflow_runs",
    "branch_runs",
    "leaf_runs",
    "control_node_runs",
    "teacher_candidates",
)
"""Traces that the agent program keeps; this program counts them and never changes them."""

TABLES: Final = ("threads", *OF_THREADS, "jobs", *WORKFLOW_TABLES)

# Version 1, first half: the historic tables, which versions before the tree had as well.
HISTORIC: Final = """
CREATE TABLE IF NOT EXISTS threads (
    id TEXT PRIMARY KEY,
    rollout_path TEXT,
    preview TEXT NOT NULL,
    ephemeral INTEGER NOT NULL,
    model_provider TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    path TEXT,
    cwd TEXT NOT NULL,
    cli_version TEXT NOT NULL,
    source TEXT NOT NULL,
    title TEXT,
    sandbox_policy TEXT,
    approval_mode TEXT,
    archived INTEGER NOT NULL DEFAULT 0,
    archived_at INTEGER,
    git_sha TEXT,
    git_branch TEXT,
    git_origin_url TEXT,
    memory_mode TEXT
);
CREATE INDEX IF NOT EXISTS idx_threads_updated_at ON threads(updated_at DESC);
CREATE INDEX IF NOT EXISTS idx_threads_archived_at ON threads(archived_at DESC);
CREATE INDEX IF NOT EXISTS idx_threads_archived_updated ON threads(archived, updated_at DESC);

CREATE TABLE IF NOT EXISTS thread_dynamic_tools (
    thread_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    input_schema TEXT NOT NULL,
    PRIMARY KEY (thread_id, position),
    FOREIGN KEY(thread_id) REFERENCES threads(id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    thread_id TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    item_json TEXT,
    created_at INTEGER NOT NULL,
    FOREIGN KEY(thread_id) REFERENCES threads(id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_messages_thread_created_at ON messages(thread_id, created_at ASC);

CREATE TABLE IF NOT EXISTS checkpoints (
    thread_id TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    state_json TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY(thread_id, checkpoint_id),
    FOREIGN KEY(thread_id) REFERENCES threads(id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_checkpoints_thread_created_at
    ON checkpoints(thread_id, created_at DESC);

CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    progress INTEGER,
    detail TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_jobs_updated_at ON jobs(updated_at DESC);
"""

# Version 1, second half: the tree. messages.parent_entry_id and threads.current_leaf_id are
# added as columns (not in the CREATE above), so that their place is the same in every file.
PARENT_INDEX: Final = """
CREATE INDEX IF NOT EXISTS idx_messages_parent_entry_id ON messages(parent_entry_id);
"""

# A thread's messages in the order (created_at, id): each answers the one before it.
BACKFILL_PARENTS: Final = """
UPDATE messages SET parent_entry_id = ordered.previous
FROM (
    SELECT id, lag(id) OVER (PARTITION BY thread_id ORDER BY created_at, id) AS previous
    FROM messages
) AS ordered
WHERE ordered.id = messages.id
"""

# The last in that same order, which is where the chain ends, so no message is hidden.
BACKFILL_LEAVES: Final = """
UPDATE threads SET current_leaf_id = (
    SELECT id FROM messages WHERE thread_id = threads.id
    ORDER BY created_at DESC, id DESC LIMIT 1
)
"""

# Version 2: traces of workflow runs.
WORKFLOWS: Final = """
CREATE TABLE IF NOT EXISTS workflow_runs (
    id TEXT PRIMARY KEY,
    workflow_id TEXT NOT NULL,
    goal TEXT NOT NULL,
    status TEXT NOT NULL,
    input_hash TEXT,
    started_at INTEGER NOT NULL,
    completed_at INTEGER,
    metadata_json TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS idx_workflow_runs_status_started_at
    ON workflow_runs(status, started_at DESC);
CREATE INDEX IF NOT EXISTS idx_workflow_runs_workflow_started_at
    ON workflow_runs(workflow_id, started_at DESC);

CREATE TABLE IF NOT EXISTS branch_runs (
    id TEXT PRIMARY KEY,
    workflow_run_id TEXT NOT NULL,
    branch_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    completed_at INTEGER,
    result_json TEXT NOT NULL DEFAULT '{}',
    FOREIGN KEY(workflow_run_id) REFERENCES workflow_runs(id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_branch_runs_workflow_run_id ON branch_runs(workflow_run_id);
CREATE INDEX IF NOT EXISTS idx_branch_runs_branch_id ON branch_runs(branch_id);

CREATE TABLE IF NOT EXISTS leaf_runs (
    id TEXT PRIMARY KEY,
    workflow_run_id TEXT NOT NULL,
    branch_run_id TEXT,
    leaf_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    input_hash TEXT,
    status TEXT NOT NULL,
    output_json TEXT NOT NULL DEFAULT '{}',
    artifacts_json TEXT NOT NULL DEFAULT '[]',
    started_at INTEGER NOT NULL,
    completed_at INTEGER,
    FOREIGN KEY(workflow_run_id) REFERENCES workflow_runs(id) ON DELETE CASCADE,
    FOREIGN KEY(branch_run_id) REFERENCES branch_runs(id) ON DELETE SET NULL
);
CREATE INDEX IF NOT EXISTS idx_leaf_runs_workflow_run_id ON leaf_runs(workflow_run_id);
CREATE INDEX IF NOT EXISTS idx_leaf_runs_replay_lookup
    ON leaf_runs(workflow_run_id, leaf_id, input_hash);

CREATE TABLE IF NOT EXISTS control_node_runs (
    id TEXT PRIMARY KEY,
    workflow_run_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    selected_children_json TEXT NOT NULL DEFAULT '[]',
    result_json TEXT NOT NULL DEFAULT '{}',
    started_at INTEGER NOT NULL,
    completed_at INTEGER,
    FOREIGN KEY(workflow_run_id) REFERENCES workflow_runs(id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_control_node_runs_workflow_run_id
    ON control_node_runs(workflow_run_id);
CREATE INDEX IF NOT EXISTS idx_control_node_runs_node_id ON control_node_runs(node_id);

CREATE TABLE IF NOT EXISTS teacher_candidates (
    id TEXT PRIMARY KEY,
    workflow_run_id TEXT NOT NULL,
    control_node_run_id TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    branch_run_id TEXT,
    score REAL,
    passed INTEGER,
    rationale_json TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    FOREIGN KEY(workflow_run_id) REFERENCES workflow_runs(id) ON DELETE CASCADE,
    FOREIGN KEY(control_node_run_id) REFERENCES control_node_runs(id) ON DELETE CASCADE,
    FOREIGN KEY(branch_run_id) REFERENCES branch_runs(id) ON DELETE SET NULL
);
CREATE INDEX IF NOT EXISTS idx_teacher_candidates_workflow_run_id
    ON teacher_candidates(workflow_run_id);
CREATE INDEX IF NOT EXISTS idx_teacher_candidates_control_node_run_id
    ON teacher_candidates(control_node_run_id);
"""

# Version 3: what a thread is meant to achieve. Version 4 adds continuation_count as a column.
GOALS: Final = """
CREATE TABLE IF NOT EXISTS thread_goals (
    thread_id TEXT PRIMARY KEY NOT NULL,
    goal_id TEXT NOT NULL,
    objective TEXT NOT NULL,
    status TEXT NOT NULL CHECK(status IN (
        'active', 'paused', 'blocked', 'usage_limited', 'budget_limited', 'complete'
    )),
    token_budget INTEGER,
    tokens_used INTEGER NOT NULL DEFAULT 0,
    time_used_seconds INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    FOREIGN KEY(thread_id) REFERENCES threads(id) ON DELETE CASCADE
);
"""
