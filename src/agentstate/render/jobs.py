"""Jobs on a screen and in machine output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.render.table import Cell, Column, details, table
from agentstate.render.times import ago, iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.records import JobStateRecord
    from agentstate.render.theme import Line


_BAR: Final = 10


def listing(jobs: Sequence[JobStateRecord], *, now: int, width: int) -> list[Line]:
    """Return the table of `jobs list`."""
    columns = [
        Column("ID", style="title"),
        Column("NAME", flexible=True),
        Column("STATUS", leave_out=1),
        Column("PROGRESS", leave_out=2),
        Column("UPDATED", justify="right", leave_out=3),
        Column("DETAIL", flexible=True, style="dim", leave_out=4),
    ]
    rows: list[list[Cell]] = [
        [
            job.id,
            job.name,
            (job.status, f"job.{job.status}"),
            progress_bar(job.progress),
            ago(job.updated_at, now),
            job.detail or "",
        ]
        for job in jobs
    ]
    return table(columns, rows, width=width)


def overview(job: JobStateRecord, *, now: int, width: int) -> list[Line]:
    """Return what `jobs show` says."""
    pairs: list[tuple[str, Cell]] = [
        ("id", (job.id, "title")),
        ("name", job.name),
        ("status", (job.status, f"job.{job.status}")),
        ("progress", progress_bar(job.progress)),
        ("detail", job.detail or ""),
        ("created", f"{iso(job.created_at, local=True)} ({ago(job.created_at, now)})"),
        ("updated", f"{iso(job.updated_at, local=True)} ({ago(job.updated_at, now)})"),
    ]
    return details(pairs, width=width)


def progress_bar(progress: int | None) -> str:
    """Return a bar and its percentage; the Rust program may store more than 100."""
    if progress is None:
        return ""
    filled = min(progress, 100) * _BAR // 100
    return f"{'█' * filled}{'░' * (_BAR - filled)} {progress:3d}%"
