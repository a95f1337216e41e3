r"""Stored text made fit for a screen: nothing hidden, nothing that acts, nothing too wide.

Whatever a terminal could obey and whatever an eye cannot see is written as a backslash escape
(`\x1b`, `\u202e`), so that a reader sees what is stored. Widths are counted in cells: a CJK
letter takes two, a combining mark none, an emoji made of several characters two.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTROL: Final = "\x00-\x1f\x7f-\x9f"
# Marks of direction, line separators, invisible letters and format characters, half pairs.
_HIDDEN: Final = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
)
# Scripts in which a joiner shapes the letters beside it: Arabic to Myanmar, Khmer to Tai Tham.
_SHAPED: Final = "\u0600-\u109f\u1780-\u1aff\ua800-\uabff"
_PICTURE: Final = "\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_JOINABLE: Final = f"{_SHAPED}{_PICTURE}\ufe0f"
_LOOSE_JOINER: Final = f"(?<![{_JOINABLE}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINABLE}])"
# The flags of England, Scotland and the like are spelled in tags, which are hidden elsewhere.
_TAGGED_FLAG: Final = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
_SKIN_TONE: Final = "\U0001f3fb-\U0001f3ff"
_VARIANT: Final = f"(?:\ufe0f|[{_SKIN_TONE}])"
_EMOJI: Final = f"[{_PICTURE}]{_VARIANT}?(?:\u200d[{_PICTURE}]{_VARIANT}?){{0,3}}"

_CHARS_PER_CELL: Final = 16
"""More combining marks than this on one cell are cut: they only smear, and may be millions."""

_BLANK_PREFIX: Final = 4096
"""How far the first line is looked for behind blank ones."""

_LINE: Final = 512
"""Widths of texts up to this long are remembered."""

_TAB: Final = 4


def screen_safe(text: str, *, keep_newlines: bool = False) -> str:
    """Return `text` as it may be shown, with hidden and acting characters as escapes.

    A tab becomes a space and a line break a visible `⏎`; with `keep_newlines` breaks stay, and
    a tab fills up to the next multiple of four columns.
    """
    if text.isprintable():
        return text
    if keep_newlines:
        return _unsafe().sub(_escape_in_lines, text).expandtabs(_TAB)
    return _unsafe().sub(_escape_in_one_line, text)


def json_screen_safe(json_text: str) -> str:
    r"""Return the same JSON with what `screen_safe` would hide written as `\uXXXX`."""
    if json_text.isprintable():
        return json_text
    return _unsafe_in_json().sub(_escape_in_json, json_text)


def cell_width(text: str) -> int:
    """Return how many cells `text`, safe for a screen, takes there."""
    if text.isascii():
        return len(text)
    return _line_width(text) if len(text) <= _LINE else _fit(text, 0, None)[1]


def cut(text: str, cells: int, *, ellipsis: str = "…") -> str:
    """Return `text`, safe for a screen, or its start and an ellipsis where `cells` are too few."""
    if cells <= 0:
        return ""
    if _fit(text, 0, cells)[0] == len(text):
        return text
    if cells <= len(ellipsis):
        return ellipsis[:cells]
    return text[: _fit(text, 0, cells - len(ellipsis))[0]].rstrip() + ellipsis


def is_blank(text: str) -> bool:
    """Say whether there is nothing but spaces, tabs and line breaks."""
    return _ink().search(text) is None


def first_line(text: str, cells: int | None, *, ellipsis: str = "…") -> str:
    """Return the first line that is not blank, safe for a screen and cut to `cells`.

    Only the start of `text` is looked at, so that a line of megabytes costs nothing; with
    `cells` None the line is whole.
    """
    if cells is None:
        return screen_safe(text.strip(" \t\r\n").partition("\n")[0].rstrip(" \t\r"))
    if cells <= 0:
        return ""
    head = text[: _BLANK_PREFIX + _CHARS_PER_CELL * (cells + 1)]
    line = head.lstrip(" \t\r\n").partition("\n")[0].rstrip(" \t\r")
    if not line and len(head) < len(text):
        return ellipsis[:cells]
    return cut(screen_safe(line), cells, ellipsis=ellipsis)


def lines_below(text: str) -> int:
    """Return how many lines follow the first that is not blank, blank ones at the end aside."""
    return text.strip(" \t\r\n").count("\n")


def wrap(text: str, cells: int | None) -> Iterator[str]:
    """Give the lines of `text`, safe for a screen, broken between words to fit `cells`."""
    start = 0
    while start <= len(text):
        end = text.find("\n", start) + 1 or len(text) + 1
        line = screen_safe(text[start:end], keep_newlines=True).rstrip(" \n")
        yield from [line] if cells is None else _wrap_line(line, max(cells, 2))
        start = end


def short_path(path: str, home: str | None) -> str:
    """Return `path`, safe for a screen, with the home folder as `~`."""
    home = home.rstrip("/") if home else ""
    if home and (path == home or path.startswith(f"{home}/")):
        path = f"~{path[len(home) :]}"
    return screen_safe(path)


def count(number: int, noun: str) -> str:
    """Return `1 message`, `2 messages`; a noun in -ch takes -es."""
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return f"{number} {noun}{ending}"


def _wrap_line(line: str, cells: int) -> Iterator[str]:
    start = 0
    while (end := _fit(line, start, cells)[0]) < len(line):
        space = line.rfind(" ", start, end + 1)
        # Indented code keeps its indent: only a space behind a word is a place to break.
        if space > start and line[start:space].strip(" "):
            end = space
        yield line[start:end].rstrip(" ")
        start = end
        while line[start] == " ":
            start += 1
    yield line[start:]


def _fit(text: str, start: int, cells: int | None) -> tuple[int, int]:
    """Return where the longest piece from `start` that fits `cells` ends, and its width."""
    whole = len(text)
    end = whole if cells is None else min(whole, start + cells)
    # One letter more: a mark on the last one belongs to it.
    if text.isascii() or _end_of_singles(text, start, end + 1) > min(end, whole - 1):
        return end, end - start
    stop = whole if cells is None else min(whole, start + _CHARS_PER_CELL * (cells + 1))
    used = 0
    for cluster in _clusters().finditer(text, start, stop):
        width = _cluster_width(cluster.group())
        if cells is not None and used + width > cells:
            return cluster.start(), used
        used += width
    return stop, used


def _end_of_singles(text: str, start: int, end: int) -> int:
    found = _singles().match(text, start, end)
    return found.end() if found else start


@lru_cache(maxsize=1024)
def _line_width(text: str) -> int:
    # A drawing measures each of its lines several times.
    return _fit(text, 0, None)[1]


@lru_cache(maxsize=4096)
def _cluster_width(cluster: str) -> int:
    from rich.cells import get_character_cell_size  # noqa: PLC0415 - rich costs start-up time

    if len(cluster) > 1 or "\U0001f3fb" <= cluster <= "\U0001f3ff":
        return 2
    return get_character_cell_size(cluster)


# Compiled when first needed: plain text needs none of them, and start-up should not pay.


@cache
def _ink() -> re.Pattern[str]:
    return re.compile(r"[^ \t\r\n]")


@cache
def _unsafe() -> re.Pattern[str]:
    return re.compile(f"{_TAGGED_FLAG}|\r\n|[{_CONTROL}{_HIDDEN}]|{_LOOSE_JOINER}")


@cache
def _unsafe_in_json() -> re.Pattern[str]:
    return re.compile(f"(?![\t\n\r])[{_CONTROL}{_HIDDEN}]")


@cache
def _clusters() -> re.Pattern[str]:
    """Match what takes its room together: a keycap, an emoji of up to four, else a character.

    A longer chain of joined pictures is no emoji, and terminals draw its parts side by side.
    """
    return re.compile(f"[#*0-9\xa9\xae\u203c\u2049\u2122\u2139]\ufe0f|{_EMOJI}|.", re.DOTALL)


@cache
def _singles() -> re.Pattern[str]:
    """Match letters of one cell, which need not be looked at one by one."""
    return re.compile(
        "[ -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u2010-\u2027\u2500-\u25fc\u2800-\u28ff]*"
    )


def _escape_in_one_line(match: re.Match[str]) -> str:
    found = match.group()
    if found in {"\n", "\r\n"}:
        return "⏎"
    return " " if found == "\t" else _escape(found)


def _escape_in_lines(match: re.Match[str]) -> str:
    found = match.group()
    if found in {"\n", "\r\n"}:
        return "\n"
    return found if found == "\t" else _escape(found)


def _escape(found: str) -> str:
    if len(found) > 1:
        return found
    code = ord(found)
    if code < 0x100:  # noqa: PLR2004 - the last code that two hexadecimal digits hold
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - as above


def _escape_in_json(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code <= 0xFFFF:  # noqa: PLR2004 - the last code that four hexadecimal digits hold
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
