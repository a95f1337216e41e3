"""Untrusted data checked against the records by pydantic, strictly, and their JSON Schema.

pydantic costs 70 ms to import, so this module is imported by what needs it, when it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from agentstate import records
from agentstate.errors import BadInputError

if TYPE_CHECKING:
    from agentstate.jsontext import JsonText

_Record = TypeVar("_Record")

RECORDS: dict[str, type] = {
    record.__name__: record
    for record in (
        records.ThreadMetadata,
        records.MessageRecord,
        records.CheckpointRecord,
        records.JobStateRecord,
        records.DynamicToolRecord,
        records.ThreadGoalRecord,
        records.SessionIndexEntry,
    )
}
"""The records that have a JSON Schema, by name."""


def parse_list(record_type: type[_Record], text: JsonText, what: str) -> list[_Record]:
    """Return records from the JSON text of an array: no coercion, no unknown keys.

    Raises `BadInputError`, naming the path of the field that is wrong.
    """
    try:
        return TypeAdapter(list[record_type]).validate_json(text)  # type: ignore[valid-type] # a type known at run time
    except ValidationError as error:
        raise _bad_input(error, what) from error


def json_schema(record_type: type) -> dict[str, Any]:
    """Return a record's JSON Schema."""
    return TypeAdapter(record_type).json_schema()


def _bad_input(error: ValidationError, what: str) -> BadInputError:
    first, *others = error.errors(include_url=False, include_context=False)
    path = ".".join(str(part) for part in first["loc"]) or "the value"
    more = f" (and {len(others)} more)" if others else ""
    return BadInputError(f"{what}: {path}: {first['msg']}{more}")
