"""Checkpoints on a screen and in machine output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.render.table import Cell, Column, table
from agentstate.render.times import ago

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.records import CheckpointRecord
    from agentstate.render.theme import Line


def listing(checkpoints: Sequence[CheckpointRecord], *, now: int, width: int) -> list[Line]:
    """Return the table of `checkpoint list`; states are JSON texts."""
    columns = [
        Column("CHECKPOINT", style="title"),
        Column("SAVED", justify="right", leave_out=1),
        Column("SIZE", justify="right", leave_out=2),
        Column("STATE", flexible=True, style="dim"),
    ]
    rows: list[list[Cell]] = [
        [
            checkpoint.checkpoint_id,
            ago(checkpoint.created_at, now),
            str(len(str(checkpoint.state).encode("utf-8", "surrogatepass"))),
            str(checkpoint.state),
        ]
        for checkpoint in checkpoints
    ]
    return table(columns, rows, width=width)
