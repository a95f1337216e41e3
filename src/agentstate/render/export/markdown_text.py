"""Stored text as part of a Markdown document: formatted as it is, and kept within its bounds.

What a message holds must not swallow the next one (a fence that is never closed), pass for a
part of the document (a heading, the end of a fold), or act (HTML, images that are fetched, links
that run). Text is left alone only where every reader of CommonMark takes it for code; all else
is escaped in ways that mean the same in a text, and are harmless where it was code after all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.render.text import first_line, screen_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DEMOTED: Final = 2
"""Headings of content are so much lower: the first levels are the document's own."""
_LOWEST: Final = 6
_CODE_INDENT: Final = 4
"""Columns from which on a line is code, unless it goes on with a list or a paragraph."""

_FENCE: Final = r"([ \t]*)(`{3,}(?=[^`]*$)|~{3,})"
_HEADING: Final = r"((?:[ >\t]|[-*+][ \t]|\d{1,9}[.)][ \t])*)(#{1,6})(?=[ \t]|$)"
_UNDERLINE: Final = r"[ >\t]*(?:=+|-+)[ \t]*"
_LABEL: Final = r"[ >\t\d*+.)-]*\["
_LIST: Final = r"[ >\t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)"
_LINK_THAT_ACTS: Final = r"\]\((?![ \t]*(?:https?://|mailto:|[)#?]|[\w.~/-]+(?:[)#? \t]|$)))"
_SPECIAL: Final = r"[\\`*_{}\[\]<>#|~&!$]"


def contained(text: str) -> str:
    """Return text as Markdown that ends where it ends, whatever is in it."""
    return "\n".join(_Lines().contained(visible(text).split("\n")))


def fenced(text: str, language: str = "") -> str:
    """Return text as a block of code, whose fence is longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text)}\n{fence}"


def inline(text: str, cells: int | None) -> str:
    """Return the first line of a text, cut to `cells`, as text within a line of Markdown."""
    return re.sub(_SPECIAL, r"\\\g<0>", first_line(text, cells))


def visible(text: str) -> str:
    """Return text with what acts on a screen or cannot be seen as escapes; tabs stay."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line if line.isprintable() else _visible_line(line) for line in lines)


def _visible_line(line: str) -> str:
    return "\t".join(screen_safe(part, keep_newlines=True) for part in line.split("\t"))


class _Fence(NamedTuple):
    """An open block of code."""

    indent: int
    mark: str

    @property
    def closing(self) -> str:
        """The line that closes it, in a list as outside of one."""
        return " " * self.indent + self.mark

    def is_closed_by(self, line: str) -> bool:
        """Tell whether a line would close it in a list or outside of one."""
        bare = line.strip(" \t")
        return (
            _indent(line) < self.indent + _CODE_INDENT
            and len(bare) >= len(self.mark)
            and not bare.strip(self.mark[0])
        )


class _Lines:
    """The lines of one text; what not every reader takes for code is treated as text."""

    def __init__(self) -> None:
        self._fence: _Fence | None = None
        self._paragraph: list[str] = []
        self._has_list = False

    def contained(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            if self._fence is None:
                yield from self._outside(line)
            else:
                yield from self._inside(self._fence, line)
        yield from self._end_paragraph()
        if self._fence is not None:
            yield self._fence.closing

    def _inside(self, fence: _Fence, line: str) -> Iterator[str]:
        if fence.is_closed_by(line):
            self._fence = None
            yield fence.closing
        elif self._has_list and _indent(line) < fence.indent and line.strip(" \t"):
            # An item of a list ends here, and its code with it; outside of a list it would not.
            self._fence = None
            yield fence.closing
            yield from self._outside(line)
        else:
            yield line

    def _outside(self, line: str) -> Iterator[str]:
        is_code = _indent(line) >= _CODE_INDENT and not self._paragraph
        match = re.match(_FENCE, line)
        # Some readers see the header of a table before they look for a fence, others after that.
        may_be_header = match is not None and "|" in line
        if not line.strip(" \t"):
            yield from self._end_paragraph()
            yield line
        elif (
            match
            and not may_be_header
            and (_indent(line) < _CODE_INDENT or (is_code and self._has_list))
        ):
            yield from self._end_paragraph()
            self._fence = _Fence(_indent(line), match[2])
            yield line
        elif is_code and not self._has_list:
            yield line
        else:
            self._has_list = self._has_list or re.match(_LIST, line) is not None
            self._paragraph.append(_without_fence(line) if may_be_header else line)

    def _end_paragraph(self) -> Iterator[str]:
        found = [_code_spans(line) for line in self._paragraph]
        # A run of backticks that is alone in its line may pair up with one in any other.
        is_sure = None not in found and not self._may_define()
        for place, line in enumerate(self._paragraph):
            text = _escaped_outside(line, (found[place] or []) if is_sure else [])
            yield _lowered(text, is_first=place == 0)
        self._paragraph.clear()

    def _may_define(self) -> bool:
        """Tell whether what a link leads to may be defined here: for that, code counts as text."""
        lines = self._paragraph
        return any("]:" in line for line in lines) and any(re.match(_LABEL, one) for one in lines)


def _indent(line: str) -> int:
    blank = line[: len(line) - len(line.lstrip(" \t"))]
    return len(blank.expandtabs(_CODE_INDENT))


def _code_spans(line: str) -> list[tuple[int, int]] | None:
    """Return where code stands within a line; None where readers may differ on it."""
    if "`" not in line:
        return []
    if "\\`" in line:
        return None
    spans: list[tuple[int, int]] = []
    opening: re.Match[str] | None = None
    for run in re.finditer("`+", line):
        if opening is None:
            opening = run
        elif len(run[0]) == len(opening[0]):
            spans.append((opening.start(), run.end()))
            opening = None
    if opening is not None or any("|" in line[start:end] for start, end in spans):
        return None  # open, or perhaps cut by the cells of a table
    return spans


def _escaped_outside(line: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return a line with all escaped that acts or reaches beyond it, but for its code."""
    pieces: list[str] = []
    end = 0
    for start, stop in spans:
        pieces += [_escaped(line[end:start]), line[start:stop]]
        end = stop
    pieces.append(_escaped(line[end:]))
    return "".join(pieces)


def _escaped(text: str) -> str:
    # A backslash may stand before any of these: before a character reference it does no harm.
    if "]" in text:
        text = re.sub(_LINK_THAT_ACTS, r"]\(", text)
        text = text.replace("]:", r"]\:")  # it may define what a link elsewhere leads to
    return text.replace("![", "&#33;[").replace("<", "&lt;")


def _without_fence(line: str) -> str:
    """Return a line that begins a block of code as one that does not."""
    return re.sub("[`~]", r"\\\g<0>", line, count=1)


def _lowered(line: str, *, is_first: bool) -> str:
    """Return a line that is no heading of the document's own levels."""
    if match := re.match(_HEADING, line):
        marks = "#" * min(len(match[2]) + _DEMOTED, _LOWEST)
        return f"{match[1]}{marks}{line[match.end() :]}"
    if not is_first and re.fullmatch(_UNDERLINE, line):
        return re.sub("[=-]", r"\\\g<0>", line, count=1)
    return line
