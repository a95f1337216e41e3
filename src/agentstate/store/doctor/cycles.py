"""Cycles in chains of parents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def find_cycles(above: Mapping[int, int], starts: Iterable[int]) -> Iterator[list[int]]:
    """Give the members of each cycle that is reached upwards from `starts`, each once.

    `above` has the parent of each message that has one. Every message is stepped on once.
    """
    walked: dict[int, int] = {}
    for number, start in enumerate(starts):
        at: int | None = start
        while at is not None and at not in walked:
            walked[at] = number
            at = above.get(at)
        if at is not None and walked[at] == number:
            members = [at]
            while (following := above[members[-1]]) != at:
                members.append(following)
            yield members
