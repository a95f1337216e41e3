"""Finding the files of sessions: those named, those in a folder, and those in all known places."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.formats.registry import FORMATS, format_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agentstate.formats.registry import Format


_BUNDLE: Final = ".ndjson"
"""How the bundles of this program end, which are of no format."""
_KEPT: Final = (".trash", ".backups")
"""How the folders end that lie beside a store."""


class Found(NamedTuple):
    """A file to read."""

    path: Path
    named: bool
    """Whether it was named itself, so that it must hold something; else a folder holds it."""


def files_of(paths: Iterable[str], names: Sequence[str] = FORMATS) -> Iterator[Found]:
    """Yield each file once that is named, matches a pattern, or by its name may hold sessions.

    A folder is searched to the bottom, in the order of names; links to folders are not followed.
    A path that is not there is yielded as it is, for whoever opens it to say so.
    """
    formats = [format_of(name) for name in names]
    seen: set[str] = set()
    for path in paths:
        for found in _expanded(path, formats):
            real = os.path.realpath(found.path)
            if real not in seen:
                seen.add(real)
                yield found


def _expanded(path: str, formats: Sequence[Format]) -> Iterator[Found]:
    matches = [path]
    if glob.has_magic(path) and not os.path.lexists(path):
        matches = sorted(glob.glob(path, recursive=True)) or [path]  # noqa: PTH207 - the pattern is text, and may be absolute
    for match in matches:
        if os.path.isdir(match):  # noqa: PTH112 - as above
            yield from (Found(one, named=False) for one in _within(match, formats))
        else:
            yield Found(Path(match), named=True)


def _within(folder: str, formats: Sequence[Format]) -> Iterator[Path]:
    unread: list[OSError] = []
    for where, folders, names in os.walk(folder, onerror=unread.append):
        # What was deleted, or replaced, stays away until somebody names it.
        folders[:] = sorted(one for one in folders if not one.endswith(_KEPT))
        for name in sorted(names):
            path = Path(where, name)
            known = path.suffix == _BUNDLE or any(one.is_file(path) for one in formats)
            if known and path.is_file():
                yield path
    # Whoever opens such a folder meets an error, and says so.
    yield from (Path(error.filename) for error in unread)


def discover(
    environ: Mapping[str, str], home: Path, names: Sequence[str] = FORMATS
) -> dict[str, list[Path]]:
    """Return the files of each format in the places where its program keeps them."""
    found = {}
    for name in names:
        files = list(format_of(name).places(environ, home))
        if files:
            found[name] = files
    return found
