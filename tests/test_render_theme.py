from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from typing import IO, TYPE_CHECKING

import pytest
from rich.color import Color, ColorSystem

from agentstate.records import JobStateStatus, ThreadStatus
from agentstate.render.theme import (
    STYLES,
    UNCUT,
    ColorChoice,
    blocks,
    console,
    in_color,
    role_style,
    screen_width,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKGROUNDS = {
    "white": (255, 255, 255),
    "solarized light": (253, 246, 227),
    "black": (0, 0, 0),
    "charcoal": (30, 30, 30),
    "solarized dark": (0, 43, 54),
}


@pytest.fixture
def terminal() -> Iterator[IO[str]]:
    controller, device = os.openpty()
    with os.fdopen(device, "w") as file:
        yield file
    os.close(controller)


def luminance(rgb: tuple[int, int, int]) -> float:
    def linear(value: int) -> float:
        part = value / 255
        return part / 12.92 if part <= 0.03928 else float(((part + 0.055) / 1.055) ** 2.4)

    red, green, blue = map(linear, rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: tuple[int, int, int], second: tuple[int, int, int]) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", STYLES)
def test_every_colour_reads_on_dark_and_on_light(name: str) -> None:
    for word in STYLES[name].split():
        if word in {"bold", "dim"}:
            continue
        color = Color.parse(word)
        for background, rgb in BACKGROUNDS.items():
            assert contrast(color.get_truecolor(), rgb) >= 3.0, background
        # Black, white and the bright ones vanish on some screen that has only 16 colours.
        assert color.downgrade(ColorSystem.STANDARD).number not in {0, 7, 8, 15}


def test_roles_have_colours_of_their_own() -> None:
    named = ["user", "assistant", "tool", "system", "developer"]
    assert len({STYLES[role_style(role)] for role in named}) == 5
    assert len({STYLES[role_style(role, active=False)] for role in named}) == 5
    assert role_style("[bold]") == "role.other"
    for role in named:
        assert STYLES[role_style(role)] != STYLES[role_style(role, active=False)]


def test_every_status_has_a_style() -> None:
    assert {f"thread.{status}" for status in ThreadStatus} <= set(STYLES)
    assert {f"job.{status}" for status in JobStateStatus} <= set(STYLES)


@pytest.mark.parametrize(
    ("color", "environ", "on_terminal", "in_pipe"),
    [
        ("auto", {}, True, False),
        ("auto", {"TERM": "dumb"}, False, False),
        ("auto", {"NO_COLOR": "1"}, False, False),
        ("auto", {"NO_COLOR": ""}, True, False),
        ("auto", {"CLICOLOR_FORCE": "1"}, True, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, True, False),
        ("auto", {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, True, True),
        ("never", {"CLICOLOR_FORCE": "1"}, False, False),
    ],
)
def test_who_gets_colour(
    terminal: IO[str],
    color: ColorChoice,
    environ: dict[str, str],
    on_terminal: bool,  # noqa: FBT001 - a parameter of the table
    in_pipe: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    assert in_color(terminal, color, environ) is on_terminal
    assert in_color(StringIO(), color, environ) is in_pipe


def test_width_is_that_of_columns_then_of_the_terminal(terminal: IO[str]) -> None:
    import fcntl  # noqa: PLC0415 - not on every system
    import struct  # noqa: PLC0415 - as above
    import termios  # noqa: PLC0415 - as above

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 97, 0, 0))
    assert screen_width(terminal, {}) == 97
    assert screen_width(terminal, {"COLUMNS": "60"}) == 60
    assert screen_width(terminal, {"COLUMNS": "0"}) == 97
    assert screen_width(StringIO(), {}) is None
    assert screen_width(StringIO(), {"COLUMNS": "33"}) == 33
    assert screen_width(StringIO(), {"COLUMNS": "many"}) is None


@pytest.mark.parametrize("color", ["always", "never"])
def test_console_shows_text_as_it_is(color: ColorChoice) -> None:
    file = StringIO()
    screen = console(file, color=color, width=40)
    text = "[bold]x[/bold] [/nope] :smile: 12345 'str' True http://example.org " * 3
    screen.print(text, soft_wrap=True)
    assert file.getvalue() == text + "\n"


def test_console_in_a_pipe_cuts_nothing_unless_columns_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console(StringIO()).width == UNCUT
    monkeypatch.setenv("COLUMNS", "50")
    assert console(StringIO()).width == 50


@pytest.mark.parametrize(
    ("environ", "system"),
    [
        ({}, "256"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "linux"}, "standard"),
        ({"TERM": "dumb"}, "standard"),
        ({"TERM": "alacritty", "COLORTERM": "truecolor"}, "256"),
    ],
)
def test_colours_are_sixteen_where_the_terminal_has_no_more(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], system: str
) -> None:
    for name in ("TERM", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert console(StringIO(), color="always").color_system == system


@pytest.mark.parametrize(("term", "blue"), [("xterm-256color", "1;38;5;33"), ("linux", "1;94")])
def test_a_line_in_colour(term: str, blue: str) -> None:
    # A process of its own: rich remembers the codes of a style, whatever the terminal.
    program = (
        "import sys\n"
        "from agentstate.render.theme import blocks, console\n"
        "line = [('user', 'role.user'), (' ', ''), ('[x]', 'dim'), ('y', 'text')]\n"
        "for block in blocks([line]):\n"
        "    console(sys.stdout, color='always').print(block, end='', soft_wrap=True)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, env={"TERM": term}, text=True, check=True)
    assert done.stdout == f"\x1b[{blue}muser\x1b[0m \x1b[2m[x]\x1b[0my\n"


def test_blocks_hold_every_line_once() -> None:
    lines = [[(str(number), "")] for number in range(25)]
    file = StringIO()
    drawn = list(blocks(lines, size=10))
    for block in drawn:
        console(file, color="never").print(block, end="", soft_wrap=True)
    assert len(drawn) == 3
    assert file.getvalue().split() == [str(number) for number in range(25)]
    assert list(blocks([])) == []


def test_colour_needs_a_console_of_rich_and_nothing_above_it() -> None:
    program = (
        "import io, sys\n"
        "from agentstate.render.theme import blocks, console\n"
        "for block in blocks([[('\u8a9e', 'role.user')]]):\n"
        "    console(io.StringIO(), color='always').print(block, end='', soft_wrap=True)\n"
        "names = {'rich.table', 'rich.markdown', 'rich.syntax', 'rich.progress', 'pygments'}\n"
        "print('rich.console' in sys.modules, names & set(sys.modules))\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True set()\n"
