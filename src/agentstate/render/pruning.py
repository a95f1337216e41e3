"""What `threads prune` deletes, on a screen and in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.render.sizes import size
from agentstate.render.table import Cell, Column, table
from agentstate.render.text import count
from agentstate.render.times import ago

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.render.theme import Line
    from agentstate.reports.trash import PrunedThread, PruneReport


def listing(threads: Sequence[PrunedThread], *, now: int, width: int) -> list[Line]:
    """Return the table of `threads prune`."""
    columns = [
        Column("ID", style="title"),
        Column("NAME", flexible=True),
        Column("UPDATED", justify="right"),
        Column("MSGS", justify="right", leave_out=2),
        Column("SIZE", justify="right", leave_out=1),
    ]
    rows: list[list[Cell]] = [
        [
            thread.id,
            thread.name or "",
            ago(thread.updated_at, now),
            str(thread.messages),
            size(thread.size),
        ]
        for thread in threads
    ]
    return table(columns, rows, width=width)


def total(threads: Sequence[PrunedThread]) -> str:
    """Return how much some threads are: `3 threads with 40 messages, 1.2 MB`."""
    messages = sum(thread.messages for thread in threads)
    rows = size(sum(thread.size for thread in threads))
    return f"{count(len(threads), 'thread')} with {count(messages, 'message')}, {rows}"


def beyond(excess: int) -> str:
    """Say that too little can be deleted for a size to be reached."""
    return f"--max-size is not reached: what stays takes about {size(excess)} more"


def progress(done: int, planned: int) -> str:
    """Return how far a pruning came: `deleted 3 of 15 threads, 12 are left`."""
    left = f"{planned - done} {'is' if planned - done == 1 else 'are'} left"
    return f"deleted {done} of {count(planned, 'thread')}, {left}"


def summary(report: PruneReport) -> str:
    """Return what a pruning came to, in a line."""
    if not report.threads:
        return "nothing to delete"
    if report.dry_run:
        return f"would delete {total(report.threads)}"
    said = f"deleted {total(report.threads)}"
    if report.reclaimed:
        said += f"; the store's files gave back {size(report.reclaimed)}"
    if report.bundled:
        said += (
            f"; for 30 days {size(report.bundled)} of bundles bring the threads back "
            "(agentstate threads undelete), and agentstate threads trash empty frees them at once"
        )
    return said
