from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from agentstate.render.text import (
    cell_width,
    cut,
    first_line,
    is_blank,
    json_screen_safe,
    lines_below,
    screen_safe,
    short_path,
    wrap,
)

FORBIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
EMOJI: Final = [
    "🙂",
    "👩‍👩‍👧‍👦",
    "🧑🏻‍❤️‍💋‍🧑🏼",
    "👍🏽",
    "❤️",
    "🏳️‍🌈",
    "🏴‍☠️",
    "1️⃣",
    "🇩🇪",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "👩‍⚕️",
    "©️",
]
texts = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("слово 語 ñ €", "слово 語 ñ €"),
        ("a\tb", "a b"),
        ("a\nb\r\nc", "a⏎b⏎c"),
        ("a\rb", r"a\x0db"),
        ("\x00\x07\x1b[31m", r"\x00\x07\x1b[31m"),
        ("\x7f\x80\x9b31m", r"\x7f\x80\x9b31m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\u202eabc\u202c \u2066x\u2069", r"\u202eabc\u202c \u2066x\u2069"),
        ("\u200e\u200f\u061c", r"\u200e\u200f\u061c"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("zero\u200bwidth\ufeff\u2060\xad", r"zero\u200bwidth\ufeff\u2060\xad"),
        ("\ud800 \udcff", r"\ud800 \udcff"),
        ("\U000e0041\U000e0042", r"\U000e0041\U000e0042"),
        ("a\u200db", r"a\u200db"),
        ("end\u200d", r"end\u200d"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("क्\u200dष", "क्\u200dष"),
        ("e\u0301 no\xa0break", "e\u0301 no\xa0break"),
        (r"\x1b stays", r"\x1b stays"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_what_a_screen_shows(text: str, shown: str) -> None:
    assert screen_safe(text) == shown


@pytest.mark.parametrize("emoji", EMOJI)
def test_emoji_survive_and_take_two_cells(emoji: str) -> None:
    assert screen_safe(f"a {emoji} b") == f"a {emoji} b"
    assert cell_width(emoji) == 2
    assert cut(f"{emoji}{emoji}{emoji}", 5) == f"{emoji}{emoji}…"


def test_line_breaks_and_tabs_stay_where_lines_are_wanted() -> None:
    text = "a\tb\r\n\tc\n\x1b\rd"
    assert screen_safe(text, keep_newlines=True) == "a   b\n    c\n\\x1b\\x0dd"


@given(texts)
def test_nothing_acts_on_a_screen(text: str) -> None:
    shown = screen_safe(text)
    assert not FORBIDDEN.search(shown)
    assert screen_safe(shown) == shown
    assert not FORBIDDEN.search(screen_safe(text, keep_newlines=True).replace("\n", ""))
    shown.encode()


@given(texts, st.integers(-1, 30), st.sampled_from(["…", "...", ""]))
@example("🙂\u200d" * 50, 5, "…")
@example("e" + "\u0301" * 900, 3, "…")
@example("\U0001f3fd" * 9, 4, "…")
@example("ab\ufe0fc", 2, "…")
def test_cut_text_is_never_wider_than_asked(text: str, cells: int, ellipsis: str) -> None:
    safe = screen_safe(text)
    shown = cut(safe, cells, ellipsis=ellipsis)
    assert cell_width(shown) <= max(cells, 0)
    assert cell_len(shown) <= max(cells, 0)
    if shown != safe and cells > len(ellipsis):
        assert shown.endswith(ellipsis)
        assert safe.startswith(shown.removesuffix(ellipsis))
    assert cut(safe, cell_width(safe) + len(safe)) == safe


@given(texts)
def test_widths_add_up(text: str) -> None:
    safe = screen_safe(text)
    assert cell_len(safe) <= cell_width(safe) <= 2 * len(safe)
    assert cell_width(f"{safe} {safe}") == 2 * cell_width(safe) + 1


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("one\ntwo", 10, "one"),
        ("\n \t\r\n  one  \ntwo", 10, "one"),
        ("one\r\n", 10, "one"),
        ("one two three", 7, "one tw…"),
        ("one   two", 6, "one…"),
        ("語語語", 5, "語語…"),
        ("語語語", 4, "語…"),
        ("\x1b[31mred", 20, r"\x1b[31mred"),
        ("", 5, ""),
        ("   \n ", 5, ""),
        ("\n" * 100_000 + "x", 5, "…"),
        ("x", 0, ""),
        ("xy", 1, "…"),
        ("a\tb", 5, "a b"),
    ],
)
def test_first_line(text: str, cells: int, shown: str) -> None:
    assert first_line(text, cells) == shown


def test_first_line_without_a_width_is_whole() -> None:
    assert first_line("\n\n " + "x" * 10_000 + "\nmore", None) == "x" * 10_000


@pytest.mark.parametrize("unit", ["x", "語", "\x1b", "\u0301", "🙂\u200d", " x"])
def test_first_line_of_ten_megabytes(unit: str) -> None:
    text = unit * (10_000_000 // len(unit))
    shown = first_line(text, 80)
    assert 0 < cell_width(shown) <= 80
    assert shown.endswith("…")
    assert len(shown) < 5000


@pytest.mark.parametrize(
    ("text", "below"),
    [("", 0), ("\n\n", 0), ("a", 0), ("\na\n", 0), ("a\nb", 1), ("a\r\n\r\nb\n\n", 2)],
)
def test_lines_below(text: str, below: int) -> None:
    assert lines_below(text) == below


def test_blank_is_what_shows_nothing() -> None:
    assert is_blank("")
    assert is_blank(" \t\r\n")
    assert not is_blank("\n x")
    assert not is_blank("\x85")


@pytest.mark.parametrize(
    ("text", "cells", "lines"),
    [
        ("", 10, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("one two  three", 8, ["one two", "three"]),
        ("onetwothree four", 6, ["onetwo", "three", "four"]),
        ("    indented code", 12, ["    indented", "code"]),
        ("          x", 4, ["", "x"]),
        ("a\n\n\tb\r\nc\n", 10, ["a", "", "    b", "c", ""]),
        ("語語 語語語", 5, ["語語", "語語", "語"]),
        ("one two", None, ["one two"]),
        ("one", 0, ["on", "e"]),
        ("a\x1b[31mb", 20, [r"a\x1b[31mb"]),
    ],
)
def test_wrap(text: str, cells: int | None, lines: list[str]) -> None:
    assert list(wrap(text, cells)) == lines


@given(texts, st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str, cells: int) -> None:
    lines = list(wrap(text, cells))
    assert max(map(cell_width, lines)) <= cells
    kept = screen_safe(text, keep_newlines=True)
    assert re.sub("[ \n]", "", "".join(lines)) == re.sub("[ \n]", "", kept)


@pytest.mark.parametrize(
    ("path", "home", "shown"),
    [
        ("/home/u", "/home/u", "~"),
        ("/home/u/src", "/home/u", "~/src"),
        ("/home/u/src", "/home/u/", "~/src"),
        ("/home/user2", "/home/u", "/home/user2"),
        ("/home/u", None, "/home/u"),
        ("/home/u", "", "/home/u"),
        ("/", "/", "/"),
        ("/home/u/\x1b\n", "/home/u", "~/\\x1b⏎"),
    ],
)
def test_short_path(path: str, home: str | None, shown: str) -> None:
    assert short_path(path, home) == shown


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=8,
)


@given(json_values, st.sampled_from([None, 2]))
@example(["\\\x7f", "\U000e0041", "\u202e", "\x9b", "é語🙂"], None)
def test_json_for_a_screen_is_the_same_value(value: object, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    shown = json_screen_safe(text)
    assert json.loads(shown) == json.loads(text)
    assert not FORBIDDEN.search(shown.replace("\n", ""))


def test_json_for_a_screen_escapes_no_more_than_it_must() -> None:
    text = '{"a": "é 語 🙂 👩\u200d👩 \\\\ \\u0000"}\n'
    assert json_screen_safe(text) == text
    assert json_screen_safe('"\x7f\u202e\U000e0041"') == '"\\u007f\\u202e\\udb40\\udc41"'


def test_plain_drawing_imports_no_rich() -> None:
    program = (
        "import sys\n"
        "from agentstate.render import text, times, theme, tree, svg\n"
        "assert text.first_line('\\x1b ' * 99 + 'é', 20) and text.cut('ab' * 50, 20)\n"
        "print([name for name in sys.modules if name.partition('.')[0] in {'rich', 'pydantic'}])\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
