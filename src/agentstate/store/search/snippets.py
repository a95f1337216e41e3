"""The piece of a message that shows why it was found."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.store.search.folding import Span

_BEFORE: Final = 30
"""Characters before what was found, where the text is cut there."""
_NEAR: Final = 50
"""A text is not cut before what is found as near to its beginning."""
_LENGTH: Final = 200
_CUT: Final = "…"


class Snippet(NamedTuple):
    """A piece of a text on one line."""

    text: str
    matches: tuple[Span, ...]
    """Where in it what was found begins and ends, in characters."""


def snippet(line: str, spans: Sequence[Span]) -> Snippet:
    """Return the piece of a line with most of the ascending spans, cut between words."""
    begin = _begin(line, _densest(spans)) if spans else 0
    end = min(len(line), begin + _LENGTH)
    before = _CUT if begin else ""
    after = _CUT if end < len(line) else ""
    shift = len(before) - begin
    return Snippet(
        before + line[begin:end] + after,
        tuple(
            (max(first, begin) + shift, min(last, end) + shift)
            for first, last in spans
            if begin <= first < end
        ),
    )


def merged(spans: Sequence[Span]) -> list[Span]:
    """Return spans in their order, those that touch as one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def _densest(spans: Sequence[Span]) -> int:
    """Return where the span begins that most others follow closely."""
    near = _LENGTH - _BEFORE
    begins = [begin for begin, _ in spans]
    following = [
        bisect_left(begins, begin + near, number) - number for number, begin in enumerate(begins)
    ]
    return begins[following.index(max(following))]


def _begin(line: str, match: int) -> int:
    """Return where to begin so that a few words stand before the match."""
    if match <= _NEAR:
        return 0
    begin = match - _BEFORE
    space = line.find(" ", begin, match)
    return space + 1 if space >= 0 else begin
