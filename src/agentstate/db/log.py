"""A write-ahead log as SQLite reads it: up to the first frame that was not written whole.

What comes after that, or was left by an older log, does not fit the pages before.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_MAGIC: Final = 0x377F0682
"""The last bit says in which order the bytes of checksums go."""
_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_WORD: Final = 0xFFFF_FFFF
_SMALLEST_PAGE: Final = 512
_LARGEST_PAGE: Final = 65536


class Frame(NamedTuple):
    """A page as a transaction has written it."""

    page: int
    commit: int
    """Pages of the file after a commit; 0 for a frame that commits nothing."""
    at: int
    """Where the page's bytes begin in the log."""
    page_size: int


def frames(log: BinaryIO) -> Iterator[Frame]:
    """Yield the frames of a log, in order."""
    log.seek(0)
    header = log.read(_HEADER)
    magic, page_size = int.from_bytes(header[:4], "big"), int.from_bytes(header[8:12], "big")
    if len(header) < _HEADER or magic & ~1 != _MAGIC or not is_page_size(page_size):
        return
    order = ">" if magic & 1 else "<"
    sums = _checksum(order, header[:24], (0, 0))
    if struct.pack(">2I", *sums) != header[24:]:
        return
    at = _HEADER
    while True:
        log.seek(at)
        head, data = log.read(_FRAME_HEADER), log.read(page_size)
        if len(data) < page_size or head[8:16] != header[16:24]:
            return
        sums = _checksum(order, data, _checksum(order, head[:8], sums))
        page, commit = struct.unpack(">2I", head[:8])
        if struct.pack(">2I", *sums) != head[16:] or not page:
            return
        yield Frame(page, commit, at + _FRAME_HEADER, page_size)
        at += _FRAME_HEADER + page_size


def is_page_size(number: int) -> bool:
    """Tell whether pages can have that size."""
    return _SMALLEST_PAGE <= number <= _LARGEST_PAGE and number.bit_count() == 1


def _checksum(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _WORD
        second = (second + odd + first) & _WORD
    return first, second
