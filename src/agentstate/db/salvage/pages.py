"""A file as numbered pages, and the b-tree pages among them.

One page is in memory at a time, so a file of gigabytes takes no more than a small one.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

HEADER: Final = 100
"""Bytes of the file's header, which page 1 begins with."""

INDEX_INTERIOR: Final = 2
TABLE_INTERIOR: Final = 5
INDEX_LEAF: Final = 10
TABLE_LEAF: Final = 13
LEAVES: Final = frozenset({INDEX_LEAF, TABLE_LEAF})
INTERIORS: Final = frozenset({INDEX_INTERIOR, TABLE_INTERIOR})

_SMALLEST_CELL: Final = 4
_POINTER: Final = 2


class BtreePage(NamedTuple):
    """A page of a table or an index, whose head is in order; its cells need not be."""

    number: int
    kind: int
    data: bytes
    cells: tuple[int, ...]
    """Where each cell begins, in the order of the keys."""
    misplaced: int
    """Cells that would begin outside the page."""
    right: int
    """An interior page's last child."""


class PageFile:
    """The pages of a file, numbered from 1; a context manager."""

    def __init__(self, path: Path, page_size: int, reserved: int = 0) -> None:
        """Open a file; `reserved` bytes at the end of each page are not used."""
        self.page_size = page_size
        self.usable = page_size - reserved
        self._descriptor = os.open(path, os.O_RDONLY)
        self.count = os.fstat(self._descriptor).st_size // page_size
        self._number, self._page = 0, b""

    def __enter__(self) -> Self:
        """Return the pages themselves."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def page(self, number: int) -> bytes:
        """Return what of a page is used; raises `OSError`.

        The page must be one that the file has: not below 1, not above `count`.
        """
        if number != self._number:
            start = (number - 1) * self.page_size
            self._number, self._page = number, os.pread(self._descriptor, self.usable, start)
        return self._page

    def word(self, number: int, at: int = 0) -> int:
        """Return the 4-byte number at `at` of a page."""
        return int.from_bytes(self.page(number)[at : at + 4], "big")

    def btree(self, number: int) -> BtreePage | None:
        """Return a page of a table or an index; None for one that is not there, or another."""
        if not 1 <= number <= self.count:
            return None
        data = self.page(number)
        head = HEADER if number == 1 else 0
        kind = data[head]
        if kind not in LEAVES and kind not in INTERIORS:
            return None
        return _btree(number, kind, data, head)


def _btree(number: int, kind: int, data: bytes, head: int) -> BtreePage | None:
    count = int.from_bytes(data[head + 3 : head + 5], "big")
    start = head + (8 if kind in LEAVES else 12)
    end = start + _POINTER * count
    # More cells than there is room for lie over each other.
    if end + _SMALLEST_CELL * count > len(data):
        return None
    cells = struct.unpack_from(f">{count}H", data, start)
    inside = [cell for cell in cells if end <= cell <= len(data) - _SMALLEST_CELL]
    # One wrong byte must not cost the other rows of a page; noise has no two good places in a row.
    if 2 * len(inside) < count:
        return None
    right = 0 if kind in LEAVES else int.from_bytes(data[head + 8 : head + 12], "big")
    return BtreePage(number, kind, data, tuple(inside), count - len(inside), right)
