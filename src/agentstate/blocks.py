"""The text of a message made of parts: what is said, thought, called, shown.

An agent's message is a list of blocks; `content` is one text that a person can read. So each
block that is not plain text begins with a mark, and ends at the next empty line: an empty line
within it holds a space. Whoever draws a message can take it apart again. Text that only looks
like a mark is drawn as one, and nothing more: what a message really holds is in its `item`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class BlockKind(StrEnum):
    """What a part of a message is."""

    TEXT = "text"
    THINKING = "thinking"
    TOOL_CALL = "tool call"
    IMAGE = "image"
    OTHER = "other"


class Block(NamedTuple):
    """A part of a message."""

    kind: BlockKind
    title: str
    """The name of the tool that is called, the type of an image; empty for text."""
    text: str
    source: str
    """The block as it stands in the content, with its mark."""


def thinking(text: str) -> str:
    """Return the text of what a model thought before it spoke."""
    return _marked("[thinking]", text)


def tool_call(name: str, arguments: str) -> str:
    """Return the text of a call of a tool; `arguments` is JSON, or whatever the tool takes."""
    return _marked(f"[tool call: {_one_line(name)}]", arguments)


def image(kind: str, size: int | None = None) -> str:
    """Return the text that stands for an image of a media type; `size` is in bytes."""
    return _marked(f"[image: {_one_line(kind)}]", "" if size is None else f"{size} bytes")


def other(kind: str, text: str = "") -> str:
    """Return the text of a block of any other kind, such as a document or a search."""
    return _marked(f"[other: {_one_line(kind)}]", text)


def join(parts: Iterable[str]) -> str:
    """Return the text of a message made of blocks; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)


def split(content: str) -> list[Block]:
    """Return the blocks of a message's text.

    Their sources, with an empty line between, are the text again, whatever it is.
    """
    return list(_blocks(content)) if "[" in content else [_plain(content)]


def _blocks(content: str) -> Iterator[Block]:
    begin = 0
    for match in re.finditer(_MARK, content):
        if match.start() == begin + 1:
            continue  # a third line break: it begins a text that only goes on with a mark
        if begin < match.start():
            yield _plain(content[begin : match.start() - len(_GAP)])
        end = content.find(_GAP, match.end())
        end = len(content) if end < 0 else end
        text = re.sub(_FILLED, r"\1", content[match.end() : end].removeprefix(" "))
        source = content[match.start() : end]
        yield Block(BlockKind(match["kind"]), match["title"] or "", text, source)
        begin = end + len(_GAP)
    if begin <= len(content):
        yield _plain(content[begin:])


def _plain(text: str) -> Block:
    return Block(BlockKind.TEXT, "", text, text)


def _marked(mark: str, text: str) -> str:
    filled = re.sub(_BLANK, r" \1", text.strip())
    return f"{mark} {filled}" if filled else mark


def _one_line(name: str) -> str:
    return " ".join(name.replace("]", ")").split()) or "?"


_GAP: Final = "\n\n"
# A line without a letter gets one space more, so that none is empty and each comes back.
_BLANK: Final = r"(?<=\n)( *)(?=\n)"
_FILLED: Final = r"(?<=\n) ( *)(?=\n)"
_MARK: Final = (
    r"(?:\A|(?<=\n\n))\[(?P<kind>thinking|tool call|image|other)(?:: (?P<title>[^\]\n]+))?\]"
)
