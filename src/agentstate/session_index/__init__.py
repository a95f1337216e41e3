"""The session index: an append-only file of thread names beside the store.

It is a projection that can be rebuilt, never an authority. `lines` says what a line means,
`files` reads and writes files that other programs write too, `index` is what callers use.
Nothing here knows the database.
"""

from agentstate.session_index.index import (
    CompactionResult,
    IndexContents,
    IndexLine,
    SessionIndex,
    UnparsedLine,
)

__all__ = ["CompactionResult", "IndexContents", "IndexLine", "SessionIndex", "UnparsedLine"]
