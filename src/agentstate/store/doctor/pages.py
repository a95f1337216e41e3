"""The file's pages: damage, indexes that disagree with their table, and room not used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db.inspection import Integrity, free_bytes, integrity
from agentstate.db.port import ConstraintError
from agentstate.errors import CorruptStoreError
from agentstate.reports import Severity
from agentstate.store.context import warn
from agentstate.store.doctor.problems import Problem, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.db.sqlite import SQLiteDatabase
    from agentstate.store.doctor.problems import Patient

DAMAGED: Final = "pages_damaged"
"""The slug of damage that keeps everything else in the file from being mended."""

FREE: Final = "free_pages"

_SHOWN: Final = 3
_MEBIBYTE: Final = 1 << 20
_QUARTER: Final = 4


def pages(patient: Patient) -> Iterator[Problem]:
    """Check every page, and every index against its table."""
    try:
        found = integrity(patient.database)
    except CorruptStoreError as error:
        found = Integrity([reason(error)], [])
    if found.pages:
        yield Problem(
            DAMAGED,
            Severity.ERROR,
            f"the file is damaged ({_some(found.pages)}); "
            "agentstate recover OUT reads what can be read",
        )
    if found.indexes:
        yield Problem(
            "index_of_table_damaged",
            Severity.ERROR,
            f"indexes do not agree with their tables ({_some(found.indexes)})",
            fix="the indexes are made again from the rows",
            mend=lambda: _reindex(patient.database),
        )


def free_pages(patient: Patient) -> Iterator[Problem]:
    """Find room in the file that is not used; mended by a vacuum, which no transaction can hold."""
    free, size = free_bytes(patient.database)
    if free >= _MEBIBYTE and free * _QUARTER >= size:
        yield Problem(
            FREE,
            Severity.NOTE,
            f"{free / _MEBIBYTE:.1f} of {size / _MEBIBYTE:.1f} MiB of the file are free",
            fix="the file is vacuumed, which gives them back",
        )


def _reindex(database: SQLiteDatabase) -> None:
    try:
        database.execute("REINDEX")
    except ConstraintError as error:
        # Two rows have the same key: which of them is meant only a person can say.
        warn(f"the indexes cannot be made again: {error}")


def _some(lines: list[str]) -> str:
    """Return the first lines, each as one, and how many more there are."""
    told = [" ".join(line.replace("*** in database main ***", "").split()) for line in lines]
    more = len(lines) - _SHOWN
    return "; ".join(told[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
