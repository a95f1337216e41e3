"""What every document is made of: a thread with the messages of it that leave the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentstate.record import Record, record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from agentstate.records import (
        CheckpointRecord,
        DynamicToolRecord,
        MessageRecord,
        ThreadGoalRecord,
        ThreadMetadata,
    )
    from agentstate.reports.imports import ImportRecord


@record
class Conversation(Record):
    """A thread and those of its messages that are exported."""

    thread: ThreadMetadata
    messages: Collection[MessageRecord]
    """Parents before children, otherwise by id. Iterating may read them from the store again.

    Items are `JsonText`. In documents for people (Markdown, HTML), `parent_entry_id` is the
    nearest message above that is among them, or None: see `arrange`.
    """
    path: Sequence[int]
    """The ids, root first, of the branch to read first, as far as they are among `messages`: the
    active one, or the one that was asked for."""
    hidden: frozenset[int] = frozenset()
    """Which of `messages` other views leave out: what a program told the model."""
    origin: ImportRecord | None = None
    """Where the thread was imported from."""
    elsewhere: int = 0
    """How many messages the thread has on other branches, where only one is exported."""
    goal: ThreadGoalRecord | None = None
    """This and what follows is of the thread, and only told to machines."""
    tools: Sequence[DynamicToolRecord] = ()
    checkpoints: Sequence[CheckpointRecord] = ()


@record
class Entry(Record):
    """A line of the index page of a folder of documents."""

    file: str
    """The document's name in the folder."""
    thread: ThreadMetadata
    messages: int
    """How many it holds."""


def title_of(thread: ThreadMetadata) -> str:
    """Return what a document is called: the thread's name, its first words, or its id."""
    return next(
        (text for text in (thread.name, thread.preview) if text and text.strip()), thread.id
    )


def arrange(
    messages: Iterable[MessageRecord], left_out: Collection[int] = frozenset()
) -> list[MessageRecord]:
    """Return messages with parents before children, each below the nearest one that is kept.

    `left_out` are ids that go (a set, or it is slow). A message whose parent is not there becomes
    a root, and so does one of those whose parents go round in a circle.
    """
    known = {message.id: message for message in messages}
    nearest: dict[int, int | None] = {}
    arranged: list[MessageRecord] = []
    for start in known:
        trail: dict[int, None] = {}
        entry: int | None = start
        while entry in known and entry not in nearest and entry not in trail:
            trail[entry] = None
            entry = known[entry].parent_entry_id
        for member in reversed(trail):
            message = known[member]
            above = message.parent_entry_id
            parent = None if above is None else nearest.get(above)
            nearest[member] = parent if member in left_out else member
            if member not in left_out:
                kept = message if parent == above else replace(message, parent_entry_id=parent)
                arranged.append(kept)
    return arranged
