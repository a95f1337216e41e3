"""Vacuuming: free pages go back to the file system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.db.reading import resolve, size_with_log
from agentstate.errors import StoreUnavailableError
from agentstate.reports.store import VacuumReport

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate.db.port import Database


def vacuum(database: Database, path: Path) -> VacuumReport:
    """Write the file anew without free pages, and measure it and its log before and after."""
    store = resolve(path)
    before = size_with_log(store)
    try:
        database.vacuum()
    except StoreUnavailableError as error:
        raise StoreUnavailableError(
            f"{error}; nothing was changed: a vacuum writes all {before} bytes anew, beside the "
            "store and where temporary files are ($SQLITE_TMPDIR), and needs space for them"
        ) from error
    after = size_with_log(store)
    return VacuumReport(
        path=str(path), bytes_before=before, bytes_after=after, reclaimed=before - after
    )
