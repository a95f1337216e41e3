"""The rows of table `threads`: their columns, and what a row means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.errors import CorruptStoreError, ThreadNotFoundError
from agentstate.records import SessionIndexEntry, SessionSource, ThreadMetadata, ThreadStatus
from agentstate.store.binding import field_names
from agentstate.store.rows import fill, is_sound

if TYPE_CHECKING:
    from agentstate.db.port import Database, Row

FIELDS: Final = field_names(ThreadMetadata)
# The field `name` is the column `title`; every other field is the column of its own name.
COLUMN: Final = {field: "title" if field == "name" else field for field in FIELDS}
COLUMNS: Final = ", ".join(COLUMN.values())

_STATUS: Final = {status.value: status for status in ThreadStatus}
_SOURCE: Final = {source.value: source for source in SessionSource}


def decode_thread(row: Row) -> ThreadMetadata:
    """Decode a row of `COLUMNS`; raises `CorruptStoreError` where its types are wrong."""
    thread = fill(ThreadMetadata, FIELDS, row)
    values = vars(thread)
    if type(thread.current_leaf_id) is not int:
        # Listed all the same, so that people can get out; reading the branch says what is wrong.
        values["current_leaf_id"] = None
    if not is_sound(thread):
        raise CorruptStoreError(
            f"thread {thread.id!r} has a value of the wrong type; see agentstate doctor"
        )
    values["status"] = _STATUS.get(thread.status, ThreadStatus.IDLE)
    values["source"] = _SOURCE.get(thread.source, SessionSource.UNKNOWN)
    values["ephemeral"] = bool(thread.ephemeral)
    values["archived"] = bool(thread.archived)
    return thread


def index_entry(thread: ThreadMetadata) -> SessionIndexEntry:
    """Return the line of the session index that says what a thread is called."""
    return SessionIndexEntry(
        thread_id=thread.id,
        thread_name=thread.name,
        updated_at=thread.updated_at,
        rollout_path=thread.rollout_path,
    )


def has_thread(database: Database, thread_id: str) -> bool:
    """Tell whether there is such a thread, also one that cannot be read."""
    sql = "SELECT 1 FROM threads WHERE id = :thread_id"
    return database.one(sql, {"thread_id": thread_id}) is not None


def require_thread(database: Database, thread_id: str) -> None:
    """Raise `ThreadNotFoundError` where there is no such thread."""
    if not has_thread(database, thread_id):
        raise unknown_thread(thread_id)


def unknown_thread(thread_id: str) -> ThreadNotFoundError:
    """Say that there is no such thread."""
    return ThreadNotFoundError(f"no thread {thread_id!r}; see agentstate threads list --all")
