"""The session index, held against the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from agentstate.db.holders import users_of
from agentstate.records import SessionIndexEntry
from agentstate.reports.doctor import Severity
from agentstate.session_index import SessionIndex
from agentstate.store import StateStore
from agentstate.store.doctor.problems import Kind, many
from agentstate.store.index import compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.store.doctor.problems import Patient, Problem

_One = TypeVar("_One", int, str)

_TORN: Final = Kind(
    "index_torn",
    Severity.WARNING,
    "Lines of the session index cannot be read as one entry; the ids are their numbers.",
    "the index is written anew from the store; the old one stays beside it as .bak",
)
"""Only writing the index anew takes these away."""
_GHOST: Final = Kind(
    "index_ghost",
    Severity.WARNING,
    "The session index names threads that the store does not have. The agent program leaves such "
    "a line whenever it deletes a thread.",
    "a line is appended that says that it is gone",
)
_DRIFTED: Final = Kind(
    "index_drifted",
    Severity.WARNING,
    "Threads have another name in the session index.",
    "a line with the store's name is appended",
)
_MISSING: Final = Kind(
    "index_missing",
    Severity.WARNING,
    "Threads have no line in the session index.",
    "a line is appended",
)

_LOOKS: Final = 8
"""How often what is wrong is looked at again, where other programs have the store open."""
_PAUSE: Final = 0.05
"""Seconds between two looks."""


class _Wrong(NamedTuple):
    """What is wrong with the index: lines by their number, threads by their id."""

    torn: tuple[int, ...]
    ghosts: tuple[str, ...]
    drifted: tuple[str, ...]
    missing: tuple[str, ...]

    def still(self, later: _Wrong) -> _Wrong:
        """Return what is wrong later, too."""
        return _Wrong(
            _both(self.torn, later.torn),
            _both(self.ghosts, later.ghosts),
            _both(self.drifted, later.drifted),
            _both(self.missing, later.missing),
        )


def _both(first: tuple[_One, ...], second: tuple[_One, ...]) -> tuple[_One, ...]:
    again = set(second)
    return tuple(one for one in first if one in again)


def index(patient: Patient) -> Iterator[Problem]:
    """Compare the index with the store; mended by `mend_index`."""
    wrong = _compare(patient)
    looks = 1
    # A program that works meanwhile writes to the store first and then to the index.
    while any(wrong) and (looks == 1 or (looks < _LOOKS and users_of(patient.location.path))):
        if looks > 1:
            time.sleep(_PAUSE)
        wrong = wrong.still(_compare(patient))
        looks += 1
    if wrong.torn:
        yield _TORN.problem(
            f"{many(len(wrong.torn), 'line')} of the index that cannot be read as one entry",
            wrong.torn,
        )
    for kind, what, ids in (
        (_GHOST, "that the index names and the store does not have", wrong.ghosts),
        (_DRIFTED, "with another name in the index", wrong.drifted),
        (_MISSING, "without a line in the index", wrong.missing),
    ):
        if ids:
            yield kind.problem(f"{many(len(ids), 'thread')} {what}", ids)


def mend_index(patient: Patient, timeout: float) -> None:
    """Write the index anew where lines are torn, else append what is wrong or missing.

    Raises `StoreBusyError`, `StoreUnavailableError`; then it is as it was.
    """
    problems = list(index(patient))
    if any(problem.kind == _TORN for problem in problems):
        _rebuild(patient, timeout)
    elif problems:
        _append_right_lines(patient, timeout)


def _rebuild(patient: Patient, timeout: float) -> None:
    with StateStore.open(
        patient.location, create=False, timeout=timeout, trust_schema=patient.trust_schema
    ) as store:
        store.index.rebuild()


def _append_right_lines(patient: Patient, timeout: float) -> None:
    file = SessionIndex(patient.location.index_path, timeout=timeout)
    with file.locked():
        wrong = _compare(patient)
        lacking = {*wrong.drifted, *wrong.missing}
        rows = patient.database.all("SELECT id, title, updated_at, rollout_path FROM threads")
        now = int(time.time())
        entries = [SessionIndexEntry(thread_id=ghost, updated_at=now) for ghost in wrong.ghosts]
        entries += [
            SessionIndexEntry(
                thread_id=thread_id, thread_name=name, updated_at=updated_at, rollout_path=path
            )
            for thread_id, name, updated_at, path in rows
            if thread_id in lacking
        ]
        if entries:
            file.extend(entries)


def _compare(patient: Patient) -> _Wrong:
    """Read the index, and then the store."""
    contents = SessionIndex(patient.location.index_path).read()
    rows = patient.database.all("SELECT id, title FROM threads")
    ids = [thread_id for thread_id, _ in rows if type(thread_id) is str]
    names = {
        thread_id: name
        for thread_id, name in rows
        if type(thread_id) is str and (name is None or type(name) is str)
    }
    found = compare(contents, ids, names)
    return _Wrong(
        torn=tuple(bad.line for bad in found.bad_lines),
        ghosts=found.ghosts,
        drifted=tuple(drift.thread_id for drift in found.drifted),
        missing=found.missing,
    )
