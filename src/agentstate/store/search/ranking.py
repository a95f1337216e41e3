"""Which hits come first: BM25 over the messages that were looked at, the newest first among equals.

The weights are of this search alone: how rare a term is shows in the messages that match, and so
with and without an index the order is the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_SATURATION: Final = 1.2
_LENGTH_WEIGHT: Final = 0.75
"""What BM25 calls k1 and b, with its customary values."""
_WITHIN_A_WORD: Final = 0.25
"""What an occurrence counts that is only a part of a word."""
_COUNTED: Final = 20
"""Occurrences that are counted; more of them tell nothing new."""


class Match(NamedTuple):
    """A message that matches, as far as its rank needs it."""

    id: int
    created_at: int
    length: int
    """Characters of the text, folded."""
    frequencies: tuple[float, ...]
    """How often each term is in it."""


def frequency(term: str, text: str) -> float:
    """Return how often a term is in a text, both folded; part of a word counts less than one."""
    found = 0.0
    at = text.find(term)
    for _ in range(_COUNTED):
        if at < 0:
            break
        end = at + len(term)
        inside = text[at - 1 : at].isalnum() or text[end : end + 1].isalnum()
        found += _WITHIN_A_WORD if inside else 1
        at = text.find(term, end)
    return found


def ranked(matches: Sequence[Match]) -> list[tuple[float, int]]:
    """Return the score and the id of each match, the best first."""
    rarity = _rarities(matches)
    mean = sum(match.length for match in matches) / len(matches) if matches else 0
    scored = [(_score(match, rarity, mean or 1), match) for match in matches]
    scored.sort(key=lambda pair: (-pair[0], -pair[1].created_at, -pair[1].id))
    return [(score, match.id) for score, match in scored]


def _rarities(matches: Sequence[Match]) -> list[float]:
    columns = zip(*(match.frequencies for match in matches), strict=True)
    return [
        math.log(1 + len(matches) / (1 + sum(map(bool, frequencies)))) for frequencies in columns
    ]


def _score(match: Match, rarity: Sequence[float], mean: float) -> float:
    norm = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * match.length / mean)
    return sum(
        weight * frequency * (_SATURATION + 1) / (frequency + norm)
        for weight, frequency in zip(rarity, match.frequencies, strict=True)
    )
