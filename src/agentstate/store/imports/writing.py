"""One part of a session against what the store has: what is new, and how it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agentstate.db.own_schema import IMPORTED_MESSAGES, IMPORTS
from agentstate.errors import ConflictError
from agentstate.reports.imports import LeafMove
from agentstate.store.binding import bind, bind_fields
from agentstate.store.imports.adding import Additions, Messages
from agentstate.store.imports.describing import (
    Known,
    is_plain,
    recorded,
    told_title,
)
from agentstate.store.imports.following import Followed
from agentstate.store.imports.joining import Joints, waits_in
from agentstate.store.imports.parts import Outcome, Target
from agentstate.store.imports.renewing import Renewals
from agentstate.store.thread_rows import COLUMN, decode_thread, has_thread, index_entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agentstate.formats.events import Message
    from agentstate.store.context import Context
    from agentstate.store.imports.merging import Choices
    from agentstate.store.imports.parts import Part, Progress
    from agentstate.store.imports.renewing import Renewal

_SELECTED: Final = ", ".join(
    [f"{IMPORTS}.{column}" for column in Known._fields]
    + [waits_in(f"{IMPORTS}.thread_id")]
    + [f"threads.{column}" for column in COLUMN.values()]
)


class Told(NamedTuple):
    """What a part tells of a thread that is there."""

    new: Sequence[Message]
    renewals: Sequence[Renewal]


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
        self._source = Followed(choices, self.messages, self._joints)
        self._renewals = Renewals(context.database)
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
            return self._create(part, is_new=was_absent)
        thread_id = target.thread.id
        known_to_be_new = write and session.is_alone
        told = Told(part.messages, [])
        if not known_to_be_new:
            new, renewals = self.messages.told(part, thread_id, remove_lost=write)
            is_older = self._source.is_older(session.start.updated_at, target.known)
            told = Told(new, [] if is_older else self._renewals.changed(renewals))
        if target.waits and told.new:
            session.is_earliest |= self.messages.is_earliest(thread_id, told.new[0])
        if not any(told) and part.end is None:
            return Outcome(thread_id, changed=False)
        if not write and (told.new or session.added):
            return self._foretell(part, target, told)
        return self._grow(part, target, told, write=write)

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

    def _find(self, session: Progress) -> Target | None:
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
        return Target(Known(*row[:width]), bool(row[width]), decode_thread(row[width + 1 :]))

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

    def _create(self, part: Part, *, is_new: bool) -> Outcome:
        """Make the thread of a session of which the store has nothing.

        `is_new` tells that nobody was seen to have its id or to have left anything of it; if that
        is wrong adding it fails, and it is tried again with a look.
        """
        session_id = part.session.start.session_id
        thread_id = self._free_id(session_id, look=not is_new) or self._context.new_id()
        thread = self._source.wanted(part, thread_id)
        if not is_new:
            self._remove_remains(thread.id, session_id)
        rows, keys = self.messages.rows_of(part, thread.id, part.messages)
        leaf = self._source.leaf(part, thread.id, rows)
        values = {**bind(thread), "current_leaf_id": leaf}
        columns = [COLUMN[field] for field in values]
        self._additions.add("threads", columns, [tuple(values.values())])
        title = told_title(part.end, None)
        known = recorded(part.end, thread, leaf, source=self._choices.source, title=title)
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
            is_due=True,
        )

    def _foretell(self, part: Part, target: Target, told: Told) -> Outcome:
        """Say what new messages would do to a thread, whose ids are not known yet."""
        known, thread = target.known, target.thread
        settings: dict[str, object] = {}
        move = LeafMove.MOVED
        if thread.current_leaf_id not in {None, known.leaf_id}:
            move = LeafMove.KEPT
        if part.end is not None:
            settings = self._source.changes(part, part.end, target)
            leaf = part.end.leaf
            found = self.messages.look_up(thread.id, [leaf]) if leaf is not None else {}
            there = thread.current_leaf_id in found.values()
            if there or self._source.is_older(part.end.updated_at, known):
                move = LeafMove.UNCHANGED
        name: Any = settings.get("name", thread.name)
        return Outcome(
            thread.id,
            changed=True,
            added=len(told.new),
            updated=len(told.renewals),
            leaf=move,
            name=name,
        )

    def _grow(self, part: Part, target: Target, told: Told, *, write: bool) -> Outcome:
        """Add to a thread, and have it follow what else has changed in the source."""
        known, thread = target.known, target.thread
        rows, keys = self.messages.rows_of(part, thread.id, told.new)
        leaf, move = self._source.move(part, target, rows)
        after = known if leaf is None else known._replace(leaf_id=leaf)
        settings: dict[str, Any] = {}
        if leaf is not None and leaf != thread.current_leaf_id:
            settings["current_leaf_id"] = leaf
        if part.end is not None:
            settings |= self._source.changes(part, part.end, target)
            title = self._source.title(part, part.end, target)
            if self._source.is_older(part.end.updated_at, known):
                after = after._replace(title=title)
            else:
                wanted, at = self._source.wanted(part, thread.id), after.leaf_id
                source = self._choices.source
                after = recorded(part.end, wanted, at, source=source, title=title, before=known)
        if write:
            self._renewals.apply(told.renewals)
            self.messages.add(rows, keys)
            self._additions.write()
        joined = 0
        if target.waits or part.session.start.continues_before is not None:
            joined = self._joints.join(thread.id, write=write)
        changed = bool(any(told) or joined or settings or after != known)
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
            updated=len(told.renewals),
            leaf=move,
            name=grown.name,
            entry=index_entry(grown) if part.end is not None else None,
            is_due=is_due,
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

    def _free_id(self, session_id: str, *, look: bool = True) -> str | None:
        """Return the session's id if a thread may have it, as far as that shows without a look."""
        if not is_plain(session_id) or (look and has_thread(self._db, session_id)):
            return None
        return session_id
