"""What `backup`, `restore` and `vacuum` did, on a screen and in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.render.sizes import size
from agentstate.render.table import Cell, details
from agentstate.render.text import count

if TYPE_CHECKING:
    from agentstate.render.theme import Line
    from agentstate.reports.store import BackupReport, RestoreReport, VacuumReport


def made(backup: BackupReport, *, width: int) -> list[Line]:
    """Return the table of `backup`."""
    pairs: list[tuple[str, Cell]] = [
        ("backup", (backup.path, "title")),
        ("session index", backup.index_path or ""),
        ("size", size(backup.size)),
        ("threads", str(backup.threads)),
        ("messages", str(backup.messages)),
    ]
    return details(pairs, width=width)


def restored(restore: RestoreReport, *, width: int) -> list[Line]:
    """Return the table of `restore`."""
    pairs: list[tuple[str, Cell]] = [
        ("store", (restore.path, "title")),
        ("restored from", restore.source),
        ("was there before", restore.replaced or ""),
        ("schema version", str(restore.schema_version)),
        ("threads", str(restore.threads)),
        ("messages", str(restore.messages)),
    ]
    return details(pairs, width=width)


def vacuumed(vacuum: VacuumReport, *, width: int) -> list[Line]:
    """Return the table of `vacuum`."""
    pairs: list[tuple[str, Cell]] = [
        ("store", (vacuum.path, "title")),
        ("before", size(vacuum.bytes_before)),
        ("after", size(vacuum.bytes_after)),
        ("given back", size(vacuum.reclaimed) if vacuum.reclaimed >= 0 else "nothing"),
    ]
    return details(pairs, width=width)


def what_is_in(report: BackupReport | RestoreReport) -> str:
    """Return what a backup holds, as words of a sentence."""
    return f"{count(report.threads or 0, 'thread')} and {count(report.messages or 0, 'message')}"
