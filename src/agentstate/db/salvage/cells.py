"""Rows and keys on b-tree pages, and the chains of pages that hold what is too long for one.

A chain is followed page by page, each of which belongs to one row alone. That a chain ends where
its row does, and not before or after, is checked here; SQLite checks only that it is long enough,
and would take a last page of noise or of zeros for text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db.salvage.pages import INDEX_INTERIOR, TABLE_INTERIOR, TABLE_LEAF
from agentstate.db.salvage.values import DamagedError, signed, varint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentstate.db.salvage.pages import BtreePage, PageFile

_POINTER: Final = 4


class Cell(NamedTuple):
    """A row of a table or a key of an index, as much of it as stands on its page."""

    rowid: int
    """For a key, which has none, its place."""
    size: int
    """Bytes of the whole row."""
    local: bytes
    """The row's bytes that stand on the page."""
    chain: int
    """The first of the pages that hold the rest; 0 for none."""
    place: int
    """Where in the file it begins."""


def rows_of(page: BtreePage, file: PageFile) -> Iterator[Cell | None]:
    """Yield the rows or keys of a page, None for each that cannot be read.

    Cells that together are longer than their page lie over each other; the last ones are left out,
    for a page made so could else stand for a thousand times its size.
    """
    yield from [None] * page.misplaced
    room = len(page.data)
    for place, at in enumerate(page.cells):
        try:
            cell, length = _cell(page, at, file)
        except DamagedError:
            yield None
            continue
        room -= length
        if room < 0:
            yield from [None] * (len(page.cells) - place)
            return
        yield cell


def in_order(cells: list[Cell]) -> list[Cell]:
    """Return the rows of a page without those whose rowids do not stand in the page's order.

    Left out is what is in none of the longest rising sequences, and of rows with the same rowid
    each that is not in all of them.
    """
    rowids = [cell.rowid for cell in cells]
    if all(one < after for one, after in pairwise(rowids)):
        return cells
    up = _rises(rowids)
    down = _rises([-rowid for rowid in rowids[::-1]])[::-1]
    longest = max(up)
    found = [place for place in range(len(cells)) if up[place] + down[place] == longest + 1]
    alike, at_step = Counter(rowids), Counter(up[place] for place in found)
    return [cells[place] for place in found if alike[rowids[place]] == 1 or at_step[up[place]] == 1]


def _rises(numbers: list[int]) -> list[int]:
    """Return how long a rising sequence may be that ends with each number."""
    lowest: list[int] = []
    rises = []
    for number in numbers:
        length = bisect_left(lowest, number)
        lowest[length : length + 1] = [number]
        rises.append(length + 1)
    return rises


def children_of(page: BtreePage) -> list[int]:
    """Return the pages below an interior page; they need not exist."""
    below = [int.from_bytes(page.data[at : at + _POINTER], "big") for at in page.cells]
    return [*below, page.right]


def _cell(page: BtreePage, at: int, file: PageFile) -> tuple[Cell, int]:
    """Return what begins at `at`, and how many bytes of the page it takes."""
    data, start = page.data, at
    rowid = place = (page.number - 1) * file.page_size + at
    if page.kind in {TABLE_INTERIOR, INDEX_INTERIOR}:
        at += _POINTER
    size, at = varint(data, at)
    if page.kind == TABLE_LEAF:
        rowid, at = varint(data, at)
    if not 0 < size <= file.count * file.page_size:
        raise DamagedError("a row is longer than the file")
    length = _local_length(size, file.usable, page.kind)
    end = at + length + (_POINTER if length < size else 0)
    if end > len(data):
        raise DamagedError("a row goes on beyond its page")
    chain = int.from_bytes(data[at + length : end], "big")
    if length < size and not chain:
        raise DamagedError("a row's chain is missing")
    return Cell(signed(rowid), size, data[at : at + length], chain, place), end - start


def _local_length(size: int, usable: int, kind: int) -> int:
    """Return how many of a row's bytes stand on its own page."""
    largest = usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    if size <= largest:
        return size
    least = (usable - 12) * 32 // 255 - 23
    fitting = least + (size - least) % (usable - _POINTER)
    return fitting if fitting <= largest else least


class Chains:
    """Follows the chains of rows; a page that one row has taken is no other row's."""

    def __init__(self, file: PageFile) -> None:
        """Begin with every page free to be taken."""
        self._file = file
        self._taken = bytearray(file.count + 1)

    def leave_alone(self, numbers: Iterable[int]) -> None:
        """Let no chain lead over these pages."""
        for number in numbers:
            self._taken[number] = 1

    def take(self, cell: Cell) -> bool:
        """Tell whether a row's chain is whole, and take its pages."""
        try:
            for number in self._numbers(cell):
                if self._taken[number]:
                    return False
                self._taken[number] = 1
        except DamagedError:
            return False
        return True

    def whole(self, cell: Cell) -> bytes:
        """Return all bytes of a row; raises `DamagedError`."""
        pieces = [cell.local]
        left = cell.size - len(cell.local)
        for number in self._numbers(cell):
            piece = self._file.page(number)[_POINTER : _POINTER + left]
            left -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def _numbers(self, cell: Cell) -> Iterator[int]:
        """Yield the pages of a chain; raises `DamagedError` where it is torn."""
        left = cell.size - len(cell.local)
        before, number = 0, cell.chain
        while left > 0:
            if not 1 < number <= self._file.count:
                raise DamagedError("a chain leads out of the file")
            left -= self._file.usable - _POINTER
            if left <= 0 and self._ends_in_zeros(cell, before, number):
                raise DamagedError("a chain ends on a page of zeros")
            yield number
            before, number = number, self._file.word(number)
        if number:
            raise DamagedError("a chain goes on beyond its row")

    def _ends_in_zeros(self, cell: Cell, before: int, last: int) -> bool:
        """Tell whether a chain's last page was wiped, which looks like a text of NUL characters.

        A stored run of them would hardly begin where a page does.
        """
        page = self._file.page(last)
        if page.count(0) != len(page):
            return False
        return (self._file.page(before) if before else cell.local)[-1:] != b"\0"
