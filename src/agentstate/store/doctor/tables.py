"""The tables whose rows are looked at and mended, and what their rows are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db import own_schema
from agentstate.store.doctor.problems import UNCHECKED, readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentstate.store.doctor.problems import Id, Patient, Problem


class Table(NamedTuple):
    """A table of the store. Those of workflows are the agent's own, and never changed."""

    name: str
    noun: str
    key: tuple[str, ...]
    """The columns that tell its rows apart."""


THREADS: Final = Table("threads", "thread", ("id",))
MESSAGES: Final = Table("messages", "message", ("id",))
CHECKPOINTS: Final = Table("checkpoints", "checkpoint", ("thread_id", "checkpoint_id"))
TOOLS: Final = Table("thread_dynamic_tools", "tool", ("thread_id", "position"))
GOALS: Final = Table("thread_goals", "goal", ("thread_id",))
JOBS: Final = Table("jobs", "job", ("id",))

IMPORTS: Final = Table(own_schema.IMPORTS, "import", ("thread_id",))
IMPORTED: Final = Table(own_schema.IMPORTED_MESSAGES, "imported message", ("message_id",))

TABLES: Final = (THREADS, MESSAGES, CHECKPOINTS, TOOLS, GOALS, JOBS, IMPORTS, IMPORTED)
OF_THREADS: Final = (MESSAGES, CHECKPOINTS, TOOLS, GOALS)
"""Tables whose rows belong to a thread, which `thread_id` names."""
RECORDS: Final = (IMPORTS, IMPORTED)
"""What this program itself knows of threads, which `thread_id` names, too."""


def hidden_rows(patient: Patient) -> Iterator[Problem]:
    """Find tables in which a row cannot be told from every other, so that none is mended."""
    hidden = [
        f"rows of {table.name}"
        for table in TABLES
        if patient.has(table.name) and patient.rows(table.name) is None
    ]
    if hidden:
        yield UNCHECKED.problem(
            "rows that nothing tells apart could not be checked: columns bear all of SQLite's "
            "names for what numbers them",
            (*hidden,),
        )


def label(key: Sequence[object]) -> Id:
    """Return how a row is named: by its id, or where it takes two columns, as `thread/row`."""
    if len(key) == 1:
        return readable(key[0])
    return "/".join(str(readable(part)) for part in key)
