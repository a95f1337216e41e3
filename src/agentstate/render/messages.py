"""Messages on a screen and in machine output; the tree is drawn by `agentstate.render.tree`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.render.item_line import shown_item
from agentstate.render.table import Cell, Column, details, table
from agentstate.render.text import is_blank
from agentstate.render.theme import role_style
from agentstate.render.times import ago, iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.records import MessageRecord
    from agentstate.render.theme import Line


def listing(
    messages: Sequence[MessageRecord], *, leaf: int | None, now: int, width: int
) -> list[Line]:
    """Return the table of `messages list` and `messages leaves`."""
    columns = [
        Column("ID", justify="right", style="title"),
        Column("ROLE"),
        Column("CONTENT", flexible=True),
        Column("WHEN", justify="right", style="dim", leave_out=1),
    ]
    rows: list[list[Cell]] = [
        [
            (f"◉ {message.id}", "leaf") if message.id == leaf else str(message.id),
            (message.role, role_style(message.role)),
            (shown_item(message.item), "dim") if is_blank(message.content) else message.content,
            ago(message.created_at, now),
        ]
        for message in messages
    ]
    return table(columns, rows, width=width)


def overview(message: MessageRecord, *, now: int, width: int) -> list[Line]:
    """Return what `messages show` says above the text."""
    when = f"{iso(message.created_at, local=True)} ({ago(message.created_at, now)})"
    parent = "none: a root" if message.parent_entry_id is None else str(message.parent_entry_id)
    pairs: list[tuple[str, Cell]] = [
        ("id", (str(message.id), "title")),
        ("thread", message.thread_id),
        ("parent", parent),
        ("role", (message.role, role_style(message.role))),
        ("created", when),
        ("item", "" if message.item is None else str(message.item)),
    ]
    return details(pairs, width=width)
