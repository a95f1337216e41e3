"""One chat of Gemini CLI while it is read: what is known of it, its messages and their chain."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from agentstate.formats import wording
from agentstate.formats.arrays import rewritten
from agentstate.formats.events import Message, Relation, Session, Start
from agentstate.formats.facts import Facts, Ids, session_id_of
from agentstate.formats.gemini_content import is_of_known_type, is_record, said
from agentstate.formats.notes import Note
from agentstate.records import SessionSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentstate.formats.arrays import Piece
    from agentstate.formats.reading import Reading

    Words = int
    """The hash of who says something, and of what."""
    Placed = tuple[int, dict[str, Any]]
    """A message of a list, and its place there."""


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

    def __init__(self, reading: Reading, last_lines: Mapping[str, int]) -> None:
        """Begin with nothing known; `last_lines` tells where an id is written for the last time."""
        self.reading = reading
        self._last_lines = last_lines
        self.values: dict[str, Any] = {}
        self._facts = Facts()
        self._chain: list[str] = []
        """The messages that were not dropped."""
        self._places: dict[str, int] = {}
        """Where each message is in that chain, or was before it was dropped."""
        self._known: dict[str, str] = {}
        """By the id of each message, the native id of the last one that has it."""
        self._ids = Ids()
        self._waiting: dict[str, _Slot] = {}
        self._order: deque[_Slot] = deque()
        self._told: dict[str, tuple[str | None, Words]] = {}
        """By its native id, what each message answers and says."""
        self._said: dict[Words, dict[str, None]] = {}
        """The messages that say it, of those that were not dropped."""
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
        name = wording.name(self._string("summary"))
        return Session(
            session_id=self._session_id,
            leaf=self._chain[-1] if self._chain else self._dropped or facts.leaf,
            created_at=min(times, default=self._time),
            updated_at=max(times, default=self._time),
            title=name or wording.title(facts.preview) or None,
            is_named=bool(name),
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
        listed = list(enumerate(given if isinstance(given, list) else (), 1))
        for place, one in listed:
            if not is_record(one):
                self.reading.notes.add(Note.BAD_LINE, line or place)
        for place, one in list(self._new([(at, one) for at, one in listed if is_record(one)])):
            yield from self.add(rewritten(one), line or place, is_logged=False)

    def _new(self, listed: list[Placed]) -> Iterator[Placed]:
        """Yield what the chat does not have, or what a list has twice.

        A message is known by its id; one without an id by its words, as often as they were said.
        """
        own_ids = [_id_of(one) for _, one in listed]
        named = {self._known.get(own) for own in own_ids}
        unnamed: dict[Words, Iterator[str]] = {}
        seen: set[str] = set()
        for (place, one), own in zip(listed, own_ids, strict=True):
            if own:
                native = None if own in seen else self._known.get(own)
                seen.add(own)
                is_known = native is not None and self._is_live(native)
            else:
                words = _words(said(one))
                others = unnamed.setdefault(words, iter(self._said.get(words, ())))
                is_known = any(other not in named for other in others)
            if not is_known:
                yield place, one

    def add(self, piece: Piece, number: int, *, is_logged: bool = True) -> Iterator[Message]:
        """Take a message, or a later version of one, and yield those that are final."""
        own = _id_of(piece.value) or f"{number}:{len(self._known)}"
        native = self._come_again(own, piece, number, is_logged=is_logged)
        if native is None:
            native = self._place(own, piece, number)
        elif is_logged and native in self._waiting:
            self._take(self._waiting[native], piece)
        if native in self._waiting:
            self._waiting[native].is_final = self._last_lines.get(own, 0) <= number
        yield from self._finished()

    def _come_again(self, own: str, piece: Piece, number: int, *, is_logged: bool) -> str | None:
        """Return the message that comes again, if one does.

        One that was dropped does where it says the same in the same place. Else it is another with
        the same id, as is one in a list that holds the id twice.
        """
        native = self._known.get(own)
        if native is None:
            return None
        parent, words = self._told[native]
        is_same = words == _words(said(piece.value))
        if not self._is_live(native):
            if is_same and parent == self._tip:
                self._join(native)
                return native
            if native in self._waiting:
                self._waiting[native].is_final = True
            return None
        if is_logged and native in self._waiting:
            return native
        self.reading.notes.add(Note.DUPLICATE, number)
        return native if is_logged or is_same else None

    def rewind(self, target: object, number: int) -> None:
        """Drop a message, and all after it."""
        native = self._known.get(target) if isinstance(target, str) else None
        if native is None or not self._is_live(native):
            self.reading.notes.add(Note.DANGLING_PARENT, number)
            return
        self._dropped = native
        place = self._places[native]
        for dropped in self._chain[place:]:
            self._said[self._told[dropped][1]].pop(dropped, None)
        del self._chain[place:]

    def rest(self) -> Iterator[Message]:
        """Yield the messages that waited for a version that never came."""
        for slot in self._order:
            slot.is_final = True
        yield from self._finished()

    @property
    def _tip(self) -> str | None:
        return self._chain[-1] if self._chain else None

    def _is_live(self, native: str) -> bool:
        place = self._places[native]
        return self._chain[place : place + 1] == [native]

    def _place(self, own: str, piece: Piece, number: int) -> str:
        native = self._ids.unused(self.reading.text(own, number))
        slot = _Slot(native, self._tip, piece, number)
        self._known[own] = native
        self._waiting[native] = slot
        self._order.append(slot)
        self._told[native] = slot.parent, _words(slot.said)
        self._join(native)
        return native

    def _join(self, native: str) -> None:
        """Put a message at the end of those that were not dropped."""
        self._places[native] = len(self._chain)
        self._chain.append(native)
        self._said.setdefault(self._told[native][1], {})[native] = None

    def _take(self, slot: _Slot, piece: Piece) -> None:
        """Take a later version of a message."""
        native = slot.native_id
        slot.take(piece)
        self._said[self._told[native][1]].pop(native, None)
        self._told[native] = slot.parent, _words(slot.said)
        self._said.setdefault(self._told[native][1], {})[native] = None

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
                may_change=True,
            )
        )

    def _moment(self, key: str) -> int | None:
        found = self.reading.time(self.values.get(key), 1, -1)
        return None if found == -1 else found

    def _string(self, key: str) -> str:
        return self.reading.string(self.values.get(key), 1)


def _id_of(message: dict[str, Any]) -> str:
    own = message.get("id")
    return own if isinstance(own, str) else ""


def _words(told: tuple[str, str, bool]) -> Words:
    return hash(told[:2])
