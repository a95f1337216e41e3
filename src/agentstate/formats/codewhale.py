"""Sessions of CodeWhale: a JSON object each, with a journal that is a tree.

The journal holds every branch, `messages` only the one that goes on. Where there is no journal,
the messages are a chain; they have no ids, so each is known by its place and all that came before
it: a session that was cut short and went on otherwise becomes a branch when it is read again.

What the program adds to a message of the user (`<turn_meta>`) is not in its text. Summaries and
the journal's `system` entries are hidden.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentstate.formats.codewhale_content import said
from agentstate.formats.documents import document, outline
from agentstate.formats.events import Message, Relation, Session, Start
from agentstate.formats.facts import Facts, digest, session_id_of
from agentstate.formats.models import provider_of
from agentstate.formats.names import oldest_first
from agentstate.formats.notes import Note
from agentstate.records import SessionSource

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from agentstate.formats.arrays import Piece
    from agentstate.formats.documents import Document
    from agentstate.formats.events import Event
    from agentstate.formats.reading import Reading
    from agentstate.formats.source import Source

_SIDECARS: Final = ("session_boot_owners", "offline_queue", "constitution")


class CodeWhale:
    """The format of CodeWhale."""

    name = "codewhale"

    def detect(self, source: Source) -> bool:
        """Tell by the members of the object."""
        if not source.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return False
        return is_session(outline(source.head))

    def places(self, environ: Mapping[str, str], home: Path) -> Iterator[Path]:
        """Yield the sessions; of one that the older folder has too, the newer folder's."""
        own = environ.get("CODEWHALE_HOME")
        seen: set[str] = set()
        for folder in (Path(own) if own else home / ".codewhale", home / ".deepseek"):
            for path in oldest_first(folder / "sessions", lambda name: name.endswith(".json")):
                is_beside = path.parent != folder / "sessions" or not self.is_file(path)
                if not is_beside and path.name not in seen:
                    seen.add(path.name)
                    yield path

    def is_file(self, path: Path) -> bool:
        """Tell by its name whether a file may be a session; what stands beside them is not."""
        parts = path.parts[:-1]
        if "sessions" in parts:
            parts = parts[len(parts) - parts[::-1].index("sessions") :]
        elif parts and parts[-1] in {".codewhale", ".deepseek"}:
            parts = ()
        is_beside = "checkpoints" in parts or any(one.startswith(".") for one in parts)
        return path.suffix == ".json" and not is_beside and not path.name.startswith(_SIDECARS)

    def read(self, reading: Reading) -> Iterator[Event]:
        """Yield the session of a source."""
        found = document(reading, {"messages": _is_message, "entries": _is_entry}, "journal")
        if isinstance(found.values.get("metadata"), dict) or any(found.records.values()):
            yield from _Session(reading, found).told()


class _Session:
    """A session, and what has been told of it."""

    def __init__(self, reading: Reading, found: Document) -> None:
        self._reading = reading
        self._found = found
        metadata = found.values.get("metadata")
        self._metadata: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
        self._facts = Facts()
        changed = reading.source.modified_at
        self._created_at = reading.time(self._metadata.get("created_at"), 1, changed)
        self._updated_at = reading.time(self._metadata.get("updated_at"), 1, changed)
        self._time = self._created_at

    def told(self) -> Iterator[Event]:
        session_id = self._string("id") or session_id_of(self._reading.source)
        yield Start(session_id, self._updated_at)
        entries = self._found.records.get("entries")
        if entries:
            leaf = yield from self._tree(entries)
        else:
            leaf = yield from self._chain(self._found.records.get("messages", []))
        parent = self._string("parent_session_id") or None
        facts = self._facts
        yield Session(
            session_id=session_id,
            leaf=leaf,
            created_at=self._created_at,
            updated_at=max(self._updated_at, facts.last or self._updated_at),
            title=self._string("title") or None,
            preview=facts.preview,
            cwd=self._string("workspace"),
            model_provider=self._provider(),
            source=SessionSource.FORK if parent else SessionSource.INTERACTIVE,
            archived=self._metadata.get("archived") is True,
            parent_session_id=parent,
            relation=Relation.FORK if parent else None,
        )

    def _tree(self, entries: list[Piece]) -> Generator[Message, None, str | None]:
        """Yield the entries of the journal, and return the one at which it goes on."""
        reading = self._reading
        ids: dict[str, str] = {}
        """By the id of each entry, that of its message."""
        texts: dict[str, str] = {}
        chains: dict[str | None, str] = {None: ""}
        """What each message is called in a session without a journal; see `_chain`."""
        for number, piece in enumerate(entries, 1):
            if not _is_entry(piece.value):
                reading.notes.add(Note.BAD_LINE, number)
                continue
            own = reading.text(piece.value["id"], number)
            native = own
            while native in texts and texts[native] != piece.text:
                native = f"{native}:{number}"
            if native != own or native in texts:
                reading.notes.add(Note.DUPLICATE, number)
            if native in texts:
                continue
            parent = self._parent(piece.value.get("parent_id"), ids, number)
            texts[native] = piece.text
            ids.setdefault(own, native)
            role, content, _ = said(piece.value)
            chains[native] = _link(chains[parent], role, content)
            message = self._message(native, parent, piece, number)
            yield message._replace(replaces=chains[native])
        leaf = self._found.values.get("leaf_id")
        found = ids.get(reading.text(leaf, 1)) if isinstance(leaf, str) else None
        return found or self._facts.leaf

    def _parent(self, given: object, ids: dict[str, str], number: int) -> str | None:
        if given is None:
            return None
        parent = ids.get(self._reading.text(given, number)) if isinstance(given, str) else None
        if parent is not None:
            return parent
        self._reading.notes.add(Note.DANGLING_PARENT, number)
        return self._facts.leaf

    def _chain(self, messages: list[Piece]) -> Generator[Message, None, str | None]:
        """Yield the messages, and return the last one."""
        for number, piece in enumerate(messages, 1):
            if not isinstance(piece.value, dict) or "role" not in piece.value:
                self._reading.notes.add(Note.BAD_LINE, number)
                continue
            role, content, _ = said(piece.value)
            before = self._facts.leaf
            native = _link(before or "", role, content)
            yield self._message(native, before, piece, number)
        return self._facts.leaf

    def _message(self, native: str, parent: str | None, piece: Piece, number: int) -> Message:
        reading = self._reading
        role, content, hidden = said(piece.value)
        self._time = reading.time(piece.value.get("created_at"), number, self._time)
        return self._facts.add(
            Message(
                native_id=native,
                parent=parent,
                role=role,
                content=reading.text(content, number),
                item=reading.kept(piece.text, piece.value, number, odd=piece.odd),
                created_at=self._time,
                hidden=hidden,
            )
        )

    def _provider(self) -> str:
        return self._string("model_provider") or provider_of(self._string("model")) or ""

    def _string(self, key: str) -> str:
        return self._reading.string(self._metadata.get(key), 1)


def _link(before: str, role: str, content: str) -> str:
    """Return the id of a message that has none: it is what was said up to it."""
    return digest(before.encode(), f"{role}\0{content}".encode("utf-8", "surrogatepass"))


def is_session(members: dict[str, Any]) -> bool:
    """Tell a session by its members."""
    metadata = members.get("metadata")
    return isinstance(metadata, dict) and (
        "schema_version" in members or "journal" in members or "workspace" in metadata
    )


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str) and "content" in value


def _is_entry(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("id"), str)
        and value["id"] != ""
        and isinstance(value.get("kind"), str)
    )


FORMAT: Final = CodeWhale()
