"""One part of a session against what the store has: what is new, and how it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agentstate.db.own_schema import IMPORTED_MESSAGES, IMPORTS
from agentstate.errors import ConflictError
from agentstate.formats.events import Session
from agentstate.reports.imports import LeafMove
from agentstate.store.binding import bind, bind_fields
from agentstate.store.imports.adding import Additions, Messages
from agentstate.store.imports.describing import (
    Known,
    changes,
    is_plain,
    recorded,
    thread_of,
    told_title,
)
from agentstate.store.imports.joining import Joints, waits_in
from agentstate.store.imports.parts import Outcome
from agentstate.store.thread_rows import COLUMN, decode_thread, has_thread, index_entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agentstate.formats.events import Message
    from agentstate.records import ThreadMetadata
    from agentstate.store.context import Context
    from agentstate.store.imports.merging import Choices
    from agentstate.store.imports.parts import Part, Progress

_SELECTED: Final = ", ".join(
    [f"{IMPORTS}.{column}" for column in Known._fields]
    + [waits_in(f"{IMPORTS}.thread_id")]
    + [f"threads.{column}" for column in COLUMN.values()]
)


class _Target(NamedTuple):
    """The thread of a session as it is in the store."""

    known: Known
    waits: bool
    """Whether a message of it is the first of a source that goes on with others."""
    thread: ThreadMetadata


class Writer:
    """Merges parts, each within a transaction of the caller's, or only says what that would do."""

    def __init__(self, context: Context, choices: Choices) -> None:
        """Work on the store of `context`."""
        self._context = context
        self._db = context.database
        self._choices = choices
        self._additions = Additions(context.database)
        self.messages = Messages(context.database, self._additions)
        self._joints = Joints(context.database)
        self._has_imports = False
        """Whether the own tables were seen; nobody takes them away."""
        self._sessions: frozenset[str] | None = None
        """The sessions that had been imported when that was first asked."""

    def write(self, parts: Sequence[Part]) -> list[Outcome]:
        """Merge parts of different sessions, in a transaction that has just begun."""
        self._additions.begin()
        self.messages.begin()
        outcomes = [self.merge(part, write=True) for part in parts]
        self._additions.write()
        return outcomes

    def merge(self, part: Part, *, write: bool) -> Outcome:
        """Merge a part of a session; without `write` nothing is changed but what is remembered."""
        session = part.session
        was_absent = session.is_absent
        target = None if write and was_absent else self._find(session)
        session.is_absent = target is None and not write
        if target is None:
            if write and session.thread_id is not None:
                raise ConflictError(
                    f"thread {session.thread_id!r} was deleted while it was imported; import again"
                )
            if not write:
                return self._foretell_thread(part)
            return self._create(part, may_have_remains=not was_absent)
        thread_id = target.thread.id
        known_to_be_new = write and session.is_alone
        new = part.messages
        if not known_to_be_new:
            new = self.messages.new_of(part, thread_id, remove_lost=write)
        if not new and part.end is None:
            return Outcome(thread_id, changed=False)
        if not write and (new or session.added):
            return self._foretell(part, target, len(new))
        return self._grow(part, target, new, write=write)

    def lacks(self, session: Progress) -> bool:
        """Tell whether the store had nothing of a session when this was first asked of any."""
        if self._sessions is None:
            self._sessions = frozenset(self._imported())
        return session.start.session_id not in self._sessions

    def _imported(self) -> Iterator[str]:
        if self._db.has_table(IMPORTS):
            sql = f"SELECT session_id FROM {IMPORTS} WHERE format = :format"
            for (session_id,) in self._db.all(sql, {"format": self._choices.format_name}):
                yield session_id

    def _find(self, session: Progress) -> _Target | None:
        """Return the thread of a session that was imported before."""
        self._additions.write()
        self._has_imports = self._has_imports or self._db.has_table(IMPORTS)
        if not self._has_imports:
            return None
        row = self._db.one(
            f"SELECT {_SELECTED} FROM {IMPORTS} JOIN threads ON threads.id = thread_id "
            "WHERE format = :format AND session_id = :session_id",
            {"format": self._choices.format_name, "session_id": session.start.session_id},
        )
        if row is None:
            return None
        width = len(Known._fields)
        return _Target(Known(*row[:width]), bool(row[width]), decode_thread(row[width + 1 :]))

    def _foretell_thread(self, part: Part) -> Outcome:
        """Say what would come of a session of which the store has nothing."""
        if not part.session.messages:
            return Outcome(None, changed=False)
        name = self._choices.name or (part.end.title if part.end else None)
        return Outcome(
            self._free_id(part.session.start.session_id) if self._choices.dry_run else None,
            changed=True,
            created=True,
            added=len(part.messages),
            leaf=LeafMove.MOVED,
            name=name or None,
        )

    def _create(self, part: Part, *, may_have_remains: bool) -> Outcome:
        """Make the thread of a session of which the store has nothing."""
        session_id = part.session.start.session_id
        thread = self._wanted(part, self._free_id(session_id) or self._context.new_id())
        if may_have_remains:
            self._remove_remains(thread.id, session_id)
        rows, keys = self.messages.rows_of(part, thread.id, part.messages)
        leaf = self._leaf(part, thread.id, rows)
        values = {**bind(thread), "current_leaf_id": leaf}
        columns = [COLUMN[field] for field in values]
        self._additions.add("threads", columns, [tuple(values.values())])
        known = recorded(part.end, thread, leaf, source=self._choices.source)
        self._additions.add(
            IMPORTS,
            (*known._fields, "format", "session_id", "imported_at"),
            [(*known, self._choices.format_name, session_id, self._context.now())],
        )
        self.messages.add(rows, keys)
        return Outcome(
            thread.id,
            changed=True,
            created=True,
            added=len(rows),
            leaf=LeafMove.MOVED,
            name=thread.name,
            entry=index_entry(thread) if part.end else None,
        )

    def _foretell(self, part: Part, target: _Target, added: int) -> Outcome:
        """Say what new messages would do to a thread, whose ids are not known yet."""
        known, thread = target.known, target.thread
        settings: dict[str, object] = {}
        move = LeafMove.MOVED
        if thread.current_leaf_id not in {None, known.leaf_id}:
            move = LeafMove.KEPT
        if part.end is not None:
            settings = self._changes(part, part.end, target)
            leaf = part.end.leaf
            found = self.messages.look_up(thread.id, [leaf]) if leaf is not None else {}
            there = thread.current_leaf_id in found.values()
            if there or self._is_older(part.end, known):
                move = LeafMove.UNCHANGED
        name: Any = settings.get("name", thread.name)
        return Outcome(thread.id, changed=True, added=added, leaf=move, name=name)

    def _grow(self, part: Part, target: _Target, new: list[Message], *, write: bool) -> Outcome:
        """Add to a thread, and have it follow what else has changed in the source."""
        known, thread = target.known, target.thread
        rows, keys = self.messages.rows_of(part, thread.id, new)
        leaf, move = self._move(part, target, rows)
        after = known if leaf is None else known._replace(leaf_id=leaf)
        settings: dict[str, Any] = {}
        if leaf is not None and leaf != thread.current_leaf_id:
            settings["current_leaf_id"] = leaf
        if part.end is not None:
            settings |= self._changes(part, part.end, target)
            if self._is_older(part.end, known):
                title = told_title(part.end, known, is_older=True)
                after = after._replace(title=title)
            else:
                wanted = self._wanted(part, thread.id)
                source = self._choices.source
                after = recorded(part.end, wanted, after.leaf_id, source=source, before=known)
        if write and rows:
            self.messages.add(rows, keys)
            self._additions.write()
        joined = 0
        if target.waits or (keys and keys[0][-1] is not None):
            joined = self._joints.join(thread.id, keys, write=write)
        changed = bool(rows or joined or settings or after != known)
        if write and changed:
            columns = {COLUMN[field]: value for field, value in settings.items()}
            bind_fields(type(thread), settings)
            self._set("threads", "id", thread.id, columns)
            self._record(known, after, added=bool(rows))
        grown = replace(thread, **settings)
        is_due = known.source_updated_at is None or index_entry(grown) != index_entry(thread)
        return Outcome(
            thread.id,
            changed=changed,
            added=len(rows),
            leaf=move,
            name=grown.name,
            entry=index_entry(grown) if part.end is not None and is_due else None,
        )

    def _leaf(self, part: Part, thread_id: str, rows: Sequence[Sequence[object]]) -> int | None:
        """Return where the source has the leaf; until its end comes, that is the last message."""
        native_id = part.end.leaf if part.end is not None else None
        if native_id is not None:
            recent = part.session.recent
            found = recent.get(native_id)
            if found is None:
                found = self.messages.look_up(thread_id, [native_id]).get(native_id)
            if found is not None:
                return found
        last: Any = rows[-1][0] if rows else None
        return None if last is None else int(last)

    def _move(
        self, part: Part, target: _Target, rows: Sequence[Sequence[object]]
    ) -> tuple[int | None, LeafMove]:
        """Return where the leaf goes, or is already; None where it is left alone."""
        known, thread = target.known, target.thread
        is_partial = known.source_updated_at is None
        if part.end is None and not (is_partial or thread.current_leaf_id is None):
            return None, LeafMove.UNCHANGED
        leaf = self._leaf(part, thread.id, rows)
        if leaf is None or leaf == thread.current_leaf_id:
            return leaf, LeafMove.UNCHANGED
        if thread.current_leaf_id is None:
            return leaf, LeafMove.MOVED
        if part.end is not None and self._is_older(part.end, known):
            return None, LeafMove.UNCHANGED
        if thread.current_leaf_id != known.leaf_id:
            return None, LeafMove.KEPT
        return leaf, LeafMove.MOVED

    def _is_older(self, end: Session, known: Known) -> bool:
        """Tell whether another file of the session, which was imported before, is newer."""
        newest = known.source_updated_at
        elsewhere = known.source_path != self._choices.source
        return newest is not None and end.updated_at < newest and elsewhere

    def _changes(self, part: Part, end: Session, target: _Target) -> dict[str, object]:
        known, thread = target.known, target.thread
        is_older, named = self._is_older(end, known), self._choices.name is not None
        wanted = self._wanted(part, thread.id)
        if not named:
            wanted = replace(wanted, name=told_title(end, known, is_older=is_older))
        return changes(thread, known, wanted, named=named, is_older=is_older)

    def _wanted(self, part: Part, thread_id: str) -> ThreadMetadata:
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

    def _record(self, known: Known, after: Known, *, added: bool) -> None:
        before = known._asdict()
        settings = {
            column: value for column, value in after._asdict().items() if value != before[column]
        }
        if added:
            settings["imported_at"] = self._context.now()
        self._set(IMPORTS, "thread_id", known.thread_id, settings)

    def _set(self, table: str, key: str, value: str, settings: Mapping[str, object]) -> None:
        if settings:
            listed = ", ".join(f"{column} = :{column}" for column in settings)
            sql = f"UPDATE {table} SET {listed} WHERE {key} = :the_key"
            self._db.execute(sql, {**settings, "the_key": value})

    def _remove_remains(self, thread_id: str, session_id: str) -> None:
        """Remove what a program left that deleted a thread without having foreign keys enforced."""
        self._db.execute(
            f"DELETE FROM {IMPORTS} WHERE thread_id = :thread_id "
            "OR (format = :format AND session_id = :session_id)",
            {
                "thread_id": thread_id,
                "format": self._choices.format_name,
                "session_id": session_id,
            },
        )
        sql = f"DELETE FROM {IMPORTED_MESSAGES} WHERE thread_id = :thread_id"
        self._db.execute(sql, {"thread_id": thread_id})

    def _free_id(self, session_id: str) -> str | None:
        """Return the session's id if a thread may have it."""
        if not is_plain(session_id) or has_thread(self._db, session_id):
            return None
        return session_id
