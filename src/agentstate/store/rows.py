"""Rows to records: filled column by column, after a look at the types.

SQLite keeps whatever it is given, and another program may have given it anything. A value of
another type would break its user far from here, so a row that has one is damaged.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from agentstate.errors import CorruptStoreError
from agentstate.store.binding import kinds_of, require_limit
from agentstate.store.context import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agentstate.db.port import Database, Params, Row
    from agentstate.record import Record

_T = TypeVar("_T")

_NUMBERS: Final = {"int", "bool"}
_ONWARD: Final = 500
"""Rows to read at once after a row that was left out; a damaged store may have many in a row."""


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


def read_on(
    database: Database,
    sql: str,
    params: Params,
    decode: Callable[[Row], _T],
    limit: int | None,
) -> list[_T]:
    """Decode the rows of an ordered query until `limit` (None: all) of them could be read.

    A row that cannot is left out and reported as an `AgentStateWarning`.
    """
    require_limit(limit)
    if limit is None:
        return _readable(database.all(sql, params), decode)
    found: list[_T] = []
    offset = 0
    size = limit
    with database.snapshot():
        while len(found) < limit:
            page = {**params, "limit": size, "offset": offset}
            rows = database.all(f"{sql} LIMIT :limit OFFSET :offset", page)
            found += _readable(rows, decode, limit - len(found))
            if len(rows) < size:
                break
            offset += size
            size = _ONWARD
    return found


def _readable(
    rows: Sequence[Row], decode: Callable[[Row], _T], limit: int | None = None
) -> list[_T]:
    found: list[_T] = []
    for row in rows:
        if len(found) == limit:
            break
        try:
            found.append(decode(row))
        except CorruptStoreError as error:
            warn(f"left out: {error}")
    return found


def count(database: Database, sql: str, params: Params = {}) -> int:  # noqa: B006 - never changed
    """Return the number that a counting query gives."""
    row = database.one(sql, params)
    return int(row[0]) if row else 0


def batches(values: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield values in lists of `size`; only the last may be shorter."""
    waiting = iter(values)
    while some := list(islice(waiting, size)):
        yield some


def in_list(prefix: str, values: Sequence[object]) -> tuple[str, dict[str, object]]:
    """Return the named parameters of an IN list, and their values."""
    params = {f"{prefix}{number}": value for number, value in enumerate(values)}
    return ", ".join(f":{name}" for name in params), params
