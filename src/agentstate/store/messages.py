"""Messages: the tree of each thread, and the leaf at which it goes on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from agentstate import jsontext
from agentstate.db.port import MissingReferenceError, NoSpaceError
from agentstate.errors import (
    BadInputError,
    ConflictError,
    CorruptStoreError,
    MessageNotFoundError,
    ThreadNotFoundError,
)
from agentstate.store import branches, forks
from agentstate.store.binding import BUMP, require_limit
from agentstate.store.branches import COLUMNS, decode_in_part, decode_message, decoder
from agentstate.store.thread_rows import require_thread, unknown_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import EllipsisType

    from agentstate.db.port import Row
    from agentstate.records import JsonValue, MessageRecord, SideBranch
    from agentstate.store.context import Context
    from agentstate.store.openings import MessageOpening

DEFAULT_LIMIT: Final = 500


class Messages:
    """Append, fork, list and clear messages, and move the leaf."""

    def __init__(self, context: Context) -> None:
        """Work on the store of `context`."""
        self._context = context
        self._db = context.database

    def append(
        self,
        thread_id: str,
        role: str,
        content: str,
        item: JsonValue = None,
        *,
        expect_leaf: int | EllipsisType | None = ...,
    ) -> int:
        """Add a message below the thread's leaf, make it the leaf, and return its id.

        Stands for the Rust program's `append_message`. With `expect_leaf` (a message id, or None
        for "no leaf yet") another leaf raises `ConflictError` and nothing is written. Raises
        `ThreadNotFoundError`, and `CorruptStoreError` where the leaf is not of this thread.
        """
        item_json = _encode(role, content, item)
        with self._db.transaction():
            leaf = self._require_leaf(thread_id)
            if expect_leaf is not ... and leaf != expect_leaf:
                is_, expected = ("none" if one is None else one for one in (leaf, expect_leaf))
                raise ConflictError(
                    f"the leaf of thread {thread_id!r} is {is_}, not {expected}; "
                    "nothing was appended"
                )
            return self._insert(thread_id, role, content, item_json, leaf)

    def fork(self, message_id: int, role: str, content: str, item: JsonValue = None) -> int:
        """Add a message below any message, make it its thread's leaf, and return its id.

        Stands for the Rust program's `fork_at_message`. Raises `MessageNotFoundError`, and
        `CorruptStoreError` for a message whose thread is missing.
        """
        item_json = _encode(role, content, item)
        with self._db.transaction():
            thread_id = self.thread_of(message_id)
            if thread_id is None:
                raise MessageNotFoundError(f"no message {message_id}")
            try:
                return self._insert(thread_id, role, content, item_json, message_id)
            except MissingReferenceError as error:
                raise CorruptStoreError(
                    f"message {message_id} is in thread {thread_id!r}, which is missing; "
                    "see agentstate doctor"
                ) from error

    def get(self, message_id: int, *, raw_json: bool = False) -> MessageRecord | None:
        """Return a message, or None. For `raw_json` see `branch`."""
        sql = f"SELECT {COLUMNS} FROM messages WHERE id = :message_id"
        row = self._db.one(sql, {"message_id": message_id})
        return decode_message(row, decoder(raw_json=raw_json)) if row else None

    def branch(
        self,
        thread_id: str,
        limit: int | None = DEFAULT_LIMIT,
        *,
        leaf: int | None = None,
        raw_json: bool = False,
    ) -> list[MessageRecord]:
        """Return the `limit` messages nearest the leaf, root first; None for all.

        Stands for the Rust program's `list_messages`. `leaf` names another message of the thread
        to start from. With `raw_json` the items are `JsonText`, checked but not decoded. Raises
        `CorruptStoreError` for a cycle, a parent that is missing or in another thread, a leaf
        that is dangling or foreign, or an item that is not JSON.
        """
        require_limit(limit)
        # One state for all of it: a leaf that another program clears meanwhile is no damage.
        with self._db.snapshot():
            start = self._start(thread_id, leaf)
            if start is None or limit == 0:
                return []
            return branches.read(self._db, thread_id, start, limit, raw_json=raw_json)

    def stream(
        self, thread_id: str, *, leaf: int | None = None, raw_json: bool = False
    ) -> Iterator[MessageRecord]:
        """Yield the whole branch, root first, holding only some hundreds of messages at once."""
        with self._db.snapshot():
            start = self._start(thread_id, leaf)
            if start is not None:
                yield from branches.stream(self._db, thread_id, start, raw_json=raw_json)

    def branch_ids(
        self, thread_id: str, limit: int | None = None, *, leaf: int | None = None
    ) -> list[int]:
        """Return the ids of the `limit` messages nearest the leaf, root first; None for all."""
        require_limit(limit)
        with self._db.snapshot():
            start = self._start(thread_id, leaf)
            if start is None or limit == 0:
                return []
            return branches.ids(self._db, thread_id, start, limit)

    def branch_length(self, thread_id: str, *, leaf: int | None = None) -> int:
        """Return how many messages the whole branch has; a damaged one, how many are reached."""
        start = self._start(thread_id, leaf)
        return 0 if start is None else branches.length(self._db, thread_id, start)

    def newest_leaf_below(self, message_id: int) -> int:
        """Return the newest message that a message leads to and that nothing answers.

        Itself, where nothing answers it, or where damage has the answers go round in a circle.
        """
        return forks.newest_leaf_below(self._db, message_id)

    def side_branches(
        self, thread_id: str, path: Sequence[int], *, skip_hidden: bool = False
    ) -> list[SideBranch]:
        """Return the branches that leave `path`, which holds ids from a message down its answers.

        Where the path begins at a root, the thread's other roots are among them. With
        `skip_hidden`, which is for threads that have hidden messages, those count for nothing: a
        branch of such alone is none, and another begins with the first that is not hidden, whose
        parent is given as the message where the branch leaves.
        """
        return forks.side_branches(self._db, thread_id, path, skip_hidden=skip_hidden)

    def newest_ids(
        self, thread_id: str | None = None, *, prefix: str = "", limit: int = DEFAULT_LIMIT
    ) -> list[int]:
        """Return the newest ids, of a thread or of all, whose digits start with `prefix`."""
        from agentstate.store import openings  # noqa: PLC0415 - for completion only

        return openings.newest_ids(self._db, thread_id, prefix, limit)

    def openings(self, message_ids: Sequence[int]) -> list[MessageOpening]:
        """Return how messages begin, in the order given, without reading them whole."""
        from agentstate.store import openings  # noqa: PLC0415 - as above

        return openings.openings(self._db, message_ids)

    def leaves(self, thread_id: str, *, raw_json: bool = False) -> list[MessageRecord]:
        """Return the messages that nothing answers, by id; stands for `list_leaf_messages`.

        As there, an answer in another thread, which only damage makes, is one; a tree's sizes
        and `ThreadStats` do not count it. To look would double the time. With `raw_json`, which
        is for showing, a message that cannot be read is given in part, its item as None, and
        reported as an `AgentStateWarning`; otherwise it raises `CorruptStoreError`.
        """
        decode = _decode(raw_json=raw_json)
        rows = self._db.all(
            f"SELECT {COLUMNS} FROM messages WHERE thread_id = :thread_id AND NOT EXISTS ("
            "SELECT 1 FROM messages AS answer WHERE answer.parent_entry_id = messages.id"
            ") ORDER BY id",
            {"thread_id": thread_id},
        )
        return [decode(row) for row in rows]

    def all(self, thread_id: str, *, raw_json: bool = False) -> Iterator[MessageRecord]:
        """Yield every message of a thread on all branches, by id, whatever the tree looks like.

        For `raw_json` see `leaves`.
        """
        decode = _decode(raw_json=raw_json)
        sql = f"SELECT {COLUMNS} FROM messages WHERE thread_id = :thread_id ORDER BY id"
        for row in self._db.stream(sql, {"thread_id": thread_id}):
            yield decode(row)

    def checkout(self, thread_id: str, message_id: int) -> None:
        """Make a message of the thread its leaf; stands for `set_current_leaf_id`.

        Raises `ThreadNotFoundError`, and `MessageNotFoundError` for a message that is not in
        this thread, which the Rust program would accept.
        """
        with self._db.transaction():
            require_thread(self._db, thread_id)
            if self.thread_of(message_id) != thread_id:
                raise MessageNotFoundError(f"no message {message_id} in thread {thread_id!r}")
            self._move_leaf(thread_id, message_id, self._context.now())

    def clear(self, thread_id: str) -> int:
        """Delete a thread's messages and return how many; stands for `clear_messages`.

        The leaf becomes None; ids are never used again. Raises `ThreadNotFoundError`.
        """
        params = {"thread_id": thread_id}
        with self._db.transaction():
            sql = "UPDATE threads SET current_leaf_id = NULL WHERE id = :thread_id"
            if not self._db.execute(sql, params):
                raise unknown_thread(thread_id)
            return self._db.execute("DELETE FROM messages WHERE thread_id = :thread_id", params)

    def thread_of(self, message_id: int) -> str | None:
        """Return the id of the thread that a message is in, or None."""
        sql = "SELECT thread_id FROM messages WHERE id = :message_id"
        row = self._db.one(sql, {"message_id": message_id})
        return str(row[0]) if row else None

    def leaf_of(self, thread_id: str) -> int | None:
        """Return a thread's leaf, None where it has none yet and for an unknown thread.

        Raises `CorruptStoreError` for a leaf that is no message of this thread.
        """
        try:
            return self._require_leaf(thread_id)
        except ThreadNotFoundError:
            return None

    def _require_leaf(self, thread_id: str) -> int | None:
        row = self._db.one(
            "SELECT threads.current_leaf_id, messages.thread_id FROM threads "
            "LEFT JOIN messages ON messages.id = threads.current_leaf_id "
            "WHERE threads.id = :thread_id",
            {"thread_id": thread_id},
        )
        if row is None:
            raise unknown_thread(thread_id)
        leaf, leaf_thread = row
        if leaf is not None and leaf_thread != thread_id:
            raise branches.bad_leaf(thread_id, leaf, leaf_thread)
        return None if leaf is None else int(leaf)

    def _start(self, thread_id: str, leaf: int | None) -> int | None:
        """Return the message at which a branch ends; None for an unknown or empty thread."""
        if leaf is not None:
            if self.thread_of(leaf) != thread_id:
                raise MessageNotFoundError(f"no message {leaf} in thread {thread_id!r}")
            return leaf
        sql = "SELECT current_leaf_id FROM threads WHERE id = :thread_id"
        row = self._db.one(sql, {"thread_id": thread_id})
        start: int | None = row[0] if row else None
        return start

    def _insert(
        self, thread_id: str, role: str, content: str, item_json: str | None, parent: int | None
    ) -> int:
        now = self._context.now()
        try:
            row = self._db.one(
                "INSERT INTO messages(thread_id, role, content, item_json, created_at, "
                "parent_entry_id) VALUES (:thread_id, :role, :content, :item_json, :now, :parent) "
                "RETURNING id",
                {
                    "thread_id": thread_id,
                    "role": role,
                    "content": content,
                    "item_json": item_json,
                    "now": now,
                    "parent": parent,
                },
            )
        except NoSpaceError as error:
            self._require_an_id(error)
            raise
        if row is None:
            raise CorruptStoreError(f"no id came back for a new message of {thread_id!r}")
        message_id = int(row[0])
        self._move_leaf(thread_id, message_id, now)
        return message_id

    def _require_an_id(self, error: NoSpaceError) -> None:
        """Raise `CorruptStoreError` where it was no disk that was full, but the ids are used up."""
        from agentstate.db import catalog  # noqa: PLC0415 - rarely needed

        if catalog.ids_are_used_up(self._db, "messages"):
            raise CorruptStoreError(
                f"the store has given a message the last id there is, {catalog.LAST_ID}, and none "
                "can be added; see agentstate doctor"
            ) from error

    def _move_leaf(self, thread_id: str, message_id: int, now: int) -> None:
        self._db.execute(
            f"UPDATE threads SET current_leaf_id = :leaf, {BUMP} WHERE id = :thread_id",
            {"leaf": message_id, "now": now, "thread_id": thread_id},
        )


def _decode(*, raw_json: bool) -> Callable[[Row], MessageRecord]:
    """Return how to read the rows of a listing; see `Messages.leaves`."""
    if raw_json:
        return decode_in_part
    return partial(decode_message, decode=decoder(raw_json=False))


def _encode(role: str, content: str, item: JsonValue) -> str | None:
    """Return the item's JSON text, after a look at what will be stored with it."""
    for name, text in (("role", role), ("content", content)):
        if not isinstance(text, str):
            raise BadInputError(f"{name} must be text, not {type(text).__name__}")
    if not role:
        raise BadInputError("a message's role must not be empty")
    return None if item is None else jsontext.encode(item, "item")
