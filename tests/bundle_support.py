"""What the tests of bundles, trash and pruning share: all of a file's rows, and bundles by hand."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from agentstate.store import bundle_reading, bundles
from support import thread

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agentstate import StateStore

    Rows = dict[str, list[tuple[object, ...]]]


def dump(path: Path) -> Rows:
    """Return every row of every table in the order of saving, each value with its type, as bytes.

    Tables that are empty are left out, for another version may lack them.
    """
    found: Rows = {}
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]
        connection.text_factory = bytes
        for name in names:
            columns = [
                column.decode()
                for (column,) in connection.execute(f"SELECT name FROM pragma_table_info('{name}')")  # noqa: S608 - the test's own
            ]
            quoted = ['"' + column.replace('"', '""') + '"' for column in columns]
            values = ", ".join(f"typeof({column}), {column}" for column in quoted)
            rows = connection.execute(f'SELECT {values} FROM "{name}"').fetchall()  # noqa: S608 - as above
            if rows:
                found[name] = [tuple(map(_exact, row)) for row in rows]
    return found


def _exact(value: object) -> object:
    # -0.0 equals 0.0, and 1 equals 1.0, but neither is the other.
    return repr(value) if isinstance(value, float) else value


def unordered(rows: Rows) -> Rows:
    """Return rows by their values: the order among threads says nothing."""
    return {name: sorted(found, key=repr) for name, found in rows.items()}


def fill_thread(store: StateStore, thread_id: str = "t", name: str | None = "Name") -> None:
    """Make a thread that has one of everything, and a fork."""
    store.threads.create(thread(thread_id, name=name, rollout_path="/logs/x.jsonl"))
    first = store.messages.append(thread_id, "user", "one", {"n": 1})
    store.messages.append(thread_id, "assistant", "two")
    store.messages.fork(first, "user", "three")
    for checkpoint_id in ("b", "a", "c"):
        store.checkpoints.save(thread_id, checkpoint_id, {"at": checkpoint_id})


def sealed(lines: Iterable[object]) -> bytes:
    """Return a bundle of these lines, with the end that fits."""
    body = b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
    )
    end = {"rows": body.count(b"\n") - 1, "sha256": hashlib.sha256(body).hexdigest()}
    return body + json.dumps(end).encode() + b"\n"


def unsealed(bundle: bytes) -> list[dict[str, Any]]:
    """Return the lines of a bundle but for its end."""
    return [json.loads(line) for line in bundle.splitlines()[:-1]]


def bundle_of(store: StateStore, path: Path, thread_id: str = "t") -> bytes:
    """Return a thread as a bundle."""
    database = store._context.database  # noqa: SLF001 - below the nouns, which have no such verb yet
    with database.snapshot(), path.open("wb") as file:
        bundles.write(database, thread_id, file, written_at=store.now)
    return path.read_bytes()


def insert(store: StateStore, path: Path) -> None:
    """Add the thread of a bundle to a store."""
    database = store._context.database  # noqa: SLF001 - as above
    with path.open("rb") as file, database.transaction():
        bundle_reading.insert(database, file)
