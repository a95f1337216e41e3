"""What an import did, on a screen and in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.render.sizes import size
from agentstate.render.table import Cell, Column, table
from agentstate.render.text import count
from agentstate.reports.imports import LeafMove

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agentstate.render.theme import Line
    from agentstate.reports.imports import ImportedFile, ImportedThread, ImportReport, SourceNote

_WORDS: Final = {
    "bad_line": ("bad line", "bad lines"),
    "torn_tail": ("torn last line", "torn last lines"),
    "several_objects": ("line of several objects", "lines of several objects"),
    "not_utf8": ("line that is not UTF-8", "lines that are not UTF-8"),
    "lone_surrogate": ("text with half a character", "texts with half a character"),
    "bad_number": ("number that is none", "numbers that are none"),
    "too_deep": ("record nested too deeply", "records nested too deeply"),
    "dangling_parent": ("message without its parent", "messages without their parent"),
    "duplicate": ("message that came twice", "messages that came twice"),
    "bad_time": ("time that cannot be read", "times that cannot be read"),
    "image_left_out": ("large image left out", "large images left out"),
    "unknown_record": ("record of an unknown kind", "records of unknown kinds"),
}
_LINES: Final = 5
"""Line numbers of one kind that a sentence names."""


def listing(report: ImportReport, *, width: int) -> list[Line]:
    """Return the table of `import`: a line for each thread."""
    columns = [
        Column("THREAD", style="title"),
        Column("NAME", flexible=True),
        Column("WHAT"),
        Column("ADDED", justify="right"),
        Column("MSGS", justify="right", leave_out=2),
        Column("FORMAT", leave_out=1),
    ]
    rows: list[list[Cell]] = [
        [
            thread.thread_id or "",
            thread.name or "",
            what(thread),
            str(thread.added),
            str(thread.messages),
            file.format or "",
        ]
        for file in report.files
        for thread in file.threads
    ]
    return table(columns, rows, width=width)


def what(thread: ImportedThread) -> str:
    """Return what was done with a thread, in a word or two."""
    if thread.created:
        return "new"
    grown = "grown" if thread.added else "updated" if thread.updated else "unchanged"
    moves = {
        LeafMove.MOVED: f"{grown}, leaf moved" if not thread.added else grown,
        LeafMove.UNCHANGED: grown,
        LeafMove.KEPT: f"{grown}, leaf kept",
    }
    return moves[thread.leaf]


def notes(file: ImportedFile) -> Iterator[str]:
    """Yield what was the matter with a file, in a line or two."""
    if file.notes:
        yield f"{file.path}: {', '.join(map(_note, file.notes))}"
    if file.error is not None:
        yield f"{file.path}: {file.error}"


def _note(note: SourceNote) -> str:
    one, many = _WORDS[note.what]
    shown = ", ".join(map(str, note.lines[:_LINES]))
    more = ", …" if note.times > _LINES else ""
    return f"{note.times} {one if note.times == 1 else many} ({shown}{more})"


def summary(report: ImportReport) -> str:
    """Return what an import came to, in a line."""
    would = "would be " if report.dry_run else ""
    parts = [
        f"{count(report.created, 'thread')} {would}created",
        f"{report.grown} {would}grown",
        f"{report.unchanged} unchanged",
    ]
    added = [f"{count(report.messages, 'message')} {would}added"]
    if report.updated:
        added.append(f"{report.updated} {would}updated")
    older = f"; {count(report.older, 'older session')} left out" if report.older else ""
    return f"{', '.join(parts)}; {', '.join(added)}{older}"


def places(found: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """Yield a line for each format that has files here, given the size of each of them."""
    for name, sizes in found.items():
        yield f"{name}: {count(len(sizes), 'file')}, {size(sum(sizes))}"
