"""The agent's traces of workflows, and tables of others: looked at, and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db import schema
from agentstate.db.inspection import fresh_schema
from agentstate.db.integrity import dangling_references
from agentstate.reports.doctor import Severity
from agentstate.store.doctor.json_values import is_json
from agentstate.store.doctor.problems import Kind, many
from agentstate.store.doctor.tables import OF_THREADS, RECORDS, label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.store.doctor.problems import Patient, Problem

_DANGLING: Final = Kind(
    "reference_dangling",
    Severity.NOTE,
    "Rows of the agent's traces of workflows, or of a table that agentstate does not know, refer "
    "to rows that are gone; the ids are the tables.",
)
_BROKEN: Final = Kind(
    "workflow_json",
    Severity.NOTE,
    "The agent's traces of workflows hold JSON that cannot be read.",
)


def references(patient: Patient) -> Iterator[Problem]:
    """Find rows of tables that are not ours to mend which refer to what is gone."""
    ours = {table.name for table in (*OF_THREADS, *RECORDS)}
    gone: dict[tuple[str, str], int] = {}
    for table, _, target in dangling_references(patient.database):
        if table not in ours:
            gone[table, target] = gone.get((table, target), 0) + 1
    for (table, target), number in gone.items():
        yield _DANGLING.problem(
            f"{many(number, 'row')} without the row of {target} that is referred to",
            (table,),
        )


def workflow_json(patient: Patient) -> Iterator[Problem]:
    """Find traces whose JSON cannot be read."""
    fresh = fresh_schema(schema.NEWEST)
    broken = []
    for table in schema.WORKFLOW_TABLES:
        columns = [name for name in fresh.tables[table] if name.endswith("_json")]
        if patient.has(table, "id", *columns):
            rows = patient.database.stream(f"SELECT id, {', '.join(columns)} FROM {table}")
            broken += [
                label((table, key))
                for key, *texts in rows
                if not all(type(text) is str and is_json(text) for text in texts)
            ]
    if broken:
        yield _BROKEN.problem(
            f"{many(len(broken), 'trace')} of workflows with JSON that cannot be read",
            tuple(broken),
        )
