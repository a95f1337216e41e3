"""The names of Codex's threads, which it keeps in a file of their own beside the sessions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agentstate.formats.names import stem
from agentstate.formats.reading import Reading
from agentstate.formats.source import Source

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVED: Final = "archived_sessions"
_FOLDERS: Final = ("sessions", ARCHIVED)
_ROLLOUT: Final = re.compile(
    r"rollout-[\dT-]+?-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:_(.+))?"
)


def thread_in(name: str) -> tuple[str | None, bool]:
    """Return the thread that a file's name names, and whether it is a later rollout of it."""
    found = _ROLLOUT.fullmatch(stem(name))
    return (found[1], found[2] is not None) if found else (None, False)


class ThreadNames:
    """The names of threads; those read last are kept until their file changes."""

    def __init__(self) -> None:
        """Begin with none."""
        self._read: tuple[Path, int, int] | None = None
        self._names: dict[str, str] = {}

    def name_of(self, thread_id: str, source: Path) -> str | None:
        """Return the name of a thread, of which a source is a rollout; None where it has none."""
        home = _home_of(source)
        if home is None:
            return None
        index = home / "session_index.jsonl"
        try:
            status = index.stat()
            version = (index, status.st_mtime_ns, status.st_size)
            if version != self._read:
                self._names = _names_in(Source.of_file(index))
                self._read = version
        except OSError:
            return None
        return self._names.get(thread_id)


def _home_of(source: Path) -> Path | None:
    folders = source.parents
    return next((one.parent for one in folders if one.name in _FOLDERS), None)


def _names_in(index: Source) -> dict[str, str]:
    """Return the name that the newest line of each thread gives it."""
    reading = Reading(index)
    names = {}
    for line in reading.lines():
        thread, name = line.value.get("id"), line.value.get("thread_name")
        if isinstance(thread, str) and isinstance(name, str):
            names[thread] = reading.text(name, line.number)
    return names
