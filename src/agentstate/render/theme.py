"""The colours of the screen, by what they mean, and the console that shows them.

Drawings are made of spans: a text and the name of a style. Where there is no colour the texts
are joined and rich is never imported. Every colour is one of the fixed 256 that reads on a dark
and on a light background; what must stand back is dim, which follows the terminal's own colours.
"""

from __future__ import annotations

import os
from functools import cache
from typing import IO, TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import Console
    from rich.segment import Segments
    from rich.style import Style

Span = tuple[str, str]
"""A text, safe for a screen, and the name of its style in `STYLES`; "" is plain."""
Line = list[Span]

ColorChoice = Literal["auto", "always", "never"]

UNCUT: Final = 1_000_000
"""The width of a console that cuts nothing: rich must have one."""

_BLUE: Final = "color(33)"
_PURPLE: Final = "color(134)"
_TEAL: Final = "color(30)"
_GOLD: Final = "color(136)"
_GREEN: Final = "color(28)"
_ORANGE: Final = "color(166)"
_RED: Final = "color(197)"

ROLES: Final = ("user", "assistant", "tool", "system", "developer")

STYLES: Final[Mapping[str, str]] = {
    "title": "bold",
    "heading": f"bold {_BLUE}",
    "text": "",
    "dim": "dim",
    "rail": "dim",
    "leaf": f"bold {_RED}",
    "leaf.text": "bold",
    "match": f"bold {_RED}",
    "warning": f"bold {_ORANGE}",
    "error": f"bold {_RED}",
    "role.user": f"bold {_BLUE}",
    "role.assistant": f"bold {_PURPLE}",
    "role.tool": f"bold {_TEAL}",
    "role.system": f"bold {_GOLD}",
    "role.developer": f"bold {_GREEN}",
    "role.other": "bold",
    "off.user": _BLUE,
    "off.assistant": _PURPLE,
    "off.tool": _TEAL,
    "off.system": _GOLD,
    "off.developer": _GREEN,
    "off.other": "dim",
    "thread.running": f"bold {_GREEN}",
    "thread.idle": "dim",
    "thread.completed": _BLUE,
    "thread.failed": f"bold {_RED}",
    "thread.paused": _ORANGE,
    "thread.archived": "dim",
    "job.queued": "dim",
    "job.running": f"bold {_GREEN}",
    "job.completed": _BLUE,
    "job.failed": f"bold {_RED}",
    "job.cancelled": _ORANGE,
}


def role_style(role: str, *, active: bool = True) -> str:
    """Return the name of the style of a role, on the active branch or off it."""
    return f"{'role' if active else 'off'}.{role if role in ROLES else 'other'}"


def in_color(file: IO[str], color: ColorChoice, environ: Mapping[str, str] | None = None) -> bool:
    """Say whether `file` gets colour: `--color` first, then NO_COLOR, then CLICOLOR_FORCE."""
    environ = os.environ if environ is None else environ
    if color != "auto":
        return color == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    return file.isatty() and environ.get("TERM") not in {"dumb", "unknown"}


def screen_width(file: IO[str], environ: Mapping[str, str] | None = None) -> int | None:
    """Return how many cells a line of `file` may take: $COLUMNS, else the terminal, else None."""
    environ = os.environ if environ is None else environ
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns) > 0:
        return int(columns)
    if not file.isatty():
        return None
    try:
        return os.get_terminal_size(file.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def console(file: IO[str], *, color: ColorChoice = "auto", width: int | None = None) -> Console:
    """Return a console on `file` that takes text as it is: no markup, no emoji codes.

    `width` None asks `screen_width`, and cuts nothing where that knows none.
    """
    from rich.console import Console  # noqa: PLC0415 - rich costs start-up time

    colored = in_color(file, color)
    return Console(
        file=file,
        width=width or screen_width(file) or UNCUT,
        force_terminal=colored,
        force_jupyter=False,
        color_system=_color_system(os.environ) if colored else None,
        no_color=not colored,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )


def plain(line: Line) -> str:
    """Return a line without its colours."""
    return "".join([text for text, _ in line])


def blocks(lines: Iterable[Line], size: int = 200) -> Iterator[Segments]:
    """Give the lines as renderables of up to `size` lines each.

    Print them with `end="", soft_wrap=True`: they are cut already, and rich need not measure.
    """
    from rich.segment import Segment, Segments  # noqa: PLC0415 - rich costs start-up time

    newline = Segment.line()
    segments: list[Segment] = []
    for number, line in enumerate(lines, start=1):
        segments.extend(Segment(text, _style(name)) for text, name in line)
        segments.append(newline)
        if number % size == 0:
            yield Segments(segments)
            segments = []
    if segments:
        yield Segments(segments)


@cache
def _style(name: str) -> Style | None:
    from rich.style import Style  # noqa: PLC0415 - rich costs start-up time

    return Style.parse(STYLES[name]) if name and STYLES[name] else None


def _color_system(environ: Mapping[str, str]) -> Literal["standard", "256"]:
    """Judge by what the terminal says of itself; one that says nothing gets the fixed colours."""
    term = environ.get("TERM", "")
    rich_enough = not term or "256" in term or "COLORTERM" in environ
    return "256" if rich_enough else "standard"
