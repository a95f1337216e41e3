"""Threads: the rows of table `threads`, one a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentstate.db.port import DuplicateKeyError
from agentstate.errors import (
    AmbiguousError,
    BadInputError,
    ConflictError,
    CorruptStoreError,
    ThreadNotFoundError,
)
from agentstate.records import (
    SessionIndexEntry,
    SessionSource,
    ThreadListFilters,
    ThreadMetadata,
    ThreadStats,
    ThreadStatus,
)
from agentstate.store.binding import bind, bind_changes, bind_fields, bind_limit, field_names
from agentstate.store.context import warn
from agentstate.store.rows import fill, is_sound
from agentstate.store.thread_filters import listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentstate.db.port import Row
    from agentstate.store.context import Context

_FIELDS: Final = field_names(ThreadMetadata)
# The field `name` is the column `title`; every other field is the column of its own name.
_COLUMN: Final = {field: "title" if field == "name" else field for field in _FIELDS}
_COLUMNS: Final = ", ".join(_COLUMN.values())
# The leaf belongs to the messages: no write of a thread's columns moves it.
_WRITABLE: Final = tuple(field for field in _FIELDS if field != "current_leaf_id")
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
        updates = ", ".join(f"{_COLUMN[f]} = excluded.{_COLUMN[f]}" for f in _WRITABLE[1:])
        with self._db.transaction():
            self._insert(thread, f"ON CONFLICT(id) DO UPDATE SET {updates}")
        self._context.publish(_index_entry(thread))

    def create(self, thread: ThreadMetadata) -> None:
        """Add a thread, with no leaf yet; raises `ConflictError` where its id exists."""
        with self._db.transaction():
            self._insert(thread)
        self._context.publish(_index_entry(thread))

    def update(self, thread_id: str, **columns: Any) -> None:  # noqa: ANN401 - a thread's fields
        """Set the named columns only, and bump `updated_at` to now unless it is among them.

        Raises `ThreadNotFoundError`, and `UsageError` for a column that cannot be set.
        """
        settings, params = bind_changes(
            ThreadMetadata, columns, fixed=("id", "current_leaf_id"), columns=_COLUMN
        )
        with self._db.transaction():
            before = self._require(thread_id)
            self._db.execute(
                f"UPDATE threads SET {settings} WHERE id = :thread_id",
                {**params, "thread_id": thread_id, "now": self._context.now()},
            )
            after = self._require(thread_id)
        if _index_entry(after) != _index_entry(before):
            self._context.publish(_index_entry(after))

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
        self._context.publish(_index_entry(thread))
        return thread

    def get(self, thread_id: str) -> ThreadMetadata | None:
        """Return a thread; stands for the Rust program's `get_thread`."""
        row = self._db.one(
            f"SELECT {_COLUMNS} FROM threads WHERE id = :thread_id", {"thread_id": thread_id}
        )
        return _thread(row) if row else None

    def list(self, filters: ThreadListFilters | None = None) -> Sequence[ThreadMetadata]:
        """Return the threads that pass the filters, newest `updated_at` first, ties by id.

        Stands for the Rust program's `list_threads`. A row that cannot be read is left out and
        reported as an `AgentStateWarning`.
        """
        condition, params = listing(filters or ThreadListFilters(), self._db)
        return list(_readable(self._db.all(f"SELECT {_COLUMNS} FROM threads {condition}", params)))

    def count(self, filters: ThreadListFilters) -> int:
        """Return how many threads pass the filters, whatever the limit."""
        condition, params = listing(filters, self._db, count=True)
        row = self._db.one(f"SELECT count(*) FROM threads {condition}", params)
        return int(row[0]) if row else 0

    def ids(self) -> Sequence[str]:
        """Return every id, sorted."""
        rows = self._db.all("SELECT id FROM threads ORDER BY id")
        return [thread_id for (thread_id,) in rows if isinstance(thread_id, str)]

    def by_name(self, name: str) -> Sequence[ThreadMetadata]:
        """Return the threads of that name, whatever its ASCII case, newest first."""
        condition = self._db.same_text("title", "name")
        sql = f"SELECT {_COLUMNS} FROM threads WHERE {condition} ORDER BY updated_at DESC, id"
        return list(_readable(self._db.all(sql, {"name": name})))

    def by_prefix(self, prefix: str, limit: int | None = 10) -> Sequence[ThreadMetadata]:
        """Return threads whose id starts with `prefix`, in order of id."""
        clause, params = bind_limit(limit)
        sql = (
            f"SELECT {_COLUMNS} FROM threads WHERE substr(id, 1, length(:prefix)) = :prefix "
            f"ORDER BY id {clause}"
        )
        return list(_readable(self._db.all(sql, {"prefix": prefix, **params})))

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
        params = {f"id{number}": thread_id for number, thread_id in enumerate(thread_ids)}
        return self._db.all(
            "SELECT thread_id, count(*), count(*) - count(DISTINCT parent_id) FROM ("
            "SELECT messages.thread_id, answered.id AS parent_id FROM messages "
            "LEFT JOIN messages AS answered ON answered.id = messages.parent_entry_id "
            "AND answered.thread_id = messages.thread_id "
            f"WHERE messages.thread_id IN ({', '.join(f':{name}' for name in params)})"
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
        columns = ", ".join(_COLUMN[field] for field in _WRITABLE)
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


def unknown_thread(thread_id: str) -> ThreadNotFoundError:
    """Say that there is no such thread."""
    return ThreadNotFoundError(f"no thread {thread_id!r}; see agentstate threads list --all")


_STATUS: Final = {status.value: status for status in ThreadStatus}
_SOURCE: Final = {source.value: source for source in SessionSource}


def _thread(row: Row) -> ThreadMetadata:
    """Decode a row of `_COLUMNS`; raises `CorruptStoreError` where its types are wrong."""
    thread = fill(ThreadMetadata, _FIELDS, row)
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


def _readable(rows: Sequence[Row]) -> Iterator[ThreadMetadata]:
    for row in rows:
        try:
            yield _thread(row)
        except CorruptStoreError as error:
            warn(f"left out: {error}")


def _index_entry(thread: ThreadMetadata) -> SessionIndexEntry:
    return SessionIndexEntry(
        thread_id=thread.id,
        thread_name=thread.name,
        updated_at=thread.updated_at,
        rollout_path=thread.rollout_path,
    )
