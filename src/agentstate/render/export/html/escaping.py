"""Stored text as HTML text: what could act or hide is shown as an escape, the rest is escaped."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from agentstate.render.text import first_line, screen_safe

_URL: Final = re.compile(r"https?://[\w!#$%&()*+,./:;=?@~-]+", re.ASCII)
_AFTER_URL: Final = ".,:;!?*_~"
"""Signs that end a sentence rather than an address."""


def line(text: str) -> str:
    """Return `text` in one line, escaped, also for an attribute in quotes."""
    return escape(screen_safe(text))


def start(text: str, cells: int) -> str:
    """Return the first line of `text` that is not blank, cut to `cells`, escaped."""
    return escape(first_line(text, cells))


def visible(text: str) -> str:
    """Return `text` with hidden characters as escapes; line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "\t".join(screen_safe(part, keep_newlines=True) for part in text.split("\t"))


def lines(text: str) -> str:
    """Return text that is `visible` already, escaped."""
    return escape(text)


def with_links(text: str) -> str:
    """Return text that is `visible` already, escaped, with web addresses as links."""
    pieces = []
    done = 0
    for match in _URL.finditer(text):
        url = match.group().rstrip(_AFTER_URL)
        if url.endswith(")") and "(" not in url:
            url = url.rstrip(")" + _AFTER_URL)
        pieces += [escape(text[done : match.start()]), link(url), escape(url), "</a>"]
        done = match.start() + len(url)
    return "".join([*pieces, escape(text[done:])])


def link(url: str) -> str:
    """Return the start of a link that tells the other side nothing."""
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">'
