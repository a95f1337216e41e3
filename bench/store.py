"""The store, in process, against plain sqlite3 with dicts and json.loads doing the same job.

    python bench/store.py [ROUNDS]

Both sides have their connection open and take turns; the least time of each is compared. Exits 1
above a limit.
"""

from __future__ import annotations

import gc
import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentstate import StateStore, ThreadListFilters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Params = dict[str, object]

ROUNDS: Final = 15
MESSAGES: Final = 100_000
THREADS: Final = 2_000
APPENDS: Final = 200
FORK_EVERY: Final = 50

ITEM: Final = {
    "type": "tool_call",
    "name": "exec",
    "args": {"cmd": ["ls", "-la"], "env": {"A": "b"}},
    "seconds": 1.5,
}
BRANCH: Final = """
WITH RECURSIVE walk(id, parent_entry_id, depth) AS (
    SELECT id, parent_entry_id, 0 FROM messages
    WHERE id = (SELECT current_leaf_id FROM threads WHERE id = :thread_id)
    UNION ALL
    SELECT above.id, above.parent_entry_id, walk.depth + 1
    FROM walk JOIN messages AS above ON above.id = walk.parent_entry_id
    WHERE walk.depth < :limit - 1
)
SELECT messages.id, thread_id, role, content, item_json, created_at, messages.parent_entry_id
FROM walk JOIN messages ON messages.id = walk.id ORDER BY walk.depth DESC
"""
LEAVES: Final = """
SELECT id, thread_id, role, content, item_json, created_at, parent_entry_id FROM messages
WHERE thread_id = :thread_id AND NOT EXISTS (
    SELECT 1 FROM messages AS answer WHERE answer.parent_entry_id = messages.id
) ORDER BY id
"""
LIST: Final = """
SELECT id, rollout_path, preview, ephemeral, model_provider, created_at, updated_at, status, path,
    cwd, cli_version, source, title, sandbox_policy, approval_mode, archived, archived_at, git_sha,
    git_branch, git_origin_url, memory_mode, current_leaf_id
FROM threads WHERE archived = 0 ORDER BY updated_at DESC, id
"""
INSERT_THREAD: Final = """
INSERT INTO threads(id, rollout_path, preview, ephemeral, model_provider, created_at, updated_at,
    status, cwd, cli_version, source, title)
VALUES (?, ?, ?, 0, 'deepseek', 1, ?, 'idle', '/home/u/src', '0.8.1', 'api', ?)
"""
INSERT_MESSAGE: Final = """
INSERT INTO messages(thread_id, role, content, item_json, created_at, parent_entry_id)
VALUES (:thread_id, :role, :content, :item_json, :now, :parent) RETURNING id
"""


class Plain:
    """What a program would write that uses sqlite3 itself."""

    def __init__(self, path: Path) -> None:
        """Connect as the store does."""
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute("PRAGMA synchronous = FULL")

    def branch(self, thread_id: str, limit: int) -> list[dict[str, Any]]:
        """Read up from the leaf, root first."""
        return self._messages(BRANCH, {"thread_id": thread_id, "limit": limit})

    def leaves(self, thread_id: str) -> list[dict[str, Any]]:
        """Read the messages that nothing answers."""
        return self._messages(LEAVES, {"thread_id": thread_id})

    def _messages(self, sql: str, params: Params) -> list[dict[str, Any]]:
        found = []
        for row in self.connection.execute(sql, params):
            message_id, thread_id, role, content, item_json, created_at, parent = row
            message = {
                "id": message_id,
                "thread_id": thread_id,
                "role": role,
                "content": content,
                "item": None if item_json is None else json.loads(item_json),
                "created_at": created_at,
                "parent_entry_id": parent,
            }
            found.append(message)
        return found

    def threads(self) -> list[dict[str, Any]]:
        """Read every thread, newest first."""
        cursor = self.connection.execute(LIST)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def append(self, thread_id: str, content: str, item: object) -> int:
        """Append a message in one transaction, as the store does."""
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        known = {"thread_id": thread_id}
        sql = "SELECT current_leaf_id FROM threads WHERE id = :thread_id"
        (leaf,) = execute(sql, known).fetchone()
        now = int(time.time())
        message = {
            "thread_id": thread_id,
            "role": "user",
            "content": content,
            "item_json": json.dumps(item),
            "now": now,
            "parent": leaf,
        }
        ((message_id,),) = execute(INSERT_MESSAGE, message).fetchall()
        execute(
            "UPDATE threads SET current_leaf_id = :leaf, updated_at = max(updated_at, :now) "
            "WHERE id = :thread_id",
            {**known, "leaf": message_id, "now": now},
        )
        execute("COMMIT")
        return int(message_id)


def fill(path: Path) -> None:
    """Make a store: thread `long` is one branch of 100,000, `wide` has as many and 2,001 leaves."""
    StateStore.open(path).close()
    connection = sqlite3.connect(path)
    names = ["long", "wide", "plain", "ours", *map(str, range(THREADS))]
    with connection:
        connection.executemany(
            INSERT_THREAD,
            (
                (name, f"/home/u/{name}.jsonl", f"Please fix {name}", number, f"Name {number}")
                for number, name in enumerate(names)
            ),
        )
        connection.executemany(
            "INSERT INTO messages(id, thread_id, role, content, item_json, created_at, "
            "parent_entry_id) VALUES (?, ?, 'assistant', ?, ?, 1760000000, ?)",
            (*messages("long", 1, fork_every=0), *messages("wide", MESSAGES + 1, FORK_EVERY)),
        )
        connection.executemany(
            "UPDATE threads SET current_leaf_id = ? WHERE id = ?",
            [(MESSAGES, "long"), (2 * MESSAGES - 1, "wide")],
        )
    connection.close()


def messages(thread_id: str, first: int, fork_every: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows: a chain from which, now and then, one message leads nowhere."""
    parent = None
    for number in range(first, first + MESSAGES):
        item = json.dumps({**ITEM, "number": number}) if number % 3 == 0 else None
        yield number, thread_id, f"What the model said, {number}. " * 8, item, parent
        if not fork_every or number % fork_every:
            parent = number


def least(sides: list[Callable[[], object]], rounds: int) -> list[float]:
    """Return the least time of each side, in seconds; they take turns."""
    found = [float("inf")] * len(sides)
    for _ in range(rounds):
        for number, side in enumerate(sides):
            gc.collect()
            started = time.perf_counter()
            side()
            found[number] = min(found[number], time.perf_counter() - started)
    return found


def main(arguments: list[str]) -> int:
    """Measure, print a table, and return 1 where a limit is passed."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    failed = False
    print(f"{'':32} {'plain':>10} {'agentstate':>10}  ratio  limit")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        fill(path)
        with StateStore.open(path) as store:
            for name, limit, sides in comparisons(store, Plain(path)):
                plain, ours = least(sides, rounds)
                ratio = ours / plain
                failed |= ratio > limit
                verdict = "ok" if ratio <= limit else "TOO SLOW"
                print(
                    f"{name:32} {plain * 1000:7.2f} ms {ours * 1000:7.2f} ms "
                    f"{ratio:6.2f} {limit:6.2f}  {verdict}"
                )
    return int(failed)


def comparisons(
    store: StateStore, plain: Plain
) -> Iterator[tuple[str, float, list[Callable[[], object]]]]:
    """Yield what is measured: its name, its limit, and the two sides, which must agree."""
    everything = ThreadListFilters(limit=None)
    content, item = "What the user said. " * 10, {**ITEM, "number": 1}

    def append_plain() -> None:
        for _ in range(APPENDS):
            plain.append("plain", content, item)

    def append_ours() -> None:
        for _ in range(APPENDS):
            store.messages.append("ours", "user", content, item)

    reading: list[tuple[str, float, Callable[[], list[Any]], Callable[[], Any]]] = [
        (
            "read 500 of 100,000 messages",
            1.3,
            lambda: plain.branch("long", 500),
            lambda: store.messages.branch("long", 500),
        ),
        (
            "read 100,000 messages",
            1.3,
            lambda: plain.branch("long", MESSAGES),
            lambda: store.messages.branch("long", None),
        ),
        (
            "list 2,001 leaves of 100,000",
            1.3,
            lambda: plain.leaves("wide"),
            lambda: store.messages.leaves("wide"),
        ),
        ("list 2,004 threads", 1.6, plain.threads, lambda: store.threads.list(everything)),
    ]
    for name, limit, theirs, ours in reading:
        if [one["id"] for one in theirs()] != [one.id for one in ours()]:
            raise AssertionError(f"{name}: the sides disagree")
        yield name, limit, [theirs, ours]
    yield f"append {APPENDS} messages", 1.2, [append_plain, append_ours]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
