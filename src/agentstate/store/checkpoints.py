"""Checkpoints: states of a thread, saved under ids that the agent chose."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from agentstate import jsontext
from agentstate.db.port import MissingReferenceError
from agentstate.errors import BadInputError, CheckpointNotFoundError, CorruptStoreError
from agentstate.records import CheckpointRecord
from agentstate.store.binding import bind_limit, field_names
from agentstate.store.branches import decoder
from agentstate.store.rows import count, fill, is_sound
from agentstate.store.thread_rows import unknown_thread

if TYPE_CHECKING:
    from agentstate.db.port import Row
    from agentstate.records import JsonValue
    from agentstate.store.branches import Decode
    from agentstate.store.context import Context

_FIELDS: Final = field_names(CheckpointRecord)
_SELECT: Final = "SELECT thread_id, checkpoint_id, state_json, created_at FROM checkpoints"
DEFAULT_LIMIT: Final = 100


class Checkpoints:
    """Save, load, list and delete checkpoints."""

    def __init__(self, context: Context) -> None:
        """Work on the store of `context`."""
        self._context = context
        self._db = context.database

    def save(self, thread_id: str, checkpoint_id: str, state: JsonValue) -> None:
        """Save a state, in place of one of the same id; stands for `save_checkpoint`.

        A `JsonText` is kept byte for byte. Raises `ThreadNotFoundError`, `BadInputError`.
        """
        if not checkpoint_id:
            raise BadInputError("a checkpoint's id must not be empty")
        key = {"thread_id": thread_id, "checkpoint_id": checkpoint_id}
        state_json = jsontext.encode(state, "state")
        with self._db.transaction():
            sql = "SELECT max(created_at) FROM checkpoints WHERE thread_id = :thread_id"
            (newest,) = self._db.one(sql, {"thread_id": thread_id}) or (None,)
            self._remove(key)
            try:
                self._db.execute(
                    "INSERT INTO checkpoints(thread_id, checkpoint_id, state_json, created_at) "
                    "VALUES (:thread_id, :checkpoint_id, :state_json, :created_at)",
                    {
                        **key,
                        "state_json": state_json,
                        "created_at": _no_earlier(self._context.now(), newest),
                    },
                )
            except MissingReferenceError as error:
                raise unknown_thread(thread_id) from error

    def load(
        self, thread_id: str, checkpoint_id: str | None = None, *, raw_json: bool = False
    ) -> CheckpointRecord | None:
        """Return a checkpoint, or the one saved last; stands for `load_checkpoint`.

        With `raw_json` the state is `JsonText`. Raises `CorruptStoreError` where it is not JSON,
        for which the Rust program gives null.
        """
        wanted = "" if checkpoint_id is None else "AND checkpoint_id = :checkpoint_id"
        row = self._db.one(
            f"{_SELECT} WHERE thread_id = :thread_id {wanted} {self._newest_first} LIMIT 1",
            {"thread_id": thread_id, "checkpoint_id": checkpoint_id},
        )
        return _checkpoint(row, decoder(raw_json=raw_json)) if row else None

    def list(
        self, thread_id: str, limit: int | None = DEFAULT_LIMIT, *, raw_json: bool = False
    ) -> list[CheckpointRecord]:
        """Return checkpoints, last saved first (None: all); stands for `list_checkpoints`."""
        clause, params = bind_limit(limit)
        rows = self._db.all(
            f"{_SELECT} WHERE thread_id = :thread_id {self._newest_first} {clause}",
            {"thread_id": thread_id, **params},
        )
        decode = decoder(raw_json=raw_json)
        return [_checkpoint(row, decode) for row in rows]

    def times(self, thread_id: str) -> dict[str, int]:
        """Return when each checkpoint was last saved, the last first, without their states.

        One whose id or time cannot be read is left out.
        """
        rows = self._db.all(
            "SELECT checkpoint_id, created_at FROM checkpoints "
            f"WHERE thread_id = :thread_id {self._newest_first}",
            {"thread_id": thread_id},
        )
        return {
            checkpoint_id: created_at
            for checkpoint_id, created_at in rows
            if isinstance(checkpoint_id, str) and isinstance(created_at, int)
        }

    def exists(self, thread_id: str, checkpoint_id: str) -> bool:
        """Tell whether there is such a checkpoint, also one that cannot be read."""
        sql = (
            "SELECT 1 FROM checkpoints "
            "WHERE thread_id = :thread_id AND checkpoint_id = :checkpoint_id"
        )
        key = {"thread_id": thread_id, "checkpoint_id": checkpoint_id}
        return self._db.one(sql, key) is not None

    def count(self, thread_id: str) -> int:
        """Return how many checkpoints a thread has."""
        sql = "SELECT count(*) FROM checkpoints WHERE thread_id = :thread_id"
        return count(self._db, sql, {"thread_id": thread_id})

    def delete(self, thread_id: str, checkpoint_id: str) -> None:
        """Delete a checkpoint; stands for `delete_checkpoint`.

        Raises `CheckpointNotFoundError`, where the Rust program says nothing.
        """
        with self._db.transaction():
            if not self._remove({"thread_id": thread_id, "checkpoint_id": checkpoint_id}):
                raise CheckpointNotFoundError(
                    f"no checkpoint {checkpoint_id!r} in thread {thread_id!r}"
                )

    @cached_property
    def _newest_first(self) -> str:
        """Return the order of a listing, in which a checkpoint that is saved again comes first."""
        # So `save` deletes and inserts: an upsert would keep the row's place.
        return f"ORDER BY created_at DESC, {self._db.insertion_order('checkpoints')} DESC"

    def _remove(self, key: dict[str, str]) -> int:
        return self._db.execute(
            "DELETE FROM checkpoints "
            "WHERE thread_id = :thread_id AND checkpoint_id = :checkpoint_id",
            key,
        )


def _no_earlier(now: int, newest: object) -> int:
    # A damaged time, which would be text, is none to be later than.
    return max(now, newest) if isinstance(newest, int) else now


def _checkpoint(row: Row, decode: Decode) -> CheckpointRecord:
    """Decode a row of `_SELECT`; raises `CorruptStoreError` where it cannot be read."""
    checkpoint = fill(CheckpointRecord, _FIELDS, row)
    name = f"checkpoint {checkpoint.checkpoint_id!r} in thread {checkpoint.thread_id!r}"
    if not is_sound(checkpoint):
        raise CorruptStoreError(f"{name} has a value of the wrong type; see agentstate doctor")
    try:
        vars(checkpoint)["state"] = decode(checkpoint.state)
    except ValueError as error:
        raise CorruptStoreError(
            f"the state of {name} is not JSON ({error}); see agentstate doctor"
        ) from error
    return checkpoint
