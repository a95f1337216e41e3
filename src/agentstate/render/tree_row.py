"""One row of a tree as lines of spans: node, id, role and text, then notes and age at the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.render import times
from agentstate.render.item_line import shown_item
from agentstate.render.text import cell_width, count, cut, first_line, is_blank, lines_below, wrap
from agentstate.render.theme import Line, Span, plain, role_style
from agentstate.render.tree_layout import MessageRow, RemarkRow, Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from agentstate.records import SideBranch

_ASCII: Final = str.maketrans(
    {
        "│": "|",
        "├": "+",
        "└": "`",
        "─": "-",
        "●": "*",
        "◉": "@",
        "○": "o",
        "◀": "<",
        "·": "-",
        "…": "...",
    }
)
_SHORT_ROLES: Final = {"assistant": "asst", "system": "sys", "developer": "dev"}
_MEASURED_CHARS: Final = 10_000
"""A whole content longer than this is taken to need the whole width."""

# Widths from which there is room for whole words, for short ones, and for ages.
ROOMY: Final = 60
_COMPACT: Final = 36
_LEAST_FOR_AGES: Final = 30


class TreeOptions(NamedTuple):
    """How a tree is drawn."""

    now: int
    """The time that ages are counted from, in Unix seconds."""
    width: int | None = None
    """Cells a line may take; None cuts nothing and aligns nothing to the right."""
    full: bool = False
    """Whole contents, broken between words, instead of first lines."""
    roles: Collection[str] = ()
    """The roles whose messages are shown; none given shows all."""
    ascii: bool = False
    """Draw with ASCII characters; contents stay what they are."""
    home: str | None = None
    """The folder that is shown as `~`."""

    @property
    def ellipsis(self) -> str:
        """What stands for text that is cut off."""
        return "..." if self.ascii else "…"

    def drawn(self, text: str) -> str:
        """Return a text of our own in the characters asked for."""
        return text.translate(_ASCII) if self.ascii else text


class RowPainter:
    """Paints rows into columns that are the same for the whole tree."""

    def __init__(self, options: TreeOptions, ids: Collection[int], roles: Collection[str]) -> None:
        """Set the columns so that each of `ids` and `roles` fits."""
        self._options = options
        width = options.width
        self._roomy = width is None or width >= ROOMY
        self._tiny = width is not None and width < _COMPACT
        self._gap = " " if self._tiny else "  "
        self._keep = 24 if self._roomy else 12
        self._id_width = max((len(str(entry)) for entry in ids), default=0) + 1
        self._age_width = len("59 min")
        self._role_width = max((cell_width(self._role(role)) for role in roles), default=0)

    def fit(self, rows: Sequence[Row]) -> int:
        """Make the ages' column fit `rows`, and return the cells that the widest would take."""
        ages = [self._age(row) for row in rows if isinstance(row, MessageRow)]
        self._age_width = max(map(len, ages), default=0)
        return max(map(self._need, rows), default=0)

    def _need(self, row: Row) -> int:
        width = self._options.width or 0
        if isinstance(row, RemarkRow):
            return cell_width(plain(self._remark(row)))
        if self._is_full(row) and len(row.message.content) > _MEASURED_CHARS:
            return width
        lines = self._message(row, width, is_padded=False)
        return max(cell_width(plain(line)) for line in lines)

    def lines(self, row: Row, frame: int | None) -> Iterator[Line]:
        """Give the lines of a row in a drawing `frame` cells wide; None is as wide as it gets."""
        if isinstance(row, RemarkRow):
            yield clip(self._remark(row), frame, self._options.ellipsis)
            return
        for line in self._message(row, frame, is_padded=frame is not None):
            yield clip(line, frame, self._options.ellipsis)

    def _remark(self, row: RemarkRow) -> Line:
        style = "warning" if row.warning else "dim"
        text = f"! {row.text}" if row.warning else f" {row.text}"
        return [(self._rails(row.rails), "rail"), (self._options.drawn(text), style)]

    def _message(self, row: MessageRow, frame: int | None, *, is_padded: bool) -> Iterator[Line]:
        left = self._left(row)
        indent = cell_width(plain(left))
        room = None if frame is None else max(frame - indent, 0)
        body = self._body(row, room)
        right = self._right(row, room, body)
        space = None if room is None else room - cell_width(plain(right))
        rest: Iterator[str] = iter(())
        if self._is_full(row):
            rest = wrap(row.message.content.strip("\r\n"), space)
            body = [(next(rest), _text_style(row))]
        elif space is not None and cell_width(plain(body)) > space:
            body = self._body(row, space)
        if is_padded and space is not None and right:
            body.append((" " * (space - cell_width(plain(body))), ""))
        yield [*left, *body, *right]
        below = self._rails(row.below)
        for text in rest:
            blank = " " * (indent - len(below)) if text else ""
            yield [(below if text else below.rstrip(), "rail"), (blank + text, _text_style(row))]

    def _left(self, row: MessageRow) -> Line:
        role = row.message.role
        node = "◉" if row.leaf else "●" if row.active else "○"
        color = role_style(role, active=row.active)
        name = self._role(role)
        return [
            (self._rails(row.rails), "rail"),
            (self._options.drawn(node), "leaf" if row.leaf else color),
            (f"{self._gap}#{row.message.id}".ljust(len(self._gap) + self._id_width + 1), "dim"),
            (name + " " * (self._role_width - cell_width(name)), color),
            (self._gap, ""),
        ]

    def _body(self, row: MessageRow, space: int | None) -> Line:
        """Return the first line of the text, with what tells that more lines follow."""
        content = row.message.content
        if is_blank(content):
            text = shown_item(row.message.item)
            return [(first_line(text, space, ellipsis=self._options.ellipsis), "dim")]
        ellipsis = self._options.ellipsis
        line = first_line(content, space, ellipsis=ellipsis)
        below = 0 if row.stub else lines_below(content)
        hint = f"  +{count(below, 'line')}"
        if not below:
            return [(line, _text_style(row))]
        if space is None or cell_width(line) + len(hint) <= space:
            return [(line, _text_style(row)), (hint, "dim")]
        if not line.endswith(ellipsis):
            line = cut(f"{line} {ellipsis}", space, ellipsis=ellipsis)
        return [(line, _text_style(row))]

    def _right(self, row: MessageRow, room: int | None, body: Line) -> Line:
        """Return as much of notes, leaf mark and age as leaves the text room to say something."""
        variants = self._rights(row)
        if room is None:
            return next(variants)
        wanted = min(cell_width(plain(body)), self._keep)
        return next((line for line in variants if room - cell_width(plain(line)) >= wanted), [])

    def _rights(self, row: MessageRow) -> Iterator[Line]:
        age = self._age(row)
        if self._options.width is not None:
            age = age.rjust(self._age_width) if self._options.width >= _LEAST_FOR_AGES else ""
        if row.stub:
            whole, short, shortest = _stub_notes(row.stub)
            texts = ((whole, age), (short, age), (short, ""), (shortest, ""))
            for note, time in texts:
                yield _spaced((note, "dim"), (time, "dim"))
            return
        mark = self._options.drawn("◀ leaf") if row.leaf else ""
        yield _spaced((row.note, "warning"), (mark, "leaf"), (age, "dim"))
        yield _spaced((row.note, "warning"), (mark, "leaf"))
        yield _spaced((mark[:1], "leaf"))

    def _age(self, row: MessageRow) -> str:
        return times.age(row.message.created_at, self._options.now)

    def _rails(self, rails: str) -> str:
        """Return rails as drawn; where they would fill the line their left end is cut off."""
        most = None if self._options.width is None else max(self._options.width // 2, 4)
        if most is not None and len(rails) > most:
            rails = f"…{rails[1 - most :]}"
        return self._options.drawn(rails)

    def _role(self, role: str) -> str:
        if self._tiny:
            return first_line(role, 1, ellipsis="")
        if not self._roomy:
            return first_line(_SHORT_ROLES.get(role, role), 4, ellipsis="")
        return first_line(role, 12, ellipsis=self._options.ellipsis)

    def _is_full(self, row: MessageRow) -> bool:
        return self._options.full and not row.stub and not is_blank(row.message.content)


def clip(line: Line, cells: int | None, ellipsis: str) -> Line:
    """Return the line cut to `cells`, where its columns alone are wider than the screen."""
    if cells is None or cell_width(plain(line)) <= cells:
        return line
    clipped: Line = []
    room = cells
    for text, style in line:
        kept = cut(text, room, ellipsis=ellipsis)
        clipped.append((kept, style))
        if kept != text:
            break
        room -= cell_width(text)
    return clipped


def _stub_notes(stub: SideBranch) -> tuple[str, str, str]:
    size = count(stub.size, "message")
    branches = f" in {count(stub.leaves, 'branch')}" if stub.leaves > 1 else ""
    leaf = f"leaf #{stub.leaf_id}"
    return f"{size}{branches}, {leaf}", f"{size}, {leaf}", f"{stub.size} to #{stub.leaf_id}"


def _spaced(*spans: Span) -> Line:
    line: Line = []
    for text, style in spans:
        if text:
            line += [("  ", ""), (text, style)]
    return line


def _text_style(row: MessageRow) -> str:
    return "leaf.text" if row.leaf else "text" if row.active else "dim"
