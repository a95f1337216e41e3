"""What the names of files and folders tell, and which of them are sessions."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def stem(name: str) -> str:
    """Return the name of a file of JSON lines without its folder and endings."""
    return os.path.basename(name).removesuffix(".zst").removesuffix(".jsonl")  # noqa: PTH119 - a name, which need not be a path


def is_uuid(name: str) -> bool:
    """Tell whether a name is a UUID."""
    return _UUID.fullmatch(name) is not None


def oldest_first(folder: Path, wanted: Callable[[str], bool]) -> list[Path]:
    """Return the files in a folder, to its bottom, whose names are wanted, by their time of change.

    What cannot be looked at is left out.
    """
    found = []
    for where, _, names in os.walk(folder):
        for name in filter(wanted, names):
            path = Path(where, name)
            try:
                found.append((path.stat().st_mtime_ns, path))
            except OSError:
                continue
    return [path for _, path in sorted(found)]
