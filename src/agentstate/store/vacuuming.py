"""Vacuuming: free pages go back to the file system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.db.reading import beside, resolve
from agentstate.errors import StoreUnavailableError
from agentstate.reports import VacuumReport
from agentstate.store.context import warn

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate.db.port import Database


def vacuum(database: Database, path: Path) -> VacuumReport:
    """Write the file anew without free pages, and measure it and its log before and after."""
    before = _size(path)
    try:
        emptied = database.vacuum()
    except StoreUnavailableError as error:
        raise StoreUnavailableError(
            f"{error}; nothing was changed: a vacuum writes all {before} bytes anew, beside the "
            "store and where temporary files are ($SQLITE_TMPDIR), and needs space for them"
        ) from error
    after = _size(path)
    if not emptied:
        warn(
            "other programs still read the state before, so the log could not be emptied; "
            "the last of them to close the store does it"
        )
    return VacuumReport(
        path=str(path), bytes_before=before, bytes_after=after, reclaimed=before - after
    )


def _size(path: Path) -> int:
    store = resolve(path)
    return sum(one.stat().st_size for one in (store, beside(store, "-wal")) if one.exists())
