"""Threads: the rows of table `threads`, one a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentstate.db.port import DuplicateKeyError
from agentstate.errors import (
    AmbiguousError,
    BadInputError,
    ConflictError,
)
from agentstate.records import (
    SessionIndexEntry,
    ThreadListFilters,
    ThreadMetadata,
    ThreadStats,
)
from agentstate.store.binding import bind, bind_changes, bind_fields, bind_limit
from agentstate.store.rows import count, in_list, read_on
from agentstate.store.thread_filters import listing
from agentstate.store.thread_rows import (
    COLUMN,
    COLUMNS,
    FIELDS,
    decode_thread,
    has_thread,
    index_entry,
    unknown_thread,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.db.port import Row
    from agentstate.store.context import Context

# The leaf belongs to the messages: no write of a thread's columns moves it.
_WRITABLE: Final = tuple(field for field in FIELDS if field != "current_leaf_id")
_BATCH: Final = 500


class Threads:
    """Create, change, list and delete threads."""

    def __init__(self, context: Context) -> None:
        """Work on the store of `context`."""
        self._context = context
        self._db = context.database

    def upsert(self, thread: ThreadMetadata) -> None:
        """Write every column but the leaf, which an existing thread keeps.

        Stands for the Rust program's `upsert_thread`. Appends an index line.
        """
        updates = ", ".join(f"{COLUMN[f]} = excluded.{COLUMN[f]}" for f in _WRITABLE[1:])
        with self._db.transaction():
            self._insert(thread, f"ON CONFLICT(id) DO UPDATE SET {updates}")
        self._context.publish(index_entry(thread))

    def create(self, thread: ThreadMetadata) -> None:
        """Add a thread, with no leaf yet; raises `ConflictError` where its id exists."""
        with self._db.transaction():
            self._insert(thread)
        self._context.publish(index_entry(thread))

    def update(self, thread_id: str, **columns: Any) -> None:  # noqa: ANN401 - a thread's fields
        """Set the named columns only, and bump `updated_at` to now unless it is among them.

        Raises `ThreadNotFoundError`, and `UsageError` for a column that cannot be set.
        """
        settings, params = bind_changes(
            ThreadMetadata, columns, fixed=("id", "current_leaf_id"), columns=COLUMN
        )
        with self._db.transaction():
            before = self._require(thread_id)
            self._db.execute(
                f"UPDATE threads SET {settings} WHERE id = :thread_id",
                {**params, "thread_id": thread_id, "now": self._context.now()},
            )
            after = self._require(thread_id)
        if index_entry(after) != index_entry(before):
            self._context.publish(index_entry(after))

    def rename(self, thread_id: str, name: str | None) -> None:
        """Give a thread another name, or none; raises `ThreadNotFoundError`."""
        self.update(thread_id, name=name)

    def ensure(self, name: str, **columns: Any) -> ThreadMetadata:  # noqa: ANN401 - see update
        """Return the thread of that name, or create one with `columns`, in one transaction.

        Names compare without regard to ASCII case, and archived threads count. Raises
        `AmbiguousError` where several have the name, `ConflictError` where a given id exists.
        """
        bind_fields(ThreadMetadata, columns)
        now = self._context.now()
        with self._db.transaction():
            found = self.by_name(name)
            if not found:
                thread = ThreadMetadata(
                    id=columns.pop("id", None) or self._context.new_id(),
                    name=name,
                    **{"created_at": now, "updated_at": now, "cwd": "", **columns},
                )
                self._insert(thread)
        if len(found) > 1:
            ids = ", ".join(thread.id for thread in found)
            raise AmbiguousError(f"several threads are named {name!r}: {ids}")
        if found:
            return found[0]
        self._context.publish(index_entry(thread))
        return thread

    def get(self, thread_id: str) -> ThreadMetadata | None:
        """Return a thread; stands for the Rust program's `get_thread`."""
        row = self._db.one(
            f"SELECT {COLUMNS} FROM threads WHERE id = :thread_id", {"thread_id": thread_id}
        )
        return decode_thread(row) if row else None

    def exists(self, thread_id: str) -> bool:
        """Tell whether there is such a thread, also one that cannot be read."""
        return has_thread(self._db, thread_id)

    def list(self, filters: ThreadListFilters | None = None) -> Sequence[ThreadMetadata]:
        """Return the threads that pass the filters, newest `updated_at` first, ties by id.

        Stands for the Rust program's `list_threads`. A row that cannot be read is left out and
        reported as an `AgentStateWarning`; the limit counts those that can.
        """
        wanted = filters or ThreadListFilters()
        clauses, params = listing(wanted, self._db)
        sql = f"SELECT {COLUMNS} FROM threads {clauses}"
        return read_on(self._db, sql, params, decode_thread, wanted.limit)

    def count(self, filters: ThreadListFilters) -> int:
        """Return how many threads pass the filters, whatever the limit."""
        condition, params = listing(filters, self._db, count=True)
        return count(self._db, f"SELECT count(*) FROM threads {condition}", params)

    def ids(self) -> Sequence[str]:
        """Return every id, sorted."""
        return _ids(self._db.all("SELECT id FROM threads ORDER BY id"))

    def ids_by_name(self, name: str) -> Sequence[str]:
        """Return the ids of the threads of that name, as `by_name` does, without reading them."""
        sql, params = self._of_name(name)
        return _ids(self._db.all(f"SELECT id {sql}", params))

    def ids_by_prefix(self, prefix: str, limit: int | None = 10) -> Sequence[str]:
        """Return the ids that start with `prefix`, sorted, without reading the threads."""
        sql, params = _of_prefix(prefix, limit)
        return _ids(self._db.all(f"SELECT id {sql}", params))

    def by_name(self, name: str) -> Sequence[ThreadMetadata]:
        """Return the threads of that name, whatever its ASCII case, newest first.

        Raises `CorruptStoreError` where one of them cannot be read.
        """
        sql, params = self._of_name(name)
        return [decode_thread(row) for row in self._db.all(f"SELECT {COLUMNS} {sql}", params)]

    def by_prefix(self, prefix: str, limit: int | None = 10) -> Sequence[ThreadMetadata]:
        """Return threads whose id starts with `prefix`, in order of id.

        Raises `CorruptStoreError` where one of them cannot be read.
        """
        sql, params = _of_prefix(prefix, limit)
        return [decode_thread(row) for row in self._db.all(f"SELECT {COLUMNS} {sql}", params)]

    def _of_name(self, name: str) -> tuple[str, dict[str, object]]:
        condition = self._db.same_text("title", "name")
        return f"FROM threads WHERE {condition} ORDER BY updated_at DESC, id", {"name": name}

    def stats(self, thread_ids: Sequence[str]) -> dict[str, ThreadStats]:
        """Return the size of each thread's tree, with one query for every 500 threads.

        Every id has an answer; a thread without messages, or an unknown one, has zeros.
        """
        sizes = {thread_id: ThreadStats() for thread_id in thread_ids}
        for start in range(0, len(thread_ids), _BATCH):
            rows = self._stats(thread_ids[start : start + _BATCH])
            for thread_id, messages, branches in rows:
                sizes[thread_id] = ThreadStats(messages=messages, branches=branches)
        return sizes

    def _stats(self, thread_ids: Sequence[str]) -> Sequence[Row]:
        names, params = in_list("id", thread_ids)
        return self._db.all(
            "SELECT thread_id, count(*), count(*) - count(DISTINCT parent_id) FROM ("
            "SELECT messages.thread_id, answered.id AS parent_id FROM messages "
            "LEFT JOIN messages AS answered ON answered.id = messages.parent_entry_id "
            "AND answered.thread_id = messages.thread_id "
            f"WHERE messages.thread_id IN ({names})"
            ") AS edges GROUP BY thread_id",
            params,
        )

    def archive(self, thread_id: str) -> None:
        """Archive a thread; stands for the Rust program's `mark_archived`."""
        self._change(
            thread_id,
            "archived = 1, archived_at = :now, status = 'archived'",
            {"now": self._context.now()},
        )

    def unarchive(self, thread_id: str) -> None:
        """Take a thread out of the archive; its status archived becomes idle.

        Stands for the Rust program's `mark_unarchived`, which leaves the status archived.
        """
        self._change(
            thread_id,
            "archived = 0, archived_at = NULL, "
            "status = CASE WHEN status = 'archived' THEN 'idle' ELSE status END",
            {},
        )

    def delete(self, thread_id: str) -> None:
        """Delete a thread with its messages, checkpoints, tools and goal.

        Stands for the Rust program's `delete_thread`. Appends an index line without a name.
        """
        sql = "DELETE FROM threads WHERE id = :thread_id"
        with self._db.transaction():
            if not self._db.execute(sql, {"thread_id": thread_id}):
                raise unknown_thread(thread_id)
        self._context.publish(
            SessionIndexEntry(thread_id=thread_id, updated_at=self._context.now())
        )

    def set_memory_mode(self, thread_id: str, mode: str | None) -> None:
        """Set a thread's memory mode; stands for `set_thread_memory_mode`."""
        params = bind_fields(ThreadMetadata, {"memory_mode": mode})
        self._change(thread_id, "memory_mode = :memory_mode", params)

    def get_memory_mode(self, thread_id: str) -> str | None:
        """Return a thread's memory mode; stands for `get_thread_memory_mode`."""
        return self._text_of(thread_id, "memory_mode")

    def rollout_path(self, thread_id: str) -> str | None:
        """Return a thread's rollout path; stands for `find_rollout_path_by_id`."""
        return self._text_of(thread_id, "rollout_path")

    def _text_of(self, thread_id: str, column: str) -> str | None:
        sql = f"SELECT {column} FROM threads WHERE id = :thread_id"
        row = self._db.one(sql, {"thread_id": thread_id})
        text: str | None = row[0] if row else None
        return text

    def _change(self, thread_id: str, settings: str, params: dict[str, object]) -> None:
        sql = f"UPDATE threads SET {settings} WHERE id = :thread_id"
        with self._db.transaction():
            if not self._db.execute(sql, {**params, "thread_id": thread_id}):
                raise unknown_thread(thread_id)

    def _insert(self, thread: ThreadMetadata, on_conflict: str = "") -> None:
        if not thread.id:
            raise BadInputError("a thread's id must not be empty")
        columns = ", ".join(COLUMN[field] for field in _WRITABLE)
        values = ", ".join(f":{field}" for field in _WRITABLE)
        sql = f"INSERT INTO threads({columns}) VALUES ({values}) {on_conflict}"
        try:
            self._db.execute(sql, bind(thread))
        except DuplicateKeyError as error:
            raise ConflictError(
                f"thread {thread.id!r} exists; choose another id, or update it"
            ) from error

    def _require(self, thread_id: str) -> ThreadMetadata:
        thread = self.get(thread_id)
        if thread is None:
            raise unknown_thread(thread_id)
        return thread


def _of_prefix(prefix: str, limit: int | None) -> tuple[str, dict[str, object]]:
    clause, params = bind_limit(limit)
    sql = f"FROM threads WHERE substr(id, 1, length(:prefix)) = :prefix ORDER BY id {clause}"
    return sql, {"prefix": prefix, **params}


def _ids(rows: Sequence[Row]) -> Sequence[str]:
    """Return ids, but for those of another type, which no selector can name."""
    return [thread_id for (thread_id,) in rows if isinstance(thread_id, str)]
