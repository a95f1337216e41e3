"""Every format, and how it is known. A new format is a module with a `FORMAT`, and a line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from agentstate.formats.events import Event
    from agentstate.formats.reading import Reading
    from agentstate.formats.source import Source


class Format(Protocol):
    """One format; reading is a pure generator, which never raises for what it is given."""

    name: str
    """What `--format` calls it."""

    def detect(self, source: Source) -> bool:
        """Tell, by its first bytes and its name, whether a source is of this format."""
        ...

    def places(self, environ: Mapping[str, str], home: Path) -> Iterator[Path]:
        """Yield the files of this format on this machine, oldest first where that is known."""
        ...

    def is_file(self, path: Path) -> bool:
        """Tell by its name whether a file in a folder may be of this format."""
        ...

    def read(self, reading: Reading) -> Iterator[Event]:
        """Yield the sessions of a source; each is a `Start`, its messages, and its `Session`."""
        ...


_MODULES: Final = {
    "claude-code": "claude_code",
    "codex": "codex",
    "pi": "pi",
    "codewhale": "codewhale",
    "chatgpt": "chatgpt",
    "gemini": "gemini",
    "openai": "openai",
}
"""By the name of each, in the order in which they are tried."""

FORMATS: Final = tuple(_MODULES)


def format_of(name: str) -> Format:
    """Return the format of that name; raises `KeyError`."""
    module = import_module(f"agentstate.formats.{_MODULES[name]}")
    found: Format = module.FORMAT
    return found


def detect(source: Source) -> Format | None:
    """Return the format of a source, or None; raises `OSError` where it cannot be read."""
    return next((one for one in map(format_of, FORMATS) if one.detect(source)), None)
