"""The tables and the version of the file, held against those of a fresh one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db import schema
from agentstate.db.inspection import fresh_schema, schema_of
from agentstate.db.migrations import take_steps
from agentstate.db.trust import require_no_actions
from agentstate.errors import UntrustedSchemaError
from agentstate.reports import Severity
from agentstate.store.doctor.problems import Problem, many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.store.doctor.problems import Patient

_STEPS: Final = "the steps of the migration are taken again, which make it"

NEWER: Final = "version_newer"
UNTRUSTED: Final = "schema_untrusted"
"""The slugs of what keeps the whole store from being written."""

ADDED: Final = {
    "messages.parent_entry_id",
    "threads.current_leaf_id",
    "thread_goals.continuation_count",
}
"""Columns that a step adds to a table that is there; no other can be made again."""


def version(patient: Patient) -> Iterator[Problem]:
    """Hold the version that the file says it has against what it holds."""
    said, found = patient.version, _version_of(patient)
    if said > schema.NEWEST:
        yield Problem(
            NEWER,
            Severity.NOTE,
            f"the store is at version {said}; this agentstate knows {schema.NEWEST} and only "
            "reads it",
        )
    elif said < found:
        yield Problem(
            "version_too_low",
            Severity.WARNING,
            f"the store says that it is at version {said}, and has the tables of {found}",
            fix=f"it is brought to version {schema.NEWEST}; the tree is kept as it is",
            mend=lambda: take_steps(patient.database),
        )
    elif said < schema.NEWEST:
        yield Problem(
            "version_older",
            Severity.NOTE,
            f"the store is at version {said}"
            + ("" if found else ", with the historic tables, which have no tree"),
            fix=f"it is migrated to version {schema.NEWEST}, as the next write would do",
            mend=lambda: take_steps(patient.database),
        )


def missing_parts(patient: Patient) -> Iterator[Problem]:
    """Find what a fresh file of that version has and this one has not."""
    version = max(patient.version, _version_of(patient))
    if not 0 < version <= schema.NEWEST:
        return
    fresh = fresh_schema(version)
    there = schema_of(patient.database, fresh.tables)
    columns = [
        f"{table}.{column}"
        for table, known in fresh.tables.items()
        if table in there.tables
        for column in known
        if column not in there.tables[table]
    ]
    parts = (
        *(f"table {table}" for table in fresh.tables if table not in there.tables),
        *(f"column {column}" for column in columns),
        *(f"index {index}" for index in fresh.indexes if index not in there.indexes),
    )
    if parts:
        can = ADDED.issuperset(columns)
        only_indexes = all(part.startswith("index ") for part in parts)
        yield Problem(
            "schema_incomplete",
            Severity.WARNING if only_indexes else Severity.ERROR,
            f"{many(len(parts), 'part')} of the schema missing",
            parts,
            fix=_STEPS if can else None,
            mend=(lambda: take_steps(patient.database)) if can else None,
        )


def other_parts(patient: Patient) -> Iterator[Problem]:
    """Find what differs in a table that is known; another program may want it so."""
    fresh = fresh_schema(schema.NEWEST)
    there = schema_of(patient.database, fresh.tables)
    known = [table for table in fresh.tables if table in there.tables]
    extra = [
        f"{table}.{column}"
        for table in known
        for column in there.tables[table]
        if column not in fresh.tables[table]
    ]
    if extra:
        yield Problem(
            "schema_extra", Severity.NOTE, "columns that this agentstate does not know", (*extra,)
        )
    other = [
        f"{table}.{column}"
        for table in known
        for column, declared in fresh.tables[table].items()
        if there.tables[table].get(column, declared) != declared
    ]
    other += [table for table in known if fresh.references[table] - there.references[table]]
    if other:
        yield Problem(
            "schema_differs",
            Severity.NOTE,
            "columns or foreign keys that are declared in another way",
            (*other,),
        )


def actions(patient: Patient) -> Iterator[Problem]:
    """Find triggers and the like, which would do more on a write than what is asked for."""
    try:
        require_no_actions(patient.database)
    except UntrustedSchemaError as error:
        yield (
            Problem("schema_trusted", Severity.NOTE, str(error))
            if patient.trust_schema
            else Problem(UNTRUSTED, Severity.WARNING, str(error))
        )


def _version_of(patient: Patient) -> int:
    """Return the newest version of which a file has what that version brought."""
    has = patient.has
    if has("thread_goals"):
        return 4 if has("thread_goals", "continuation_count") else 3
    if all(has(table) for table in schema.WORKFLOW_TABLES):
        return 2
    tree = has("messages", "parent_entry_id") or has("threads", "current_leaf_id")
    return 1 if tree else 0
