"""Messages on their way into the store: which are new, and the rows and ids that those get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db import catalog
from agentstate.db.own_schema import IMPORTED_MESSAGES
from agentstate.errors import CorruptStoreError
from agentstate.store.imports.renewing import Renewal
from agentstate.store.rows import batches, in_list

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from agentstate.db.port import Database
    from agentstate.formats.events import Message, Start
    from agentstate.store.imports.parts import Part

    Rows = list[tuple[object, ...]]

_LOOKED_UP: Final = 4000
"""Native ids in one statement."""
_MESSAGE: Final = (
    "id",
    "thread_id",
    "role",
    "content",
    "item_json",
    "created_at",
    "parent_entry_id",
)
_KEY: Final = (
    "message_id",
    "thread_id",
    "native_id",
    "hidden",
    "position",
    "awaits",
    "awaits_source",
    "awaits_turns",
)
_NONE: Final = (None, None, 0)
"""What a message awaits that awaits nothing."""


def last_id(database: Database) -> int:
    """Return the highest id that a message has or had; ids go on from there."""
    row = database.one("SELECT max(id) FROM messages")
    highest = row[0] if row and row[0] is not None else 0
    return max(highest, catalog.highest_id(database, "messages"))


class Additions:
    """Rows of a transaction, put together so that one statement adds all that a table gets."""

    def __init__(self, database: Database) -> None:
        """Work on an open store."""
        self._db = database
        self._rows: dict[tuple[str, tuple[str, ...]], Rows] = {}

    def begin(self) -> None:
        """Forget what a transaction that failed had left."""
        self._rows.clear()

    def add(self, table: str, columns: Iterable[str], rows: Rows) -> None:
        """Add rows once `write` is called, to tables in the order in which they were named."""
        self._rows.setdefault((table, tuple(columns)), []).extend(rows)

    def write(self) -> None:
        """Add them now; raises `DuplicateKeyError`."""
        for (table, columns), rows in self._rows.items():
            self._db.insert_many(table, columns, rows)
        self._rows.clear()


class Messages:
    """The messages of imported threads."""

    def __init__(self, database: Database, additions: Additions) -> None:
        """Work on an open store; what is new in it goes to `additions`."""
        self._db = database
        self._additions = additions
        self._last_id = 0

    def begin(self) -> None:
        """Find out, in a transaction that has just begun, which id the next message has."""
        self._last_id = last_id(self._db)

    def told(
        self, part: Part, thread_id: str, *, remove_lost: bool
    ) -> tuple[list[Message], list[Renewal]]:
        """Return the messages of a part that its thread does not have, and those told anew."""
        natives = {message.native_id for message in part.messages}
        earlier = {one.replaces for one in part.messages if one.replaces is not None}
        found = self.look_up(thread_id, natives | earlier, remove_lost=remove_lost)
        new: list[Message] = []
        renewals: list[Renewal] = []
        for message in part.messages:
            native_id, replaces = message.native_id, message.replaces
            is_renamed = native_id not in found and replaces in found and replaces not in natives
            if is_renamed and replaces is not None:
                found[native_id] = found.pop(replaces)
            if native_id not in found:
                new.append(message)
            elif is_renamed or message.may_change:
                renewals.append(Renewal(message, found[native_id], is_renamed))
        part.session.recent.update(found)
        part.session.remember_less()
        return new, renewals

    def look_up(
        self, thread_id: str, natives: Collection[str], *, remove_lost: bool = False
    ) -> dict[str, int]:
        """Return the messages that a thread has of these native ids."""
        found: dict[str, int] = {}
        for some in batches(natives, _LOOKED_UP):
            names, params = in_list("n", some)
            lost = []
            for native_id, message_id, there in self._db.all(
                f"SELECT native_id, message_id, messages.id FROM {IMPORTED_MESSAGES} AS imported "
                "LEFT JOIN messages ON messages.id = message_id "
                f"WHERE imported.thread_id = :thread_id AND native_id IN ({names})",
                {**params, "thread_id": thread_id},
            ):
                if there is None:
                    lost.append({"message_id": message_id})
                else:
                    found[native_id] = message_id
            if remove_lost and lost:
                # Deleted by a program that does not have foreign keys enforced.
                sql = f"DELETE FROM {IMPORTED_MESSAGES} WHERE message_id = :message_id"
                self._db.execute_many(sql, lost)
        return found

    def is_earliest(self, thread_id: str, message: Message) -> bool:
        """Tell whether a message is before all that was imported of a thread."""
        sql = f"SELECT min(position) FROM {IMPORTED_MESSAGES} WHERE thread_id = :thread_id"
        row = self._db.one(sql, {"thread_id": thread_id})
        return row is not None and row[0] is not None and message.position < row[0]

    def rows_of(self, part: Part, thread_id: str, new: Sequence[Message]) -> tuple[Rows, Rows]:
        """Return the rows of new messages, with their ids, in both tables."""
        session = part.session
        recent = session.recent
        natives = {message.native_id for message in new}
        if len(natives) < len(new):
            new = list({message.native_id: message for message in reversed(new)}.values())[::-1]
        unknown = {message.parent for message in new} - natives - recent.keys()
        if wanted := [parent for parent in unknown if parent is not None]:
            recent.update(self.look_up(thread_id, wanted))
        before = session.start.continues_before
        rows: Rows = []
        keys: Rows = []
        for message_id, message in enumerate(new, self._last_id + 1):
            native_id, parent, role, content, item, created_at, hidden, position = message[:8]
            above = None if parent is None else recent.get(parent)
            recent[native_id] = message_id
            rows.append((message_id, thread_id, role, content, item, created_at, above))
            joint = _NONE if before is None else _joint(session.start, message)
            # What goes on with others is behind them, so that no two sources go on with each other.
            place = position if before is None else max(position, before)
            keys.append((message_id, thread_id, native_id, int(hidden), place, *joint))
        if self._last_id + len(rows) > catalog.LAST_ID:
            raise CorruptStoreError(
                "the store cannot give ids to so many messages; see agentstate doctor"
            )
        self._last_id += len(rows)
        session.remember_less()
        return rows, keys

    def add(self, rows: Rows, keys: Rows) -> None:
        """Add what `rows_of` gave."""
        self._additions.add("messages", _MESSAGE, rows)
        self._additions.add(IMPORTED_MESSAGES, _KEY, keys)


def _joint(start: Start, message: Message) -> tuple[int | None, str | None, int]:
    """Return what a message awaits, of which source, and how far above that."""
    if message.parent is not None:
        return _NONE
    return start.continues_before, start.continues, message.turns_back
