"""Rows to records: filled column by column, after a look at the types.

SQLite keeps whatever it is given, and another program may have given it anything. A value of
another type would break its user far from here, so a row that has one is damaged.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

from agentstate.store.binding import kinds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.db.port import Row
    from agentstate.record import Record

_T = TypeVar("_T")

_NUMBERS: Final = {"int", "bool"}


def fill(record_type: type[_T], names: Sequence[str], row: Row) -> _T:
    """Build a record from a row whose columns are `names`, in a third of __init__'s time."""
    record = object.__new__(record_type)
    vars(record).update(zip(names, row, strict=True))
    return record


def is_sound(record: Record) -> bool:
    """Tell whether a record that was just filled has values of its fields' types."""
    return _are_sound((type(record), *map(type, vars(record).values())))


@cache
def _are_sound(types: tuple[type, ...]) -> bool:
    """Judge the types of a record and its values; a table's rows have few combinations."""
    record_type, *found = types
    kinds = kinds_of(record_type).values()
    return all(map(_is_sound, kinds, found))


def _is_sound(kind: str, found: type) -> bool:
    base = kind.removesuffix(" | None")
    if found is type(None):
        return base != kind
    # Enums and JSON are kept as text.
    return found is (int if base in _NUMBERS else str)
