"""The only module that writes to standard output and standard error.

A pipe gets UTF-8, whatever the locale. A screen gets its own encoding, and escapes for what that
cannot show.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from agentstate.errors import AgentStateError
from agentstate.render.text import screen_safe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from agentstate.render.theme import ColorChoice, Line

_CHUNK: Final = 1 << 16
"""Characters gathered before a write, so that a long list takes few system calls."""


def open_missing() -> None:
    """Put the null device in place of an output that was closed before we began.

    The next file to be opened would else get its descriptor, and that may be the store.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for the whole run
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - as above


def is_screen() -> bool:
    """Tell whether standard output is a terminal."""
    return sys.stdout.isatty()


def can_show(text: str) -> bool:
    """Tell whether standard output takes these characters as they are."""
    if not is_screen():
        return True
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def write_line(line: str) -> None:
    """Write one line of machine output."""
    write_lines([line])


def write_lines(lines: Iterable[str], *, end: str = "\n") -> None:
    """Write lines, each followed by `end`."""
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
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(_encode(text))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon(sys.stdout)
        raise AgentStateError(f"cannot write the answer: {error.strerror}") from error


def _encode(text: str) -> bytes:
    if is_screen():
        return text.encode(sys.stdout.encoding, "backslashreplace")
    # A path that is not UTF-8 comes from the system with its bytes as surrogates; they go back.
    return text.encode("utf-8", "surrogateescape")


def draw_lines(lines: Iterable[Line], color: ColorChoice) -> None:
    """Draw lines of styled text; without colour rich is not loaded."""
    from agentstate.render import theme  # noqa: PLC0415 - drawings only

    if not theme.in_color(sys.stdout, color):
        write_lines(theme.plain(line) for line in lines)
        return
    drawn = io.StringIO()
    screen = theme.console(drawn, color="always", width=theme.screen_width(sys.stdout))
    for block in theme.blocks(lines):
        screen.print(block, end="", soft_wrap=True)
        write_text(drawn.getvalue())
        drawn.seek(0)
        drawn.truncate()


def note(text: str) -> None:
    """Write one line to standard error, safe for a screen."""
    _to_stderr(f"{screen_safe(text)}\n")


def explain(text: str) -> None:
    """Write lines to standard error, as help is where a command misses its verb."""
    _to_stderr(f"{screen_safe(text, keep_newlines=True)}\n")


def ask(question: str) -> bytes:
    """Write a question to standard error; return the line that comes back, empty for none."""
    _to_stderr(f"{screen_safe(question)} ")
    try:
        answer = sys.stdin.buffer.readline()
    except KeyboardInterrupt:
        answer = b""
    if not answer.endswith(b"\n"):
        # What comes next must not stand on the question's line.
        _to_stderr("\n")
    return answer


def _to_stderr(text: str) -> None:
    # What cannot be said there cannot be said at all, and must not hide the exit code.
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        abandon(sys.stderr)


def abandon(stream: TextIO) -> None:
    """Send what a stream still holds nowhere: at exit Python would fail on it, with code 120."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
