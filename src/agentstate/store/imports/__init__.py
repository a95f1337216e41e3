"""Imported threads: where they came from, and how they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.db.own_schema import IMPORTED_MESSAGES, IMPORTS
from agentstate.store.binding import field_names
from agentstate.store.rows import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import BinaryIO

    from agentstate.formats.events import Event
    from agentstate.reports.imports import ImportedThread, ImportRecord
    from agentstate.store.context import Context
    from agentstate.store.imports.indexing import Lines


class Imports:
    """Merge other programs' sessions into the store, and tell where threads came from."""

    def __init__(self, context: Context) -> None:
        """Work on the store of `context`."""
        self._context = context
        self._db = context.database
        self._lines: Lines | None = None

    def get(self, thread_id: str) -> ImportRecord | None:
        """Return where a thread was imported from; None for one that was not."""
        found = self._records("WHERE thread_id = :thread_id", {"thread_id": thread_id})
        return found[0] if found else None

    def list(self) -> Sequence[ImportRecord]:
        """Return where each imported thread is from, by format and session."""
        return self._records("ORDER BY format, session_id", {})

    def _records(self, clause: str, params: Mapping[str, object]) -> Sequence[ImportRecord]:
        from agentstate.reports.imports import ImportRecord  # noqa: PLC0415 - 2 ms, and most views ask only what is hidden

        if not self._db.has_table(IMPORTS):
            return []
        fields = field_names(ImportRecord)
        rows = self._db.all(f"SELECT {', '.join(fields)} FROM {IMPORTS} {clause}", params)
        return [fill(ImportRecord, fields, row) for row in rows]

    def hidden(self, thread_id: str) -> frozenset[int]:
        """Return the ids of a thread's hidden messages, which views leave out.

        They hold what a program said to its model, not what people said. A thread that was not
        imported has none.
        """
        if not self._db.has_column(IMPORTED_MESSAGES, "hidden"):
            return frozenset()
        sql = f"SELECT message_id FROM {IMPORTED_MESSAGES} WHERE thread_id = :id AND hidden = 1"
        return frozenset(message_id for (message_id,) in self._db.all(sql, {"id": thread_id}))

    def merge(  # noqa: PLR0913 - each is a choice of its own, and named
        self,
        events: Iterable[Event],
        *,
        format_name: str,
        source: str | None,
        since: int | None = None,
        name: str | None = None,
        remap: Sequence[tuple[str, str]] = (),
        dry_run: bool = False,
        progress: Callable[[], object] | None = None,
    ) -> Sequence[ImportedThread]:
        """Add the sessions that a format yields, and say of each what that came to.

        Only messages that the store does not have are added, by format, session and native id.
        The leaf follows the source's unless somebody has moved it since the last import; a name
        follows the source's title unless somebody has changed it. A new thread has the session's
        id where that is free and can be typed, and `name`, or the source's title. A session
        without messages is none.

        `source` is the path that was read; `since`, in Unix seconds, leaves out sessions that
        have not changed since; `remap` has the beginnings of paths, each with what stands there
        instead, for `cwd` and `rollout_path`. What is added comes in transactions of some
        thousand messages: after an interruption the threads are sound but shorter, and importing
        again completes them. `progress` is called after each, and what it raises ends the import.
        With `dry_run` nothing is written.

        Raises `StoreTooNewError` where a newer agentstate has imported, `ConflictError` where a
        thread is deleted meanwhile, `BadInputError` for what no store can keep.
        """
        from agentstate.store.imports.indexing import Lines  # noqa: PLC0415 - reading needs it not
        from agentstate.store.imports.merging import Choices, Merging  # noqa: PLC0415 - as above

        if not dry_run:
            self._context.require_writable()
        choices = Choices(
            format_name=format_name,
            source=source,
            since=since,
            name=name,
            remap=tuple(remap),
            dry_run=dry_run,
        )
        self._lines = self._lines or Lines(self._context)
        return Merging(self._context, choices, self._lines, progress).run(events)

    def insert_bundle(
        self,
        file: BinaryIO,
        *,
        new_ids: bool = False,
        remap: Sequence[tuple[str, str]] = (),
        dry_run: bool = False,
    ) -> ImportedThread:
        """Add the thread of a bundle, all or nothing, and append its index line.

        It is as it was, ids included, or with `new_ids` a copy whose thread and messages have ids
        of their own. A thread that is there already, as the bundle has it, is left alone. For
        `remap` and `dry_run` see `merge`.

        Raises `ConflictError` where a thread of its id is there and differs, or a message of one
        of its ids is there; `BadInputError` for a bundle that is not whole, or none.
        """
        from agentstate.store.imports.bundle import BundleImport  # noqa: PLC0415 - as above

        if not dry_run:
            self._context.require_writable()
        return BundleImport(self._context, new_ids=new_ids, remap=remap).run(file, dry_run=dry_run)
