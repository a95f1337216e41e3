"""Writes of messages and checkpoints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from agentstate import StateStore
from stress.operation import Operation, commands, library, numbered_messages, text
from support import new_store, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stress.operation import Found

_ROOTS: Final = 5
_NAMED: Final = 4
"""How many checkpoints there are, saved again and again."""


def one_thread(db: Path) -> None:
    new_store(db)


def _append(store: StateStore, number: int) -> int:
    return store.messages.append("t0", "user", text(number))


def appended(db: Path) -> Found:
    found: Found = {}
    newest = None
    for number, message_id, parent in numbered_messages(db):
        assert parent == newest
        newest = message_id
        found[number] = (number, message_id)
    assert rows(db, "SELECT current_leaf_id FROM threads") == [(newest,)]
    return found


def _with_roots(db: Path) -> None:
    new_store(db)
    with StateStore.open(db) as store:
        for number in range(_ROOTS):
            store.messages.append("t0", "system", str(number))


def _fork_point(number: int) -> int:
    return 1 + number * 7 % _ROOTS


def _fork(store: StateStore, number: int) -> int:
    return store.messages.fork(_fork_point(number), "user", text(number))


def _forked(db: Path) -> Found:
    found: Found = {}
    newest = _ROOTS
    for number, message_id, parent in numbered_messages(db):
        assert parent == _fork_point(number)
        newest = message_id
        found[number] = (number, message_id)
    assert rows(db, "SELECT current_leaf_id FROM threads") == [(newest,)]
    return found


def printed(found: Callable[[Path], Found]) -> Callable[[Path], Found]:
    """Expect the answers that a command prints."""

    def as_text(db: Path) -> Found:
        return {slot: (number, str(answer)) for slot, (number, answer) in found(db).items()}

    return as_text


def _checkpoint(number: int) -> str:
    return json.dumps({"number": number, "text": text(number)})


def _save(store: StateStore, number: int) -> None:
    store.checkpoints.save("t0", f"c{number % _NAMED}", json.loads(_checkpoint(number)))


def _saved(db: Path) -> Found:
    found: Found = {}
    newest_first = []
    with StateStore.open(db, read_only=True) as store:
        for checkpoint in store.checkpoints.list("t0", None):
            number = json.loads(json.dumps(checkpoint.state))["number"]
            assert json.dumps(checkpoint.state) == _checkpoint(number)
            assert checkpoint.checkpoint_id == f"c{number % _NAMED}"
            newest_first.append(number)
            found[number % _NAMED] = (number, None)
    assert newest_first == sorted(newest_first, reverse=True)
    return found


OPERATIONS: Final[dict[str, Operation]] = {
    "append": Operation(one_thread, library(_append), appended, writes=600),
    "append by command": Operation(
        one_thread,
        commands(lambda _, n: ("messages", "append", "t0", "--role", "user", "--content", text(n))),
        printed(appended),
        writes=600,
    ),
    "fork": Operation(_with_roots, library(_fork), _forked, writes=600),
    "fork by command": Operation(
        _with_roots,
        commands(lambda _, n: ("fork", _fork_point(n), "--content", text(n))),
        printed(_forked),
        writes=600,
    ),
    "checkpoint save": Operation(
        one_thread, library(_save), _saved, writes=2000, slot=lambda n: n % _NAMED
    ),
}
