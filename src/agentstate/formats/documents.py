"""Sessions that are one JSON object, and the beginnings of sources, by which formats are known."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from agentstate.formats.arrays import DamagedError, Walk
from agentstate.formats.notes import Note
from agentstate.formats.reading import Reading
from agentstate.formats.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentstate.formats.arrays import Piece


class Document(NamedTuple):
    """A session that is one JSON object, held whole as its program does."""

    values: dict[str, Any]
    """Its members."""
    records: dict[str, list[Piece]]
    """The elements of those that are lists of records."""


def document(
    reading: Reading, kinds: Mapping[str, Callable[[Any], bool]], within: str = ""
) -> Document:
    """Return the first object of a source, as far as it is whole.

    `kinds` tells for each list of records what is one. The members of the object that is called
    `within` are taken for members of the whole.
    """
    found = Document({}, {})

    def take(walk: Walk, key: str) -> None:
        if key in kinds and walk.is_at("["):
            records = found.records.setdefault(key, [])
            records.extend(walk.records(kinds[key]))
        elif key == within and walk.is_at("{"):
            for inner in walk.members():
                take(walk, inner)
        else:
            found.values[key] = walk.value().value

    with Walk(reading) as walk:
        is_damaged = False
        if walk.next_object(_is_nothing):
            try:
                for key in walk.members():
                    take(walk, key)
            except DamagedError as damage:
                walk.recover(damage, _is_nothing)
                is_damaged = True
        while walk.next_object(_is_nothing):
            reading.notes.add(Note.UNKNOWN_RECORD, walk.number)
            _pass(walk)
    if is_damaged:
        _rescue(reading, kinds, found)
    return found


def _pass(walk: Walk) -> None:
    try:
        walk.value()
    except DamagedError as damage:
        walk.recover(damage, _is_nothing)


def _rescue(reading: Reading, kinds: Mapping[str, Callable[[Any], bool]], found: Document) -> None:
    """Take the lists that stand behind what is damaged."""
    for key in kinds.keys() - found.records.keys():
        with Walk(reading) as walk:
            if walk.seek(key):
                records = found.records.setdefault(key, [])
                with suppress(DamagedError):
                    records.extend(walk.records(kinds[key]))


def outline(head: bytes) -> dict[str, Any]:
    """Return the members of the first object of a source, as far as its first bytes go.

    Of a list it is the first element. A member that is cut off has the value None; of a list that
    is cut off, what is whole is there.
    """
    found: dict[str, Any] = {}
    with Walk(Reading(Source.of_bytes("", head, 0))) as walk:
        if not walk.next_object(_is_nothing):
            return found
        try:
            for key in walk.members():
                found[key] = None
                if walk.is_at("["):
                    listed: list[Any] = []
                    found[key] = listed
                    listed.extend(piece.value for piece in walk.records(_is_nothing))
                else:
                    found[key] = walk.value().value
        except DamagedError:
            pass
    return found


def _is_nothing(_value: object) -> bool:
    return False
