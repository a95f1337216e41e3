"""What a store holds: version, counts, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db import own_schema, schema
from agentstate.db.holders import users_of
from agentstate.db.reading import beside, resolve
from agentstate.filesystem import size_of
from agentstate.reports.store import StoreInfo
from agentstate.store.rows import count

if TYPE_CHECKING:
    from agentstate.config import Location
    from agentstate.db.port import Database

_TABLES: Final = (
    "threads",
    "messages",
    "checkpoints",
    "jobs",
    "thread_dynamic_tools",
    "thread_goals",
    *schema.WORKFLOW_TABLES,
    *own_schema.OF_THREADS,
)


def information(database: Database, location: Location) -> StoreInfo:
    """Count the rows of each table that the file has, and measure the files."""
    counts: dict[str, int] = {}
    for table in _TABLES:
        if database.has_table(table):
            counts[table] = count(database, f"SELECT count(*) FROM {table}")
    about = database.about()
    return StoreInfo(
        path=str(location.path),
        rule=location.rule,
        schema_version=about.schema_version,
        newest_version=schema.NEWEST,
        journal_mode=about.journal_mode,
        sqlite_version=about.engine_version,
        size=size_of(location.path),
        wal_size=size_of(beside(resolve(location.path), "-wal")),
        index_path=str(location.index_path),
        index_size=size_of(location.index_path),
        counts=counts,
        open_in=tuple(str(holder) for holder in users_of(location.path)),
    )
