"""The tables and the version of the file, held against those of a fresh one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db import schema
from agentstate.db.inspection import (
    Schema,
    fresh_own_schema,
    fresh_schema,
    missing_of_base,
    schema_of,
)
from agentstate.db.migrations import take_steps
from agentstate.db.trust import Action, actions_of
from agentstate.reports.doctor import Severity
from agentstate.store.doctor.problems import Id, Kind, many, quoted, readable, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.store.doctor.problems import Patient, Problem

NEWER: Final = Kind(
    "version_newer",
    Severity.NOTE,
    f"The store is at a version beyond {schema.NEWEST}, and only read. `--fix` is refused.",
)
_TOO_LOW: Final = Kind(
    "version_too_low",
    Severity.WARNING,
    "The store says that it is at a version below that of its tables.",
    f"it is brought to version {schema.NEWEST}; the tree is kept as it is",
)
_OLDER: Final = Kind(
    "version_older",
    Severity.NOTE,
    f"The store is at a version below {schema.NEWEST}.",
    f"it is migrated to version {schema.NEWEST}, as the next write would do",
)
_INCOMPLETE: Final = Kind(
    "schema_incomplete",
    Severity.ERROR,
    "Tables, columns or indexes of the store's version are missing; a warning where only indexes "
    "are. A column that no migration adds is left to a person.",
    "the steps of the migration are taken again, which make it",
    instead=Severity.WARNING,
)
LACKING: Final = Kind(
    "store_incomplete",
    Severity.ERROR,
    "Tables or columns are missing that every store has, so that no command takes the file for "
    "one. Nothing else in it is mended then. `agentstate recover OUT` reads what is there.",
)
_EXTRA: Final = Kind(
    "schema_extra", Severity.NOTE, "Tables of the store have columns that agentstate does not know."
)
_DIFFERS: Final = Kind(
    "schema_differs",
    Severity.NOTE,
    "Columns or foreign keys are declared in another way than a fresh store has them.",
)
UNTRUSTED: Final = Kind(
    "schema_untrusted",
    Severity.WARNING,
    "The store has a trigger, a view of its tables, a conflict clause or a foreign key of another "
    "kind, so it is only read. `--fix` is refused without `--trust-schema`.",
)
_TRUSTED: Final = Kind(
    "schema_trusted",
    Severity.NOTE,
    "The same as `schema_untrusted`, where `--trust-schema` was given: it acts on every write.",
)
_SQL: Final = 120
"""Characters of the SQL of a trigger or a view that are shown."""

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
        yield NEWER.problem(
            f"the store is at version {said}; this agentstate knows {schema.NEWEST} and only "
            "reads it"
        )
    elif said < found:
        yield _TOO_LOW.problem(
            f"the store says that it is at version {said}, and has the tables of {found}",
            mend=lambda: take_steps(patient.database),
        )
    elif said < schema.NEWEST:
        yield _OLDER.problem(
            f"the store is at version {said}"
            + ("" if found else ", with the historic tables, which have no tree"),
            mend=lambda: take_steps(patient.database),
        )


def missing_base(patient: Patient) -> Iterator[Problem]:
    """Find what the threads and messages of every version have and these have not."""
    parts = missing_of_base(patient.database)
    if parts:
        yield LACKING.problem(
            f"{many(len(parts), 'part')} missing that every store has; agentstate recover OUT "
            "reads what is there",
            tuple(f"column {part}" if "." in part else f"table {part}" for part in parts),
        )


def missing_parts(patient: Patient) -> Iterator[Problem]:
    """Find what a fresh file of that version has and this one has not."""
    version = max(patient.version, _version_of(patient))
    if not 0 < version <= schema.NEWEST or missing_of_base(patient.database):
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
        problem = _INCOMPLETE.problem(
            f"{many(len(parts), 'part')} of the schema missing",
            parts,
            lambda: take_steps(patient.database),
        )
        if all(part.startswith("index ") for part in parts):
            problem = problem.instead()
        if not ADDED.issuperset(columns):
            problem = problem._replace(fix=None, mend=None)
        yield problem


def other_parts(patient: Patient) -> Iterator[Problem]:
    """Find what differs in a table that is known; another program may want it so."""
    store, own = fresh_schema(schema.NEWEST), fresh_own_schema()
    fresh = Schema(store.tables | own.tables, {}, store.references | own.references)
    there = schema_of(patient.database, fresh.tables)
    known = [table for table in fresh.tables if table in there.tables]
    extra = [
        f"{table}.{column}"
        for table in known
        for column in there.tables[table]
        if column not in fresh.tables[table]
    ]
    if extra:
        yield _EXTRA.problem("columns that this agentstate does not know", (*extra,))
    other = [
        f"{table}.{column}"
        for table in known
        for column, declared in fresh.tables[table].items()
        if there.tables[table].get(column, declared) != declared
    ]
    other += [table for table in known if fresh.references[table] - there.references[table]]
    if other:
        yield _DIFFERS.problem(
            "columns or foreign keys that are declared in another way", (*other,)
        )


def actions(patient: Patient) -> Iterator[Problem]:
    """Find triggers and the like, which would do more on a write than what is asked for."""
    found: dict[tuple[str, Id], Action] = {}
    for action in actions_of(patient.database):
        named = action.table if action.name is None else action.name
        found.setdefault((action.what, readable(named)), action)
    if not found:
        return
    told = (
        f"the store has {some(map(_described, found.values()), 'thing', '; ')}, "
        "which no store of an agent has"
    )
    ids = tuple(dict.fromkeys(name for _, name in found))
    if patient.trust_schema:
        yield _TRUSTED.problem(f"{told}; it is trusted, and acts on every write", ids)
    else:
        yield UNTRUSTED.problem(
            f"{told}; it is only read. If you know what that does, write with --trust-schema", ids
        )


def _described(action: Action) -> str:
    named = "" if action.name is None else f" {quoted(action.name)}"
    described = f"{action.what}{named} on the table {quoted(action.table)}"
    if action.sql is None:
        return described
    # A line of SQL may be very long, and a trigger often has several.
    start = " ".join(str(readable(action.sql))[: 4 * _SQL].split())
    return f"{described} ({quoted(start, _SQL)})"


def _version_of(patient: Patient) -> int:
    """Return the newest version of which a file has what that version brought."""
    has = patient.has
    if has("thread_goals"):
        return 4 if has("thread_goals", "continuation_count") else 3
    if all(has(table) for table in schema.WORKFLOW_TABLES):
        return 2
    tree = has("messages", "parent_entry_id") or has("threads", "current_leaf_id")
    return 1 if tree else 0
