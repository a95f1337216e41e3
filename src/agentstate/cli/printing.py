"""The only module that writes to standard output and standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from agentstate.render.text import screen_safe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentstate.render.theme import ColorChoice, Line

_CHUNK: Final = 1 << 16
"""Characters gathered before a write, so that a long list takes few system calls."""


def is_screen() -> bool:
    """Tell whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def write_line(line: str) -> None:
    """Write one line of machine output."""
    write_lines([line])


def write_lines(lines: Iterable[str], *, end: str = "\n") -> None:
    """Write lines as UTF-8, whatever the locale, each followed by `end`."""
    gathered: list[str] = []
    size = 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size >= _CHUNK:
            _write(gathered, end)
            size = 0
    _write(gathered, end)


def write_text(text: str) -> None:
    """Write text as it is, and nothing after it."""
    _bytes(text)


def _write(gathered: list[str], end: str) -> None:
    if gathered:
        gathered.append("")
        _bytes(end.join(gathered))
        gathered.clear()


def _bytes(text: str) -> None:
    # A path that is not UTF-8 comes from the system with its bytes as surrogates; they go back.
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def draw_lines(lines: Iterable[Line], color: ColorChoice) -> None:
    """Draw lines of styled text; without colour rich is not loaded."""
    from agentstate.render import theme  # noqa: PLC0415 - drawings only

    if not theme.in_color(sys.stdout, color):
        write_lines(theme.plain(line) for line in lines)
        return
    screen = theme.console(sys.stdout, color=color)
    for block in theme.blocks(lines):
        screen.print(block, end="", soft_wrap=True)


def note(text: str) -> None:
    """Write one line to standard error, safe for a screen."""
    sys.stderr.write(f"{screen_safe(text)}\n")
    sys.stderr.flush()
