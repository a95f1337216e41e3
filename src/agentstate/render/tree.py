"""The tree of a thread as lines: one a message, cut to the width, in colour and without.

Give `tree_lines` a `BranchView` (the active branch, other branches as stubs) or a `WholeView`
(every message). Lines come one by one, so that drawing a long thread takes no room of its own.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from agentstate.records import ThreadMetadata, ThreadStatus
from agentstate.render import times
from agentstate.render.text import cell_width, count, cut, first_line, screen_safe, short_path
from agentstate.render.theme import Line, plain
from agentstate.render.tree_layout import NO_LEAF, BranchView, WholeView, branch_rows, whole_rows
from agentstate.render.tree_row import RowPainter, TreeOptions, clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.records import ThreadStats

_MEASURED_ROWS: Final = 500
"""A drawing of more rows takes the whole width; a shorter one only what its longest line needs."""

_CWD_CELLS: Final = 40
_LEAST_SPACE: Final = 3
"""Cells between title and facts, or they get a line each."""


def tree_lines(view: BranchView | WholeView, options: TreeOptions) -> Iterator[Line]:
    """Give the lines of a tree, the header first."""
    if isinstance(view, BranchView):
        rows = branch_rows(view, options.roles)
        records = [*view.messages, *(stub.message for stub in view.stubs)]
    else:
        rows = whole_rows(view, options.roles)
        records = list(view.messages)
    hidden = view.hidden if isinstance(view, BranchView) else ()
    drawn = [message for message in records if message.id not in hidden]
    painter = RowPainter(
        options,
        ids={message.id for message in drawn},
        roles={message.role for message in drawn},
    )
    header = _Header(view.thread, view.stats, options, hidden=len(hidden))
    frame = options.width
    if frame is not None:
        first = list(islice(rows, _MEASURED_ROWS + 1))
        if len(first) <= _MEASURED_ROWS:
            frame = min(frame, max(header.need(), painter.fit(first)))
        rows = chain(first, rows)
    yield from header.lines(frame)
    if not records:
        remark = NO_LEAF.text if view.stats.messages else "no messages yet"
        yield clip([(options.drawn(remark), "dim")], frame, options.ellipsis)
    for row in rows:
        yield from painter.lines(row, frame)


class _Header:
    """Who the thread is, and how large, old and where: one line, or two where one is too short."""

    def __init__(
        self, thread: ThreadMetadata, stats: ThreadStats, options: TreeOptions, *, hidden: int
    ) -> None:
        self._options = options
        self._hidden = hidden
        named = thread.name and thread.name.strip()
        name = first_line(named or thread.preview, options.width, ellipsis=options.ellipsis)
        entry = screen_safe(thread.id)
        self._title: Line = [(name, "title"), ("  ", ""), (entry, "dim")]
        if not name:
            self._title = [(entry, "title")]
        self._facts = self._join(thread, stats)

    def need(self) -> int:
        """Return the cells of the header in one line, or where that is too wide in two."""
        title, facts = cell_width(plain(self._title)), cell_width(plain(self._facts))
        width = self._options.width or 0
        whole = title + _LEAST_SPACE + facts
        return whole if whole <= width else max(title, facts)

    def lines(self, frame: int | None) -> Iterator[Line]:
        title, facts = self._title, self._facts
        if frame is None:
            yield [*title, ("  ", ""), *facts]
            return
        space = frame - cell_width(plain(title)) - cell_width(plain(facts))
        if space >= _LEAST_SPACE:
            yield [*title, (" " * space, ""), *facts]
            return
        yield from self._title_lines(frame)
        yield clip(facts, frame, self._options.ellipsis)

    def _title_lines(self, frame: int) -> Iterator[Line]:
        """Give name and id in one line, or in two: the name gives way, people copy the id."""
        *name, (entry, style) = self._title
        room = frame - cell_width(entry) - 2
        if name and room >= min(cell_width(name[0][0]), frame // 3):
            yield [
                (cut(name[0][0], room, ellipsis=self._options.ellipsis), "title"),
                ("  ", ""),
                (entry, style),
            ]
            return
        if name:
            yield clip(name[:1], frame, self._options.ellipsis)
        yield clip([(entry, style)], frame, self._options.ellipsis)

    def _join(self, thread: ThreadMetadata, stats: ThreadStats) -> Line:
        options = self._options
        facts = [(count(stats.messages, "message"), "dim")]
        if self._hidden:
            facts.append((f"{self._hidden} hidden", "dim"))
        if stats.branches > 1:
            facts.append((count(stats.branches, "branch"), "dim"))
        if options.roles:
            facts.append((screen_safe(f"only {', '.join(sorted(options.roles))}"), "dim"))
        if thread.status is not ThreadStatus.IDLE:
            facts.append((str(thread.status), f"thread.{thread.status}"))
        cwd = short_path(thread.cwd, options.home)
        if options.width is not None:
            cwd = cut(cwd, _CWD_CELLS, ellipsis=options.ellipsis)
        facts += [(cwd, "dim"), (times.ago(thread.updated_at, options.now), "dim")]
        line: Line = []
        for text, style in facts:
            if text:
                line += [(options.drawn(" · "), "dim"), (text, style)]
        return line[1:]
