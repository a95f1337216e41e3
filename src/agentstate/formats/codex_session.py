"""What the lines of a rollout of Codex tell of its session as a whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from agentstate.formats import wording
from agentstate.formats.codex_names import ARCHIVED, ThreadNames, thread_in
from agentstate.formats.events import Relation, Session
from agentstate.formats.names import stem
from agentstate.records import SessionSource

if TYPE_CHECKING:
    from agentstate.formats.reading import Line, Reading

_CWD: Final = re.compile(r"<cwd>([^<\n]+)</cwd>|Current working directory: ([^\n]+)")
_NOBODY_THERE: Final = ("exec", "mcp")
"""How a session is said to have begun that no person holds."""
_LAST: Final = 2**53
"""The last place in a log that is believed; a store's own numbers go further."""
_NAMES: Final = ThreadNames()


class Facts:
    """What is known of a session so far."""

    def __init__(self, reading: Reading) -> None:
        """Begin with what the name of the source tells."""
        self._reading = reading
        self._thread, self._is_later = thread_in(reading.source.name)
        self._meta: dict[str, Any] | None = None
        self._id = ""
        self._copied_from = ""
        self._name = ""
        self._cwd = ""
        self._words = ""
        self._created_at: int | None = None
        self._updated_at: int | None = None
        self._time = reading.source.modified_at

    def take_meta(self, meta: dict[str, Any], line: Line) -> None:
        """Take what describes a session; what comes first is this one's, the others are copies."""
        told = self._text(meta.get("id"))
        if self._meta is None and self._id in {"", told}:
            self._meta = meta
            given = meta.get("timestamp") or line.value.get("timestamp")
            self._time = self._reading.time(given, line.number, self._time)
            if self._created_at is None:
                self._created_at = self._time
        elif told != self._told("id"):
            self._copied_from = self._copied_from or told

    def take_name(self, name: object) -> None:
        """Take a name that the thread was given."""
        self._name = wording.name(self._text(name)) or self._name

    def take_message(self, line: Line, words: str) -> int:
        """Take a message, with what a person says in it; return its time."""
        self._time = self._reading.time(line.value.get("timestamp"), line.number, self._time)
        if self._created_at is None:
            self._created_at = self._time
        self._updated_at = max(self._updated_at or self._time, self._time)
        if words and not self._words:
            self._words = wording.preview(words)
        return self._time

    def take_context(self, text: str) -> None:
        """Take what the program said of the surroundings; older versions say so where they are."""
        if not self._cwd and (found := _CWD.search(text)):
            self._cwd = (found[1] or found[2]).strip()

    @property
    def session_id(self) -> str:
        """The thread; where none is told before this is asked at first, the name of the file."""
        if not self._id:
            own = self._told("id") or self._thread or stem(self._reading.source.name) or "-"
            self._id = self._reading.text(own, 1)
        return self._id

    @property
    def continues_before(self) -> int | None:
        """Where in the thread's own history this rollout goes on, if it does."""
        base = self._base()
        end = base.get("end_ordinal_exclusive")
        same = _text(base.get("thread_id")) == self.session_id
        later = self._is_later and not self._told("forked_from_id")
        return end if is_position(end) and (same or later) else None

    @property
    def continues(self) -> str | None:
        """The rollout on which this one goes on; the first of a thread has the thread's own id."""
        base = self._text(self._base().get("thread_id"))
        return base or None if self.continues_before is not None else None

    def session(self, leaf: str | None, turns_back: int | None) -> Session:
        """Return the session as it is told by all its lines."""
        parent, relation = self._origin()
        git = _object(self._meta, "git")
        created_at = self._time if self._created_at is None else self._created_at
        known = _NAMES.name_of(self.session_id, self._reading.source.path) or ""
        name = wording.name(known) or self._name
        return Session(
            session_id=self.session_id,
            leaf=leaf,
            turns_back=turns_back,
            created_at=created_at,
            updated_at=self._time if self._updated_at is None else self._updated_at,
            title=name or wording.title(self._words) or None,
            is_named=bool(name),
            preview=self._words,
            cwd=self._told("cwd") or self._cwd,
            model_provider=self._told("model_provider") or "openai",
            cli_version=self._told("cli_version"),
            git_branch=self._text(git.get("branch")) or None,
            git_sha=self._text(git.get("commit_hash")) or None,
            git_origin_url=self._text(git.get("repository_url")) or None,
            source=self._source(relation),
            archived=ARCHIVED in self._reading.source.path.parts,
            parent_session_id=parent,
            relation=relation,
        )

    def _origin(self) -> tuple[str | None, Relation | None]:
        source = _object(self._meta, "source")
        agent = source.get("subagent")
        spawn = _object(_object(source, "subagent"), "thread_spawn")
        parent = self._told("parent_thread_id") or self._text(spawn.get("parent_thread_id"))
        if parent or agent is not None:
            return parent or self._told("forked_from_id") or None, Relation.SUBAGENT
        base = (
            "" if self.continues_before is not None else self._text(self._base().get("thread_id"))
        )
        for origin in (self._told("forked_from_id"), base, self._copied_from):
            if origin and origin != self.session_id:
                return origin, Relation.FORK
        return None, None

    def _source(self, relation: Relation | None) -> SessionSource:
        if relation is Relation.FORK:
            return SessionSource.FORK
        alone = self._told("source") in _NOBODY_THERE or "exec" in self._told("originator")
        if alone or relation is Relation.SUBAGENT:
            return SessionSource.API
        return SessionSource.INTERACTIVE

    def _base(self) -> dict[str, Any]:
        return _object(self._meta, "history_base")

    def _told(self, key: str) -> str:
        return self._text((self._meta or {}).get(key))

    def _text(self, value: object) -> str:
        return self._reading.string(value, 1)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(value: dict[str, Any] | None, key: str) -> dict[str, Any]:
    found = (value or {}).get(key)
    return found if isinstance(found, dict) else {}


def is_position(value: object) -> TypeGuard[int]:
    """Tell whether a value is a place in a log that a store can keep."""
    return type(value) is int and 0 <= value <= _LAST
