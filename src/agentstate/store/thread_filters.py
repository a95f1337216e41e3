"""What `ThreadListFilters` means in SQL: everything is filtered before the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.records import SessionSource, ThreadListFilters, ThreadSort, ThreadStatus

if TYPE_CHECKING:
    from agentstate.db.port import Database

_ORDER: Final = {
    ThreadSort.UPDATED: "updated_at DESC, id",
    ThreadSort.CREATED: "created_at DESC, id",
    ThreadSort.NAME: "title IS NULL, lower(title), id",
    ThreadSort.ID: "id",
}


def listing(
    filters: ThreadListFilters, database: Database, *, count: bool = False
) -> tuple[str, dict[str, object]]:
    """Return the clauses after `FROM threads` but for the limit, and their parameters."""
    conditions, params = _conditions(filters, database)
    clauses = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    if count:
        return clauses, params
    return f"{clauses} ORDER BY {_ORDER[filters.sort]}", params


def _conditions(
    filters: ThreadListFilters, database: Database
) -> tuple[list[str], dict[str, object]]:
    """Return what must hold for a row to be listed."""
    wanted = {
        "status": (as_read("status", ThreadStatus, ThreadStatus.IDLE), filters.status),
        "source": (as_read("source", SessionSource, SessionSource.UNKNOWN), filters.source),
        "provider": ("model_provider = :provider", filters.model_provider),
        "cwd": ("cwd = :cwd", filters.cwd),
        "name": (database.glob("title", "name"), filters.name),
        "branch": ("git_branch = :branch", filters.git_branch),
        "since": ("updated_at >= :since", filters.since),
        "until": ("updated_at <= :until", filters.until),
    }
    conditions = [sql for sql, value in wanted.values() if value is not None]
    params: dict[str, object] = {
        name: value for name, (_, value) in wanted.items() if value is not None
    }
    if filters.archived_only:
        conditions.append("archived <> 0")
    elif not filters.include_archived and filters.status is not ThreadStatus.ARCHIVED:
        conditions.append("archived = 0")
    return conditions, params


def as_read(
    column: str, known: type[ThreadStatus | SessionSource], unknown: ThreadStatus | SessionSource
) -> str:
    """Compare a column as it is read: a value that is not known counts as `unknown`."""
    values = ", ".join(f"'{member.value}'" for member in known)
    return f"CASE WHEN {column} IN ({values}) THEN {column} ELSE '{unknown}' END = :{column}"
