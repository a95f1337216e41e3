"""What is exported of a thread: its messages as they are read, and the document they become."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.cli import document_formats as formats
from agentstate.cli.document_formats import FOR_PEOPLE, DocumentFormat
from agentstate.cli.selectors import readable
from agentstate.errors import CorruptStoreError, ThreadNotFoundError
from agentstate.record import Record, record
from agentstate.records import ThreadMetadata
from agentstate.render.export.conversation import Conversation, arrange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agentstate.cli.invocation import Invocation
    from agentstate.cli.redacting import Redacting
    from agentstate.records import MessageRecord
    from agentstate.render.export.conversation import Entry
    from agentstate.reports.imports import ImportRecord
    from agentstate.store import StateStore


_TOOL: Final = "tool"
_AT_ONCE: Final = 400
"""Hidden messages whose roles are asked for together."""


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

    def thread(
        self, thread_id: str, *, counted: bool = True, listed: bool = False
    ) -> ThreadMetadata:
        """Return a thread as its document says; of a bundle it need not be readable.

        `counted` tells whether what is redacted counts, and `listed` whether an index page will
        tell of the thread.
        """
        if self._wish.format is not DocumentFormat.AGENTSTATE:
            found = self._store.threads.get(thread_id)
        else:
            found = readable(self._store, thread_id) or _unreadable(thread_id)
        if found is None:
            raise ThreadNotFoundError(f"no thread {thread_id!r}")
        fields = formats.of_thread(self._wish.format, found, listed=listed)
        return self._redacting.record(found, fields if counted else formats.NOTHING)

    def document(self, thread: ThreadMetadata) -> Document:
        """Return the document of a thread that `thread` gave, to be read within one snapshot."""
        if self._wish.format is DocumentFormat.AGENTSTATE:
            lines = self._store.bundle(thread.id, self._redacting.cells(thread.id))
            return Document(self._count(thread), (line.decode() for line in lines))
        if self._wish.format is DocumentFormat.OPENAI:
            return self._chats(thread)
        conversation = self._conversation(thread)
        return Document(len(conversation.messages), _page(self._wish.format, conversation))

    def _conversation(self, thread: ThreadMetadata) -> Conversation:
        wish = self._wish
        hidden = self._store.imports.hidden(thread.id)
        left_out = self._left_out(hidden)
        path = self._path(thread)
        ids = [entry for entry in path if entry not in left_out]
        messages: Collection[MessageRecord]
        if wish.format is DocumentFormat.HTML or (wish.whole and wish.format in FOR_PEOPLE):
            read = self._all(thread) if wish.whole else self._branch(thread, wish.leaf)
            messages = arrange(self._redacted(read, left_out), left_out)
        elif wish.whole:
            messages = _Stored(lambda: self._redacted(self._all(thread)), self._count(thread))
        else:
            messages = _Stored(
                lambda: self._redacted(self._branch(thread, wish.leaf, left_out)), len(ids)
            )
        conversation = Conversation(
            thread=thread,
            messages=messages,
            path=ids,
            elsewhere=self._elsewhere(thread, left_out.union(path)),
            hidden=(hidden - left_out) if wish.whole else (hidden - left_out).intersection(ids),
            origin=self._origin(thread),
        )
        is_json = wish.format is DocumentFormat.JSON
        return self._with_all(conversation) if is_json else conversation

    def _origin(self, thread: ThreadMetadata) -> ImportRecord | None:
        """Return where a thread was imported from, if it was."""
        origin = self._store.imports.get(thread.id)
        if origin is None:
            return None
        uncounted = self._redacting.record(origin, formats.NOTHING)
        is_log = uncounted.source_path == thread.rollout_path
        return self._redacting.record(origin, formats.of_origin(self._wish.format, is_log=is_log))

    def _elsewhere(self, thread: ThreadMetadata, known: Collection[int]) -> int:
        """Return how many messages people are not shown because one branch was wanted."""
        if self._wish.whole or self._wish.format not in FOR_PEOPLE:
            return 0
        # Where damage put the messages of one thread into another, fewer are counted than known.
        return max(self._count(thread) - len(known), 0)

    def _with_all(self, conversation: Conversation) -> Conversation:
        """Add what no other format tells."""
        store, redacted = self._store, self._redacting.record
        thread_id = conversation.thread.id
        goal = store.goals.get(thread_id)
        return replace(
            conversation,
            goal=goal and redacted(goal),
            tools=[redacted(one) for one in store.tools.list(thread_id, raw_json=True)],
            checkpoints=[
                redacted(one) for one in store.checkpoints.list(thread_id, None, raw_json=True)
            ],
        )

    def _chats(self, thread: ThreadMetadata) -> Document:
        from agentstate.render.export import openai  # noqa: PLC0415 - as in `_page`

        store, wish = self._store, self._wish
        origin = store.imports.get(thread.id)
        left_out = self._left_out(store.imports.hidden(thread.id))
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
            for piece in openai.line(
                self._chat(self._branch(thread, leaf, left_out), is_chat=is_chat), is_chat=is_chat
            )
        )
        return Document(size, pieces)

    def _left_out(self, hidden: frozenset[int]) -> frozenset[int]:
        """Return which of the hidden messages are left out.

        What a tool gave back stays: without it a call would seem to have been answered by nobody.
        """
        if self._wish.hidden:
            return frozenset()
        ids = sorted(hidden)
        return frozenset(
            opening.id
            for start in range(0, len(ids), _AT_ONCE)
            for opening in self._store.messages.openings(ids[start : start + _AT_ONCE])
            if opening.role != _TOOL
        )

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
        self, thread: ThreadMetadata, leaf: int | None, left_out: Collection[int] = frozenset()
    ) -> Iterator[MessageRecord]:
        messages = self._store.messages.stream(thread.id, leaf=leaf, raw_json=True)
        return (message for message in messages if message.id not in left_out)

    def _all(self, thread: ThreadMetadata) -> Iterator[MessageRecord]:
        return self._store.messages.all(thread.id, raw_json=True)

    def _redacted(
        self, messages: Iterable[MessageRecord], left_out: Collection[int] = frozenset()
    ) -> Iterator[MessageRecord]:
        """Yield messages redacted; what is `left_out` in the end does not count."""
        for message in messages:
            fields = formats.of_message(self._wish.format, message)
            counted = formats.NOTHING if message.id in left_out else fields
            yield self._redacting.record(message, counted)

    def _chat(self, messages: Iterable[MessageRecord], *, is_chat: bool) -> Iterator[MessageRecord]:
        """Yield messages redacted, as far as a chat holds them."""
        from agentstate.render.export import openai  # noqa: PLC0415 - as in `_page`

        for message in messages:
            if self._redacting.is_on:
                as_it_came = openai.is_kept(message, is_chat=is_chat)
                said, fields = formats.of_chat(message, as_it_came=as_it_came)
                yield self._redacting.record(said, fields)
            else:
                yield message

    def _count(self, thread: ThreadMetadata) -> int:
        return self._store.threads.stats([thread.id])[thread.id].messages


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
