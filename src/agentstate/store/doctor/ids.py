"""Ids of threads that are no text, or empty: nothing can name such a thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db.port import DuplicateKeyError
from agentstate.reports.doctor import Severity
from agentstate.store.doctor.problems import Kind, many, readable
from agentstate.store.doctor.tables import OF_THREADS, RECORDS
from agentstate.store.doctor.values import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.db.sqlite import SQLiteDatabase
    from agentstate.store.doctor.problems import Patient, Problem
    from agentstate.store.doctor.rows import Address, Rows

_UNUSABLE: Final = Kind(
    "thread_id_unusable",
    Severity.ERROR,
    "Threads have an id that is empty, or is not UTF-8 text: nothing can name them.",
    "each becomes text, one that is taken with a number behind it, and what is in the thread goes "
    "with it",
)


class _Place(NamedTuple):
    rows: Rows
    address: Address
    column: str
    value: object


def thread_ids(patient: Patient) -> Iterator[Problem]:
    """Look at the id of every thread, and at every reference to one."""
    references = [(patient.rows(table), column) for table, column in _references(patient.database)]
    places = [place for rows, column in references if rows for place in _wrong(rows, column)]
    if places:
        ids = dict.fromkeys(readable(place.value) for place in places)
        problem = _UNUSABLE.problem(
            f"{many(len(ids), 'thread')} whose id is empty, or not UTF-8 text, in "
            f"{', '.join(dict.fromkeys(place.rows.table for place in places))}",
            (*ids,),
            partial(_mend, patient.database, places),
        )
        # Where the rows of one table cannot be changed, they would lose their thread.
        whole = all(rows for rows, _ in references)
        yield problem if whole else problem._replace(fix=None, mend=None)


def _wrong(rows: Rows, column: str) -> Iterator[_Place]:
    # The ids are few, and in an index; the rows are read only where one of them is wrong.
    ids = rows.database.all(f"SELECT DISTINCT {column} FROM {rows.table}")
    if all(type(value) is str and value for (value,) in ids):
        return
    for address, (value,) in rows.each(column):
        if type(value) is not str or not value:
            yield _Place(rows, address, column, value)


def _mend(database: SQLiteDatabase, places: list[_Place]) -> None:
    moved: dict[tuple[type, object], str] = {}
    for place in places:
        old = (type(place.value), place.value)
        text = as_text(place.value) or "thread"
        if place.rows.table == "threads":
            # A thread without an id has nothing in it, and there may be several.
            moved[old] = _write(place, _free(database, text, [("threads", "id")]))
            continue
        try:
            _write(place, moved.get(old, text))
        except DuplicateKeyError:
            # The thread has such a row: this one goes to a thread of its own.
            _write(place, _free(database, text, _references(database)))


def _write(place: _Place, thread_id: str) -> str:
    place.rows.write(place.address, place.column, thread_id)
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
    tables = (*OF_THREADS, *RECORDS)
    wanted = [("threads", "id"), *((table.name, "thread_id") for table in tables)]
    return [(table, column) for table, column in wanted if database.has_column(table, column)]
