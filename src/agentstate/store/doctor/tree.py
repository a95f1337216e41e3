"""The tree: parents, cycles, threads that are gone, leaves. Nothing is ever deleted.

The statements go by the table and its rowids, not by other indexes: one that is damaged must not
hide what they look for.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from agentstate.db.catalog import LAST_ID, ids_are_used_up
from agentstate.reports.doctor import Severity
from agentstate.store.doctor.cycles import find_cycles
from agentstate.store.doctor.problems import Kind, in_threads, many, readable
from agentstate.store.doctor.rows import require_rows
from agentstate.store.doctor.tables import OF_THREADS
from agentstate.store.doctor.values import whole_number
from agentstate.store.lost_parents import make_lost_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentstate.db.port import Row
    from agentstate.db.sqlite import SQLiteDatabase
    from agentstate.store.doctor.problems import Patient, Problem
    from agentstate.store.doctor.rows import Address, Rows

_SEE: Final = "agentstate messages tree THREAD --all shows the rest"
_ROOT: Final = (
    "each becomes the root of a branch of its own: where the active branch goes through it, that "
    f"now begins there; {_SEE}"
)
_NEWEST: Final = "it moves to the newest leaf of its thread"

_PARENT_TYPE: Final = Kind(
    "parent_type",
    Severity.ERROR,
    "Messages name a parent that is not stored as a whole number.",
    "what means a message of the same thread becomes its number; a message with another parent "
    "becomes the root of a branch of its own: where the active branch goes through it, that now "
    f"begins there; {_SEE}",
)
_PARENT_MISSING: Final = Kind(
    "parent_missing", Severity.ERROR, "Messages name a parent that is not there.", _ROOT
)
_PARENT_FOREIGN: Final = Kind(
    "parent_foreign", Severity.ERROR, "Messages name a parent that is in another thread.", _ROOT
)
_PARENT_CYCLE: Final = Kind(
    "parent_cycle",
    Severity.ERROR,
    "Messages are their own ancestors, so no branch through them has a beginning. A finding each.",
    f"it is cut at its oldest message, at which the branch now begins; {_SEE}",
)
_THREAD_MISSING: Final = Kind(
    "thread_missing",
    Severity.ERROR,
    "Messages, checkpoints, tools or goals belong to threads that are not there.",
    "a thread of that id is made for them",
)
_LEAF_TYPE: Final = Kind(
    "leaf_type",
    Severity.ERROR,
    "Threads have a current leaf that is not stored as a whole number.",
    _NEWEST,
)
_LEAF_DANGLING: Final = Kind(
    "leaf_dangling", Severity.ERROR, "Threads have a current leaf that is no message.", _NEWEST
)
_LEAF_FOREIGN: Final = Kind(
    "leaf_foreign",
    Severity.ERROR,
    "Threads have a current leaf that is another thread's message.",
    _NEWEST,
)
_LEAF_NULL: Final = Kind(
    "leaf_null", Severity.ERROR, "Threads have messages and no current leaf.", _NEWEST
)

_IDS_USED_UP: Final = Kind(
    "ids_used_up",
    Severity.ERROR,
    "A message has, or had, the last id there is. Ids are never used again, so no message can be "
    "added to any thread.",
)

_JOINED: Final = (
    "FROM messages NOT INDEXED LEFT JOIN messages AS parent "
    "ON parent.id = messages.parent_entry_id "
    "WHERE typeof(messages.parent_entry_id) = 'integer'"
)
_NEWEST_LEAF: Final = (
    "SELECT max(id) FROM messages WHERE thread_id = :thread_id AND NOT EXISTS ("
    "SELECT 1 FROM messages AS answer WHERE answer.parent_entry_id = messages.id "
    "AND answer.thread_id = messages.thread_id)"
)


def parents(patient: Patient) -> Iterator[Problem]:
    """Find parents that are no message, or another thread's."""
    if not patient.has("messages", "id", "thread_id", "parent_entry_id"):
        return
    database = patient.database
    typed = database.all(
        "SELECT id, thread_id, parent_entry_id FROM messages NOT INDEXED "
        "WHERE typeof(parent_entry_id) NOT IN ('integer', 'null')"
    )
    if typed:
        yield _PARENT_TYPE.problem(
            f"{many(len(typed), 'message')} whose parent is not stored as a whole number, "
            f"{in_threads(thread_id for _, thread_id, _ in typed)}",
            tuple(readable(message_id) for message_id, *_ in typed),
            partial(_retype, database, typed),
        )
    for kind, what, condition in (
        (_PARENT_MISSING, "is missing", "parent.id IS NULL"),
        (
            _PARENT_FOREIGN,
            "is in another thread",
            "parent.id IS NOT NULL AND parent.thread_id IS NOT messages.thread_id",
        ),
    ):
        rows = database.all(f"SELECT messages.id, messages.thread_id {_JOINED} AND {condition}")
        if rows:
            ids = [message_id for message_id, _ in rows]
            yield kind.problem(
                f"{many(len(rows), 'message')} whose parent {what}, "
                f"{in_threads(thread_id for _, thread_id in rows)}",
                tuple(map(readable, ids)),
                partial(_cut, database, ids),
            )


def cycles(patient: Patient) -> Iterator[Problem]:
    """Find messages that are their own ancestors, and are reached from no root."""
    if not patient.has("messages", "id", "thread_id", "parent_entry_id", "created_at"):
        return
    database = patient.database
    # On the way around a cycle at least one message is no younger than what it answers.
    sound = f"{_JOINED} AND parent.thread_id = messages.thread_id"
    backward = f"SELECT messages.id {sound} AND messages.parent_entry_id >= messages.id"
    starts = [message_id for (message_id,) in database.stream(backward)]
    if not starts:
        return
    above: dict[int, int] = dict(
        database.stream(f"SELECT messages.id, messages.parent_entry_id {sound}")
    )
    for members in find_cycles(above, starts):
        oldest = _oldest(database, members)
        thread = database.one("SELECT thread_id FROM messages WHERE id = :id", {"id": oldest})
        what = (
            "a message is its own parent"
            if len(members) == 1
            else f"{len(members)} messages are a cycle of parents, the oldest {oldest}"
        )
        yield _PARENT_CYCLE.problem(
            f"{what}, {in_threads(thread or ())}",
            tuple(members),
            partial(_cut, database, [oldest]),
        )


def message_ids(patient: Patient) -> Iterator[Problem]:
    """Find out whether messages can be given ids."""
    if patient.has("messages", "id") and ids_are_used_up(patient.database, "messages"):
        found = patient.database.all("SELECT id FROM messages WHERE id = :last", {"last": LAST_ID})
        yield _IDS_USED_UP.problem(
            f"the id {LAST_ID} was given to a message, and there is none after it: no message can "
            "be added",
            tuple(message_id for (message_id,) in found),
        )


def missing_threads(patient: Patient) -> Iterator[Problem]:
    """Find rows whose thread is gone."""
    missing: dict[tuple[type, object], None] = {}
    nouns = []
    for table in OF_THREADS:
        if patient.has(table.name, "thread_id") and patient.has("threads", "id"):
            ids = patient.database.all(
                f"SELECT DISTINCT thread_id FROM {table.name} WHERE thread_id IS NOT NULL "
                "AND NOT EXISTS ("
                f"SELECT 1 FROM threads WHERE threads.id = {table.name}.thread_id)"
            )
            missing.update(dict.fromkeys((type(thread_id), thread_id) for (thread_id,) in ids))
            nouns += [f"{table.noun}s"] if ids else []
    if missing:
        yield _THREAD_MISSING.problem(
            f"{', '.join(nouns)} of {many(len(missing), 'thread')} that cannot be found",
            tuple(readable(thread_id) for _, thread_id in missing),
            partial(_make_threads, patient.database, len(missing)),
        )


def leaves(patient: Patient) -> Iterator[Problem]:
    """Find threads whose leaf is no message of theirs, or which have none and should."""
    threads = patient.rows("threads", "id", "current_leaf_id")
    if threads is None or not patient.has("messages", "thread_id"):
        return
    found: dict[Kind, list[tuple[Address, object]]] = {}
    for *address, thread_id, leaf, leaf_thread in patient.database.stream(
        f"SELECT {threads.columns}, threads.id, threads.current_leaf_id, messages.thread_id "
        "FROM threads LEFT JOIN messages ON messages.id = threads.current_leaf_id "
        "WHERE messages.thread_id IS NOT threads.id "
        "OR typeof(threads.current_leaf_id) NOT IN ('integer', 'null')"
    ):
        kind = _wrong_leaf(leaf, leaf_thread)
        if kind is not _LEAF_NULL or _has_messages(patient.database, thread_id):
            found.setdefault(kind, []).append((address, thread_id))
    for kind, what in _LEAVES.items():
        if kind in found:
            rows = found[kind]
            yield kind.problem(
                f"{many(len(rows), 'thread')} {what}",
                tuple(readable(thread_id) for _, thread_id in rows),
                partial(_move_leaves, threads, rows),
            )


_LEAVES: Final = {
    _LEAF_TYPE: "whose leaf is not stored as a whole number",
    _LEAF_DANGLING: "whose leaf is no message",
    _LEAF_FOREIGN: "whose leaf is another thread's message",
    _LEAF_NULL: "without a leaf, though it has messages",
}


def _wrong_leaf(leaf: object, leaf_thread: object) -> Kind:
    if leaf is None:
        return _LEAF_NULL
    if type(leaf) is not int:
        return _LEAF_TYPE
    return _LEAF_DANGLING if leaf_thread is None else _LEAF_FOREIGN


def _has_messages(database: SQLiteDatabase, thread_id: object) -> bool:
    sql = "SELECT 1 FROM messages WHERE thread_id = :thread_id LIMIT 1"
    return database.one(sql, {"thread_id": thread_id}) is not None


def _retype(database: SQLiteDatabase, rows: Sequence[Row]) -> None:
    for message_id, thread_id, parent in rows:
        number = whole_number(parent, exact=True)  # the whole part of 5.5 is another message
        row = database.one("SELECT thread_id FROM messages WHERE id = :parent", {"parent": number})
        _set_parent(database, message_id, number if row == (thread_id,) else None)


def _cut(database: SQLiteDatabase, message_ids: list[int]) -> None:
    for message_id in message_ids:
        _set_parent(database, message_id, None)


def _set_parent(database: SQLiteDatabase, message_id: int, parent: int | None) -> None:
    changed = database.execute(
        "UPDATE messages SET parent_entry_id = :parent WHERE id = :id",
        {"parent": parent, "id": message_id},
    )
    require_rows(database, "messages", changed)


def _make_threads(database: SQLiteDatabase, number: int) -> None:
    made = make_lost_threads(database, int(time.time()))
    require_rows(database, "threads", made, number)


def _oldest(database: SQLiteDatabase, members: list[int]) -> int:
    """Return the member that was made first; of several in one second that of the lowest id."""
    sql = "SELECT created_at FROM messages WHERE id = :id"
    made = {
        message_id: (database.one(sql, {"id": message_id}) or (0,))[0] for message_id in members
    }
    return min(members, key=lambda one: (made[one] if type(made[one]) is int else 0, one))


def _move_leaves(threads: Rows, rows: Sequence[tuple[Address, object]]) -> None:
    for address, thread_id in rows:
        (leaf,) = threads.database.one(_NEWEST_LEAF, {"thread_id": thread_id}) or (None,)
        threads.write(address, "current_leaf_id", leaf)
