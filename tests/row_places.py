"""Where the rows of a sound store stand in its file, told by the description of the format."""

from __future__ import annotations

from bisect import bisect
from typing import TYPE_CHECKING, Final

from support import rows
from wrecks import PAGE, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INTERIOR: Final = 5
Row = tuple[str, int]
"""A table, and a rowid."""


class RowPlaces:
    """The rows that have a byte of a file for theirs."""

    def __init__(self, path: Path) -> None:
        """Look at each row of a file without a log."""
        self._data = path.read_bytes()
        found: dict[int, Row | None] = dict.fromkeys(range(0, len(self._data), PAGE))
        for table, root in rows(path, "SELECT name, rootpage FROM sqlite_schema"):
            if table in TABLES:
                for at in self._cells(root):
                    self._note(found, table, at)
        self._places = sorted(found)
        self._rows = [found[place] for place in self._places]
        self.starts = [place for place in self._places if found[place] and place % PAGE]
        """Where each row begins, in the order of the file."""

    def at(self, place: int) -> Row | None:
        """Return the row that a byte belongs to; None for one that is no row's."""
        return self._rows[bisect(self._places, place) - 1]

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self._data[at : at + size], "big")

    def _cells(self, page: int) -> Iterator[int]:
        """Yield where the rows of a tree begin."""
        start = (page - 1) * PAGE
        interior = self._data[start] == _INTERIOR
        first = start + (12 if interior else 8)
        for pointer in range(first, first + 2 * self._number(start + 3, 2), 2):
            at = start + self._number(pointer, 2)
            if interior:
                yield from self._cells(self._number(at, 4))
            else:
                yield at
        if interior:
            yield from self._cells(self._number(start + 8, 4))

    def _note(self, found: dict[int, Row | None], table: str, start: int) -> None:
        """Note where a row begins, where something else does after it, and the pages it goes on."""
        size, at = self._varint(start)
        rowid, at = self._varint(at)
        least = (PAGE - 12) * 32 // 255 - 23
        local = least + (size - least) % (PAGE - 4)
        local = size if size <= PAGE - 35 else local if local <= PAGE - 35 else least
        end = at + local
        found[start] = (table, rowid)
        chain = self._number(end, 4) if local < size else 0
        end += 4 if chain else 0
        if end % PAGE:
            found.setdefault(end, None)
        while chain:
            found[(chain - 1) * PAGE] = (table, rowid)
            chain = self._number((chain - 1) * PAGE, 4)

    def _varint(self, at: int) -> tuple[int, int]:
        value = 0
        while self._data[at] > 127:
            value, at = value << 7 | self._data[at] & 127, at + 1
        return value << 7 | self._data[at], at + 1
