"""Threads on a screen and in machine output."""

from __future__ import annotations

from os.path import commonprefix
from typing import TYPE_CHECKING, Final

from agentstate.render.table import Cell, Column, details, table
from agentstate.render.text import count, first_line, short_path
from agentstate.render.times import ago, iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentstate.records import (
        DynamicToolRecord,
        MessageRecord,
        ThreadGoalRecord,
        ThreadMetadata,
        ThreadStats,
    )
    from agentstate.render.theme import Line
    from agentstate.reports.imports import ImportRecord


_SHORTEST: Final = 8


def shortened(ids: Sequence[str]) -> dict[str, str]:
    """Return for each id its shortest start that no other has; `ids` is every id, sorted."""
    short = {}
    around = ["", *ids, ""]
    for before, thread_id, after in zip(around, ids, around[2:], strict=False):
        shared = max(len(commonprefix([thread_id, other])) for other in (before, after))  # noqa: RUF071 - ids, not paths
        length = max(shared + 1, _SHORTEST)
        # Cutting one or two letters of an id helps nobody.
        short[thread_id] = thread_id if len(thread_id) <= length + 2 else thread_id[:length]
    return short


def listing(  # noqa: PLR0913 - what the store was asked, and where it is shown
    threads: Sequence[ThreadMetadata],
    stats: Mapping[str, ThreadStats],
    short: Mapping[str, str],
    *,
    now: int,
    home: str | None,
    width: int,
) -> list[Line]:
    """Return the table of `threads list`."""
    columns = [
        Column("ID", style="title"),
        Column("NAME", flexible=True),
        Column("STATUS", leave_out=1),
        Column("MSGS", justify="right", leave_out=3),
        Column("BRANCHES", justify="right", leave_out=5),
        Column("UPDATED", justify="right", leave_out=2),
        Column("CWD", flexible=True, style="dim", leave_out=4),
    ]
    rows: list[list[Cell]] = [
        [
            short.get(thread.id, thread.id),
            thread.name or (thread.preview, "dim"),
            (thread.status, f"thread.{thread.status}"),
            str(stats[thread.id].messages),
            str(stats[thread.id].branches),
            ago(thread.updated_at, now),
            short_path(thread.cwd, home),
        ]
        for thread in threads
    ]
    return table(columns, rows, width=width)


def overview(  # noqa: PLR0913 - a thread and what belongs to it
    thread: ThreadMetadata,
    stats: ThreadStats,
    *,
    leaf: MessageRecord | None,
    checkpoints: int,
    goal: ThreadGoalRecord | None,
    tools: Sequence[DynamicToolRecord],
    imported: ImportRecord | None,
    now: int,
    width: int,
) -> list[Line]:
    """Return all that `threads show` says of a thread."""
    leaf_text = f"#{leaf.id} {leaf.role}: {first_line(leaf.content, width)}" if leaf else ""
    if thread.current_leaf_id is not None and (leaf is None or leaf.thread_id != thread.id):
        leaf_text = f"#{thread.current_leaf_id}, which is no message of this thread"
    pairs: list[tuple[str, Cell]] = [
        ("id", (thread.id, "title")),
        ("name", thread.name or ""),
        ("preview", thread.preview),
        ("status", (thread.status, f"thread.{thread.status}")),
        ("archived", _when(thread.archived_at, now) if thread.archived else ""),
        ("messages", f"{count(stats.messages, 'message')}, {count(stats.branches, 'branch')}"),
        ("leaf", leaf_text),
        ("checkpoints", str(checkpoints)),
        ("goal", f"{goal.objective} ({goal.status})" if goal else ""),
        ("tools", ", ".join(tool.name for tool in tools)),
        ("created", _when(thread.created_at, now)),
        ("updated", _when(thread.updated_at, now)),
        ("source", thread.source),
        ("imported", _origin(imported) if imported else ""),
        ("provider", thread.model_provider),
        ("cli version", thread.cli_version),
        ("cwd", thread.cwd),
        ("path", thread.path or ""),
        ("rollout path", thread.rollout_path or ""),
        ("ephemeral", "yes" if thread.ephemeral else ""),
        ("sandbox", thread.sandbox_policy or ""),
        ("approval", thread.approval_mode or ""),
        ("memory mode", thread.memory_mode or ""),
        ("git branch", thread.git_branch or ""),
        ("git sha", thread.git_sha or ""),
        ("git origin", thread.git_origin_url or ""),
    ]
    return details(pairs, width=width)


def _origin(imported: ImportRecord) -> str:
    origin = f"{imported.format} session {imported.session_id}"
    if imported.parent_session_id is not None:
        origin += f", {imported.relation or 'out'} of {imported.parent_session_id}"
    return f"{origin}, from {imported.source_path}" if imported.source_path else origin


def tools_table(tools: Sequence[DynamicToolRecord], *, width: int) -> list[Line]:
    """Return the table of `threads tools`."""
    columns = [
        Column("POSITION", justify="right"),
        Column("NAME", style="title"),
        Column("DESCRIPTION", flexible=True),
    ]
    rows = [[str(tool.position), tool.name, tool.description or ""] for tool in tools]
    return table(columns, rows, width=width)


def goal_details(goal: ThreadGoalRecord, *, now: int, width: int) -> list[Line]:
    """Return what `threads goal` says."""
    budget = "" if goal.token_budget is None else f" of {goal.token_budget}"
    pairs: list[tuple[str, Cell]] = [
        ("goal", (goal.goal_id, "title")),
        ("objective", goal.objective),
        ("status", goal.status),
        ("tokens used", f"{goal.tokens_used}{budget}"),
        ("time used", f"{goal.time_used_seconds} s"),
        ("continuations", str(goal.continuation_count)),
        ("created", _when(goal.created_at, now)),
        ("updated", _when(goal.updated_at, now)),
    ]
    return details(pairs, width=width)


def _when(seconds: int | None, now: int) -> str:
    return "yes" if seconds is None else f"{iso(seconds, local=True)} ({ago(seconds, now)})"
