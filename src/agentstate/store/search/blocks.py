"""Runs of messages that are indexed together, and their checksums."""

from __future__ import annotations

import os
import zlib
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.db.port import Database

BEFORE_ALL: Final = -inf
"""What is below every id, the least of 64 bits, too."""
_MESSAGES: Final = 250
_BYTES: Final = 1 << 20
"""What a block holds at most, but for one message that is larger."""
_ROWS: Final = "SELECT id, CAST(content AS BLOB) FROM messages"


class Row(NamedTuple):
    """A message as the store has it; its text need not be UTF-8."""

    id: int
    content: bytes


class Block(NamedTuple):
    """The messages with ids above `after`, up to `last`."""

    after: float
    last: float
    messages: int
    size: int
    checksum: int

    @property
    def is_full(self) -> bool:
        """Whether the next messages begin another block."""
        return self.messages >= _MESSAGES or self.size >= _BYTES

    def with_rows(self, rows: Sequence[Row]) -> Block:
        """Return the block that has these messages, too, which follow its last."""
        checksum = self.checksum
        for row in rows:
            checksum = zlib.crc32(row.content, zlib.crc32(b"%d:" % row.id, checksum))
        return Block(
            after=self.after,
            last=rows[-1].id if rows else self.last,
            messages=self.messages + len(rows),
            size=self.size + sum(len(row.content) for row in rows),
            checksum=checksum,
        )


def empty_block(after: float) -> Block:
    """Return a block without messages."""
    return Block(after=after, last=after, messages=0, size=0, checksum=0)


def rows_of(store: Database, block: Block) -> list[Row]:
    """Read the messages that a block has by now."""
    sql = f"{_ROWS} WHERE id > :after AND id <= :last ORDER BY id"
    rows = store.all(sql, {"after": block.after, "last": block.last})
    return [Row(message_id, content or b"") for message_id, content in rows]


def next_rows(store: Database, block: Block) -> list[Row]:
    """Read the messages that follow a block's last, as many as fit into it, and at least one."""
    found: list[Row] = []
    size = block.size
    sql = f"{_ROWS} WHERE id > :after ORDER BY id LIMIT :most"
    rows = store.stream(sql, {"after": block.last, "most": _MESSAGES - block.messages})
    for message_id, content in rows:
        found.append(Row(message_id, content or b""))
        size += len(found[-1].content)
        if size >= _BYTES:
            break
    return found


def is_sound(store: Database, block: Block) -> bool:
    """Tell whether the store has the messages of a block as they were."""
    now = empty_block(block.after).with_rows(rows_of(store, block))
    return (now.messages, now.checksum) == (block.messages, block.checksum)


def some(numbers: Sequence[int], wanted: int) -> set[int]:
    """Return a few numbers that chance picks; `random` would take longer to load than to use."""
    if len(numbers) <= wanted:
        return set(numbers)
    drawn = os.urandom(8 * wanted)
    return {
        numbers[int.from_bytes(drawn[at : at + 8]) % len(numbers)] for at in range(0, 8 * wanted, 8)
    }
