"""The store's side of a search: which messages are asked for, and their texts."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db.own_schema import IMPORTED_MESSAGES
from agentstate.records import SessionSource
from agentstate.store.rows import batches, in_list
from agentstate.store.search.active import ActiveBranch
from agentstate.store.thread_filters import as_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentstate.db.port import Database
    from agentstate.reports.search import SearchFilters

_PAGE: Final = 250
"""Messages whose texts are asked for at once."""
_BUFFERED: Final = 20_000
"""How many messages a filter may leave to be kept in mind; of more, many a candidate is one."""
_FEW: Final = 1000
"""Messages that are looked at themselves sooner than in an index."""


class Text(NamedTuple):
    """A message as a search reads it."""

    id: int
    thread_id: str
    created_at: int
    content: str


class Reader:
    """Reads messages that pass the filters of a search."""

    def __init__(self, database: Database, filters: SearchFilters) -> None:
        """Know the store and the filters; nothing is read yet."""
        self._db = database
        self._active_only = filters.active_only
        self._branches: dict[str, ActiveBranch] = {}
        by_thread, by_message, self._params = _conditions(filters)
        self._is_narrow = bool(by_thread or by_message)
        roles, role_params = in_list("role", filters.roles)
        self._params |= role_params
        conditions = [*by_thread, *by_message]
        self._eligible = " AND ".join(conditions)
        if roles:
            conditions.append(f"messages.role IN ({roles})")
        if not filters.include_hidden and database.has_column(IMPORTED_MESSAGES, "hidden"):
            conditions.append(
                f"NOT EXISTS (SELECT 1 FROM {IMPORTED_MESSAGES} AS imported "
                "WHERE imported.message_id = messages.id AND imported.hidden = 1)"
            )
        self._joined = "JOIN threads ON threads.id = messages.thread_id" if by_thread else ""
        # A condition that an index could serve would be looked up for each page of ids.
        self._passing = "".join(f" AND ({condition}) IS TRUE" for condition in conditions)

    def narrowed(self, candidates: Iterable[int] | None) -> Iterable[int] | None:
        """Return the candidates that may pass the filters, where those leave few; None for all."""
        if not self._is_narrow:
            return candidates
        # Thread by thread, for the index of the times begins with the thread.
        sql = (
            "SELECT messages.id FROM threads CROSS JOIN messages "
            f"WHERE messages.thread_id = threads.id AND {self._eligible} LIMIT :most"
        )
        rows = self._db.all(sql, {**self._params, "most": _BUFFERED + 1})
        if len(rows) > _BUFFERED:
            return candidates
        eligible = {message_id for (message_id,) in rows}
        if candidates is None or len(eligible) <= _FEW:
            return sorted(eligible, reverse=True)
        return (message_id for message_id in candidates if message_id in eligible)

    def texts(self, candidates: Iterable[int] | None) -> Iterator[Text]:
        """Yield the candidates that pass the filters, newest first; None for all messages."""
        pages = self._all_ids() if candidates is None else batches(candidates, _PAGE)
        for page in pages:
            # The ids are numbers of SQLite's own; as parameters they would be too many.
            listed = ", ".join(map(str, page))
            rows = self._db.all(
                "SELECT messages.id, messages.thread_id, messages.created_at, "
                f"CAST(messages.content AS BLOB) FROM messages {self._joined} "
                f"WHERE messages.id IN ({listed}){self._passing} ORDER BY messages.id DESC",
                self._params,
            )
            for message_id, thread_id, created_at, content in rows:
                if self._active_only and not self.is_active(message_id, thread_id):
                    continue
                when = created_at if isinstance(created_at, int) else 0
                yield Text(message_id, thread_id, when, decoded(content))

    def is_active(self, message_id: int, thread_id: str) -> bool:
        """Tell whether a message is on its thread's active branch, as far as that can be read."""
        if thread_id not in self._branches:
            self._branches[thread_id] = ActiveBranch(self._db, thread_id)
        return self._branches[thread_id].has(message_id)

    def _all_ids(self) -> Iterator[list[int]]:
        sql = "SELECT id FROM messages WHERE id < :before ORDER BY id DESC LIMIT :page"
        before = inf
        while rows := self._db.all(sql, {"before": before, "page": _PAGE}):
            page = [message_id for (message_id,) in rows]
            yield page
            before = page[-1]


def decoded(content: bytes | None) -> str:
    """Return a stored text, with replacement characters where it is not UTF-8."""
    return (content or b"").decode(errors="replace")


def _conditions(filters: SearchFilters) -> tuple[list[str], list[str], dict[str, object]]:
    """Return what must hold of the thread, what of the message, and the parameters."""
    source = as_read("source", SessionSource, SessionSource.UNKNOWN)
    of_thread = {"source": (source, filters.source), "cwd": ("cwd = :cwd", filters.cwd)}
    of_message = {
        "thread_id": ("messages.thread_id = :thread_id", filters.thread_id),
        "since": ("messages.created_at >= :since", filters.since),
        "until": ("messages.created_at <= :until", filters.until),
    }
    wanted = {**of_thread, **of_message}
    params: dict[str, object] = {
        name: value for name, (_, value) in wanted.items() if value is not None
    }
    by_thread, by_message = (
        [sql for sql, value in group.values() if value is not None]
        for group in (of_thread, of_message)
    )
    return by_thread, by_message, params
