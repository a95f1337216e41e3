"""Tables for the screen: one line a row, nothing wrapped, laid out to fit the width.

They are lines of spans, as the tree is, so without colour rich is not loaded. Where room is
short the columns that say least are left out, then those that can are cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from agentstate.render.machine import plain_value
from agentstate.render.text import cell_width, cut, first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agentstate.render.theme import Line, Span

Cell = str | tuple[str, str]
"""A stored text, or a text and the name of its style."""

_CELLS: Final = 2000
"""No screen is wider, so of a cell of megabytes no more is looked at."""

_GAP: Final = 2
_READABLE: Final = 12
"""Cells that a flexible column should have, before another column is left out for it."""
_LEAST: Final = 4


class Column(NamedTuple):
    """A column: its heading, its side, and how it gives way where room is short."""

    heading: str
    justify: Literal["left", "right"] = "left"
    flexible: bool = False
    """Whether it is cut before others are."""
    style: str = ""
    leave_out: int = 0
    """Columns with a higher number are left out first; those with 0 never."""


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, width: int) -> list[Line]:
    """Return the lines of a table of stored texts; every cell is made safe for a screen."""
    headings = [[(column.heading, "heading") for column in columns]]
    return _lay_out(columns, headings + _spans(columns, rows, width), width)


def fields_table(
    fields: Sequence[str], rows: Iterable[Mapping[str, object]], *, width: int
) -> list[Line]:
    """Return a table of the fields that `--fields` names."""
    columns = [Column(field.upper(), flexible=True) for field in fields]
    cells = ([plain_value(row[field]) for field in fields] for row in rows)
    return table(columns, cells, width=width)


def details(pairs: Iterable[tuple[str, Cell]], *, width: int) -> list[Line]:
    """Return a heading and a value a line, for one record."""
    columns = (Column("", style="heading"), Column("", flexible=True))
    return _lay_out(columns, _spans(columns, (pair for pair in pairs if pair[1]), width), width)


def _spans(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], width: int
) -> list[list[Span]]:
    cells = min(width, _CELLS)
    spans = []
    for row in rows:
        given = (cell if isinstance(cell, tuple) else (cell, "") for cell in row)
        spans.append(
            [
                (first_line(text, cells), style or column.style)
                for column, (text, style) in zip(columns, given, strict=True)
            ]
        )
    return spans


def _lay_out(columns: Sequence[Column], rows: Sequence[Sequence[Span]], width: int) -> list[Line]:
    natural = [
        max((cell_width(row[place][0]) for row in rows), default=0) for place in range(len(columns))
    ]
    widths = _fit(columns, natural, width)
    return [_line(columns, row, widths) for row in rows]


def _line(columns: Sequence[Column], row: Sequence[Span], widths: Mapping[int, int]) -> Line:
    line: Line = []
    for place, cells in widths.items():
        text, style = row[place]
        text = cut(text, cells)
        padding = (" " * (cells - cell_width(text)), "")
        cell = (text, style)
        line += [padding, cell] if columns[place].justify == "right" else [cell, padding]
        line.append((" " * _GAP, ""))
    while line and not line[-1][0].strip(" "):
        line.pop()
    return line


def _fit(columns: Sequence[Column], natural: Sequence[int], width: int) -> dict[int, int]:
    """Return the places of the columns that are shown, and their widths."""
    # An id of hundreds of letters must leave room for what it names.
    wanted = [
        cells if column.flexible else min(cells, width // 2)
        for column, cells in zip(columns, natural, strict=True)
    ]
    needed = [
        min(cells, _READABLE) if column.flexible else cells
        for column, cells in zip(columns, wanted, strict=True)
    ]
    shown = set(range(len(columns)))
    for place in sorted(shown, key=lambda place: columns[place].leave_out, reverse=True):
        if columns[place].leave_out and _total(needed, shown) > width:
            shown.remove(place)
    widths = {place: wanted[place] for place in sorted(shown)}
    _cut_widest(widths, [place for place in widths if columns[place].flexible], width)
    _cut_widest(widths, list(widths), width)
    return widths


def _total(widths: Sequence[int], shown: Iterable[int]) -> int:
    return sum(widths[place] + _GAP for place in shown) - _GAP


def _cut_widest(widths: dict[int, int], places: Sequence[int], width: int) -> None:
    """Make the widest of some columns narrower, again and again, until all fit."""
    excess = sum(widths.values()) + _GAP * (len(widths) - 1) - width
    for _ in range(excess):
        widest = max(places, key=lambda place: widths[place], default=None)
        if widest is None or widths[widest] <= _LEAST:
            return
        widths[widest] -= 1
