"""What is exported of a thread: its messages as they are read, and the document they become."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from agentstate.cli.redacting import Redacting
from agentstate.cli.selectors import readable
from agentstate.errors import CorruptStoreError, ThreadNotFoundError
from agentstate.record import Record, record
from agentstate.records import ThreadMetadata
from agentstate.render.export.conversation import Conversation, arrange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agentstate.cli.invocation import Invocation
    from agentstate.records import MessageRecord
    from agentstate.render.export.conversation import Entry
    from agentstate.store import StateStore


class DocumentFormat(StrEnum):
    """What a conversation may become."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"
    JSONL = "jsonl"
    OPENAI = "openai"
    AGENTSTATE = "agentstate"


_Record = TypeVar("_Record", bound=Record)

FOR_PEOPLE: Final = frozenset({DocumentFormat.MARKDOWN, DocumentFormat.HTML})
OF_LINES: Final = frozenset({DocumentFormat.JSONL, DocumentFormat.OPENAI})
"""Documents that may follow one another."""


@record
class Wish(Record):
    """Which document of a thread is wanted."""

    format: DocumentFormat
    whole: bool
    """Whether all branches are, or one."""
    leaf: int | None = None
    """Of one branch, its last message; None for the thread's leaf."""
    hidden: bool = False
    """Whether hidden messages are in it."""


class Document(NamedTuple):
    """A document, which is read while it is written."""

    messages: int
    pieces: Iterator[str]


class Exporter:
    """Makes documents of the threads of a store."""

    def __init__(
        self, store: StateStore, run: Invocation, wish: Wish, redacting: Redacting
    ) -> None:
        """Make them all alike."""
        self._store = store
        self._run = run
        self._wish = wish
        self._redacting = redacting

    @property
    def format(self) -> DocumentFormat:
        """What they all are."""
        return self._wish.format

    def uncounted(self) -> Exporter:
        """Return one that makes the same, and counts nothing of what it redacts with this one."""
        redacting = Redacting(wanted=self._redacting.is_on)
        return Exporter(self._store, self._run, self._wish, redacting)

    def thread(self, thread_id: str) -> ThreadMetadata:
        """Return a thread as its document says; of a bundle it need not be readable."""
        if self._wish.format is not DocumentFormat.AGENTSTATE:
            found = self._store.threads.get(thread_id)
        else:
            found = readable(self._store, thread_id) or _unreadable(thread_id)
        if found is None:
            raise ThreadNotFoundError(f"no thread {thread_id!r}")
        return self._redacting.record(found)

    def document(self, thread: ThreadMetadata) -> Document:
        """Return the document of a thread that `thread` gave, to be read within one snapshot."""
        if self._wish.format is DocumentFormat.AGENTSTATE:
            change = self._redacting.cell if self._redacting.is_on else None
            lines = self._store.bundle(thread.id, change)
            return Document(self._count(thread), (line.decode() for line in lines))
        if self._wish.format is DocumentFormat.OPENAI:
            return self._chats(thread)
        conversation = self._conversation(thread)
        return Document(len(conversation.messages), _page(self._wish.format, conversation))

    def _conversation(self, thread: ThreadMetadata) -> Conversation:
        wish, imports = self._wish, self._store.imports
        hidden = imports.hidden(thread.id)
        left_out = frozenset() if wish.hidden else hidden
        ids = [entry for entry in self._path(thread) if entry not in left_out]
        messages: Collection[MessageRecord]
        if wish.format is DocumentFormat.HTML or (wish.whole and wish.format in FOR_PEOPLE):
            read = self._all(thread) if wish.whole else self._branch(thread, wish.leaf, ())
            messages = arrange(read, left_out)
        elif wish.whole:
            messages = _Stored(lambda: self._all(thread), self._count(thread))
        else:
            messages = _Stored(lambda: self._branch(thread, wish.leaf, left_out), len(ids))
        conversation = Conversation(
            thread=thread,
            messages=messages,
            path=ids,
            hidden=(hidden - left_out) if wish.whole else (hidden - left_out).intersection(ids),
            origin=self._maybe(imports.get(thread.id)),
        )
        return conversation if wish.format in FOR_PEOPLE else self._with_all(conversation)

    def _with_all(self, conversation: Conversation) -> Conversation:
        """Add what is told to machines only."""
        store, redacted = self._store, self._redacting.record
        thread_id = conversation.thread.id
        return replace(
            conversation,
            goal=self._maybe(store.goals.get(thread_id)),
            tools=[redacted(one) for one in store.tools.list(thread_id, raw_json=True)],
            checkpoints=[
                redacted(one) for one in store.checkpoints.list(thread_id, None, raw_json=True)
            ],
        )

    def _chats(self, thread: ThreadMetadata) -> Document:
        from agentstate.render.export import openai  # noqa: PLC0415 - as in `_page`

        store, wish = self._store, self._wish
        origin = store.imports.get(thread.id)
        left_out = frozenset() if wish.hidden else store.imports.hidden(thread.id)
        is_chat = origin is not None and origin.format == DocumentFormat.OPENAI
        leaves: list[int | None] = [wish.leaf]
        if wish.whole:
            leaves = [leaf.id for leaf in store.messages.leaves(thread.id, raw_json=True)]
            size = self._count(thread)
        else:
            size = sum(entry not in left_out for entry in self._path(thread))
        pieces = (
            piece
            for leaf in leaves
            for piece in openai.line(self._branch(thread, leaf, left_out), is_chat=is_chat)
        )
        return Document(size, pieces)

    def _path(self, thread: ThreadMetadata) -> list[int]:
        """Return the ids of the branch to read first; of a whole tree it may be damaged."""
        try:
            return self._store.messages.branch_ids(thread.id, leaf=self._wish.leaf)
        except CorruptStoreError as error:
            if not self._wish.whole:
                raise
            self._run.note(f"exported without an active branch: {error}")
            return []

    def _branch(
        self, thread: ThreadMetadata, leaf: int | None, left_out: Collection[int]
    ) -> Iterator[MessageRecord]:
        for message in self._store.messages.stream(thread.id, leaf=leaf, raw_json=True):
            if message.id not in left_out:
                yield self._redacting.record(message)

    def _all(self, thread: ThreadMetadata) -> Iterator[MessageRecord]:
        messages = self._store.messages.all(thread.id, raw_json=True)
        return (self._redacting.record(message) for message in messages)

    def _count(self, thread: ThreadMetadata) -> int:
        return self._store.threads.stats([thread.id])[thread.id].messages

    def _maybe(self, one: _Record | None) -> _Record | None:
        return None if one is None else self._redacting.record(one)


class _Stored(Collection["MessageRecord"]):
    """Messages that are read from the store each time they are gone through."""

    def __init__(self, read: Callable[[], Iterator[MessageRecord]], size: int) -> None:
        self._read = read
        self._size = size

    def __iter__(self) -> Iterator[MessageRecord]:
        return self._read()

    def __len__(self) -> int:
        return self._size

    def __contains__(self, one: object) -> bool:
        return any(message == one for message in self)


def _page(format_: DocumentFormat, conversation: Conversation) -> Iterator[str]:
    """Return the pieces of a document; each format is loaded when it is wanted."""
    if format_ is DocumentFormat.MARKDOWN:
        from agentstate.render.export import markdown  # noqa: PLC0415 - see above

        return markdown.page(conversation)
    if format_ is DocumentFormat.HTML:
        from agentstate.render.export import html  # noqa: PLC0415 - see above

        return html.page(conversation)
    from agentstate.render.export import data  # noqa: PLC0415 - see above

    is_json = format_ is DocumentFormat.JSON
    return data.json_page(conversation) if is_json else data.jsonl_page(conversation)


def index_page(format_: DocumentFormat, entries: Sequence[Entry]) -> Iterator[str]:
    """Return the pieces of the page that leads to the documents of a folder."""
    if format_ is DocumentFormat.MARKDOWN:
        from agentstate.render.export import markdown  # noqa: PLC0415 - as above

        return markdown.index_page(entries)
    if format_ is DocumentFormat.HTML:
        from agentstate.render.export import html  # noqa: PLC0415 - as above

        return html.index_page(entries)
    from agentstate.render.export import data  # noqa: PLC0415 - as above

    return data.index_page(entries)


def _unreadable(thread_id: str) -> ThreadMetadata:
    return ThreadMetadata(id=thread_id, cwd="", created_at=0, updated_at=0)
