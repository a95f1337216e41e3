"""What `agentstate recover` saved, and what is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.render.table import Cell, Column, details, table
from agentstate.render.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.render.theme import Line
    from agentstate.reports.recovery import RecoverReport


def overview(report: RecoverReport, *, width: int) -> list[Line]:
    """Return the table of `recover`: the files, and the rows of each table that has some."""
    pairs: list[tuple[str, Cell]] = [
        ("store", (report.path, "title")),
        ("recovered from", report.source),
        ("session index", report.index_path or ""),
    ]
    columns = [
        Column("TABLE"),
        Column("SAVED", justify="right"),
        Column("LOST", justify="right"),
        Column("MADE", justify="right"),
    ]
    rows: list[list[Cell]] = [
        [one.table, str(one.saved), str(one.lost), str(one.made)]
        for one in report.tables
        if one.saved or one.lost or one.made
    ]
    return [*details(pairs, width=width), [], *table(columns, rows, width=width)]


def tables(report: RecoverReport) -> Iterator[str]:
    """Yield a line for each table that has rows."""
    for one in report.tables:
        if one.saved or one.lost or one.made:
            made = f", {one.made} made for rows that refer to them" if one.made else ""
            yield f"{one.table}: {one.saved} saved, {one.lost} lost{made}"


def summary(report: RecoverReport) -> str:
    """Return what came of it in one line."""
    lost = (
        f"at least {count(report.lost, 'row')} lost" if report.lost else "no row known to be lost"
    )
    return f"{count(report.saved, 'row')} saved, {lost}"
