"""A conversation as data: one JSON object, or a line for each message. See docs/export.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentstate.render.machine import json_array, json_object
from agentstate.render.shape import field_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentstate.record import Record
    from agentstate.render.export.conversation import Conversation, Entry


def json_page(conversation: Conversation) -> Iterator[str]:
    """Yield the pieces of one object: the thread with all that belongs to it."""
    yield "{\n"
    for name in ("thread", "origin", "goal"):
        one = getattr(conversation, name)
        yield f'"{name}": {"null" if one is None else _object(one)},\n'
    for name in ("tools", "checkpoints"):
        yield from _array(name, getattr(conversation, name))
        yield ",\n"
    yield f'"path": {list(conversation.path)},\n'
    yield f'"hidden": {sorted(conversation.hidden)},\n'
    yield from _array("messages", conversation.messages)
    yield "\n}\n"


def jsonl_page(conversation: Conversation) -> Iterator[str]:
    """Yield a line for each message."""
    for message in conversation.messages:
        yield _object(message) + "\n"


def index_page(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield an array that says which thread each of the documents beside it holds."""
    fields = ("file", "thread_id", "name", "updated_at", "cwd", "messages")
    rows = (
        {
            "file": entry.file,
            "thread_id": entry.thread.id,
            "name": entry.thread.name,
            "updated_at": entry.thread.updated_at,
            "cwd": entry.thread.cwd,
            "messages": entry.messages,
        }
        for entry in entries
    )
    for line in json_array(rows, fields, screen=False):
        yield line + "\n"


def _object(one: Record) -> str:
    return json_object(vars(one), field_names(type(one)), screen=False)


def _array(name: str, records: Iterable[Record]) -> Iterator[str]:
    yield f'"{name}": ['
    separator = "\n"
    for one in records:
        yield separator + _object(one)
        separator = ",\n"
    yield "]" if separator == "\n" else "\n]"
