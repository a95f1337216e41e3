"""Answers: in which shape they go out, and what a note says of them."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agentstate import render
from agentstate.cli.invocation import Invocation, invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.printing import draw_lines, is_screen, write_lines
from agentstate.errors import UsageError
from agentstate.record import Record, record
from agentstate.render import machine
from agentstate.render.text import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import typer

    from agentstate.render.shape import Shape
    from agentstate.render.theme import Line


@record
class Wanted(Record):
    """What the options of a verb say about its answer."""

    output: OutputFormat | None = None
    fields: str | None = None
    null: bool = False
    raw: bool = False
    whole: bool = False
    """Whether JSON has the extra fields of the shape without being asked for them."""


class Answer:
    """The answer of one verb; refuses wrong options before the store is opened."""

    def __init__(self, ctx: typer.Context, shape: Shape, wanted: Wanted) -> None:
        """Choose the shape and the fields; raises `UsageError` for a field that is not there."""
        self._run: Invocation = invocation(ctx)
        self._shape = shape
        self._null = wanted.null
        self.screen = is_screen() and not wanted.raw
        self.format = wanted.output or (OutputFormat.TABLE if is_screen() else OutputFormat.TSV)
        if wanted.null and wanted.output is None:
            self.format = OutputFormat.ID
        if wanted.null and self.format is not OutputFormat.ID:
            raise UsageError("-0 goes with -o id")
        is_json = self.format in {OutputFormat.JSON, OutputFormat.JSONL}
        extra = shape.extra if wanted.whole and is_json else ()
        tsv = self.format is OutputFormat.TSV
        default = shape.columns if tsv else shape.fields + extra
        self.fields = shape.choose(wanted.fields, default=default)
        self._named = wanted.fields is not None

    @property
    def is_table(self) -> bool:
        """Whether the verb is to draw its table; where fields are named, `rows` draws those."""
        return self.format is OutputFormat.TABLE and not self._named

    @cached_property
    def width(self) -> int:
        """How many cells a line may take."""
        from agentstate.render.theme import UNCUT, screen_width  # noqa: PLC0415 - tables only

        return screen_width(sys.stdout) or UNCUT

    def rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write a list of records, whose fields and shape the options chose."""
        if self.format is OutputFormat.TABLE:
            self.table(render.table.fields_table(self.fields, rows, width=self.width))
        elif self.format is OutputFormat.JSON:
            write_lines(machine.json_array(rows, self.fields, screen=self.screen))
        elif self.format is OutputFormat.ID:
            # A dry run does not know which ids there will be.
            known = (row for row in rows if row[self._shape.id] is not None)
            ids = (machine.tsv_line(row, (self._shape.id,), screen=self.screen) for row in known)
            raw_ids = (str(row[self._shape.id]) for row in known)
            plain = self._null and not self.screen
            write_lines(raw_ids if plain else ids, end="\0" if self._null else "\n")
        else:
            write_lines(self._line(row) for row in rows)

    def row(self, row: Mapping[str, Any]) -> None:
        """Write one record: as JSON it is the object alone."""
        if self.format is OutputFormat.JSON:
            write_lines([machine.json_object(row, self.fields, screen=self.screen)])
        else:
            self.rows([row])

    def table(self, lines: Iterable[Line]) -> None:
        """Draw a table."""
        draw_lines(lines, self._run.color.value)

    def note_cut(self, shown: int, total: int) -> None:
        """Say that a limit cut the answer, where it did."""
        if shown < total:
            self._run.note(f"{shown} of {total} {self._shape.noun}; --limit 0 for all")

    def note_hidden(self, number: int) -> None:
        """Say that hidden messages were left out, where some were."""
        if number:
            self._run.note(f"{count(number, 'hidden message')} left out; --all shows them")

    def _line(self, row: Mapping[str, Any]) -> str:
        if self.format is OutputFormat.JSONL:
            return machine.json_object(row, self.fields, screen=self.screen)
        return machine.tsv_line(row, self.fields, screen=self.screen)
