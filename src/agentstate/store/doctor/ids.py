"""Ids of threads that are no text, or empty: nothing can name such a thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db.port import DuplicateKeyError
from agentstate.reports import Severity
from agentstate.store.doctor.problems import Kind, many, readable
from agentstate.store.doctor.tables import OF_THREADS
from agentstate.store.doctor.values import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.db.sqlite import SQLiteDatabase
    from agentstate.store.doctor.problems import Patient, Problem

_UNUSABLE: Final = Kind(
    "thread_id_unusable",
    Severity.ERROR,
    "Threads have an id that is empty, or is not UTF-8 text: nothing can name them.",
    "each becomes text, one that is taken with a number behind it, and what is in the thread goes "
    "with it",
)


class _Place(NamedTuple):
    table: str
    column: str
    rowid: int
    value: object


def thread_ids(patient: Patient) -> Iterator[Problem]:
    """Look at the id of every thread, and at every reference to one."""
    places = [
        place
        for table, column in _references(patient.database)
        for place in _wrong(patient.database, table, column)
    ]
    if places:
        ids = dict.fromkeys(readable(place.value) for place in places)
        yield _UNUSABLE.problem(
            f"{many(len(ids), 'thread')} whose id is empty, or not UTF-8 text, in "
            f"{', '.join(dict.fromkeys(place.table for place in places))}",
            (*ids,),
            partial(_mend, patient.database, places),
        )


def _wrong(database: SQLiteDatabase, table: str, column: str) -> Iterator[_Place]:
    # The ids are few, and in an index; the rows are read only where one of them is wrong.
    ids = database.all(f"SELECT DISTINCT {column} FROM {table}")
    if all(type(value) is str and value for (value,) in ids):
        return
    for rowid, value in database.stream(f"SELECT rowid, {column} FROM {table} NOT INDEXED"):
        if type(value) is not str or not value:
            yield _Place(table, column, rowid, value)


def _mend(database: SQLiteDatabase, places: list[_Place]) -> None:
    moved: dict[tuple[type, object], str] = {}
    for place in places:
        old = (type(place.value), place.value)
        text = as_text(place.value) or "thread"
        if place.table == "threads":
            # A thread without an id has nothing in it, and there may be several.
            moved[old] = _write(database, place, _free(database, text, [("threads", "id")]))
            continue
        try:
            _write(database, place, moved.get(old, text))
        except DuplicateKeyError:
            # The thread has such a row: this one goes to a thread of its own.
            _write(database, place, _free(database, text, _references(database)))


def _write(database: SQLiteDatabase, place: _Place, thread_id: str) -> str:
    database.execute(
        f"UPDATE {place.table} SET {place.column} = :id WHERE rowid = :rowid",
        {"id": thread_id, "rowid": place.rowid},
    )
    return thread_id


def _free(database: SQLiteDatabase, text: str, columns: list[tuple[str, str]]) -> str:
    """Return the text, or the text with a number, as an id that none of the columns has."""
    used = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE {column} = :id)" for table, column in columns
    )
    candidate, number = text, 1
    while (database.one(f"SELECT {used}", {"id": candidate}) or (0,))[0]:
        number += 1
        candidate = f"{text}-{number}"
    return candidate


def _references(database: SQLiteDatabase) -> list[tuple[str, str]]:
    """Return every column that holds ids of threads."""
    wanted = [("threads", "id"), *((table.name, "thread_id") for table in OF_THREADS)]
    return [(table, column) for table, column in wanted if database.has_column(table, column)]
