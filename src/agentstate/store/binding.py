"""Records to statement parameters: what may be written is checked here, column by column.

Callers in Python are typed, but nothing stops an untyped one from storing text in a number's
column, which SQLite would keep and the Rust program could not read.
"""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from agentstate import jsontext, records
from agentstate.errors import BadInputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Final[dict[str, type]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "ThreadStatus": records.ThreadStatus,
    "SessionSource": records.SessionSource,
    "JobStateStatus": records.JobStateStatus,
    "ThreadGoalStatus": records.ThreadGoalStatus,
}


def bind(record: Any) -> dict[str, object]:
    """Return every field of a record as a parameter; raises `BadInputError`."""
    return bind_fields(type(record), vars(record))


def bind_fields(record_type: type, values: Mapping[str, object]) -> dict[str, object]:
    """Return some fields of a record type as parameters.

    Raises `UsageError` for a name that is no field, `BadInputError` for a value of another type.
    """
    kinds = _kinds(record_type)
    if unknown := [name for name in values if name not in kinds]:
        raise UsageError(f"no field {unknown[0]!r}; the fields are: {', '.join(kinds)}")
    return {name: _bind(name, kinds[name], value) for name, value in values.items()}


def field_names(record_type: type) -> tuple[str, ...]:
    """Return a record's field names, in order."""
    return tuple(_kinds(record_type))


@cache
def _kinds(record_type: type) -> dict[str, str]:
    # The annotations are text (from __future__ import annotations): "str", "int | None", …
    return {field.name: str(field.type) for field in fields(record_type)}


def _bind(name: str, kind: str, value: object) -> object:
    if kind == "JsonValue":
        return jsontext.encode(value, name)
    base = kind.removesuffix(" | None")
    if value is None and base != kind:
        return None
    expected = _KINDS[base]
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise BadInputError(f"{name} must be {kind}, not {type(value).__name__}")
    if isinstance(value, Enum):
        return value.value
    return int(value) if isinstance(value, bool) else value
