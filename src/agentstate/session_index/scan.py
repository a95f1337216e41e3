"""Look up one thread in a large index without parsing it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agentstate.session_index.lines import pieces

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentstate.records import SessionIndexEntry

_PLAIN_ID: Final = re.compile(r"[ !#-.0-\[\]-~]*")
"""Printable ASCII without `"`, `/` and `\\`, which JSON can escape in a second way."""
_PLAIN_ESCAPE: Final = re.compile(rb"\\u00[2-7]")
"""How printable ASCII is spelled when it is not spelled as itself."""
_ANY_ESCAPE: Final = re.compile(rb"\\")


def find_entry(blocks: Iterable[bytes], thread_id: str) -> SessionIndexEntry | None:
    """Return the last entry of a thread in `blocks` of whole lines, which come last first.

    JSON spells an id in quotes, either as itself or with an escape. So only lines that hold its
    bytes in quotes, or an escape that could stand for one of its characters, are parsed.
    """
    spelled = f'"{thread_id}"'.encode(errors="surrogatepass")
    escape = _PLAIN_ESCAPE if _PLAIN_ID.fullmatch(thread_id) else _ANY_ESCAPE
    for block in blocks:
        # For short ids `rfind` is faster than `in`. One byte is found faster than any pattern, and
        # most files hold no escape at all.
        if block.rfind(spelled) < 0 and not (b"\\" in block and escape.search(block)):
            continue
        for line in reversed(block.split(b"\n")):
            if spelled not in line and not escape.search(line):
                continue
            for piece in reversed(pieces(line)):
                if piece.entry is not None and piece.entry.thread_id == thread_id:
                    return piece.entry
    return None
