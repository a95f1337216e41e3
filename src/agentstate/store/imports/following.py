"""What a thread follows its source in: name, leaf and all else that nobody else has changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentstate.formats import wording
from agentstate.formats.events import Session
from agentstate.reports.imports import LeafMove
from agentstate.store.imports.describing import changes, thread_of, told_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.records import ThreadMetadata
    from agentstate.store.imports.adding import Messages
    from agentstate.store.imports.describing import Known
    from agentstate.store.imports.joining import Joints
    from agentstate.store.imports.merging import Choices
    from agentstate.store.imports.parts import Part, Target


class Followed:
    """A source, as the threads of its sessions follow it."""

    def __init__(self, choices: Choices, messages: Messages, joints: Joints) -> None:
        """Say what was asked for; `messages` and `joints` are the store's."""
        self._choices = choices
        self._messages = messages
        self._joints = joints

    def wanted(self, part: Part, thread_id: str) -> ThreadMetadata:
        """Return the thread as the source has it, or where that is still to come, as a stopgap."""
        start = part.session.start
        end = part.end or Session(
            session_id=start.session_id,
            leaf=None,
            created_at=part.messages[0].created_at,
            updated_at=start.updated_at,
        )
        name = self._choices.name if part.end else None
        return thread_of(
            end, thread_id, source=self._choices.source, name=name, remap=self._choices.remap
        )

    def title(self, part: Part, end: Session, target: Target) -> str | None:
        """Return what the session is called; the first words are those of its earliest source."""
        known = target.known
        is_first_words = known.title == (wording.title(target.thread.preview) or None)
        if part.session.is_earliest and end.title and is_first_words:
            return end.title
        return told_title(end, known, is_older=self.is_older(end.updated_at, known))

    def changes(self, part: Part, end: Session, target: Target) -> dict[str, object]:
        """Return the fields of the thread that this import sets anew."""
        known, thread = target.known, target.thread
        is_older = self.is_older(end.updated_at, known)
        named = self._choices.name is not None
        wanted = self.wanted(part, thread.id)
        if not named:
            wanted = replace(wanted, name=self.title(part, end, target))
        found = changes(thread, known, wanted, named=named, is_older=is_older)
        if part.session.is_earliest and wanted.preview not in {"", thread.preview}:
            found["preview"] = wanted.preview
        return found

    def leaf(self, part: Part, thread_id: str, rows: Sequence[Sequence[object]]) -> int | None:
        """Return where the source has the leaf; until its end comes, that is the last message."""
        if part.end is not None and part.end.turns_back is not None:
            start = part.session.start
            above = self._joints.place(thread_id, start, part.end.turns_back)
            if above is not None:
                return above
        native_id = part.end.leaf if part.end is not None else None
        if native_id is not None:
            recent = part.session.recent
            found = recent.get(native_id)
            if found is None:
                found = self._messages.look_up(thread_id, [native_id]).get(native_id)
            if found is not None:
                return found
        last: Any = rows[-1][0] if rows else None
        return None if last is None else int(last)

    def move(
        self, part: Part, target: Target, rows: Sequence[Sequence[object]]
    ) -> tuple[int | None, LeafMove]:
        """Return where the leaf goes, or is already; None where it is left alone."""
        known, thread = target.known, target.thread
        is_partial = known.source_updated_at is None
        if part.end is None and not (is_partial or thread.current_leaf_id is None):
            return None, LeafMove.UNCHANGED
        leaf = self.leaf(part, thread.id, rows)
        if leaf is None or leaf == thread.current_leaf_id:
            return leaf, LeafMove.UNCHANGED
        if thread.current_leaf_id is None:
            return leaf, LeafMove.MOVED
        if part.end is not None and self.is_older(part.end.updated_at, known):
            return None, LeafMove.UNCHANGED
        if thread.current_leaf_id != known.leaf_id:
            return None, LeafMove.KEPT
        return leaf, LeafMove.MOVED

    def is_older(self, updated_at: int, known: Known) -> bool:
        """Tell whether another file of the session, which was imported before, is newer.

        Of two that ended at the same time it is the one whose name comes last.
        """
        source, before = self._choices.source or "", known.source_path or ""
        newest = known.source_updated_at
        return newest is not None and source != before and (updated_at, source) < (newest, before)
