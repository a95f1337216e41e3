"""What changes a bundle on its way into a store: other paths, and ids of its own for a copy."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from agentstate.db import catalog
from agentstate.db.own_schema import IMPORTED_MESSAGES, IMPORTS
from agentstate.reports.imports import ImportedThread, LeafMove
from agentstate.store.imports.adding import last_id
from agentstate.store.imports.describing import remapped

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agentstate.db.port import Database
    from agentstate.store.bundle_lines import Header
    from agentstate.store.bundle_reading import BundleRow

_MESSAGE_COLUMNS: Final = {
    "messages": {"id", "parent_entry_id"},
    "threads": {"current_leaf_id"},
    IMPORTS: {"leaf_id"},
    IMPORTED_MESSAGES: {"message_id"},
}
"""Columns that hold ids of messages, whether or not a foreign key says so."""
_THREAD_COLUMNS: Final = {"threads": {"id"}, IMPORTED_MESSAGES: {"thread_id"}}
_PATHS: Final = ("cwd", "rollout_path")


class Facts:
    """What a bundle says of its thread, gathered while its rows pass by."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.hidden = 0
        self.session: dict[str, Any] = {}
        self.rows: dict[str, int] = {}

    def passing(self, rows: Iterable[BundleRow]) -> Iterator[BundleRow]:
        """Yield rows as they are, and take note of each."""
        for row in rows:
            self.see(row)
            yield row

    def see(self, row: BundleRow) -> None:
        """Take note of a row."""
        self.rows[row.table] = self.rows.get(row.table, 0) + 1
        if row.table == IMPORTED_MESSAGES:
            self.hidden += row.values.get("hidden") == 1
        elif row.table == IMPORTS:
            self.session = dict(row.values)

    def report(self, header: Header, thread_id: str | None, *, created: bool) -> ImportedThread:
        """Return what is said of a bundle whose rows have all passed."""
        messages = header.rows.get("messages", 0)
        return ImportedThread(
            thread_id=thread_id,
            session_id=header.thread_id,
            name=header.name,
            created=created,
            messages=messages,
            hidden=self.hidden,
            added=messages if created else 0,
            leaf=LeafMove.MOVED if created else LeafMove.UNCHANGED,
            parent_session_id=_text(self.session.get("parent_session_id")),
            relation=_text(self.session.get("relation")),
        )


class Rewriting:
    """Puts new ids and other paths into the rows of a bundle."""

    def __init__(
        self,
        database: Database,
        remap: Sequence[tuple[str, str]],
        thread_id: str | None = None,
        ids: array[int] | None = None,
    ) -> None:
        """Give the thread another id, and each of its messages, whose ids are sorted."""
        self.facts = Facts()
        self._db = database
        self._remap = remap
        self._thread_id = thread_id
        self._ids = ids
        self._highest = 0
        self._of_messages: dict[str, set[str]] = {}
        self._of_threads: dict[str, set[str]] = {}

    def header(self, header: Header) -> Header:
        """Return the header with the new id and path."""
        if self._ids is not None:
            self._highest = last_id(self._db)
            self._of_messages = _joined(
                catalog.referring_columns(self._db, "messages", "id"), _MESSAGE_COLUMNS
            )
            self._of_threads = _joined(
                catalog.referring_columns(self._db, "threads", "id"), _THREAD_COLUMNS
            )
        thread_id = self._thread_id or header.thread_id
        index = header.index
        if index is not None:
            path = index.rollout_path
            path = None if path is None else remapped(path, self._remap)
            index = replace(index, thread_id=thread_id, rollout_path=path)
        return replace(header, thread_id=thread_id, index=index)

    def row(self, row: BundleRow) -> BundleRow | None:
        """Return a row with new ids and paths.

        None for one of an import that is there already, and of a message that is not.
        """
        self.facts.see(row)
        row = self.remap(row)
        if self._ids is None:
            return row
        if row.table == IMPORTS and self._is_imported(row):
            return None
        values = dict(row.values)
        for column in self._of_threads.get(row.table, ()):
            if values.get(column) is not None:
                values[column] = self._thread_id
        for column in self._of_messages.get(row.table, ()):
            values[column] = self._new_id(values.get(column), self._ids)
        if row.table == IMPORTED_MESSAGES and values["message_id"] is None:
            return None  # SQLite would give it the id of another message
        return row._replace(values={name: values[name] for name in row.values})

    def remap(self, row: BundleRow) -> BundleRow:
        """Return a thread's row with other paths."""
        if row.table != "threads" or not self._remap:
            return row
        values = dict(row.values)
        for name in _PATHS:
            if type(path := values.get(name)) is str:
                values[name] = remapped(path, self._remap)
        return row._replace(values=values)

    def _new_id(self, old: object, ids: array[int]) -> object:
        if type(old) is not int:
            return old
        place = bisect_left(ids, old)
        # What refers to no message of the thread must not refer to another thread's.
        return self._highest + 1 + place if place < len(ids) and ids[place] == old else None

    def _is_imported(self, row: BundleRow) -> bool:
        names = ("format", "session_id")
        found = self._db.one(
            f"SELECT 1 FROM {IMPORTS} WHERE format = :format AND session_id = :session_id",
            {name: row.values.get(name) for name in names},
        )
        return found is not None


def _joined(first: Mapping[str, set[str]], second: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {
        table: first.get(table, set()) | second.get(table, set()) for table in {*first, *second}
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
