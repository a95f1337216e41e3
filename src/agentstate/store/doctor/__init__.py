"""Look a store over, and mend it.

Each check stands in the module of what it looks at, with its finding and its repair in one
place, and is listed in `checks`. One that looks at the open store is a function of a `Patient`;
its repair runs in one transaction with all others, each after a new look.
"""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.config import located
from agentstate.db.inspection import is_nearly_ours, open_to_inspect, open_to_mend
from agentstate.db.port import NotADatabaseError
from agentstate.db.reading import beside, resolve
from agentstate.db.shape import missing, require_ours
from agentstate.errors import (
    AgentStateError,
    CorruptStoreError,
    StoreNotFoundError,
    StoreTooNewError,
    UntrustedSchemaError,
)
from agentstate.reports.doctor import DoctorReport, Finding, Severity
from agentstate.store import DEFAULT_TIMEOUT
from agentstate.store.backups import FOLDER, keep
from agentstate.store.context import warn
from agentstate.store.doctor.checks import BESIDE, IN_STORE
from agentstate.store.doctor.index import index, mend_index
from agentstate.store.doctor.log import LARGE, LEFT, log
from agentstate.store.doctor.modes import modes
from agentstate.store.doctor.pages import DAMAGED, FREE, pages
from agentstate.store.doctor.problems import UNCHECKED, Kind, Patient, Problem, look, reason
from agentstate.store.doctor.schema import LACKING, NEWER, UNTRUSTED

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from agentstate.config import Location
    from agentstate.db.sqlite import SQLiteDatabase

__all__ = ["examine", "repair"]

UNREADABLE: Final = Kind(
    "file_unreadable",
    Severity.ERROR,
    "SQLite cannot read the file. `agentstate recover OUT` reads what can be read.",
)

_SEVERITIES: Final = list(Severity)
"""The worst first."""


class _Case(NamedTuple):
    """A store to look over, and how."""

    location: Location
    timeout: float
    trust_schema: bool


def examine(
    store: str | os.PathLike[str] | Location | None = None,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    trust_schema: bool = False,
) -> DoctorReport:
    """Look a store over: its file, its tree, its index. Nothing in its folder changes.

    It is healthy while there is neither an error nor a warning; notes are worth knowing.
    Without a path the environment and the defaults decide. Every version is looked at, and what
    one check cannot read keeps no other from looking. With `trust_schema` a trigger or a view is
    a note. A finding's `fix` is what `repair` does about it, the worst finding comes first.

    Raises `StoreNotFoundError`, `NotAStoreError` for another program's file, `StoreBusyError`,
    `StoreUnavailableError`.
    """
    case = _Case(located(store), timeout, trust_schema)
    return _report(case, [problem.finding() for problem in _find(case)])


def repair(
    store: str | os.PathLike[str] | Location | None = None,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    trust_schema: bool = False,
    before_commit: Callable[[], object] | None = None,
) -> DoctorReport:
    """Mend what can be mended without losing a message, after a backup, and say what is left.

    The backup is in the report. None is made where nothing in the store or its index is to be
    changed: only modes are wrong, the log is to be carried over, free room is to be given back,
    or the file is damaged so that only `recover` helps, and is not written. All of the store is
    mended in one transaction, or nothing; then the index, and the files' modes. What a finding
    says of `fixed` was looked at again. `before_commit` is called when the transaction is about
    to be committed.

    Raises what `examine` raises and, where the file is not damaged, `StoreTooNewError`, and
    without `trust_schema` `UntrustedSchemaError`; then nothing has changed.
    """
    case = _Case(located(store), timeout, trust_schema)
    before = _find(case)
    if not _are_damaged(before):
        _require_mendable(case, before)
    if not any(problem.fix for problem in before):
        return _report(case, [problem.finding() for problem in before])
    backup: str | None = None
    mended: list[Problem] = []
    if _are_sound(before):
        if any(problem.fix and not problem.kind.tidies for problem in before):
            backup, mended = _mend_store(case, before, before_commit)
        elif not {LEFT, LARGE, FREE}.isdisjoint(problem.kind for problem in before):
            _tidy_store(case, before)
    for problem in modes(case.location):
        _try(problem.mend)
    left = _find(case)
    still = {(problem.kind, problem.ids) for problem in left}
    known = {problem.kind for problem in before}
    done = [
        problem for problem in before if problem.fix and (problem.kind, problem.ids) not in still
    ]
    done += [problem for problem in mended if problem.kind not in known]
    findings = [problem.finding(fixed=True) for problem in done]
    return _report(case, findings + [problem.finding() for problem in left], backup)


def _find(case: _Case) -> list[Problem]:
    """Look at everything; raises what `examine` raises."""
    path = case.location.path
    _require_content(path)
    found = list(log(case.location))
    try:
        database, shape = open_to_inspect(path, case.timeout)
        with closing(database):
            if shape.empty:
                raise missing(path)
            if not shape.ours and not is_nearly_ours(database):
                require_ours(path, shape)
            patient = Patient(database, case.location, shape.version, case.trust_schema)
            with database.snapshot():
                found += look((*IN_STORE, *BESIDE), patient)
            found += look((index,), patient)
    except (NotADatabaseError, CorruptStoreError) as error:
        # Of a damaged file the transaction that only read it may not end well either.
        if _are_sound(found):
            what = f"{reason(error)}; agentstate recover OUT reads what can be read"
            found.append(UNREADABLE.problem(what))
    if not _are_sound(found):
        found = [problem._replace(fix=None, mend=None) for problem in found]
    return found + list(modes(case.location))


def _require_content(path: Path) -> None:
    """Raise `StoreNotFoundError` for a file of no bytes, which may be all that is left."""
    with suppress(OSError):
        if path.stat().st_size == 0:
            kept = beside(resolve(path), FOLDER)
            raise StoreNotFoundError(
                f"{missing(path)}. The file there is empty: if it held a store once, a backup is "
                "needed, see agentstate restore"
                + (f"; there are some in {kept}" if kept.is_dir() else "")
            )


def _are_sound(problems: list[Problem]) -> bool:
    """Tell whether the store can be written, so that what is wrong in it can be mended."""
    return not any(
        problem.kind in {NEWER, UNTRUSTED}
        or (problem.kind == UNCHECKED and pages.__name__ in problem.ids)
        for problem in problems
    ) and not _are_damaged(problems)


def _are_damaged(problems: list[Problem]) -> bool:
    """Tell whether only `recover` helps."""
    return any(problem.kind in {UNREADABLE, DAMAGED, LACKING} for problem in problems)


def _require_mendable(case: _Case, problems: list[Problem]) -> None:
    path = case.location.path
    for problem in problems:
        if problem.kind == NEWER:
            raise StoreTooNewError(f"{path}: {problem.what}; nothing was changed")
        if problem.kind == UNTRUSTED:
            raise UntrustedSchemaError(f"{path}: {problem.what}; nothing was changed")


def _mend_store(
    case: _Case, found: list[Problem], before_commit: Callable[[], object] | None
) -> tuple[str, list[Problem]]:
    """Keep the store, mend it in one transaction, and then what is beside it.

    Returns where it is kept, and what was mended.
    """
    mended: list[Problem] = []
    with closing(_open_to_mend(case)) as database:
        with database.transaction():
            pass  # a store that cannot be written is kept in vain
        backup = keep(case.location, timeout=case.timeout).path
        if before_commit is not None:
            database.before_commit = before_commit
        with database.transaction():
            for check in IN_STORE:
                # Others may have written since: what is mended is what is wrong now.
                problems = list(look((check,), _patient(case, database)))
                _require_mendable(case, problems)
                if not _are_sound(problems):
                    raise CorruptStoreError(f"{problems[0].what}; nothing was changed")
                mended += _mend_all(problems)
        _try(lambda: mend_index(_patient(case, database), case.timeout))
        _tidy(database, found)
    return backup, mended


def _tidy_store(case: _Case, found: list[Problem]) -> None:
    """Carry over what is beside the store, and give back its room; what it says stays."""
    with closing(_open_to_mend(case)) as database:
        with database.transaction():
            pass  # the log is taken away only by a connection that has used it
        _tidy(database, found)


def _tidy(database: SQLiteDatabase, found: list[Problem]) -> None:
    kinds = {problem.kind for problem in found}
    if FREE in kinds:
        _try(database.vacuum)
    elif LARGE in kinds:
        _try(database.empty_log)


def _open_to_mend(case: _Case) -> SQLiteDatabase:
    return open_to_mend(case.location.path, case.timeout, trust_schema=case.trust_schema)


def _patient(case: _Case, database: SQLiteDatabase) -> Patient:
    said = int(database.pragma("user_version"))
    return Patient(database, case.location, said, case.trust_schema)


def _mend_all(problems: Iterable[Problem]) -> list[Problem]:
    """Mend what can be; return what was."""
    mended = []
    for problem in problems:
        if problem.mend is not None:
            problem.mend()
            mended.append(problem)
    return mended


def _try(mend: Callable[[], object] | None) -> None:
    """Mend what is beside the store, if it can be; what fails is found again by the last look."""
    try:
        if mend is not None:
            mend()
    except AgentStateError as error:
        warn(f"left as it was: {error}")


def _report(case: _Case, findings: list[Finding], backup: str | None = None) -> DoctorReport:
    findings.sort(key=lambda finding: _SEVERITIES.index(finding.severity))
    return DoctorReport(
        path=str(case.location.path),
        healthy=all(one.fixed or one.severity is Severity.NOTE for one in findings),
        backup=backup,
        findings=tuple(findings),
    )
