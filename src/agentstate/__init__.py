"""Manage AI-agent conversations kept in `state.db`: see, branch and move them.

Names are loaded when first used, so that `import agentstate` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentstate._version import __version__

if TYPE_CHECKING:
    from agentstate.errors import (
        AgentStateError,
        AgentStateWarning,
        AmbiguousError,
        BadInputError,
        CheckpointNotFoundError,
        ConflictError,
        CorruptStoreError,
        GoalNotFoundError,
        JobNotFoundError,
        MessageNotFoundError,
        NotAStoreError,
        NotFoundError,
        StoreBusyError,
        StoreNotFoundError,
        StoreTooNewError,
        StoreTooOldError,
        StoreUnavailableError,
        ThreadNotFoundError,
        UntrustedSchemaError,
        UsageError,
    )
    from agentstate.jsontext import JsonText
    from agentstate.records import (
        CheckpointRecord,
        DynamicToolRecord,
        JobStateRecord,
        JobStateStatus,
        MessageRecord,
        SessionIndexEntry,
        SessionSource,
        SideBranch,
        ThreadGoalRecord,
        ThreadGoalStatus,
        ThreadListFilters,
        ThreadMetadata,
        ThreadSort,
        ThreadStats,
        ThreadStatus,
    )
    from agentstate.reports.doctor import DoctorReport, Finding, Severity
    from agentstate.reports.imports import (
        ImportedFile,
        ImportedThread,
        ImportRecord,
        ImportReport,
        LeafMove,
        SourceNote,
    )
    from agentstate.reports.index import BadLine, IndexCheck, IndexRebuild, NameDrift
    from agentstate.reports.recovery import RecoverReport, TableSalvage
    from agentstate.reports.search import SearchFilters, SearchHit, SearchResult
    from agentstate.reports.store import BackupReport, RestoreReport, StoreInfo, VacuumReport
    from agentstate.reports.trash import PrunedThread, PruneReport, TrashEntry
    from agentstate.session_index import CompactionResult
    from agentstate.store import StateStore
    from agentstate.store.doctor import examine, repair
    from agentstate.store.recovery import recover
    from agentstate.store.restoring import restore

__all__ = [
    "AgentStateError",
    "AgentStateWarning",
    "AmbiguousError",
    "BackupReport",
    "BadInputError",
    "BadLine",
    "CheckpointNotFoundError",
    "CheckpointRecord",
    "CompactionResult",
    "ConflictError",
    "CorruptStoreError",
    "DoctorReport",
    "DynamicToolRecord",
    "Finding",
    "GoalNotFoundError",
    "ImportRecord",
    "ImportReport",
    "ImportedFile",
    "ImportedThread",
    "IndexCheck",
    "IndexRebuild",
    "JobNotFoundError",
    "JobStateRecord",
    "JobStateStatus",
    "JsonText",
    "LeafMove",
    "MessageNotFoundError",
    "MessageRecord",
    "NameDrift",
    "NotAStoreError",
    "NotFoundError",
    "PruneReport",
    "PrunedThread",
    "RecoverReport",
    "RestoreReport",
    "SearchFilters",
    "SearchHit",
    "SearchResult",
    "SessionIndexEntry",
    "SessionSource",
    "Severity",
    "SideBranch",
    "SourceNote",
    "StateStore",
    "StoreBusyError",
    "StoreInfo",
    "StoreNotFoundError",
    "StoreTooNewError",
    "StoreTooOldError",
    "StoreUnavailableError",
    "TableSalvage",
    "ThreadGoalRecord",
    "ThreadGoalStatus",
    "ThreadListFilters",
    "ThreadMetadata",
    "ThreadNotFoundError",
    "ThreadSort",
    "ThreadStats",
    "ThreadStatus",
    "TrashEntry",
    "UntrustedSchemaError",
    "UsageError",
    "VacuumReport",
    "__version__",
    "examine",
    "recover",
    "repair",
    "restore",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - each name has its own type, given above
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only on first use

    for module in (
        "records",
        "errors",
        "jsontext",
        "store",
        "session_index",
        "store.restoring",
        "store.recovery",
        "store.doctor",
        "reports.doctor",
        "reports.imports",
        "reports.index",
        "reports.recovery",
        "reports.search",
        "reports.store",
        "reports.trash",
    ):
        found = import_module(f"{__name__}.{module}")
        if hasattr(found, name):
            value = getattr(found, name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
