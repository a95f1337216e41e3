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
from agentstate.reports.doctor import Severity
from agentstate.store.doctor.problems import Kind, many, readable
from agentstate.store.doctor.tables import GOALS, JOBS, THREADS
from agentstate.store.doctor.values import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import StrEnum

    from agentstate.store.doctor.problems import Id, Patient, Problem
    from agentstate.store.doctor.rows import Address, Rows
    from agentstate.store.doctor.tables import Table

_PERCENT: Final = 100
_BYTE: Final = 255
"""The largest progress that the agent program reads."""


class _Words(NamedTuple):
    """A column that knows some words only, and what another word is taken for."""

    kind: Kind
    table: Table
    column: str
    known: type[StrEnum]
    default: StrEnum


_UNREAD: Final = "; an error where it is no text, for then the row cannot be read"

_THREAD_STATUS: Final = Kind(
    "thread_status_unknown",
    Severity.WARNING,
    f"Threads have a status that is none{_UNREAD}.",
    f"each becomes {ThreadStatus.IDLE}",
    instead=Severity.ERROR,
)
_THREAD_SOURCE: Final = Kind(
    "thread_source_unknown",
    Severity.WARNING,
    f"Threads have a source that is none{_UNREAD}.",
    f"each becomes {SessionSource.UNKNOWN}",
    instead=Severity.ERROR,
)
_JOB_STATUS: Final = Kind(
    "job_status_unknown",
    Severity.WARNING,
    f"Jobs have a status that is none{_UNREAD}.",
    f"each becomes {JobStateStatus.QUEUED}",
    instead=Severity.ERROR,
)
# Nobody reads such a goal. Paused, it waits until a person looks.
_GOAL_STATUS: Final = Kind(
    "goal_status_unknown",
    Severity.ERROR,
    "Goals have a status that is none; they cannot be read.",
    f"each becomes {ThreadGoalStatus.PAUSED}",
)
_WORDS: Final = (
    _Words(_THREAD_STATUS, THREADS, "status", ThreadStatus, ThreadStatus.IDLE),
    _Words(_THREAD_SOURCE, THREADS, "source", SessionSource, SessionSource.UNKNOWN),
    _Words(_JOB_STATUS, JOBS, "status", JobStateStatus, JobStateStatus.QUEUED),
    _Words(_GOAL_STATUS, GOALS, "status", ThreadGoalStatus, ThreadGoalStatus.PAUSED),
)

_ARCHIVED: Final = Kind(
    "archived_disagrees",
    Severity.WARNING,
    "Threads are archived by their flag and not by their status, or the other way round. The "
    "agent program leaves the status when it takes a thread out of the archive.",
    "the flag, by which threads are listed, decides: the status becomes archived, or idle",
)
_PROGRESS_TYPE: Final = Kind(
    "job_progress_type",
    Severity.ERROR,
    "Jobs have a progress that is not stored as a whole number; they cannot be read.",
    "the whole number that it means is kept; what means none becomes null",
)
_PROGRESS_RANGE: Final = Kind(
    "job_progress_range",
    Severity.WARNING,
    f"Jobs have a progress that is not from 0 to {_PERCENT}. The agent program takes what fits a "
    "byte, and reads other numbers as none.",
    f"from {_PERCENT + 1} to {_BYTE} it becomes {_PERCENT}; any other, which the agent reads as "
    "none, becomes null",
)
_ROLLOUT: Final = Kind(
    "rollout_missing",
    Severity.NOTE,
    "The files in which the agent program logged threads cannot be found where they say; nothing "
    "in the store depends on them.",
)


def unknown_words(patient: Patient) -> Iterator[Problem]:
    """Find statuses and sources that are none, whatever their type."""
    for words in _WORDS:
        table, column = words.table, words.column
        rows = patient.rows(table.name, column, *table.key)
        if rows is None:
            continue
        known = frozenset(words.known)
        wrong = [
            (address, readable(key), word)
            for address, (key, word) in rows.each(table.key[0], column)
            if word not in known
        ]
        if wrong:
            # What is not text keeps its whole row from being read.
            readable_rows = all(type(word) is str for _, _, word in wrong)
            problem = words.kind.problem(
                f"{many(len(wrong), table.noun)} with an unknown {column}",
                tuple(key for _, key, _ in wrong),
                partial(
                    _set, rows, column, [(address, words.default.value) for address, _, _ in wrong]
                ),
            )
            yield problem if readable_rows else problem.instead()


def archived_threads(patient: Patient) -> Iterator[Problem]:
    """Find threads that are archived by one column and not by the other."""
    rows = patient.rows("threads", "archived", "status", "id")
    if rows is None:
        return
    archived = ThreadStatus.ARCHIVED.value
    wrong: list[tuple[Address, Id, str]] = []
    for address, (key, flag, status) in rows.each("id", "archived", "status"):
        if type(flag) is not int:
            continue
        if bool(flag) is not (status == archived):
            right = archived if flag else ThreadStatus.IDLE.value
            wrong.append((address, readable(key), right))
    if wrong:
        yield _ARCHIVED.problem(
            f"{many(len(wrong), 'thread')} archived by the flag or by the status, and not by both",
            tuple(key for _, key, _ in wrong),
            partial(_set, rows, "status", [(address, right) for address, _, right in wrong]),
        )


def job_progress(patient: Patient) -> Iterator[Problem]:
    """Find progress that is no whole number from 0 to 100."""
    rows = patient.rows("jobs", "progress", "id")
    if rows is None:
        return
    jobs = list(rows.each("id", "progress"))
    for kind, what, whole in (
        (_PROGRESS_TYPE, "is not stored as a whole number", False),
        (_PROGRESS_RANGE, f"is not from 0 to {_PERCENT}", True),
    ):
        wrong = [(address, job) for address, job in jobs if _is_wrong(job[1], whole=whole)]
        if wrong:
            yield kind.problem(
                f"{many(len(wrong), 'job')} whose progress {what}",
                tuple(readable(key) for _, (key, _) in wrong),
                partial(
                    _set, rows, "progress", [(address, _percent(job[1])) for address, job in wrong]
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
        yield _ROLLOUT.problem(
            f"{many(len(gone), 'thread')} whose rollout file cannot be found", tuple(gone)
        )


def _is_wrong(value: object, *, whole: bool) -> bool:
    if type(value) is int:
        return whole and not 0 <= value <= _PERCENT
    return value is not None and not whole


def _percent(value: object) -> int | None:
    number = whole_number(value, exact=True)
    return min(number, _PERCENT) if number is not None and 0 <= number <= _BYTE else None


def _set(rows: Rows, column: str, values: list[tuple[Address, object]]) -> None:
    for address, value in values:
        rows.write(address, column, value)
