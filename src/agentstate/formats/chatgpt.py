"""Conversations that were exported from ChatGPT: trees of messages, many to a file.

`conversations.json` is a list; a single conversation and one on each line are read as well. One
conversation is held at a time, and a damaged one costs itself.

The tree is taken as it is, without the nodes that have no message. Siblings keep the order that
their parent gives them. A node whose parent is not there, or is below itself, becomes a root.

Exports of earlier years begin with a message of the system that says nothing, without the mark of
what is hidden: any such message is hidden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentstate.formats.arrays import DamagedError, Walk
from agentstate.formats.chatgpt_content import content_of
from agentstate.formats.chatgpt_tree import Node, Tree
from agentstate.formats.documents import outline
from agentstate.formats.events import Message, Session, Start
from agentstate.formats.facts import Facts, Ids, digest
from agentstate.formats.notes import Note
from agentstate.records import SessionSource

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

    from agentstate.formats.arrays import Piece
    from agentstate.formats.chatgpt_tree import Place
    from agentstate.formats.events import Event
    from agentstate.formats.reading import Reading
    from agentstate.formats.source import Source

_ROLES: Final = frozenset({"user", "assistant", "tool", "system", "developer"})
_HIDDEN: Final = "is_visually_hidden_from_conversation"


class ChatGpt:
    """The format of an export from ChatGPT."""

    name = "chatgpt"

    def detect(self, source: Source) -> bool:
        """Tell by the first conversation."""
        return b'"mapping"' in source.head and "mapping" in outline(source.head)

    def places(self, environ: Mapping[str, str], home: Path) -> Iterator[Path]:  # noqa: ARG002 - it has no place of its own
        """Yield nothing: an export is wherever it was saved."""
        yield from ()

    def is_file(self, path: Path) -> bool:
        """Tell by its name whether a file may be an export."""
        return path.suffix in {".json", ".jsonl"}

    def read(self, reading: Reading) -> Iterator[Event]:
        """Yield the conversations of a source."""
        begun: dict[str, int] = {}
        with Walk(reading) as walk:
            while walk.next_object(_is_conversation):
                number = walk.number
                try:
                    conversation = _walked(walk)
                except DamagedError as damage:
                    walk.recover(damage, _is_conversation)
                    continue
                if conversation is None:
                    reading.notes.add(Note.UNKNOWN_RECORD, number)
                else:
                    yield from _Conversation(reading, *conversation, number).told(begun)


def _is_conversation(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("mapping"), dict)


def _walked(walk: Walk) -> tuple[dict[str, Any], list[tuple[str, Piece]]] | None:
    """Return the members of the object that begins here, and its nodes; None where it has none."""
    known: dict[str, Any] = {}
    nodes: list[tuple[str, Piece]] = []
    for key in walk.members():
        if key == "mapping" and walk.is_at("{"):
            known[key] = True
            nodes.extend((node, walk.value()) for node in walk.members())
        else:
            known[key] = walk.value().value
    return (known, nodes) if known.get("mapping") is True else None


class _Conversation:
    """One conversation, and the order in which its messages are told."""

    def __init__(
        self,
        reading: Reading,
        known: dict[str, Any],
        nodes: list[tuple[str, Piece]],
        number: int,
    ) -> None:
        self._reading = reading
        self._known = known
        self._number = number
        self._tree = Tree(self._nodes(nodes))
        self._facts = Facts()
        changed = reading.source.modified_at
        self._created_at = reading.time(known.get("create_time"), number, changed)
        self._updated_at = reading.time(known.get("update_time"), number, self._created_at)

    def told(self, begun: dict[str, int]) -> Iterator[Event]:
        """Yield the conversation, unless it was told before."""
        session_id = self._string("id") or self._string("conversation_id")
        session_id = session_id or digest(next(iter(self._tree.nodes), "").encode())
        same = self._tree.fingerprint()
        while session_id in begun:
            self._reading.notes.add(Note.DUPLICATE, self._number)
            if begun[session_id] == same:
                return
            session_id = f"{session_id}:{self._number}"
        begun[session_id] = same
        yield Start(session_id, self._updated_at)
        leaf = yield from self._messages()
        facts = self._facts
        first = self._created_at if facts.first is None else facts.first
        yield Session(
            session_id=session_id,
            leaf=leaf,
            created_at=first if self._known.get("create_time") is None else self._created_at,
            updated_at=max(self._updated_at, facts.last or self._updated_at),
            title=self._string("title") or None,
            preview=facts.preview,
            model_provider="openai",
            source=SessionSource.INTERACTIVE,
            archived=self._known.get("is_archived") is True,
        )

    def _messages(self) -> Generator[Message, None, str | None]:
        """Yield the messages, and return the one at which the conversation goes on."""
        times: dict[str, int] = {}
        leaves: dict[str, int] = {}
        for place in self._tree.places():
            if place.is_lost:
                self._reading.notes.add(Note.DANGLING_PARENT, self._number)
            before = self._created_at if place.parent is None else times[place.parent]
            message = self._message(place, before)
            if message is not None:
                times[place.native_id] = leaves[place.native_id] = message.created_at
                leaves.pop(place.parent or "", None)
                yield self._facts.add(message)
        current = self._tree.message_at(self._string("current_node"))
        if current in times:
            return current
        return max(reversed(leaves), key=lambda leaf: leaves[leaf], default=None)

    def _message(self, place: Place, before: int) -> Message | None:
        reading, number = self._reading, self._number
        said = place.node.message
        if said is None:
            return None
        piece = place.node.piece
        author, metadata = said.get("author"), said.get("metadata")
        given = author.get("role") if isinstance(author, dict) else None
        role = given if isinstance(given, str) and given in _ROLES else "system"
        content = reading.text(content_of(said), number)
        is_flagged = isinstance(metadata, dict) and metadata.get(_HIDDEN) is True
        return Message(
            native_id=place.native_id,
            parent=place.parent,
            role=role,
            content=content,
            item=reading.kept(piece.text, piece.value, number, odd=piece.odd),
            created_at=reading.time(said.get("create_time"), number, before),
            hidden=is_flagged or (role == "system" and not content.strip()),
        )

    def _nodes(self, given: list[tuple[str, Piece]]) -> dict[str, Node]:
        reading, number = self._reading, self._number
        nodes: dict[str, Node] = {}
        ids = Ids()
        for key, piece in given:
            wanted = reading.text(key, number) or "?"
            if wanted in nodes:
                reading.notes.add(Note.DUPLICATE, number)
                if nodes[wanted].piece.text == piece.text:
                    continue
            native = ids.unused(wanted)
            nodes[native] = node = Node(piece, lambda text: reading.text(text, number))
            if node.is_damaged:
                reading.notes.add(Note.BAD_LINE, number)
        return nodes

    def _string(self, key: str) -> str:
        return self._reading.string(self._known.get(key), self._number)


FORMAT: Final = ChatGpt()
