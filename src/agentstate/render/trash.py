"""Deleted threads on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.render.sizes import size
from agentstate.render.table import Cell, Column, table
from agentstate.render.text import count, short_path
from agentstate.render.times import ago, to_the_second

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.render.theme import Line
    from agentstate.reports.trash import TrashEntry

_NO_YEAR: Final = len("01-15 09:00:05")
"""So much of a time says which of 30 days it was, and fits a narrow screen."""


def listing(entries: Sequence[TrashEntry], *, now: int, home: str | None, width: int) -> list[Line]:
    """Return the table of `threads trash list`."""
    columns = [
        Column("ID", style="title"),
        Column("NAME", flexible=True),
        Column("MSGS", justify="right", leave_out=1),
        Column("DELETED"),
        Column("EXPIRES", justify="right", leave_out=4),
        Column("SIZE", justify="right", leave_out=5),
        Column("CWD", flexible=True, style="dim", leave_out=2),
        Column("PREVIEW", flexible=True, style="dim", leave_out=3),
    ]
    rows: list[list[Cell]] = [
        [
            entry.id,
            entry.name or "",
            str(entry.messages),
            to_the_second(entry.deleted_at)[-_NO_YEAR:],
            "with the next" if entry.expires_at <= now else ago(entry.expires_at, now),
            size(entry.size),
            short_path(entry.cwd or "", home),
            entry.preview or "",
        ]
        for entry in entries
    ]
    return table(columns, rows, width=width)


def total(entries: Sequence[TrashEntry], broken: int) -> str:
    """Return how much is removed: `3 deleted threads (1.2 MB) and 1 file that is no bundle`.

    `broken` is how many files are no whole bundle; not both may be none.
    """
    taken = size(sum(entry.size for entry in entries))
    threads = f"{count(len(entries), 'deleted thread')} ({taken})"
    files = f"{count(broken, 'file')} that {'is' if broken == 1 else 'are'} no whole bundle"
    return " and ".join(([threads] if entries else []) + ([files] if broken else []))
