"""Tables for the screen: one line a row, nothing wrapped, cut to the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from agentstate.render.text import first_line
from agentstate.render.theme import STYLES, UNCUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

Cell = str | tuple[str, str]
"""A stored text, or a text and the name of its style."""

_CELLS: Final = 2000
"""No screen is wider, so a cell of megabytes is cut before rich measures it."""


class Column(NamedTuple):
    """A column: its heading, its side, and whether it gives way where room is short."""

    heading: str
    justify: Literal["left", "right"] = "left"
    flexible: bool = False
    style: str = ""


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, width: int) -> Table:
    """Return a table of stored texts; every cell is made safe for a screen."""
    from rich.table import Table  # noqa: PLC0415 - rich costs start-up time
    from rich.text import Text  # noqa: PLC0415 - as above

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=STYLES["heading"])
    for column in columns:
        drawn.add_column(
            column.heading,
            justify=column.justify,
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if column.flexible and width < UNCUT else None,
            min_width=None if column.flexible else len(column.heading),
            style=STYLES.get(column.style, ""),
        )
    for row in rows:
        texts = (cell if isinstance(cell, tuple) else (cell, "") for cell in row)
        drawn.add_row(
            *(Text(first_line(text, _CELLS), STYLES.get(style, "")) for text, style in texts)
        )
    return drawn


def details(pairs: Iterable[tuple[str, Cell]], *, width: int) -> Table:
    """Return a table of headings and values, for one record."""
    rows = [((heading, "heading"), value) for heading, value in pairs if value]
    drawn = table([Column(""), Column("", flexible=True)], rows, width=width)
    drawn.show_header = False
    return drawn
