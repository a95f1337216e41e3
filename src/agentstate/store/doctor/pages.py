"""The file's pages: damage, indexes that disagree with their table, and room not used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agentstate.db.catalog import free_bytes
from agentstate.db.integrity import integrity
from agentstate.db.port import ConstraintError
from agentstate.reports.doctor import Severity
from agentstate.store.context import warn
from agentstate.store.doctor.problems import Kind, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.db.sqlite import SQLiteDatabase
    from agentstate.store.doctor.problems import Patient, Problem

DAMAGED: Final = Kind(
    "pages_damaged",
    Severity.ERROR,
    "The file is damaged; the ids are the pages that SQLite names. Nothing else in it is mended "
    "then. `agentstate recover OUT` reads what can be read.",
)
_INDEXES: Final = Kind(
    "index_of_table_damaged",
    Severity.ERROR,
    "Indexes that SQLite keeps of a table do not agree with it.",
    "the indexes are made again from the rows",
)
FREE: Final = Kind(
    "free_pages",
    Severity.NOTE,
    "A quarter of the file or more, and at least 1 MiB, holds nothing.",
    "the file is vacuumed, which gives it back",
    tidies=True,
)

# Behind "page" in SQLite's words; an "invalid page number 9" is no page of the file.
_PAGE: Final = re.compile(r"\bpage (\d+)", re.IGNORECASE)
_MEBIBYTE: Final = 1 << 20
_QUARTER: Final = 4


def pages(patient: Patient) -> Iterator[Problem]:
    """Check every page, and every index against its table."""
    found = integrity(patient.database)
    if found.pages:
        named = (int(page) for line in found.pages for page in _PAGE.findall(line))
        yield DAMAGED.problem(
            f"the file is damaged ({some(found.pages, 'line', '; ')}); "
            "agentstate recover OUT reads what can be read",
            (*dict.fromkeys(named),),
        )
    if found.indexes:
        yield _INDEXES.problem(
            f"indexes do not agree with their tables ({some(found.indexes, 'line', '; ')})",
            mend=lambda: _reindex(patient.database),
        )


def free_pages(patient: Patient) -> Iterator[Problem]:
    """Find room in the file that is not used; mended by a vacuum, which no transaction can hold."""
    free, size = free_bytes(patient.database)
    if free >= _MEBIBYTE and free * _QUARTER >= size:
        yield FREE.problem(
            f"{free / _MEBIBYTE:.1f} of {size / _MEBIBYTE:.1f} MiB of the file are free"
        )


def _reindex(database: SQLiteDatabase) -> None:
    try:
        database.execute("REINDEX")
    except ConstraintError as error:
        # Two rows have the same key: which of them is meant only a person can say.
        warn(f"the indexes cannot be made again: {error}")
