"""Reading a line as bash does, and quoting what bash is to put into it.

bash hands a completion the raw line, and inserts what it gets unquoted; it replaces only the end
of a word, from the last character of COMP_WORDBREAKS (`name:` stays where it is) or from an open
quote. So the word is read here, and what it gets is the rest of a value, quoted as the word is.
Nothing on the line is executed or expanded, but `~` and variables in a path to list.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.render.text import screen_safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BLANK: Final = " \t\n"
_REDIRECTION: Final = re.compile(r"\d*(&>>?|[<>]+[&|]?)")
_SPECIAL: Final = re.compile(r"[\s!\"#$&'()*;<>?\[\]\\^`{|}]")
_SPECIAL_IN_QUOTES: Final = re.compile(r"[\"$\\`]")
_MOST_PATHS: Final = 1000


class Piece(NamedTuple):
    """What a piece of a line says once its quotes are read."""

    value: str
    quote: str
    """The quote that is still open at its end, or nothing."""
    end: int


class Typed(NamedTuple):
    """A line up to the cursor."""

    words: list[str]
    """The words before the one at the cursor, read."""
    word: str
    """The word at the cursor, read."""
    kept: str
    """What of it stays, read."""
    quote: str
    """The quote that is open where bash replaces the rest."""
    text: str
    """The rest, as it stands."""
    is_redirection: bool
    """Whether the word names a file to redirect to or from."""


def read(line: str, text: str) -> Typed:
    """Read a line up to the cursor; `text` is its end, which bash will replace."""
    words: list[str] = []
    start, redirects = 0, False
    while True:
        start = _skip_blanks(line, start)
        found = _REDIRECTION.match(line, start)
        if found:
            start, redirects = found.end(), True
            continue
        piece = _read_word(line, start)
        if piece.end == len(line):
            break
        if not redirects:
            words.append(piece.value)
        start, redirects = piece.end, False
    raw = line[start:]
    # A wrapper may have called with another text than bash would: then all of it is replaced.
    kept = raw.removesuffix(text) if raw.endswith(text) else ""
    stays = _read_word(kept, 0)
    return Typed(words, piece.value, stays.value, stays.quote, raw[len(kept) :], redirects)


def replies(typed: Typed, values: Sequence[tuple[str, str]], *, listing: bool) -> list[str]:
    """Return values as bash may insert them, or with their descriptions as it may list them."""
    lines = []
    for value, about in values:
        rest = _rest(typed, value)
        if rest:
            lines.append(f"{rest}  ({about})" if listing and about else rest)
    return lines


def path_replies(typed: Typed, kept: int, *, folders: bool) -> list[str]:
    """Return the paths that may follow `kept` characters of the word, folders with a slash."""
    name = typed.word[kept:].rpartition("/")[2]
    base = typed.word[: len(typed.word) - len(name)]
    # The folder stays as it was typed: a ~ or a variable means nothing once it is quoted.
    head, slash, _ = typed.text.rpartition("/")
    lines = []
    for entry in sorted(_entries(base[kept:], name, folders=folders)):
        rest = quoted(entry, typed.quote) if slash else _rest(typed, base + entry)
        if rest and screen_safe(entry) == entry:
            lines.append(f"{head}{slash}{rest}")
    return lines[:_MOST_PATHS]


def quoted(text: str, quote: str) -> str | None:
    """Return text as it stands inside an open quote, or unquoted; None where it cannot."""
    if quote == "'":
        return None if "'" in text else text
    if quote == '"':
        # There a `!` begins a look into the history, and a backslash before it would stay.
        return None if "!" in text else _SPECIAL_IN_QUOTES.sub(r"\\\g<0>", text)
    safe = _SPECIAL.sub(r"\\\g<0>", text)
    return f"\\{safe}" if safe.startswith("~") else safe


def _rest(typed: Typed, value: str) -> str | None:
    """Return what of a value is to replace the text, quoted; None where the two do not fit."""
    if not value.startswith(typed.kept):
        return None
    return quoted(value.removeprefix(typed.kept), typed.quote)


def _entries(folder: str, prefix: str, *, folders: bool) -> Iterator[str]:
    """Yield what is in a folder and begins so; a folder ends in a slash."""
    path = os.path.expanduser(os.path.expandvars(folder))  # noqa: PTH111 - Path.expanduser raises for an unknown user
    with os.scandir(path or ".") as entries:
        for entry in entries:
            hidden = entry.name.startswith(".") and not prefix.startswith(".")
            if hidden or not entry.name.startswith(prefix):
                continue
            if entry.is_dir():
                yield f"{entry.name}/"
            elif not folders:
                yield entry.name


def _skip_blanks(line: str, start: int) -> int:
    while start < len(line) and line[start] in _BLANK:
        start += 1
    return start


def _read_word(line: str, start: int) -> Piece:
    """Read one word from `start`, up to an unquoted blank or redirection, or the end."""
    value, quote, at = "", "", start
    while at < len(line):
        char = line[at]
        following = line[at + 1 : at + 2]
        if not quote and (char in _BLANK or char in "<>"):
            break
        if char == "\\" and quote != "'" and (not quote or following in '"\\$`\n'):
            value += "" if following == "\n" else following
            at += 1
        elif char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        else:
            value += char
        at += 1
    return Piece(value, quote, min(at, len(line)))
