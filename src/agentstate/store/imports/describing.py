"""What a thread is told of its session: at first all of it, later what nobody else has changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.records import ThreadMetadata, ThreadStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.formats.events import Session

_LONGEST_ID: Final = 128
_FILLED: Final = (
    "preview",
    "cwd",
    "model_provider",
    "cli_version",
    "git_sha",
    "git_branch",
    "git_origin_url",
)
"""Fields that a later import fills in where they are empty."""


class Known(NamedTuple):
    """What an import wrote last of a session, as `agentstate_imports` has it."""

    thread_id: str
    source_path: str | None
    parent_session_id: str | None
    relation: str | None
    title: str | None
    rollout_path: str | None
    archived: int
    leaf_id: int | None
    source_updated_at: int | None
    """None until all of the session has come in once."""


def is_plain(thread_id: str) -> bool:
    """Tell whether a session's id will do for a thread, so that it can be typed as a selector."""
    return (
        0 < len(thread_id) <= _LONGEST_ID
        and thread_id.isprintable()
        and thread_id[0] not in "@-"
        and re.search(r"[~:\s]", thread_id) is None
    )


def remapped(path: str, remap: Sequence[tuple[str, str]]) -> str:
    """Return a path with its beginning replaced by the first rule that fits whole parts of it."""
    for old, new in remap:
        beginning = old.rstrip("/")
        if path in {old, beginning} or path.startswith(f"{beginning}/"):
            return new.rstrip("/") + path[len(beginning) :] or "/"
    return path


def thread_of(
    session: Session,
    thread_id: str,
    *,
    source: str | None,
    name: str | None,
    remap: Sequence[tuple[str, str]],
) -> ThreadMetadata:
    """Return a thread as its session has it; its leaf is left to the messages."""
    return ThreadMetadata(
        id=thread_id,
        rollout_path=None if source is None else remapped(source, remap),
        preview=session.preview,
        model_provider=session.model_provider,
        created_at=session.created_at,
        updated_at=session.updated_at,
        status=ThreadStatus.ARCHIVED if session.archived else ThreadStatus.IDLE,
        cwd=remapped(session.cwd, remap),
        cli_version=session.cli_version,
        source=session.source,
        name=name or session.title or None,
        archived=session.archived,
        archived_at=session.updated_at if session.archived else None,
        git_sha=session.git_sha,
        git_branch=session.git_branch,
        git_origin_url=session.git_origin_url,
    )


def recorded(  # noqa: PLR0913 - each is a fact of its own, and named
    end: Session | None,
    thread: ThreadMetadata,
    leaf: int | None,
    *,
    source: str | None,
    title: str | None,
    before: Known | None = None,
) -> Known:
    """Return what is to be known of a session from now on; `end` is None while parts are missing.

    `thread` is as the source has it, `title` as `told_title` says, and `before` what was known
    until now.
    """
    relation = end.relation.value if end and end.relation else None
    parent = end.parent_session_id if end else None
    return Known(
        thread_id=thread.id,
        source_path=source,
        parent_session_id=parent or (before.parent_session_id if before else None),
        relation=relation or (before.relation if before else None),
        title=title,
        rollout_path=thread.rollout_path,
        archived=int(thread.archived),
        leaf_id=leaf,
        source_updated_at=end.updated_at if end else None,
    )


def told_title(end: Session | None, before: Known | None, *, is_older: bool = False) -> str | None:
    """Return the title that a session has from now on, as the files of it that were read tell.

    A file that tells none takes none away, and neither its first words nor the name that an older
    file gave stand in the place of another.
    """
    title = (end.title or None) if end else None
    if before is None or before.title is None:
        return title
    is_newer_name = end is not None and end.is_named and not is_older
    return title if title is not None and is_newer_name else before.title


def changes(
    thread: ThreadMetadata, known: Known, wanted: ThreadMetadata, *, named: bool, is_older: bool
) -> dict[str, object]:
    """Return the fields of a thread that an import sets anew.

    A field that follows the source is left alone once somebody else has changed it. `named` says
    that the name was asked for; `is_older` that another file of the session is newer.
    """
    found: dict[str, object] = {
        field: getattr(wanted, field) for field in _FILLED if not getattr(thread, field)
    }
    found["updated_at"] = max(thread.updated_at, wanted.updated_at)
    if known.source_updated_at is None:
        found["created_at"] = wanted.created_at
        found["source"] = wanted.source
    if named or thread.name == known.title:
        found["name"] = wanted.name
    if thread.rollout_path == known.rollout_path and not is_older:
        found["rollout_path"] = wanted.rollout_path
    if thread.archived == bool(known.archived) != wanted.archived and not is_older:
        found |= {field: getattr(wanted, field) for field in ("archived", "archived_at", "status")}
    return {field: value for field, value in found.items() if value != getattr(thread, field)}
