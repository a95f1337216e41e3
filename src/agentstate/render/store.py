"""What `agentstate info` and `agentstate init` say of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.render.table import Cell, details

if TYPE_CHECKING:
    from agentstate.render.theme import Line
    from agentstate.reports.store import StoreInfo


def overview(info: StoreInfo, *, width: int) -> list[Line]:
    """Return the table of `agentstate info`."""
    version = f"{info.schema_version}"
    if info.schema_version < info.newest_version:
        version += f" (the next write makes it {info.newest_version})"
    elif info.schema_version > info.newest_version:
        version += f" (newer than {info.newest_version}: it can only be read)"
    pairs: list[tuple[str, Cell]] = [
        ("store", (info.path, "title")),
        ("chosen by", info.rule),
        ("schema version", version),
        ("journal mode", info.journal_mode),
        ("size", f"{info.size} bytes"),
        ("write-ahead log", f"{info.wal_size} bytes" if info.wal_size else ""),
        ("session index", info.index_path),
        ("index size", f"{info.index_size} bytes"),
        ("SQLite", info.sqlite_version),
        ("open in", ", ".join(info.open_in)),
        *((table, str(count)) for table, count in info.counts.items()),
    ]
    return details(pairs, width=width)
