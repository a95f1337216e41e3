"""What threads, jobs and goals say of themselves: statuses, sources, progress, paths."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.records import (
    JobStateStatus,
    SessionSource,
    ThreadGoalStatus,
    ThreadStatus,
)
from agentstate.reports import Severity
from agentstate.store.doctor.problems import Problem, many, readable
from agentstate.store.doctor.tables import GOALS, JOBS, THREADS
from agentstate.store.doctor.values import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import StrEnum

    from agentstate.db.port import Row
    from agentstate.db.sqlite import SQLiteDatabase
    from agentstate.store.doctor.problems import Id, Patient
    from agentstate.store.doctor.tables import Table

_PERCENT: Final = 100
_BYTE: Final = 255
"""The largest progress that the agent program reads."""


class _Words(NamedTuple):
    """A column that knows some words only, and what another word is taken for."""

    slug: str
    table: Table
    column: str
    known: type[StrEnum]
    default: StrEnum
    severity: Severity


_WORDS: Final = (
    _Words(
        "thread_status_unknown",
        THREADS,
        "status",
        ThreadStatus,
        ThreadStatus.IDLE,
        Severity.WARNING,
    ),
    _Words(
        "thread_source_unknown",
        THREADS,
        "source",
        SessionSource,
        SessionSource.UNKNOWN,
        Severity.WARNING,
    ),
    _Words(
        "job_status_unknown",
        JOBS,
        "status",
        JobStateStatus,
        JobStateStatus.QUEUED,
        Severity.WARNING,
    ),
    # Nobody reads such a goal. Paused, it waits until a person looks.
    _Words(
        "goal_status_unknown",
        GOALS,
        "status",
        ThreadGoalStatus,
        ThreadGoalStatus.PAUSED,
        Severity.ERROR,
    ),
)


def unknown_words(patient: Patient) -> Iterator[Problem]:
    """Find statuses and sources that are none, whatever their type."""
    for words in _WORDS:
        table, column = words.table, words.column
        if not patient.has(table.name, column, *table.key):
            continue
        known = frozenset(words.known)
        wrong = [
            (rowid, readable(key), word)
            for rowid, key, word in patient.database.stream(
                f"SELECT rowid, {table.key[0]}, {column} FROM {table.name} NOT INDEXED"
            )
            if word not in known
        ]
        if wrong:
            # What is not text keeps its whole row from being read.
            readable_rows = all(type(word) is str for _, _, word in wrong)
            yield Problem(
                words.slug,
                words.severity if readable_rows else Severity.ERROR,
                f"{many(len(wrong), table.noun)} with an unknown {column}",
                tuple(key for _, key, _ in wrong),
                fix=f"each becomes {words.default}",
                mend=partial(
                    _set,
                    patient.database,
                    f"UPDATE {table.name} SET {column} = :value WHERE rowid = :rowid",
                    [(rowid, words.default.value) for rowid, _, _ in wrong],
                ),
            )


def archived_threads(patient: Patient) -> Iterator[Problem]:
    """Find threads that are archived by one column and not by the other."""
    if not patient.has("threads", "archived", "status", "id"):
        return
    archived = ThreadStatus.ARCHIVED.value
    wrong: list[tuple[int, Id, str]] = []
    for rowid, key, flag, status in patient.database.stream(
        "SELECT rowid, id, archived, status FROM threads NOT INDEXED"
    ):
        if type(flag) is not int:
            continue
        if bool(flag) is not (status == archived):
            right = archived if flag else ThreadStatus.IDLE.value
            wrong.append((rowid, readable(key), right))
    if wrong:
        yield Problem(
            "archived_disagrees",
            Severity.WARNING,
            f"{many(len(wrong), 'thread')} archived by its flag or by its status, not by both",
            tuple(key for _, key, _ in wrong),
            fix="the flag decides: the status becomes archived, or idle",
            mend=partial(
                _set,
                patient.database,
                "UPDATE threads SET status = :value WHERE rowid = :rowid",
                [(rowid, right) for rowid, _, right in wrong],
            ),
        )


def job_progress(patient: Patient) -> Iterator[Problem]:
    """Find progress that is no whole number from 0 to 100."""
    if not patient.has("jobs", "progress", "id"):
        return
    rows = patient.database.all("SELECT rowid, id, progress FROM jobs NOT INDEXED")
    for slug, severity, what, fix, whole in (
        (
            "job_progress_type",
            Severity.ERROR,
            "is not stored as a whole number",
            "the whole number that it means is kept; what means none becomes null",
            False,
        ),
        (
            "job_progress_range",
            Severity.WARNING,
            f"is not from 0 to {_PERCENT}",
            f"up to {_BYTE} it becomes {_PERCENT}, else null, as it reads",
            True,
        ),
    ):
        wrong = [row for row in rows if _is_wrong(row, whole=whole)]
        if wrong:
            yield Problem(
                slug,
                severity,
                f"{many(len(wrong), 'job')} whose progress {what}",
                tuple(readable(key) for _, key, _ in wrong),
                fix=fix,
                mend=partial(
                    _set,
                    patient.database,
                    "UPDATE jobs SET progress = :value WHERE rowid = :rowid",
                    [(rowid, _percent(value)) for rowid, _, value in wrong],
                ),
            )


def rollout_paths(patient: Patient) -> Iterator[Problem]:
    """Find threads whose log of the session is not where they say."""
    if not patient.has("threads", "rollout_path", "id"):
        return
    # Of a relative path nobody knows to what.
    gone = [
        readable(key)
        for key, path in patient.database.stream(
            "SELECT id, rollout_path FROM threads WHERE rollout_path IS NOT NULL"
        )
        if type(path) is str and path.startswith("/") and not os.path.exists(path)  # noqa: PTH110 - Path.exists() raises where a folder is closed
    ]
    if gone:
        yield Problem(
            "rollout_missing",
            Severity.NOTE,
            f"{many(len(gone), 'thread')} whose rollout path is no file",
            tuple(gone),
        )


def _is_wrong(row: Row, *, whole: bool) -> bool:
    value = row[2]
    if type(value) is int:
        return whole and not 0 <= value <= _PERCENT
    return value is not None and not whole


def _percent(value: object) -> int | None:
    number = whole_number(value, exact=True)
    return min(number, _PERCENT) if number is not None and 0 <= number <= _BYTE else None


def _set(database: SQLiteDatabase, sql: str, values: list[tuple[int, object]]) -> None:
    database.execute_many(sql, ({"rowid": rowid, "value": value} for rowid, value in values))
