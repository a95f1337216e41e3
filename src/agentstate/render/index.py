"""The session index on a screen and in machine output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.render.table import Cell, Column, table
from agentstate.render.text import count
from agentstate.render.times import ago

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentstate.records import SessionIndexEntry
    from agentstate.render.theme import Line
    from agentstate.reports.index import IndexCheck, IndexRebuild


def listing(entries: Sequence[SessionIndexEntry], *, now: int, width: int) -> list[Line]:
    """Return the table of `index list`."""
    columns = [
        Column("THREAD", style="title"),
        Column("NAME", flexible=True),
        Column("UPDATED", justify="right", leave_out=1),
        Column("ROLLOUT PATH", flexible=True, style="dim", leave_out=2),
    ]
    rows: list[list[Cell]] = [
        [
            entry.thread_id,
            entry.thread_name or "",
            ago(entry.updated_at, now),
            entry.rollout_path or "",
        ]
        for entry in entries
    ]
    return table(columns, rows, width=width)


def check_findings(check: IndexCheck) -> Iterator[str]:
    """Yield a line for each finding of `index check`."""
    for bad in check.bad_lines:
        yield f"line {bad.line} cannot be parsed: {bad.reason}"
    for thread_id in check.ghosts:
        yield f"{thread_id} is not in the store"
    for drift in check.drifted:
        yield (
            f"{drift.thread_id} is {_quoted(drift.index_name)} in the index, "
            f"{_quoted(drift.store_name)} in the store"
        )
    for thread_id in check.missing:
        yield f"{thread_id} has no line"


def check_summary(check: IndexCheck) -> str:
    """Return the last line of `index check`."""
    return (
        f"{count(check.lines, 'line')}, {count(check.entries, 'thread')}: "
        f"{count(len(check.bad_lines), 'bad line')}, {len(check.ghosts)} not in the store, "
        f"{count(len(check.drifted), 'other name')}, {len(check.missing)} missing"
    )


def rebuild_differences(rebuild: IndexRebuild) -> Iterator[str]:
    """Yield a line for each thing that `index rebuild` changes."""
    for thread_id in rebuild.added:
        yield f"{thread_id} gets a line"
    for drift in rebuild.renamed:
        yield (
            f"{drift.thread_id} becomes {_quoted(drift.store_name)}, "
            f"was {_quoted(drift.index_name)}"
        )
    for thread_id in rebuild.kept_names:
        yield f"{thread_id} keeps the name that only the index knows"
    for thread_id in rebuild.dropped:
        yield f"{thread_id} is dropped: its thread is gone"
    if rebuild.bad_lines:
        yield f"dropped, for it cannot be parsed: {count(rebuild.bad_lines, 'line')}"


def _quoted(name: str | None) -> str:
    return "without a name" if name is None else f"named {name!r}"
