"""What the lines of a Claude Code file tell of its session as a whole."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from agentstate.formats.events import Relation, Session
from agentstate.formats.models import provider_of
from agentstate.formats.names import is_uuid, stem
from agentstate.formats.wording import name, preview, title
from agentstate.records import SessionSource

if TYPE_CHECKING:
    from collections.abc import Container

    from agentstate.formats.reading import Line, Reading

_AGENT: Final = "agent-"
_AGENT_FILE: Final = re.compile(r"agent-[0-9a-f]{6,}")
"""The name of the file of an agent, without its ending."""
_SUMMARIES: Final = 1000
"""How many summaries are kept until it is known which of them are of this session."""
_TITLES: Final = {
    "custom-title": "customTitle",
    "agent-name": "agentName",
    "ai-title": "aiTitle",
    "summary": "summary",
}
"""The kinds of lines that name a session, the best first, and under which key."""


class Facts:
    """What is known of a session so far."""

    def __init__(self, reading: Reading) -> None:
        """Begin with what the name of the source tells."""
        self._reading = reading
        self._stem = stem(reading.source.name)
        self._id = ""
        self._agent: str | None = None
        self._named_session = ""
        """The session that the first message says it is of."""
        self._forked_from = ""
        self._is_api = False
        self._first_time: int | None = None
        self._time = reading.source.modified_at
        self._updated_at = 0
        self._cwd: Any = None
        self._branch: Any = None
        self._version: Any = None
        self._provider: str | None = None
        self._words = ""
        self._words_aside = ""
        self._titles: dict[str, str] = {}
        self._summaries: dict[str, str] = {}

    def take(self, line: Line) -> None:
        """Take a line that is no message: it may name the session."""
        kind = line.value["type"]
        key = _TITLES.get(kind)
        given = line.value.get(key) if key else None
        if not isinstance(given, str) or not given.strip():
            return
        self._titles[kind] = name(self._reading.text(given, line.number))
        leaf = line.value.get("leafUuid")
        if kind == "summary" and isinstance(leaf, str) and len(self._summaries) < _SUMMARIES:
            self._summaries[leaf] = self._titles[kind]

    def take_message(self, line: Line, words: str) -> int:
        """Take a message, with what a person says in it; return its time."""
        value, number = line.value, line.number
        self._time = self._reading.time(value.get("timestamp"), number, self._time)
        if self._first_time is None:
            self._first_time = self._updated_at = self._time
            self._take_first(value)
        self._updated_at = max(self._updated_at, self._time)
        # Whatever stands there; what is no text is left out in the end.
        self._branch = value.get("gitBranch") or self._branch
        self._version = value.get("version") or self._version
        self._cwd = self._cwd or value.get("cwd")
        if self._provider is None:
            self._provider = provider_of(value["message"].get("model"))
        if words and not self._words:
            if value.get("isSidechain") is not True:
                self._words = preview(words)
            elif not self._words_aside:
                self._words_aside = preview(words)
        return self._time

    def _take_first(self, value: dict[str, Any]) -> None:
        self._named_session = _text(value.get("sessionId"))
        agent = _text(value.get("agentId"))
        named = _AGENT_FILE.fullmatch(self._stem)
        if not is_uuid(self._stem) and (agent or named):
            self._agent = agent or self._stem.removeprefix(_AGENT)
        origin = value.get("forkedFrom")
        self._forked_from = _text(origin.get("sessionId")) if isinstance(origin, dict) else ""
        kinds = (value.get("entrypoint"), value.get("userType"))
        self._is_api = any(_text(kind).startswith("sdk") for kind in kinds)

    def session_id(self, first: str) -> str:
        """Return what names the session; `first` is the native id of its first message.

        That is the file's name where it is a UUID: a resumed session of older versions, and a
        fork of newer ones, is a file that begins with a copy of another's lines.
        """
        if not self._id:
            own = self._stem if is_uuid(self._stem) else self._agent or self._named_session
            piped = self._reading.source.name == "-"
            self._id = self._reading.text(own or (first if piped else self._stem) or first, 1)
        return self._id

    def session(self, leaf: str | None, lines: Container[str]) -> Session:
        """Return the session as it is told by all its lines, which are known by their uuids."""
        parent, relation = self._origin()
        words = self._words or self._words_aside
        branch, version = self._text(self._branch), self._text(self._version)
        given = self._title(lines)
        return Session(
            session_id=self._id,
            leaf=leaf,
            created_at=self._first_time if self._first_time is not None else self._time,
            updated_at=self._updated_at,
            title=given or title(words) or None,
            is_named=given is not None,
            preview=words,
            cwd=self._text(self._cwd),
            model_provider=self._provider or "anthropic",
            cli_version=version,
            git_branch=branch or None,
            source=self._source(relation),
            parent_session_id=parent,
            relation=relation,
        )

    def _origin(self) -> tuple[str | None, Relation | None]:
        if self._agent is not None:
            return self._parent_of_agent(), Relation.SUBAGENT
        for origin, relation in (
            (self._forked_from, Relation.FORK),
            (self._named_session, Relation.RESUME),
        ):
            if origin and self._text(origin) != self._id:
                return self._text(origin), relation
        return None, None

    def _parent_of_agent(self) -> str | None:
        """Return the session that started the agent; it lies in a folder of that session's."""
        folders = PurePath(self._reading.source.name).parts[:-1]
        if "subagents" in folders[1:]:
            named = folders[folders.index("subagents", 1) - 1]
        else:
            named = self._named_session
        return None if named in {self._agent, f"{_AGENT}{self._agent}"} else self._text(named)

    def _source(self, relation: Relation | None) -> SessionSource:
        if relation is Relation.FORK:
            return SessionSource.FORK
        if relation is Relation.RESUME:
            return SessionSource.RESUME
        is_api = self._is_api or relation is Relation.SUBAGENT
        return SessionSource.API if is_api else SessionSource.INTERACTIVE

    def _title(self, lines: Container[str]) -> str | None:
        own = [text for leaf, text in self._summaries.items() if leaf in lines]
        if own:
            self._titles["summary"] = own[-1]
        return next((self._titles[kind] for kind in _TITLES if kind in self._titles), None)

    def _text(self, value: object) -> str:
        return self._reading.string(value, 1)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
