"""Writes of whole stores: migrate, back up, restore, vacuum, mend, recover."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate import StateStore
from agentstate.store import NEWEST_VERSION
from old_stores import OLD, old_store, tree
from stress.messages import appended, one_thread, printed
from stress.nursery import call
from stress.operation import Operation, commands, library, numbered_messages, text
from stress.soundness import assert_sound, assert_whole
from stress.threads import full_threads
from support import new_store, raw, rows

if TYPE_CHECKING:
    from stress.operation import Found


@cache
def _migrated(name: str) -> list[tuple[object, ...]]:
    """Return the messages and leaves that a migration must come to."""
    with tempfile.TemporaryDirectory() as folder:
        db = old_store(name, Path(folder))
        StateStore.open(db).close()
        return tree(db)


def _migration(name: str) -> Operation:
    def prepare(db: Path) -> None:
        old_store(name, db.parent)

    def found(db: Path) -> Found:
        ((version,),) = rows(db, "PRAGMA user_version")
        sql = "SELECT id, thread_id, content, item_json FROM messages ORDER BY id"
        expected = _migrated(name)
        messages = [row[:4] for row in expected if len(row) > 2]
        assert rows(db, sql) == messages
        if not version:
            return {}
        assert tree(db) == expected
        return {0: (0, None)} if version == NEWEST_VERSION else {}

    return Operation(prepare, library(lambda *_: None), found, writes=1, anew=True)


# Copies


def _append(_: Path, number: int) -> tuple[str, ...]:
    return ("messages", "append", "t0", "--role", "user", "--content", text(number))


def _copy_of(db: Path) -> Path:
    return db.parent / "copy" / "state.db"


def _is_copy(name: str) -> bool:
    return name in {"copy/state.db", "copy/session_index.jsonl"}


def _back_up(db: Path, _: int) -> tuple[object, ...]:
    return ("backup", _copy_of(db), "--force")


def _backed_up(db: Path) -> Found:
    """Find a backup that is whole, with all messages up to some number."""
    copy = _copy_of(db)
    if not copy.exists():
        return {}
    assert_sound(copy)
    found = appended(copy)
    assert list(found) == list(range(len(found)))
    return {0: found[len(found) - 1]}


_MESSAGES: Final = 300


def _store_of(db: Path, first: int) -> None:
    """Make a store with many messages, numbered from `first`, in a chain."""
    new_store(db)
    with raw(db) as connection:
        connection.execute("BEGIN")
        for number in range(_MESSAGES):
            connection.execute(
                "INSERT INTO messages(thread_id, role, content, created_at, parent_entry_id) "
                "VALUES ('t0', 'user', ?, 1, (SELECT max(id) FROM messages))",
                (text(first + number),),
            )
        connection.execute("UPDATE threads SET current_leaf_id = (SELECT max(id) FROM messages)")
        connection.execute("COMMIT")


def _numbers(db: Path) -> list[int]:
    return [number for number, _, _ in numbered_messages(db)]


_OLD: Final = list(range(_MESSAGES))
_NEW: Final = list(range(_MESSAGES, 2 * _MESSAGES))


def _with_backup(db: Path) -> None:
    _store_of(db, _OLD[0])
    _copy_of(db).parent.mkdir()
    _store_of(_copy_of(db), _NEW[0])
    _copy_of(db).with_name("session_index.jsonl.lock").unlink()


_KEPT: Final = re.compile(r"state\.db\.backups/[^/]+/[^.].*")


def _is_kept_or_copy(name: str) -> bool:
    return _is_copy(name) or _KEPT.fullmatch(name) is not None


def _kept(db: Path) -> list[Path]:
    return sorted(db.with_name("state.db.backups").glob("*/state.db"))


def _restored(db: Path) -> Found:
    """Find the old store or the new, and the old one kept where the new is there."""
    assert _numbers(_copy_of(db)) == _NEW
    for kept in _kept(db):
        assert_sound(kept)
    numbers = _numbers(db)
    assert numbers in (_OLD, _NEW)
    if numbers == _OLD:
        return {}
    assert _OLD in [_numbers(kept) for kept in _kept(db)]
    return {0: (0, None)}


def _recovered(db: Path) -> Found:
    """Find the store as it was, and no other one, or all of it."""
    assert _numbers(db) == _OLD
    copy = _copy_of(db)
    if not copy.exists():
        return {}
    assert_sound(copy)
    assert _numbers(copy) == _OLD
    return {0: (0, None)}


# The doctor

_DAMAGE: Final = """
PRAGMA foreign_keys = OFF;
UPDATE messages SET parent_entry_id = 99999 WHERE id = 2;
UPDATE messages SET parent_entry_id = 8 WHERE id = 7;
UPDATE messages SET parent_entry_id = 1 WHERE id = 12;
UPDATE threads SET current_leaf_id = 88888 WHERE id = 't1';
UPDATE threads SET current_leaf_id = NULL WHERE id = 't2';
UPDATE threads SET current_leaf_id = 1 WHERE id = 't3';
UPDATE threads SET archived = 1 WHERE id = 't4';
"""
"""A parent that is missing, a cycle, a foreign parent; a leaf that is missing, none, foreign."""


def damaged(db: Path) -> None:
    full_threads(db)
    with raw(db) as connection:
        connection.executescript(_DAMAGE)
    with db.with_name("session_index.jsonl").open("ab") as index:
        index.write(b'{"thread_id":"t1","thread_na\n')


_ALL: Final = [
    (number + 1, f"t{number // 3}", ("one", "two", "three")[number % 3]) for number in range(120)
]


def _mended(db: Path) -> Found:
    """Find every message, and either the damage or nothing wrong."""
    assert rows(db, "SELECT id, thread_id, content FROM messages ORDER BY id") == _ALL
    for kept in _kept(db):
        assert_whole(kept)
    outcome = call(db, "doctor")
    assert outcome.code in {0, 6}, outcome
    if outcome.code:
        return {}
    assert_sound(db)
    assert _kept(db)
    return {0: (0, None)}


OPERATIONS: Final[dict[str, Operation]] = {
    **{f"migration of {name}": _migration(name) for name in OLD},
    "backup": Operation(
        one_thread,
        commands(_append, _back_up),
        printed(_backed_up),
        writes=60,
        slot=lambda _: 0,
        may_leave=_is_copy,
    ),
    "restore": Operation(
        _with_backup,
        commands(lambda db, _: ("restore", _copy_of(db), "--yes")),
        _restored,
        writes=1,
        anew=True,
        may_leave=_is_kept_or_copy,
    ),
    "vacuum": Operation(
        one_thread,
        commands(_append, lambda *_: ("vacuum",)),
        printed(appended),
        writes=200,
    ),
    "doctor --fix": Operation(
        damaged,
        commands(lambda *_: ("doctor", "--fix")),
        _mended,
        writes=1,
        anew=True,
        check=assert_whole,
        may_leave=lambda name: name.startswith("session_index.jsonl.bak") or _is_kept_or_copy(name),
    ),
    "recover": Operation(
        lambda db: _store_of(db, _OLD[0]),
        commands(lambda db, _: ("recover", _copy_of(db))),
        _recovered,
        writes=1,
        anew=True,
        may_leave=_is_copy,
    ),
}
