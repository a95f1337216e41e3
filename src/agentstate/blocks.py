"""The text of a message made of parts: what is said, thought, called, shown.

An agent's message is a list of blocks; `content` is one text that a person can read. So each
block that is not plain text begins with a mark, and blocks are parted by an empty line. Whoever
draws a message can take it apart again. Text that only looks like a mark is drawn as one, and
nothing more: what a message really holds is in its `item`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import pairwise
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


def thinking(text: str) -> str:
    """Return the text of what a model thought before it spoke."""
    return f"[thinking] {text}"


def tool_call(name: str, arguments: str) -> str:
    """Return the text of a call of a tool; `arguments` is JSON, or whatever the tool takes."""
    return f"[tool call: {_one_line(name)}] {arguments}".rstrip()


def image(kind: str, size: int | None = None) -> str:
    """Return the text that stands for an image of a media type; `size` is in bytes."""
    return f"[image: {_one_line(kind)}]" + ("" if size is None else f" {size} bytes")


def other(kind: str, text: str = "") -> str:
    """Return the text of a block of any other kind, such as a document or a search."""
    return f"[other: {_one_line(kind)}] {text}".rstrip()


def join(parts: Iterable[str]) -> str:
    """Return the text of a message made of blocks; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)


def split(content: str) -> list[Block]:
    """Return the blocks of a message's text; joined again they give the same text."""
    return list(_blocks(content))


def _blocks(content: str) -> Iterator[Block]:
    starts = [match.start(1) for match in re.finditer(_MARK, content)]
    edges = [0, *(start for start in starts if start), len(content)]
    for begin, end in pairwise(edges):
        part = content[begin:end].removesuffix("\n\n" if end < len(content) else "")
        match = re.match(_MARK, part)
        if match is None:
            yield Block(BlockKind.TEXT, "", part)
        else:
            kind = BlockKind(match[2])
            yield Block(kind, match[3] or "", part[match.end() :].removeprefix(" "))


def _one_line(name: str) -> str:
    return " ".join(name.replace("]", ")").split()) or "?"


_MARK: Final = r"(?:\A|(?<=\n\n))(\[(thinking|tool call|image|other)(?:: ([^\]\n]+))?\])"
