"""The kinds of write that are tried. A new verb is one entry in the table of its module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stress import files, imports, index, messages, threads

if TYPE_CHECKING:
    from stress.operation import Operation

OPERATIONS: Final[dict[str, Operation]] = {
    **messages.OPERATIONS,
    **threads.OPERATIONS,
    **index.OPERATIONS,
    **files.OPERATIONS,
    **imports.OPERATIONS,
}
