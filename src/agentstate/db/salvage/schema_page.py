"""A schema of our own for the copy, written where SQLite looks for it: on page 1.

The file's own schema may be lost, or may say what should not run. SQLite would write this one
itself only where it is not told to guard its schema. It has no page but the first, for one added
at the end may be a page that a file which was cut short still refers to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentstate.db.salvage.header import sound_header
from agentstate.db.salvage.pages import HEADER, TABLE_LEAF
from agentstate.db.salvage.values import DamagedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agentstate.db.salvage.header import Header


class SchemaEntry(NamedTuple):
    """A row of the schema."""

    kind: str
    name: str
    table: str
    root: int
    sql: str


def write_schema(path: Path, header: Header, count: int, entries: Sequence[SchemaEntry]) -> None:
    """Give a file of `count` pages a sound header and this schema.

    Raises `DamagedError` where a page is too small for it.
    """
    usable = header.page_size - header.reserved
    page = bytearray(sound_header(header, count).ljust(header.page_size, b"\0"))
    content, places = usable, []
    for rowid, entry in enumerate(entries, start=1):
        cell = _cell(rowid, entry)
        content -= len(cell)
        if content < HEADER + 8 + 2 * len(entries):
            raise DamagedError("a page is too small for the schema")
        page[content : content + len(cell)] = cell
        places.append(content.to_bytes(2, "big"))
    head = bytes((TABLE_LEAF, 0, 0)) + len(places).to_bytes(2, "big")
    head += (content % (1 << 16)).to_bytes(2, "big") + b"\0" + b"".join(places)
    page[HEADER : HEADER + len(head)] = head
    with path.open("r+b") as file:
        file.write(page)


def _cell(rowid: int, entry: SchemaEntry) -> bytes:
    """Return a row of the schema as it stands on a page."""
    texts = [text.encode() for text in (entry.kind, entry.name, entry.table, entry.sql)]
    kinds = [_varint(2 * len(text) + 13) for text in texts]
    types = b"".join(kinds[:3]) + b"\4" + kinds[3]  # the root is an integer of 4 bytes
    row = bytes((1 + len(types),)) + types
    row += b"".join(texts[:3]) + entry.root.to_bytes(4, "big") + texts[3]
    return _varint(len(row)) + _varint(rowid) + row


def _varint(number: int) -> bytes:
    """Return a number below 2^14 as SQLite writes it."""
    return bytes((number >> 7 | 0x80, number & 0x7F)) if number >> 7 else bytes((number,))
