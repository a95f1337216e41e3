"""Deleted threads on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.render.sizes import size
from agentstate.render.table import Cell, Column, table
from agentstate.render.times import ago

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.render.theme import Line
    from agentstate.reports import TrashEntry


def listing(entries: Sequence[TrashEntry], *, now: int, width: int) -> list[Line]:
    """Return the table of `threads trash list`."""
    columns = [
        Column("ID", style="title"),
        Column("NAME", flexible=True),
        Column("MSGS", justify="right", leave_out=2),
        Column("DELETED", justify="right"),
        Column("EXPIRES", justify="right", leave_out=1),
        Column("SIZE", justify="right", leave_out=3),
    ]
    rows: list[list[Cell]] = [
        [
            entry.id,
            entry.name or "",
            str(entry.messages),
            ago(entry.deleted_at, now),
            "with the next" if entry.expires_at <= now else ago(entry.expires_at, now),
            size(entry.size),
        ]
        for entry in entries
    ]
    return table(columns, rows, width=width)
