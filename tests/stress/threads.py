"""Writes of threads: create, rename, archive, delete, bring back, prune."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agentstate import DynamicToolRecord, StateStore
from stress.messages import one_thread
from stress.nursery import call
from stress.operation import Operation, commands, library, text
from support import Clock, new_store, raw, rows, thread

if TYPE_CHECKING:
    from pathlib import Path

    from stress.operation import Found

THREADS: Final = 40
"""How many threads there are to be archived, deleted or brought back."""
NAMED: Final = 4
"""How many threads there are to be renamed again and again."""


def _create(store: StateStore, number: int) -> None:
    store.threads.create(thread(f"c{number}", name=f"name {number}", preview=text(number)))


def _created(db: Path) -> Found:
    found: Found = {}
    for thread_id, name, preview in rows(db, "SELECT id, title, preview FROM threads"):
        if thread_id != "t0":
            number = int(thread_id.removeprefix("c"))
            assert (name, preview) == (f"name {number}", text(number))
            found[number] = (number, None)
    return found


def named_threads(db: Path) -> None:
    new_store(db, NAMED)


def rename(store: StateStore, number: int) -> None:
    store.threads.rename(f"t{number % NAMED}", f"name {number}")


def renamed(db: Path) -> Found:
    sql = "SELECT id, title FROM threads WHERE title IS NOT NULL"
    return {
        int(thread_id[1:]): (int(name.removeprefix("name ")), None)
        for thread_id, name in rows(db, sql)
    }


def renaming_line(number: int) -> tuple[str, str]:
    return f"t{number % NAMED}", f"name {number}"


def full_threads(db: Path) -> None:
    """Make threads that have messages, a fork, a checkpoint, a tool and a name."""
    with StateStore.open(db, clock=Clock()) as store:
        store.threads.create(thread("t0", name="name 0"))
        first = store.messages.append("t0", "system", "one")
        store.messages.append("t0", "system", "two")
        store.messages.fork(first, "system", "three")
        store.checkpoints.save("t0", "c", {"n": 0})
        store.tools.replace("t0", [DynamicToolRecord(position=0, name="tool", input_schema={})])
    with raw(db) as connection:
        connection.executescript(_MULTIPLY)


_MULTIPLY: Final = """
BEGIN;
CREATE TEMP TABLE copies(n INTEGER PRIMARY KEY);
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT 39)
INSERT INTO copies SELECT n FROM numbers;
INSERT INTO threads(id, title, preview, ephemeral, model_provider, created_at, updated_at, status,
                    cwd, cli_version, source, archived, current_leaf_id)
SELECT 't' || n, 'name ' || n, preview, ephemeral, model_provider, created_at, updated_at, status,
       cwd, cli_version, source, archived, 3 * n + 3 FROM threads, copies;
INSERT INTO messages(id, thread_id, role, content, created_at, parent_entry_id)
SELECT 3 * n + id, 't' || n, role, content, created_at, 3 * n + parent_entry_id
FROM messages, copies;
INSERT INTO checkpoints(thread_id, checkpoint_id, state_json, created_at)
SELECT 't' || n, checkpoint_id, state_json, created_at FROM checkpoints, copies;
INSERT INTO thread_dynamic_tools(thread_id, position, name, input_schema)
SELECT 't' || n, position, name, input_schema FROM thread_dynamic_tools, copies;
COMMIT;
"""

_PARTS: Final = """
SELECT (SELECT count(*) FROM threads WHERE id = ?1),
       (SELECT count(*) FROM messages WHERE thread_id = ?1),
       (SELECT count(*) FROM checkpoints WHERE thread_id = ?1),
       (SELECT count(*) FROM thread_dynamic_tools WHERE thread_id = ?1)
"""
_WHOLE: Final = [(1, 3, 1, 1)]
_GONE: Final = [(0, 0, 0, 0)]


def _archive(store: StateStore, number: int) -> None:
    store.threads.archive(f"t{number}")


def _archived(db: Path) -> Found:
    found: Found = {}
    sql = "SELECT id, archived, archived_at IS NOT NULL, status FROM threads"
    for thread_id, *state in rows(db, sql):
        assert state in ([0, 0, "idle"], [1, 1, "archived"])
        assert rows(db, _PARTS, thread_id) == _WHOLE
        if state[0]:
            number = int(thread_id[1:])
            found[number] = (number, None)
    return found


def _delete(store: StateStore, number: int) -> None:
    store.threads.delete(f"t{number}")


def _deleted(db: Path) -> Found:
    found: Found = {}
    for number in range(THREADS):
        parts = rows(db, _PARTS, f"t{number}")
        assert parts in (_WHOLE, _GONE)
        if parts == _GONE:
            found[number] = (number, None)
    return found


def _deleting_line(number: int) -> tuple[str, None]:
    return f"t{number}", None


_TRASH: Final = re.compile(r"state\.db\.trash/[^.].*\.ndjson")


def _is_in_trash(name: str) -> bool:
    return _TRASH.fullmatch(name) is not None


def _kept(db: Path) -> set[str]:
    """Return the ids of the threads that can be brought back."""
    outcome = call(db, "threads", "trash", "list", "-o", "id")
    assert (outcome.code, outcome.notes) == (0, ""), outcome
    return set(outcome.output.split())


def _deleted_and_kept(db: Path) -> Found:
    found = _deleted(db)
    assert {f"t{number}" for number in found} <= _kept(db)
    return found


def _trashed_threads(db: Path) -> None:
    full_threads(db)
    with StateStore.open(db) as store:
        for number in range(THREADS):
            store.trash.put(f"t{number}")


_IDS: Final = "SELECT id, parent_entry_id FROM messages WHERE thread_id = ? ORDER BY id"


def _undeleted(db: Path) -> Found:
    found: Found = {}
    for number in set(range(THREADS)) - set(_deleted(db)):
        first = 3 * number + 1
        expected = [(first, None), (first + 1, first), (first + 2, first)]
        assert rows(db, _IDS, f"t{number}") == expected
        found[number] = (number, f"t{number}")
    gone = {f"t{number}" for number in range(THREADS) if number not in found}
    assert gone <= _kept(db)
    return found


def _old_threads(db: Path) -> None:
    full_threads(db)
    with raw(db) as connection:
        connection.execute("UPDATE threads SET updated_at = 1")


def _pruned(db: Path) -> Found:
    """Find all deleted, or some, each whole or gone and kept in the trash."""
    done = len(_deleted_and_kept(db)) == THREADS
    return {0: (0, None)} if done else {}


OPERATIONS: Final[dict[str, Operation]] = {
    "threads create": Operation(
        one_thread,
        library(_create),
        _created,
        writes=600,
        index_line=lambda n: (f"c{n}", f"name {n}"),
    ),
    "threads rename": Operation(
        named_threads,
        library(rename),
        renamed,
        writes=2000,
        slot=lambda n: n % NAMED,
        index_line=renaming_line,
    ),
    "threads archive": Operation(full_threads, library(_archive), _archived, writes=THREADS),
    "threads delete": Operation(
        full_threads, library(_delete), _deleted, writes=THREADS, index_line=_deleting_line
    ),
    "threads delete by command": Operation(
        full_threads,
        commands(lambda _, n: ("threads", "delete", f"t{n}", "--yes")),
        _deleted_and_kept,
        writes=THREADS,
        index_line=_deleting_line,
        may_leave=_is_in_trash,
    ),
    "threads undelete": Operation(
        _trashed_threads,
        commands(lambda _, n: ("threads", "undelete", f"t{n}")),
        _undeleted,
        writes=THREADS,
        index_line=lambda n: (f"t{n}", f"name {n}"),
        may_leave=_is_in_trash,
    ),
    "threads prune": Operation(
        _old_threads,
        commands(lambda *_: ("threads", "prune", "--older-than", "1d", "--yes")),
        _pruned,
        writes=1,
        anew=True,
        may_leave=_is_in_trash,
    ),
}
