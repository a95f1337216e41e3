"""A drawing as a picture, for pages that show what a terminal would."""

from __future__ import annotations

import io
import re
from html import unescape
from typing import TYPE_CHECKING, Final

from agentstate.render.text import cell_width, screen_safe
from agentstate.render.theme import blocks, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentstate.render.theme import Line

_ID: Final = "agentstate"
_CELL: Final = 12.2
"""Units of width a cell takes: rich draws with a font 20 high and 0.61 as wide."""

# Fonts that systems have: a picture that fetches one shows nothing where it may not.
_FORMAT: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "SF Mono", Menlo, "Cascadia Mono", Consolas, "DejaVu Sans Mono", \
"Liberation Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{
  font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
  font-size: 17px;
  opacity: 0.75;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_TEXT: Final = re.compile(r'(<text class="[^"]*-r\d+"[^>]* textLength=")[^"]*("[^>]*>)([^<]*)')


def svg(lines: Iterable[Line], *, title: str) -> str:
    """Return an SVG of `lines`, as wide as the longest.

    The same lines give the same bytes with the same release of rich, and the picture fetches
    nothing.
    """
    from rich.console import Console  # noqa: PLC0415 - rich costs start-up time
    from rich.terminal_theme import TerminalTheme  # noqa: PLC0415 - as above

    drawn = list(lines)
    console = Console(
        file=io.StringIO(),
        record=True,
        width=max((cell_width(plain(line)) for line in drawn), default=1),
        force_terminal=True,
        force_jupyter=False,
        color_system="256",
        legacy_windows=False,
    )
    for block in blocks(drawn):
        console.print(block, end="", soft_wrap=True)
    # rich clips every line but the last to the picture, so the last is an empty one.
    console.print()
    ansi = [
        (72, 79, 88),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 166, 255),
        (188, 140, 255),
        (57, 197, 207),
        (177, 186, 196),
    ]
    theme = TerminalTheme((13, 17, 23), (230, 237, 243), ansi)
    picture = console.export_svg(
        title=screen_safe(title), theme=theme, code_format=_FORMAT, unique_id=_ID
    )
    return "\n".join(line.rstrip() for line in _TEXT.sub(_stretch, picture).splitlines()) + "\n"


def _stretch(match: re.Match[str]) -> str:
    """Give a text the width of its cells: rich counts characters, too few for wide ones."""
    before, after, text = match.groups()
    return f"{before}{_CELL * cell_width(unescape(text)):g}{after}{text}"
