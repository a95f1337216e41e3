"""The shapes of what the store says about itself, apart from those of the records.

Most commands answer with records, and need not load the reports.
"""

from typing import Final

from agentstate.render.shape import Shape, field_names
from agentstate.reports import IndexCheck, IndexRebuild, StoreInfo

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
    columns=("path", "rule", "schema_version", "journal_mode", "size", "counts"),
    id="path",
)
