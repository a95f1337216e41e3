"""Values that keep a row from being read: text that is not UTF-8, wrong types, broken JSON."""

from __future__ import annotations

import re
from functools import lru_cache, partial
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db import schema
from agentstate.db.connection import NotUtf8
from agentstate.db.inspection import fresh_own_schema, fresh_schema
from agentstate.db.port import DuplicateKeyError
from agentstate.reports.doctor import Severity
from agentstate.store.doctor.json_values import as_json, is_json
from agentstate.store.doctor.problems import Kind, in_threads, many
from agentstate.store.doctor.tables import MESSAGES, TABLES, label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.store.doctor.problems import Id, Patient, Problem
    from agentstate.store.doctor.rows import Address, Rows
    from agentstate.store.doctor.tables import Table

_ELSEWHERE: Final = {
    ("threads", "id"),
    ("threads", "current_leaf_id"),
    ("messages", "id"),
    ("messages", "parent_entry_id"),
    ("threads", "status"),
    ("threads", "source"),
    ("jobs", "status"),
    ("jobs", "progress"),
    ("thread_goals", "status"),
}
"""Columns that have a check of their own, as every `thread_id` has."""

_WHOLE: Final = re.compile(r"\s*([+-]?\d{1,19})(\.\d*)?\s*", re.ASCII)
_LEAST, _MOST = -(2**63), 2**63 - 1

_NOT_UTF8: Final = Kind(
    "not_utf8",
    Severity.ERROR,
    "Text that is not UTF-8; the row cannot be read.",
    "each byte that is no UTF-8 becomes U+FFFD; the backup keeps the bytes",
)
_WRONG_TYPE: Final = Kind(
    "wrong_type",
    Severity.ERROR,
    "A value of another type than its column has; the row cannot be read.",
    "each becomes the text or the number that it means; what means none becomes null or 0, and "
    "the backup keeps it",
)
_BROKEN_JSON: Final = Kind(
    "broken_json",
    Severity.ERROR,
    "JSON that cannot be read, in the item of a message, the state of a checkpoint or the schema "
    "of a tool.",
    "each is kept whole, as a JSON string of itself",
)
_WHAT: Final = {
    _NOT_UTF8: "text that is not UTF-8",
    _WRONG_TYPE: "a value of the wrong type",
    _BROKEN_JSON: "JSON that cannot be read",
}


class Column(NamedTuple):
    """What a column should hold."""

    name: str
    whole: bool
    """Whole numbers, not text."""
    json: bool
    null: bool
    key: bool
    """No two rows may have the same there."""


class Place(NamedTuple):
    """A value in a table."""

    address: Address
    column: Column


def values(patient: Patient) -> Iterator[Problem]:
    """Read every row of the tables once."""
    fresh = fresh_schema(schema.NEWEST).tables | fresh_own_schema().tables
    for table in TABLES:
        rows = patient.rows(table.name, *table.key)
        if rows is None:
            continue
        columns = [
            Column(
                name,
                whole=declared.type == "INTEGER",
                json=name == "input_schema" or name.endswith("_json"),
                null=not declared.not_null and not declared.is_key,
                key=declared.is_key,
            )
            for name, declared in fresh[table.name].items()
            if (table.name, name) not in _ELSEWHERE
            and name != "thread_id"
            and patient.has(table.name, name)
        ]
        yield from _problems(rows, table, tuple(columns))


def sound(value: object, column: Column) -> object:
    """Return what a value means in its column, which it is then of the type of."""
    if value is None and column.null:
        return None
    if column.whole:
        number = whole_number(value)
        return number if number is not None or column.null else 0
    text = as_text(value)
    return as_json(text) if column.json else text


def whole_number(value: object, *, exact: bool = False) -> int | None:
    """Return the whole number that a value is, or spells; None if none.

    A fraction is left off, or with `exact` makes it none.
    """
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        fits = abs(value) < _MOST and (value.is_integer() or not exact)
        return int(value) if fits else None
    found = _WHOLE.fullmatch(as_text(value))
    if found is None or (exact and (found[2] or "").strip(".0")):
        return None
    number = int(found[1])
    return number if _LEAST <= number <= _MOST else None


def as_text(value: object) -> str:
    """Return a value as text; bytes that are no UTF-8 as U+FFFD."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)


def write_key(rows: Rows, address: Address, column: str, value: object) -> None:
    """Write a value that no other row may have: where one has it, the next that is free."""
    for number in count(2):
        try:
            rows.write(address, column, value)
        except DuplicateKeyError:
            value = value + 1 if isinstance(value, int) else f"{value}-{number}"
        else:
            return


def _problems(rows: Rows, table: Table, columns: tuple[Column, ...]) -> Iterator[Problem]:
    places: dict[Kind, list[Place]] = {}
    ids: dict[Kind, dict[Id, None]] = {}
    for kind, place, key in _wrong_values(rows, table, columns):
        places.setdefault(kind, []).append(place)
        ids.setdefault(kind, {})[label(key)] = None
    for kind, found in places.items():
        named = ", ".join(dict.fromkeys(place.column.name for place in found))
        what = f"{many(len(ids[kind]), table.noun)} with {_WHAT[kind]} in {named}"
        if table is MESSAGES:  # what else belongs to a thread has the thread in its id
            what += f", {in_threads(_threads(rows, found))}"
        yield kind.problem(what, (*ids[kind],), partial(_mend, rows, table, found))


def _threads(rows: Rows, places: list[Place]) -> Iterator[object]:
    for address in dict.fromkeys(tuple(place.address) for place in places):
        yield rows.value(list(address), "thread_id")


def _wrong_values(
    rows: Rows, table: Table, columns: tuple[Column, ...]
) -> Iterator[tuple[Kind, Place, tuple[object, ...]]]:
    names = (*table.key, *(column.name for column in columns))
    jsons = [(place, column) for place, column in enumerate(columns) if column.json]
    width = len(table.key)
    for address, row in rows.each(*names):
        values = row[width:]
        key = row[:width]
        for place, kind in _wrong_types(columns, tuple(map(type, values))):
            yield kind, Place(address, columns[place]), key
        for place, column in jsons:
            value = values[place]
            if type(value) is str and not is_json(value):
                yield _BROKEN_JSON, Place(address, column), key


@lru_cache(maxsize=256)
def _wrong_types(
    columns: tuple[Column, ...], types: tuple[type, ...]
) -> tuple[tuple[int, Kind], ...]:
    """Judge the types of a row; a table's rows have few combinations."""
    wrong = []
    for place, (column, found) in enumerate(zip(columns, types, strict=True)):
        if found is (int if column.whole else str) or (found is type(None) and column.null):
            continue
        kind = _NOT_UTF8 if found is NotUtf8 and not column.whole else _WRONG_TYPE
        wrong.append((place, kind))
    return tuple(wrong)


def _mend(rows: Rows, table: Table, places: list[Place]) -> None:
    for address, column in places:
        value = sound(rows.value(address, column.name), column)
        if column.key:
            write_key(rows, address, column.name, table.noun if value == "" else value)
        else:
            rows.write(address, column.name, value)
