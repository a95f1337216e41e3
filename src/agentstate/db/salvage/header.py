"""The file's header, in its first 100 bytes: what can be believed of it, and a mended one.

A store's header is known but for a few numbers, and those can be found without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db.log import is_page_size
from agentstate.db.salvage.pages import PageFile

if TYPE_CHECKING:
    from pathlib import Path

MAGIC: Final = b"SQLite format 3\0"
PAGE_SIZE: Final = 4096
"""What SQLite makes, unless asked for another."""

_LARGEST: Final = 65536
_LEAST_USABLE: Final = 480
_FRACTIONS: Final = bytes((64, 32, 32))
"""Bytes 21 to 23, which never differ."""
_SAMPLE: Final = 500
"""Pages that are looked at to tell one page size from another."""


class Header(NamedTuple):
    """What can be believed of a header."""

    page_size: int
    reserved: int
    """Bytes at the end of each page that are not used."""


_USUAL: Final = Header(PAGE_SIZE, 0)


def read_header(path: Path) -> Header:
    """Read what can be believed of a file's header; the file must not be empty."""
    with path.open("rb") as file:
        data = file.read(100).ljust(100, b"\0")
    page_size = int.from_bytes(data[16:18], "big")
    page_size = _LARGEST if page_size == 1 else page_size
    reserved = data[20]
    sound = (
        data.startswith(MAGIC)
        and data[21:24] == _FRACTIONS
        and is_page_size(page_size)
        and page_size - reserved >= _LEAST_USABLE
    )
    claimed = Header(page_size, reserved)
    if sound and (claimed == _USUAL or _fits(path, claimed) >= _fits(path, _USUAL)):
        return claimed
    return _USUAL


def sound_header(header: Header, count: int) -> bytes:
    """Return the header of a sound file of `count` pages, without a list of free ones."""
    head = bytearray(100)
    head[0:16] = MAGIC
    head[16:18] = (header.page_size % _LARGEST or 1).to_bytes(2, "big")
    head[18:20] = bytes((1, 1))  # a rollback journal, so that SQLite looks for no log
    head[20] = header.reserved
    head[21:24] = _FRACTIONS
    head[24:28] = head[92:96] = (1).to_bytes(4, "big")  # changes, and those that knew the size
    head[28:32] = count.to_bytes(4, "big")
    head[44:48] = (4).to_bytes(4, "big")  # the schema's format
    head[56:60] = (1).to_bytes(4, "big")  # UTF-8
    return bytes(head)


def _fits(path: Path, header: Header) -> float:
    """Return the share of pages that are those of tables and indexes, if a header is right."""
    size = header.page_size
    if path.stat().st_size < size:
        return 0
    with PageFile(path, size, header.reserved) as file:
        numbers = range(1, min(file.count, _SAMPLE) + 1)
        # Cells are put at a page's end first, so a page taken for larger has none in its second
        # half, and one taken for smaller has some beyond its end.
        pages = [page for number in numbers if (page := file.btree(number))]
        fitting = [
            one for one in pages if not one.misplaced and max(one.cells, default=0) >= size / 2
        ]
        return len(fitting) / len(numbers)
