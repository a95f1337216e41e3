"""The shapes of what the store says about itself, apart from those of the records.

Most commands answer with records, and need not load the reports.
"""

from typing import Final

from agentstate.render.shape import Shape, field_names
from agentstate.reports.doctor import DoctorReport, Finding
from agentstate.reports.export import ExportedThread
from agentstate.reports.imports import ImportedThread, ImportReport
from agentstate.reports.index import IndexCheck, IndexRebuild
from agentstate.reports.recovery import RecoverReport
from agentstate.reports.search import SearchHit
from agentstate.reports.store import BackupReport, RestoreReport, StoreInfo, VacuumReport
from agentstate.reports.trash import PrunedThread, PruneReport, TrashEntry

INDEX_CHECK: Final = Shape(
    noun="checks",
    fields=(*field_names(IndexCheck), "differences"),
    columns=("lines", "entries", "differences"),
    id="lines",
)
INDEX_REBUILD: Final = Shape(
    noun="rebuilds",
    fields=field_names(IndexRebuild),
    columns=("entries", "backup"),
    id="entries",
)
INDEX_COMPACTION: Final = Shape(
    noun="compactions",
    fields=("lines_before", "lines_after", "bytes_before", "bytes_after", "bad_lines"),
    columns=("lines_before", "lines_after", "bytes_before", "bytes_after"),
    id="lines_after",
)
STORE: Final = Shape(
    noun="stores",
    fields=field_names(StoreInfo),
    columns=("path", "rule", "schema_version", "journal_mode", "size", "counts", "open_in"),
    id="path",
)
DIAGNOSIS: Final = Shape(
    noun="diagnoses",
    fields=field_names(DoctorReport),
    columns=("path", "healthy"),
    id="path",
)
FINDINGS: Final = Shape(
    noun="findings",
    fields=field_names(Finding),
    columns=("severity", "slug", "ids", "what", "fix", "fixed"),
    id="slug",
)
BACKUP: Final = Shape(
    noun="backups",
    fields=field_names(BackupReport),
    columns=("path", "index_path", "size", "threads", "messages"),
    id="path",
)
RESTORATION: Final = Shape(
    noun="restorations",
    fields=field_names(RestoreReport),
    columns=("path", "source", "replaced", "threads", "messages", "schema_version"),
    id="path",
)
VACUUM: Final = Shape(
    noun="vacuums",
    fields=field_names(VacuumReport),
    columns=("path", "bytes_before", "bytes_after", "reclaimed"),
    id="path",
)
RECOVERY: Final = Shape(
    noun="recoveries",
    fields=field_names(RecoverReport),
    columns=("path", "source", "saved", "lost"),
    id="path",
)
TRASH: Final = Shape(
    noun="deleted threads",
    fields=field_names(TrashEntry),
    columns=field_names(TrashEntry),
    id="id",
)
PRUNING: Final = Shape(
    noun="prunings",
    fields=field_names(PruneReport),
    columns=("dry_run", "size", "reclaimed", "bundled"),
    id="size",
)
PRUNED: Final = Shape(
    noun="threads",
    fields=field_names(PrunedThread),
    columns=("id", "name", "updated_at", "messages", "size", "bundle"),
    id="id",
)
IMPORT: Final = Shape(
    noun="imports",
    fields=field_names(ImportReport),
    columns=("dry_run", "created", "grown", "unchanged", "messages"),
    id="created",
)
IMPORTED: Final = Shape(
    noun="threads",
    fields=("path", "format", *field_names(ImportedThread)),
    columns=(
        "thread_id",
        "session_id",
        "format",
        "created",
        "messages",
        "added",
        "leaf",
        "name",
        "path",
    ),
    id="thread_id",
)
EXPORTED: Final = Shape(
    noun="documents",
    fields=field_names(ExportedThread),
    columns=("path", "thread_id", "messages", "size", "redacted"),
    id="thread_id",
)
SEARCH: Final = Shape(
    noun="hits",
    fields=field_names(SearchHit),
    columns=(
        "message_id",
        "thread_id",
        "thread_name",
        "role",
        "created_at",
        "on_active_branch",
        "snippet",
    ),
    id="message_id",
)
