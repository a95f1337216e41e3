"""The tree: parents, cycles, threads that are gone, leaves. Nothing is ever deleted.

The statements go by the table and its rowids, not by other indexes: one that is damaged must not
hide what they look for.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from agentstate.records import SessionSource, ThreadStatus
from agentstate.reports import Severity
from agentstate.store.doctor.cycles import find_cycles
from agentstate.store.doctor.problems import Problem, many, readable
from agentstate.store.doctor.tables import OF_THREADS
from agentstate.store.doctor.values import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentstate.db.port import Row
    from agentstate.db.sqlite import SQLiteDatabase
    from agentstate.store.doctor.problems import Patient

_ROOT: Final = "each becomes the root of a branch of its own"
_NEWEST: Final = "it moves to the newest leaf of its thread"

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
        yield Problem(
            "parent_type",
            Severity.ERROR,
            f"{many(len(typed), 'message')} whose parent is not stored as a whole number",
            tuple(message_id for message_id, *_ in typed),
            fix="what means a message of its thread becomes its number; with another parent a "
            "message becomes the root of a branch of its own",
            mend=partial(_retype, database, typed),
        )
    for slug, what, condition in (
        ("parent_missing", "is missing", "parent.id IS NULL"),
        (
            "parent_foreign",
            "is in another thread",
            "parent.id IS NOT NULL AND parent.thread_id IS NOT messages.thread_id",
        ),
    ):
        rows = database.all(f"SELECT messages.id {_JOINED} AND {condition}")
        if rows:
            yield Problem(
                slug,
                Severity.ERROR,
                f"{many(len(rows), 'message')} whose parent {what}",
                tuple(message_id for (message_id,) in rows),
                fix=_ROOT,
                mend=partial(_cut, database, [message_id for (message_id,) in rows]),
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
        yield Problem(
            "parent_cycle",
            Severity.ERROR,
            "a message is its own parent"
            if len(members) == 1
            else f"{len(members)} messages are a cycle of parents",
            tuple(members),
            fix=f"it is cut at its oldest message, {oldest}, which becomes a root",
            mend=partial(_cut, database, [oldest]),
        )


def missing_threads(patient: Patient) -> Iterator[Problem]:
    """Find rows whose thread is gone."""
    missing: dict[object, None] = {}
    nouns = []
    for table in OF_THREADS:
        if patient.has(table.name, "thread_id") and patient.has("threads", "id"):
            ids = patient.database.all(
                f"SELECT DISTINCT thread_id FROM {table.name} WHERE NOT EXISTS ("
                f"SELECT 1 FROM threads WHERE threads.id = {table.name}.thread_id)"
            )
            missing.update(dict.fromkeys(thread_id for (thread_id,) in ids))
            nouns += [f"{table.noun}s"] if ids else []
    if missing:
        yield Problem(
            "thread_missing",
            Severity.ERROR,
            f"{', '.join(nouns)} of {many(len(missing), 'thread')} that cannot be found",
            tuple(map(readable, missing)),
            fix="a thread of that id is made for them",
            mend=partial(_make_threads, patient.database, list(missing)),
        )


def leaves(patient: Patient) -> Iterator[Problem]:
    """Find threads whose leaf is no message of theirs, or which have none and should."""
    if not (patient.has("threads", "current_leaf_id") and patient.has("messages", "thread_id")):
        return
    found: dict[str, list[Row]] = {}
    for rowid, thread_id, leaf, leaf_thread in patient.database.stream(
        "SELECT threads.rowid, threads.id, threads.current_leaf_id, messages.thread_id "
        "FROM threads LEFT JOIN messages ON messages.id = threads.current_leaf_id "
        "WHERE messages.thread_id IS NOT threads.id "
        "OR typeof(threads.current_leaf_id) NOT IN ('integer', 'null')"
    ):
        slug = _wrong_leaf(leaf, leaf_thread)
        if slug != "leaf_null" or _has_messages(patient.database, thread_id):
            found.setdefault(slug, []).append((rowid, thread_id))
    for slug, what in _LEAVES.items():
        if slug in found:
            rows = found[slug]
            yield Problem(
                slug,
                Severity.ERROR,
                f"{many(len(rows), 'thread')} {what}",
                tuple(readable(thread_id) for _, thread_id in rows),
                fix=_NEWEST,
                mend=partial(_move_leaves, patient.database, rows),
            )


_LEAVES: Final = {
    "leaf_type": "whose leaf is not stored as a whole number",
    "leaf_dangling": "whose leaf is no message",
    "leaf_foreign": "whose leaf is another thread's message",
    "leaf_null": "without a leaf, though it has messages",
}


def _wrong_leaf(leaf: object, leaf_thread: object) -> str:
    if leaf is None:
        return "leaf_null"
    if type(leaf) is not int:
        return "leaf_type"
    return "leaf_dangling" if leaf_thread is None else "leaf_foreign"


def _has_messages(database: SQLiteDatabase, thread_id: object) -> bool:
    sql = "SELECT 1 FROM messages WHERE thread_id = :thread_id LIMIT 1"
    return database.one(sql, {"thread_id": thread_id}) is not None


def _retype(database: SQLiteDatabase, rows: Sequence[Row]) -> None:
    for message_id, thread_id, parent in rows:
        number = whole_number(parent, exact=True)  # the whole part of 5.5 is another message
        row = database.one("SELECT thread_id FROM messages WHERE id = :parent", {"parent": number})
        database.execute(
            "UPDATE messages SET parent_entry_id = :parent WHERE id = :id",
            {"parent": number if row == (thread_id,) else None, "id": message_id},
        )


def _cut(database: SQLiteDatabase, message_ids: list[int]) -> None:
    database.execute_many(
        "UPDATE messages SET parent_entry_id = NULL WHERE id = :id",
        ({"id": message_id} for message_id in message_ids),
    )


def _oldest(database: SQLiteDatabase, members: list[int]) -> int:
    """Return the member that was made first; of several in one second that of the lowest id."""
    sql = "SELECT created_at FROM messages WHERE id = :id"
    made = {
        message_id: (database.one(sql, {"id": message_id}) or (0,))[0] for message_id in members
    }
    return min(members, key=lambda one: (made[one] if type(made[one]) is int else 0, one))


def _make_threads(database: SQLiteDatabase, ids: Sequence[object]) -> None:
    """Make a thread of each id, as old and as new as what is in it."""
    for thread_id in ids:
        params = {"thread_id": thread_id}
        (leaf,) = database.one(_NEWEST_LEAF, params) or (None,)
        times = [
            moment
            for table in ("messages", "checkpoints", "thread_goals")
            for row in database.all(
                f"SELECT min(created_at), max(created_at) FROM {table} "
                "WHERE thread_id = :thread_id",
                params,
            )
            for moment in row
            if type(moment) is int
        ] or [int(time.time())]
        database.execute(
            "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, updated_at, "
            "status, cwd, cli_version, source, archived, current_leaf_id) VALUES (:thread_id, '', "
            "0, '', :created_at, :updated_at, :status, '', '', :source, 0, :leaf)",
            {
                **params,
                "created_at": min(times),
                "updated_at": max(times),
                "status": ThreadStatus.IDLE.value,
                "source": SessionSource.UNKNOWN.value,
                "leaf": leaf,
            },
        )


def _move_leaves(database: SQLiteDatabase, rows: Sequence[Row]) -> None:
    for rowid, thread_id in rows:
        (leaf,) = database.one(_NEWEST_LEAF, {"thread_id": thread_id}) or (None,)
        database.execute(
            "UPDATE threads SET current_leaf_id = :leaf WHERE rowid = :rowid",
            {"leaf": leaf, "rowid": rowid},
        )
