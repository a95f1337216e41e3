"""The checks of an open store, in the order in which they look and mend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.store.doctor.ids import thread_ids
from agentstate.store.doctor.imports import lost_imports, own_tables
from agentstate.store.doctor.pages import free_pages, pages
from agentstate.store.doctor.schema import (
    actions,
    missing_base,
    missing_parts,
    other_parts,
    version,
)
from agentstate.store.doctor.states import (
    archived_threads,
    job_progress,
    rollout_paths,
    unknown_words,
)
from agentstate.store.doctor.tables import hidden_rows
from agentstate.store.doctor.tree import cycles, leaves, message_ids, missing_threads, parents
from agentstate.store.doctor.values import values
from agentstate.store.doctor.workflows import references, workflow_json

if TYPE_CHECKING:
    from agentstate.store.doctor.problems import Check

# In this order: indexes first, for statements go by them; values before what is made of them;
# parents before the leaves that they lead to.
IN_STORE: Final[tuple[Check, ...]] = (
    pages,
    thread_ids,
    values,
    unknown_words,
    archived_threads,
    job_progress,
    version,
    missing_parts,
    parents,
    cycles,
    missing_threads,
    leaves,
    own_tables,
    lost_imports,
)
"""Checks whose repairs are made in one transaction."""

BESIDE: Final[tuple[Check, ...]] = (
    missing_base,
    hidden_rows,
    message_ids,
    actions,
    other_parts,
    references,
    workflow_json,
    rollout_paths,
    free_pages,
)
"""Checks of the open store with nothing to repair, or nothing that a transaction could."""
