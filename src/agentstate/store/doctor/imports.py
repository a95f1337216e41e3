"""The records that this program keeps of imports: whether what they speak of is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db import own_schema
from agentstate.db.inspection import fresh_own_schema, schema_of
from agentstate.reports.doctor import Severity
from agentstate.store.doctor.problems import Kind, in_threads, many, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.store.doctor.problems import Patient, Problem

_LOST: Final = Kind(
    "import_lost",
    Severity.WARNING,
    "Records of imports are of threads or messages that are gone, deleted by a program that does "
    "not have foreign keys enforced.",
    "they are removed; imported again, what was deleted comes again",
)
_INCOMPLETE: Final = Kind(
    "imports_incomplete",
    Severity.WARNING,
    "Of the tables in which agentstate keeps what was imported, some are missing, or columns or "
    "indexes of theirs. A column is left to a person.",
    "what is missing is made, and empty",
)
_NEWER: Final = Kind(
    "imports_newer",
    Severity.NOTE,
    "A newer agentstate has imported. This one imports nothing into the store.",
)


def own_tables(patient: Patient) -> Iterator[Problem]:
    """Find what is missing of our own tables, where there are some."""
    fresh = fresh_own_schema()
    there = schema_of(patient.database, fresh.tables)
    if not there.tables:
        return
    found = own_schema.version(patient.database)
    if found > own_schema.NEWEST:
        yield _NEWER.problem(
            f"the tables of imports are at version {found}; this agentstate knows "
            f"{own_schema.NEWEST}"
        )
        return
    columns = [
        f"column {table}.{column}"
        for table, known in fresh.tables.items()
        if table in there.tables
        for column in known
        if column not in there.tables[table]
    ]
    parts = (
        *(f"table {table}" for table in fresh.tables if table not in there.tables),
        *columns,
        *(f"index {index}" for index in fresh.indexes if index not in there.indexes),
    )
    if parts:
        problem = _INCOMPLETE.problem(
            f"{many(len(parts), 'part')} of the tables of imports missing",
            parts,
            lambda: own_schema.create(patient.database),
        )
        yield problem._replace(fix=None, mend=None) if columns else problem


def lost_imports(patient: Patient) -> Iterator[Problem]:
    """Find records of threads and messages that are gone."""
    if not all(patient.has(table, "thread_id") for table in own_schema.OF_THREADS):
        return
    if not patient.has(own_schema.IMPORTED_MESSAGES, "message_id"):
        return
    threads: dict[object, None] = {}
    rows = 0
    for table, condition in own_schema.LOST.items():
        for thread_id, number in patient.database.all(
            f"SELECT thread_id, count(*) FROM {table} WHERE {condition} GROUP BY thread_id"
        ):
            threads[thread_id] = None
            rows += number
    if rows:
        yield _LOST.problem(
            f"{many(rows, 'record')} of what was imported and is gone, {in_threads(threads)}",
            tuple(map(readable, threads)),
            lambda: own_schema.remove_lost(patient.database),
        )
