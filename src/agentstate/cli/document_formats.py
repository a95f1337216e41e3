"""Which documents there are, and what of a thread's records leaves the store in each.

`--redact` counts only that. All of a record is redacted all the same, so that a field which is
forgotten here is not told, but only not counted.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from agentstate import blocks
from agentstate.blocks import BlockKind
from agentstate.render.text import is_blank

if TYPE_CHECKING:
    from collections.abc import Collection

    from agentstate.records import MessageRecord, ThreadMetadata


class DocumentFormat(StrEnum):
    """What a conversation may become."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"
    JSONL = "jsonl"
    OPENAI = "openai"
    AGENTSTATE = "agentstate"


FOR_PEOPLE: Final = frozenset({DocumentFormat.MARKDOWN, DocumentFormat.HTML})
OF_LINES: Final = frozenset({DocumentFormat.JSONL, DocumentFormat.OPENAI})
"""Documents that may follow one another."""

ALL: Final = None
"""Every field of a record."""
NOTHING: Final = frozenset[str]()
_SAID: Final = frozenset({"role", "content"})

_OF_THREADS: Final = {
    DocumentFormat.MARKDOWN: frozenset({"cwd", "git_branch", "model_provider"}),
    DocumentFormat.HTML: frozenset(
        {
            "cwd",
            "git_branch",
            "git_origin_url",
            "model_provider",
            "cli_version",
            "rollout_path",
        }
    ),
}
_IN_LISTS: Final = frozenset({"name", "cwd"})
_OF_ORIGINS: Final = {
    DocumentFormat.MARKDOWN: frozenset({"format", "session_id", "source_path"}),
    DocumentFormat.HTML: frozenset(
        {"format", "session_id", "source_path", "parent_session_id", "relation"}
    ),
    DocumentFormat.JSONL: NOTHING,
}


def of_thread(
    format_: DocumentFormat, thread: ThreadMetadata, *, listed: bool
) -> Collection[str] | None:
    """Return which fields of a thread's record leave; `listed` says that an index tells of it.

    What a bundle holds of a thread is no record, and is counted where it is read.
    """
    if format_ is DocumentFormat.JSON:
        return ALL
    if format_ in OF_LINES:
        return _IN_LISTS if listed else NOTHING
    if format_ not in _OF_THREADS:
        return NOTHING
    title = "name" if thread.name and thread.name.strip() else "preview"
    return _OF_THREADS[format_] | {title}


def of_origin(format_: DocumentFormat, *, is_log: bool) -> Collection[str] | None:
    """Return which fields of where a thread was imported from leave.

    `is_log` says that its file is the thread's log, which HTML shows once.
    """
    if is_log and format_ is DocumentFormat.HTML:
        return _OF_ORIGINS[format_] - {"source_path"}
    return _OF_ORIGINS.get(format_, ALL)


def of_message(format_: DocumentFormat, message: MessageRecord) -> Collection[str] | None:
    """Return which fields of a message leave; people see its item where it says nothing else."""
    is_said = format_ is DocumentFormat.HTML and not is_blank(message.content)
    return _SAID if is_said or format_ is DocumentFormat.MARKDOWN else ALL


def of_chat(message: MessageRecord, *, as_it_came: bool) -> tuple[MessageRecord, Collection[str]]:
    """Return a message without what no chat holds, and which fields of it leave."""
    if as_it_came:
        return message, frozenset({"item"})
    if message.role == "assistant":
        parts = blocks.split(message.content)
        if any(part.kind is BlockKind.THINKING for part in parts):
            said = [part.source for part in parts if part.kind is not BlockKind.THINKING]
            message = replace(message, content="\n\n".join(said))
    return message, frozenset({"content"})
