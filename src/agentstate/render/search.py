"""Search hits on a screen: two lines each, what was found in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.render.text import cell_width, cut, first_line, screen_safe
from agentstate.render.theme import plain, role_style
from agentstate.render.times import ago
from agentstate.render.tree_row import clip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentstate.render.theme import Line
    from agentstate.reports.search import SearchHit

_INDENT: Final = "   "
_GAP: Final = 2
_WIDEST: Final = 100
"""Ages stand no further to the right, for an eye must find the line that they belong to."""
_LEAST: Final = 4
_CUT: Final = "…"


def listing(hits: Sequence[SearchHit], *, now: int, width: int) -> Iterator[Line]:
    """Yield the lines of `search`: where the message is, and what it says."""
    frame = min(width, _WIDEST)
    for hit in hits:
        yield _heading(hit, now, frame)
        yield _found(hit, width)


def _heading(hit: SearchHit, now: int, frame: int) -> Line:
    """Return whose message it is; a filled node is on the active branch, as in the tree."""
    age = ago(hit.created_at, now)
    place: Line = [
        ("● " if hit.on_active_branch else "○ ", "" if hit.on_active_branch else "dim"),
        (f"#{hit.message_id}", "title"),
        (" ", ""),
        (first_line(hit.role, frame), role_style(hit.role, active=hit.on_active_branch)),
        (" " * _GAP, ""),
    ]
    room = frame - cell_width(plain(place)) - cell_width(age) - _GAP
    thread = screen_safe(hit.thread_id)
    name = first_line(hit.thread_name or "", room)
    left = room - cell_width(thread) - _GAP
    if name and left >= _LEAST:
        place += [(cut(name, left), ""), (" " * _GAP, ""), (thread, "dim")]
    else:
        place.append((cut(thread, room), "dim"))
    space = frame - cell_width(plain(place)) - cell_width(age)
    return clip([*place, (" " * max(space, _GAP), ""), (age, "dim")], frame, _CUT)


def _found(hit: SearchHit, width: int) -> Line:
    """Return the snippet, so that the first match is seen also where there is little room."""
    line: Line = [(_INDENT, "")]
    done = 0
    for begin, end in hit.matches:
        before = screen_safe(hit.snippet[done:begin])
        match = screen_safe(hit.snippet[begin:end])
        if not done and cell_width(_INDENT + before + match) > width:
            before = _end_of(before, width // 3)
        line += [(before, ""), (match, "match")]
        done = end
    line.append((screen_safe(hit.snippet[done:]), ""))
    return clip(line, width, _CUT)


def _end_of(text: str, cells: int) -> str:
    """Return the last letters of a text, as many as fit."""
    if cell_width(text) <= cells:
        return text
    kept = text[-max(cells - 1, 0) :] if cells > 1 else ""
    while kept and cell_width(kept) > cells - 1:
        kept = kept[1:]
    return _CUT + kept
