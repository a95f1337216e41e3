"""What a crash leaves beside a file: the write-ahead log, and the rollback journal.

Both are applied here and not by SQLite, which refuses where the file's header is damaged, and
which would obey a journal that names other files to be deleted. As in SQLite a log counts up to
its last commit, and up to the first part that was not written whole: what comes after that does
not fit the pages before.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db.log import frames, is_page_size

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_GROWTH: Final = 1 << 20
"""Pages by which a log may make a file longer, for a number in it must not make terabytes."""
_WORD: Final = 0xFFFF_FFFF

_JOURNAL_MAGIC: Final = bytes((0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7))
_JOURNAL_HEADER: Final = 28
_STRIDE: Final = 200
"""A journal's checksum is of every byte this far from the next."""
_SMALLEST_SECTOR: Final = 32
_LARGEST_SECTOR: Final = 65536


class _Part(NamedTuple):
    """The header of a part of a journal, in the order of its bytes."""

    records: int
    nonce: int
    pages: int
    sector: int
    page_size: int


def apply_log(file: Path, log: Path) -> None:
    """Carry the transactions of a write-ahead log into a file."""
    if not log.is_file():
        return
    with log.open("rb") as source, file.open("r+b") as target:
        waiting: dict[int, int] = {}
        for frame in frames(source):
            waiting[frame.page] = frame.at
            if frame.commit:
                _write_pages(source, target, waiting, frame.page_size)
                _shorten(target, frame.commit * frame.page_size)
                waiting.clear()


def _write_pages(
    source: BinaryIO, target: BinaryIO, places: dict[int, int], page_size: int
) -> None:
    last = _size(target) // page_size + _GROWTH
    for page, at in places.items():
        if page <= last:
            source.seek(at)
            target.seek((page - 1) * page_size)
            target.write(source.read(page_size))


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _shorten(file: BinaryIO, size: int) -> None:
    if size < _size(file):
        file.truncate(size)


def roll_back(file: Path, journal: Path) -> None:
    """Undo the unfinished transaction of a rollback journal."""
    if not journal.is_file():
        return
    with journal.open("rb") as source, file.open("r+b") as target:
        at = 0
        while (part := _journal_part(source, at)) is not None:
            if at == 0:
                _shorten(target, part.pages * part.page_size)
            source.seek(at + part.sector)
            if not _restore(source, target, part):
                return
            at = -(-source.tell() // part.sector) * part.sector


def _journal_part(source: BinaryIO, at: int) -> _Part | None:
    source.seek(at)
    header = source.read(_JOURNAL_HEADER)
    if len(header) < _JOURNAL_HEADER or not header.startswith(_JOURNAL_MAGIC):
        return None
    part = _Part(*struct.unpack(">5I", header[8:]))
    fits = _SMALLEST_SECTOR <= part.sector <= _LARGEST_SECTOR and part.sector.bit_count() == 1
    return part if part.records and part.pages and fits and is_page_size(part.page_size) else None


def _restore(source: BinaryIO, target: BinaryIO, part: _Part) -> bool:
    """Write back the pages of one part of a journal; tell whether it was whole."""
    size = part.page_size
    last = _size(target) // size + _GROWTH
    for _ in range(part.records):
        record = source.read(4 + size + 4)
        page, data = int.from_bytes(record[:4], "big"), record[4:-4]
        total = part.nonce + sum(data[size - _STRIDE : 0 : -_STRIDE])
        if len(data) < size or total & _WORD != int.from_bytes(record[-4:], "big"):
            return False
        if not 0 < page <= last:
            return False
        target.seek((page - 1) * size)
        target.write(data)
    return True
