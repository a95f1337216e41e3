"""Records to statement parameters: what may be written is checked here, column by column.

Callers in Python are typed, but nothing stops an untyped one from storing text in a number's
column, which SQLite would keep and the Rust program could not read.
"""

from __future__ import annotations

import os
from dataclasses import fields
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from agentstate import jsontext, records
from agentstate.errors import BadInputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from agentstate.record import Record

BUMP: Final = "updated_at = CASE WHEN updated_at < :now THEN :now ELSE updated_at END"
"""Moves a time forward to `:now`, and never back."""

_AS_IT_IS: Final = {"str": str, "str | None": str, "int": int, "int | None": int}
"""What a value is bound as without a further look, being of the very type."""

_KINDS: Final[dict[str, type]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "ThreadStatus": records.ThreadStatus,
    "SessionSource": records.SessionSource,
    "JobStateStatus": records.JobStateStatus,
    "ThreadGoalStatus": records.ThreadGoalStatus,
}


def bind(record: Record) -> dict[str, object]:
    """Return every field of a record as a parameter; raises `BadInputError`."""
    return bind_fields(type(record), vars(record))


def bind_fields(record_type: type, values: Mapping[str, object]) -> dict[str, object]:
    """Return some fields of a record type as parameters.

    Raises `UsageError` for a name that is no field, `BadInputError` for a value of another type.
    """
    kinds = kinds_of(record_type)
    if unknown := [name for name in values if name not in kinds]:
        raise UsageError(f"no field {unknown[0]!r}; the fields are: {', '.join(kinds)}")
    return {name: _bind(name, kinds[name], value) for name, value in values.items()}


def bind_changes(
    record_type: type,
    changes: Mapping[str, object],
    *,
    fixed: Collection[str] = (),
    columns: Mapping[str, str] = MappingProxyType({}),
) -> tuple[str, dict[str, object]]:
    """Return the SET clause of an update and its parameters, but for `:now`.

    Unless `updated_at` is among the changes it is bumped. `columns` names those that are not
    called as their field is. Raises `UsageError` for no change, or one of a `fixed` field.
    """
    if not changes:
        raise UsageError("name at least one field to change")
    if kept := [name for name in changes if name in fixed]:
        raise UsageError(f"{kept[0]} cannot be changed")
    params = bind_fields(record_type, changes)
    settings = [f"{columns.get(name, name)} = :{name}" for name in changes]
    if "updated_at" not in changes:
        settings.append(BUMP)
    return ", ".join(settings), params


def field_names(record_type: type) -> tuple[str, ...]:
    """Return a record's field names, in order."""
    return tuple(kinds_of(record_type))


def bind_limit(limit: int | None) -> tuple[str, dict[str, object]]:
    """Return a LIMIT clause and its parameter; None is no limit. Raises `BadInputError`."""
    require_limit(limit)
    return ("", {}) if limit is None else ("LIMIT :limit", {"limit": limit})


def require_limit(limit: int | None) -> None:
    """Refuse a limit below 0, which SQLite would take for no limit."""
    if limit is not None and limit < 0:
        raise BadInputError(f"a limit must be 0 or more, not {limit}")


@cache
def kinds_of(record_type: type) -> dict[str, str]:
    """Return the annotation of each field, such as `str` or `int | None`."""
    # They are text, for records.py has `from __future__ import annotations`.
    return {field.name: str(field.type) for field in fields(record_type)}


def _bind(name: str, kind: str, value: object) -> object:
    if type(value) is _AS_IT_IS.get(kind):
        return value
    if kind == "JsonValue":
        return jsontext.encode(value, name)
    base = kind.removesuffix(" | None")
    if value is None and base != kind:
        return None
    if name in records.PATH_FIELDS and isinstance(value, os.PathLike):
        value = os.fspath(value)
    expected = _KINDS[base]
    if issubclass(expected, Enum) and type(value) is str:
        value = _member(name, expected, value)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise BadInputError(f"{name} must be {kind}, not {type(value).__name__}")
    if isinstance(value, Enum):
        return value.value
    return int(value) if isinstance(value, bool) else value


def _member(name: str, expected: type[Enum], value: str) -> Enum:
    """Return the member of an enum that a plain text names."""
    try:
        return expected(value)
    except ValueError:
        valid = ", ".join(member.value for member in expected)
        raise BadInputError(f"{name} must be one of {valid}; not {value!r}") from None
