"""What an answer of one noun looks like to a machine: its fields, its TSV columns, its id."""

from __future__ import annotations

from dataclasses import fields

from agentstate.errors import UsageError
from agentstate.record import Record, record


@record
class Shape(Record):
    """The fields of a noun; docs/output.md is generated from these."""

    noun: str
    """In the plural, as a note says it: "50 of 312 threads"."""
    fields: tuple[str, ...]
    """Every field, in the order of JSON output."""
    columns: tuple[str, ...]
    """The fields of a TSV line. More may be added at the end, none moved."""
    id: str
    """The field that `-o id` prints."""
    extra: tuple[str, ...] = ()
    """Fields that are shown only when `--fields` names them, or by a verb that shows one thing."""

    def choose(self, named: str | None, *, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return the fields that `--fields` names, or the default.

        Raises `UsageError`, listing the valid ones, for a name that is no field.
        """
        if named is None:
            return default
        chosen = tuple(field.strip() for field in named.split(","))
        valid = self.fields + self.extra
        if unknown := [field for field in chosen if field not in valid]:
            raise UsageError(f"no field {unknown[0]!r}; the fields are: {', '.join(valid)}")
        return chosen


def field_names(record_type: type) -> tuple[str, ...]:
    """Return the fields of a record, in order."""
    return tuple(field.name for field in fields(record_type))
