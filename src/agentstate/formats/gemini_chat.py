"""One chat of Gemini CLI while it is read: what is known of it, its messages and their chain."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from agentstate.formats.arrays import rewritten
from agentstate.formats.events import Message, Relation, Session, Start
from agentstate.formats.facts import Facts, Ids, session_id_of
from agentstate.formats.gemini_content import is_of_known_type, is_record, said
from agentstate.formats.notes import Note
from agentstate.records import SessionSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.formats.arrays import Piece
    from agentstate.formats.reading import Reading


class _Slot:
    """A message that has a place, and waits for its last version."""

    __slots__ = ("is_final", "native_id", "number", "parent", "piece", "said")

    def __init__(self, native_id: str, parent: str | None, piece: Piece, number: int) -> None:
        self.native_id = native_id
        self.parent = parent
        self.number = number
        self.is_final = False
        self.take(piece)

    def take(self, piece: Piece) -> None:
        """Take a version of the message."""
        self.piece = piece
        self.said = said(piece.value)


class Chat:
    """A chat that is being read."""

    def __init__(self, reading: Reading) -> None:
        """Begin with nothing known."""
        self.reading = reading
        self.values: dict[str, Any] = {}
        self._facts = Facts()
        self._chain: list[str] = []
        """The messages that were not dropped."""
        self._places: dict[str, int] = {}
        """Where each message is in that chain, or was before it was dropped."""
        self._known: dict[str, str] = {}
        """By the id of each message, its native id."""
        self._ids = Ids()
        self._waiting: dict[str, _Slot] = {}
        self._order: deque[_Slot] = deque()
        self._said: dict[tuple[str, int], str] = {}
        """By who and what, the message of the log that says it."""
        self._dropped: str | None = None
        self._time = reading.source.modified_at
        self._session_id = ""

    def start(self) -> Start:
        """Return the beginning of the chat, as far as it is known."""
        self._session_id = self._string("sessionId") or session_id_of(self.reading.source)
        updated = self._moment("lastUpdated")
        return Start(
            self._session_id, self.reading.source.modified_at if updated is None else updated
        )

    def end(self) -> Session:
        """Return what is known of the chat when its messages have been told."""
        facts = self._facts
        started, updated = self._moment("startTime"), self._moment("lastUpdated")
        times = [one for one in (started, updated, facts.first, facts.last) if one is not None]
        folder = self.reading.source.path.parent.name
        is_sub = self.values.get("kind") == "subagent" and folder not in {"", "chats"}
        directories = self.values.get("directories")
        cwd = directories[0] if isinstance(directories, list) and directories else ""
        return Session(
            session_id=self._session_id,
            leaf=self._chain[-1] if self._chain else self._dropped or facts.leaf,
            created_at=min(times, default=self._time),
            updated_at=max(times, default=self._time),
            title=self._string("summary") or None,
            preview=facts.preview,
            cwd=self.reading.string(cwd, 1),
            model_provider="google",
            source=SessionSource.INTERACTIVE,
            parent_session_id=folder if is_sub else None,
            relation=Relation.SUBAGENT if is_sub else None,
        )

    def set(self, values: dict[str, Any], line: int | None = None) -> Iterator[Message]:
        """Take what is said of the chat; messages among it are taken where they are new.

        What is the matter with one is noted at its place among them, or where it is given, at the
        `line` that holds them.
        """
        given = values.get("messages")
        self.values.update({key: values[key] for key in values.keys() - {"messages"}})
        seen: set[str] = set()
        for place, one in enumerate(given if isinstance(given, list) else (), 1):
            number = line or place
            if not is_record(one):
                self.reading.notes.add(Note.BAD_LINE, number)
                continue
            own = one.get("id")
            if isinstance(own, str) and own in self._known:
                if own in seen:
                    self.reading.notes.add(Note.DUPLICATE, number)
                continue
            if isinstance(own, str):
                seen.add(own)
            who, text, _ = said(one)
            if isinstance(own, str) and text and (who, hash(text)) in self._said:
                self._known[own] = self._said[who, hash(text)]
                continue
            yield from self.add(rewritten(one), number, is_logged=False)

    def add(
        self, piece: Piece, number: int, *, is_final: bool = True, is_logged: bool = True
    ) -> Iterator[Message]:
        """Take a message, or a later version of one, and yield those that are final."""
        given = piece.value.get("id")
        own = given if isinstance(given, str) and given else f"{number}:{len(self._known)}"
        native = self._known.get(own)
        if native is None:
            native = self._place(own, piece, number)
        elif native in self._waiting:
            self._waiting[native].take(piece)
        else:
            self.reading.notes.add(Note.DUPLICATE, number)
            return
        slot = self._waiting[native]
        if is_logged:
            who, text, _ = slot.said
            self._said.setdefault((who, hash(text)), native)
        slot.is_final = is_final
        yield from self._finished()

    def rewind(self, target: object, number: int) -> None:
        """Drop a message, and all after it."""
        native = self._known.get(target) if isinstance(target, str) else None
        place = len(self._chain) if native is None else self._places[native]
        if self._chain[place : place + 1] != [native]:
            self.reading.notes.add(Note.DANGLING_PARENT, number)
            return
        self._dropped = native
        del self._chain[place:]

    def rest(self) -> Iterator[Message]:
        """Yield the messages that waited for a version that never came."""
        for slot in self._order:
            slot.is_final = True
        yield from self._finished()

    def _place(self, own: str, piece: Piece, number: int) -> str:
        native = self._ids.unused(self.reading.text(own, number))
        slot = _Slot(native, self._chain[-1] if self._chain else None, piece, number)
        self._known[own] = native
        self._waiting[native] = slot
        self._order.append(slot)
        self._places[native] = len(self._chain)
        self._chain.append(native)
        return native

    def _finished(self) -> Iterator[Message]:
        while self._order and self._order[0].is_final:
            slot = self._order.popleft()
            del self._waiting[slot.native_id]
            yield self._message(slot)

    def _message(self, slot: _Slot) -> Message:
        reading, number = self.reading, slot.number
        piece = slot.piece
        role, text, hidden = slot.said
        if not is_of_known_type(piece.value):
            reading.notes.add(Note.UNKNOWN_RECORD, number)
        self._time = reading.time(piece.value.get("timestamp"), number, self._time)
        return self._facts.add(
            Message(
                native_id=slot.native_id,
                parent=slot.parent,
                role=role,
                content=reading.text(text, number),
                item=reading.kept(piece.text, piece.value, number, odd=piece.odd),
                created_at=self._time,
                hidden=hidden,
            )
        )

    def _moment(self, key: str) -> int | None:
        found = self.reading.time(self.values.get(key), 1, -1)
        return None if found == -1 else found

    def _string(self, key: str) -> str:
        return self.reading.string(self.values.get(key), 1)
