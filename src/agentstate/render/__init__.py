"""Records to text: machine output, tables and the tree. Knows records, never the store.

The modules that draw for a screen are loaded when first used: `render.threads.listing(...)`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentstate.render import (
        backups,
        checkpoints,
        doctor,
        imports,
        index,
        jobs,
        messages,
        pruning,
        recovery,
        search,
        store,
        table,
        threads,
        trash,
    )

__all__ = [
    "backups",
    "checkpoints",
    "doctor",
    "imports",
    "index",
    "jobs",
    "messages",
    "pruning",
    "recovery",
    "search",
    "store",
    "table",
    "threads",
    "trash",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the modules above
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
