"""Dynamic tools: what a thread offers to the model beyond the built-in tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db.port import DuplicateKeyError
from agentstate.errors import BadInputError, CorruptStoreError
from agentstate.records import DynamicToolRecord
from agentstate.store.binding import bind, field_names
from agentstate.store.branches import decoder
from agentstate.store.rows import fill, is_sound
from agentstate.store.thread_rows import require_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentstate.db.port import Row
    from agentstate.store.branches import Decode
    from agentstate.store.context import Context

_FIELDS: Final = field_names(DynamicToolRecord)
_COLUMNS: Final = ", ".join(_FIELDS)


class Tools:
    """Replace and list a thread's dynamic tools."""

    def __init__(self, context: Context) -> None:
        """Work on the store of `context`."""
        self._db = context.database

    def replace(self, thread_id: str, tools: Iterable[DynamicToolRecord]) -> None:
        """Put these tools in place of all that the thread has, or change nothing.

        Stands for the Rust program's `persist_dynamic_tools`. Raises `ThreadNotFoundError`, and
        `BadInputError` for two tools at one position.
        """
        rows = [{"thread_id": thread_id, **bind(tool)} for tool in tools]
        with self._db.transaction():
            require_thread(self._db, thread_id)
            sql = "DELETE FROM thread_dynamic_tools WHERE thread_id = :thread_id"
            self._db.execute(sql, {"thread_id": thread_id})
            try:
                self._db.execute_many(
                    f"INSERT INTO thread_dynamic_tools(thread_id, {_COLUMNS}) "
                    "VALUES (:thread_id, :position, :name, :description, :input_schema)",
                    rows,
                )
            except DuplicateKeyError as error:
                raise BadInputError("two tools have the same position") from error

    def list(self, thread_id: str, *, raw_json: bool = False) -> list[DynamicToolRecord]:
        """Return a thread's tools by position; stands for `get_dynamic_tools`.

        With `raw_json` the schemas are `JsonText`. Raises `CorruptStoreError`.
        """
        decode = decoder(raw_json=raw_json)
        rows = self._db.all(
            f"SELECT {_COLUMNS} FROM thread_dynamic_tools "
            "WHERE thread_id = :thread_id ORDER BY position",
            {"thread_id": thread_id},
        )
        return [_tool(row, thread_id, decode) for row in rows]


def _tool(row: Row, thread_id: str, decode: Decode) -> DynamicToolRecord:
    """Decode a row of `_COLUMNS`; raises `CorruptStoreError` where it cannot be read."""
    tool = fill(DynamicToolRecord, _FIELDS, row)
    name = f"tool {tool.name!r} in thread {thread_id!r}"
    if not is_sound(tool):
        raise CorruptStoreError(f"{name} has a value of the wrong type; see agentstate doctor")
    try:
        vars(tool)["input_schema"] = decode(tool.input_schema)
    except ValueError as error:
        raise CorruptStoreError(
            f"the schema of {name} is not JSON ({error}); see agentstate doctor"
        ) from error
    return tool
