"""The reference in docs/library.md, made from the signatures and docstrings of the library."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cached_property
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Final

import tables

import agentstate
from agentstate import records, session_index
from agentstate.config import Location
from agentstate.store import StateStore, openings
from agentstate.store.checkpoints import Checkpoints
from agentstate.store.doctor import examine, repair
from agentstate.store.goals import Goals
from agentstate.store.imports import Imports
from agentstate.store.index import Index
from agentstate.store.jobs import Jobs
from agentstate.store.messages import Messages
from agentstate.store.pruning import PrunePlan, Pruning
from agentstate.store.recovery import recover
from agentstate.store.restoring import restore
from agentstate.store.search import Search
from agentstate.store.threads import Threads
from agentstate.store.tools import Tools
from agentstate.store.trash import Trash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOUNS: Final[dict[str, type]] = {
    "threads": Threads,
    "messages": Messages,
    "checkpoints": Checkpoints,
    "jobs": Jobs,
    "tools": Tools,
    "goals": Goals,
    "index": Index,
    "imports": Imports,
    "search": Search,
    "trash": Trash,
    "pruning": Pruning,
}
"""By the attribute of the store, in the order of the page; it must have every one."""

RECORDS: Final[tuple[type, ...]] = (
    records.ThreadMetadata,
    records.ThreadListFilters,
    records.ThreadStats,
    records.MessageRecord,
    records.SideBranch,
    openings.MessageOpening,
    records.CheckpointRecord,
    records.JobStateRecord,
    records.DynamicToolRecord,
    records.ThreadGoalRecord,
    records.SessionIndexEntry,
    agentstate.IndexCheck,
    agentstate.IndexRebuild,
    agentstate.BadLine,
    agentstate.NameDrift,
    session_index.CompactionResult,
    agentstate.StoreInfo,
    agentstate.BackupReport,
    agentstate.RestoreReport,
    agentstate.VacuumReport,
    agentstate.DoctorReport,
    agentstate.Finding,
    agentstate.RecoverReport,
    agentstate.TableSalvage,
    agentstate.SearchFilters,
    agentstate.SearchHit,
    agentstate.SearchResult,
    agentstate.ImportReport,
    agentstate.ImportedFile,
    agentstate.ImportedThread,
    agentstate.SourceNote,
    agentstate.ImportRecord,
    agentstate.TrashEntry,
    PrunePlan,
    agentstate.PruneReport,
    agentstate.PrunedThread,
    Location,
)
ENUMS: Final[tuple[type[StrEnum], ...]] = (
    records.ThreadStatus,
    records.SessionSource,
    records.ThreadSort,
    records.JobStateStatus,
    records.ThreadGoalStatus,
    agentstate.Severity,
    agentstate.LeafMove,
)
FUNCTIONS: Final[tuple[Callable[..., object], ...]] = (examine, repair, restore, recover)
"""What is done with a store that is not open."""

_WIDTH: Final = 88
"""The longest signature that stays on one line."""


def fill_library(page: str) -> str:
    """Return docs/library.md with the reference of today."""
    made = {
        "store": "\n\n".join(_members("###", "store", StateStore)),
        "nouns": "\n\n".join(_noun(name, NOUNS[name]) for name in _nouns()),
        "functions": "\n\n".join(map(_function, FUNCTIONS)),
        "records": "\n\n".join(_record(record_type) for record_type in RECORDS),
        "enums": tables.table(
            ("enum", "values", "meaning"),
            (
                (
                    f"`{enum.__name__}`",
                    ", ".join(f"`{member}`" for member in enum),
                    tables.first_line(enum),
                )
                for enum in ENUMS
            ),
        ),
    }
    return tables.fill(page, made)


def _nouns() -> list[str]:
    found = [name for name, value in vars(StateStore).items() if isinstance(value, cached_property)]
    if found != list(NOUNS):
        raise KeyError(f"NOUNS and the store's attributes differ: {found}")
    return found


def _noun(name: str, noun: type) -> str:
    return "\n\n".join([f"### store.{name}", _doc(noun), *_members("####", f"store.{name}", noun)])


def _members(level: str, prefix: str, owner: type) -> Iterator[str]:
    """Yield a section for each public method and property, in the order of the source."""
    for name, value in vars(owner).items():
        if name.startswith("_") or isinstance(value, cached_property):
            continue
        called = f"{prefix}.{name}"
        if isinstance(value, property) and value.fget:
            code = f"{called}: {inspect.signature(value.fget).return_annotation}"
        elif isinstance(value, classmethod):
            called = f"{owner.__name__}.{name}"
            code = _call(called, value.__func__, bound=True)
        else:
            code = _call(called, value, bound=True)
        yield _described(f"{level} {called}", code, value)


def _function(function: Callable[..., object]) -> str:
    name = function.__name__
    return _described(f"### {name}", _call(name, function, bound=False), function)


def _described(heading: str, code: str, documented: object) -> str:
    return f"{heading}\n\n```python signature\n{code}\n```\n\n{_doc(documented)}"


def _doc(documented: object) -> str:
    return inspect.getdoc(documented) or ""


def _call(name: str, function: Callable[..., object], *, bound: bool) -> str:
    """Return the call of a function, with the annotations as they stand in the source.

    Of a method, which is called `bound` to its object, the first parameter is left out.
    """
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[bound:]
    shown: list[str] = []
    keyword_only = False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            shown.append("*")
        shown.append(_parameter(parameter))
    line = f"{name}({', '.join(shown)}) -> {signature.return_annotation}"
    if len(line) <= _WIDTH:
        return line
    below = "".join(f"    {part},\n" for part in shown)
    return f"{name}(\n{below}) -> {signature.return_annotation}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    named = f"{stars}{parameter.name}: {parameter.annotation}"
    if parameter.default is parameter.empty:
        return named
    return f"{named} = {_value(parameter.default)}"


def _value(default: object) -> str:
    if default is ...:
        return "..."
    if isinstance(default, BuiltinFunctionType):
        return f"{default.__module__}.{default.__name__}"
    if isinstance(default, StrEnum):
        return f"{type(default).__name__}.{default.name}"
    return repr(default)


def _record(record_type: type) -> str:
    parts = [f"### {record_type.__name__}", _doc(record_type)]
    if record_type.__name__ not in agentstate.__all__:
        parts.append(f"In `{record_type.__module__}`.")
    rows = (
        (f"`{name}`", f"`{kind}`".replace("|", "\\|"), default, meaning)
        for name, kind, default, meaning in _fields(record_type)
    )
    return "\n\n".join([*parts, tables.table(("field", "type", "default", "meaning"), rows)])


def _fields(record_type: type) -> Iterator[tuple[str, str, str, str]]:
    """Yield each field's name, type, default and meaning."""
    meanings = tables.docstrings(record_type)
    if is_dataclass(record_type):
        for field in fields(record_type):
            default = "required" if field.default is MISSING else f"`{_value(field.default)}`"
            yield field.name, str(field.type), default, tables.meaning(field.name, meanings)
    else:
        for name, kind in inspect.get_annotations(record_type).items():
            yield name, kind.__forward_arg__, "required", meanings.get(name, "")
