"""What tests of the session index share: entries, lines as they are stored, files as they lie."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from agentstate.records import SessionIndexEntry

if TYPE_CHECKING:
    from pathlib import Path


def entry(
    thread_id: str, name: str | None = "n", at: int = 1, path: str | None = None
) -> SessionIndexEntry:
    return SessionIndexEntry(
        thread_id=thread_id, thread_name=name, updated_at=at, rollout_path=path
    )


def line(thread_id: str, name: str = "n", at: int = 1) -> bytes:
    text = f'{{"thread_id":"{thread_id}","thread_name":"{name}","updated_at":{at}}}\n'
    return text.encode()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
