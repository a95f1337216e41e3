"""Messages that the store has and a source tells anew: by a better id, or with other words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db import own_schema
from agentstate.db.own_schema import IMPORTED_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.db.port import Database
    from agentstate.formats.events import Message

_DIFFERS: Final = "id = :id AND item_json IS NOT :item"
"""Whether the source's own record is another than it was. A text that others changed is theirs."""


class Renewal(NamedTuple):
    """A message as its source tells it now."""

    message: Message
    message_id: int
    is_renamed: bool
    """Whether the store knows it by the native id that it had before."""


class Renewals:
    """What sources tell anew of imported messages."""

    def __init__(self, database: Database) -> None:
        """Work on an open store."""
        self._db = database

    def changed(self, renewals: Sequence[Renewal]) -> list[Renewal]:
        """Return those that the store has otherwise."""
        return [one for one in renewals if one.is_renamed or self._differs(one)]

    def apply(self, renewals: Sequence[Renewal]) -> None:
        """Write what `changed` gave."""
        for message, message_id, is_renamed in renewals:
            self._db.execute(
                f"UPDATE messages SET role = :role, content = :content, item_json = :item "
                f"WHERE {_DIFFERS}",
                {
                    "id": message_id,
                    "role": message.role,
                    "content": message.content,
                    "item": message.item,
                },
            )
            named = "native_id = :native_id, position = :position, " if is_renamed else ""
            self._db.execute(
                f"UPDATE {IMPORTED_MESSAGES} SET {named}hidden = :hidden WHERE message_id = :id",
                {
                    "id": message_id,
                    "hidden": int(message.hidden),
                    **(
                        {"native_id": message.native_id, "position": message.position}
                        if is_renamed
                        else {}
                    ),
                },
            )
        if renewals:
            own_schema.note_changes(self._db)

    def _differs(self, one: Renewal) -> bool:
        sql = f"SELECT 1 FROM messages WHERE {_DIFFERS}"
        params = {"id": one.message_id, "item": one.message.item}
        return self._db.one(sql, params) is not None
