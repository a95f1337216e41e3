"""The operations of the Rust program, asked of a store by the names it has for them."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from agentstate import (
    DynamicToolRecord,
    JobStateRecord,
    JobStateStatus,
    SessionSource,
    StateStore,
    ThreadListFilters,
    ThreadMetadata,
    ThreadStatus,
)
from support import DATA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Arguments = dict[str, Any]
    Answers = dict[str, Any]
    Difference = Callable[[Arguments, Any, Answers], Any]

RICH: Final = DATA / "v2_rich"


def upsert_thread(store: StateStore, a: Arguments) -> None:
    values = {
        **a["thread"],
        "status": ThreadStatus(a["thread"]["status"]),
        "source": SessionSource(a["thread"]["source"]),
    }
    store.threads.upsert(ThreadMetadata(**values))


def upsert_job(store: StateStore, a: Arguments) -> None:
    store.jobs.upsert(JobStateRecord(**{**a["job"], "status": JobStateStatus(a["job"]["status"])}))


def list_threads(store: StateStore, a: Arguments) -> object:
    filters = ThreadListFilters(
        include_archived=a.get("include_archived", False), limit=a.get("limit", 50)
    )
    return store.threads.list(filters)


def replace_tools(store: StateStore, a: Arguments) -> None:
    store.tools.replace(a["thread_id"], [DynamicToolRecord(**tool) for tool in a["tools"]])


OPERATIONS: Final[dict[str, Callable[[StateStore, Arguments], object]]] = {
    "upsert_thread": upsert_thread,
    "get_thread": lambda s, a: s.threads.get(a["id"]),
    "list_threads": list_threads,
    "mark_archived": lambda s, a: s.threads.archive(a["id"]),
    "mark_unarchived": lambda s, a: s.threads.unarchive(a["id"]),
    "delete_thread": lambda s, a: s.threads.delete(a["id"]),
    "set_thread_memory_mode": lambda s, a: s.threads.set_memory_mode(a["id"], a["mode"]),
    "get_thread_memory_mode": lambda s, a: s.threads.get_memory_mode(a["id"]),
    "find_rollout_path_by_id": lambda s, a: s.threads.rollout_path(a["id"]),
    "append_message": lambda s, a: s.messages.append(
        a["thread_id"], a["role"], a["content"], a.get("item")
    ),
    "fork_at_message": lambda s, a: s.messages.fork(
        a["message_id"], a["role"], a["content"], a.get("item")
    ),
    "list_messages": lambda s, a: s.messages.branch(a["thread_id"], a.get("limit", 500)),
    "list_leaf_messages": lambda s, a: s.messages.leaves(a["thread_id"]),
    "set_current_leaf_id": lambda s, a: s.messages.checkout(
        a["thread_id"], int(a["current_leaf_id"])
    ),
    "clear_messages": lambda s, a: s.messages.clear(a["thread_id"]),
    "save_checkpoint": lambda s, a: s.checkpoints.save(
        a["thread_id"], a["checkpoint_id"], a["state"]
    ),
    "load_checkpoint": lambda s, a: s.checkpoints.load(a["thread_id"], a.get("checkpoint_id")),
    "list_checkpoints": lambda s, a: s.checkpoints.list(a["thread_id"], a.get("limit", 100)),
    "delete_checkpoint": lambda s, a: s.checkpoints.delete(a["thread_id"], a["checkpoint_id"]),
    "persist_dynamic_tools": replace_tools,
    "get_dynamic_tools": lambda s, a: s.tools.list(a["thread_id"]),
    "upsert_job": upsert_job,
    "get_job": lambda s, a: s.jobs.get(a["id"]),
    "list_jobs": lambda s, a: s.jobs.list(a.get("limit", 100)),
    "delete_job": lambda s, a: s.jobs.delete(a["id"]),
    "append_thread_name": lambda s, a: s.index.append(
        a["thread_id"], a["thread_name"], a["updated_at"], a.get("rollout_path")
    ),
    "find_thread_name_by_id": lambda s, a: s.index.name_of(a["thread_id"]),
    "find_thread_names_by_ids": lambda s, a: s.index.names_of(a["ids"]),
    "find_thread_path_by_name_str": lambda s, a: s.index.path_of_name(a["name"]),
}


def answer(store: StateStore, operation: Arguments) -> object:
    """Ask the store, and return the answer as the JSON the Rust program would give."""
    return plain(OPERATIONS[operation["op"]](store, operation))


def plain(value: object) -> object:
    if isinstance(value, list):
        return [plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]  # checked above
    return value


def text(value: object) -> str:
    """Return JSON that is equal only for equal values: 1 is not 1.0, and not true."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def read_lines(path: Path) -> list[Any]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_pairs(path: Path) -> list[tuple[Arguments, Any]]:
    """Return queries, and what the Rust program answered where it did not fail."""
    pairs = json.loads(path.read_text(encoding="utf-8"))
    return [(pair["query"], pair["answer"].get("ok")) for pair in pairs]
