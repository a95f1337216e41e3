"""Where exported documents go: one file, or a folder of them with a page that leads to each."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.cli.conversations import index_page
from agentstate.cli.document_formats import DocumentFormat
from agentstate.config import INDEX_NAME
from agentstate.errors import ConflictError, CorruptStoreError
from agentstate.filesystem import new_folder, replacing, require_own_links, system_errors
from agentstate.render.export.conversation import Entry, title_of
from agentstate.reports.export import ExportedThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from agentstate.cli.conversations import Exporter
    from agentstate.cli.redacting import Redacting
    from agentstate.records import ThreadMetadata
    from agentstate.store import StateStore

_ENDINGS: Final = {
    DocumentFormat.MARKDOWN: ".md",
    DocumentFormat.HTML: ".html",
    DocumentFormat.JSON: ".json",
    DocumentFormat.JSONL: ".jsonl",
    DocumentFormat.OPENAI: ".jsonl",
    DocumentFormat.AGENTSTATE: ".ndjson",
}
_WORDS: Final = 48
"""The longest that words of a title are in a name."""
_HASH: Final = 16
"""So many digits of a hash of its id keep one thread's file from another's."""


def name_of(thread: ThreadMetadata, format_: DocumentFormat) -> str:
    """Return the name of a thread's file, in which nothing of the id or the title can act."""
    from hashlib import sha256  # noqa: PLC0415 - folders only

    title = title_of(thread)[: 4 * _WORDS].lower()
    words = re.sub("[^a-z0-9]+", "-", title).strip("-")[:_WORDS].rstrip("-")
    digest = sha256(thread.id.encode(errors="surrogatepass")).hexdigest()[:_HASH]
    return f"{words or 'thread'}-{digest}{_ENDINGS[format_]}"


def index_name(format_: DocumentFormat) -> str:
    """Return the name of the page that leads to the others; no other has it."""
    is_read = format_ in {DocumentFormat.MARKDOWN, DocumentFormat.HTML}
    return f"index{_ENDINGS[format_] if is_read else '.json'}"


class Writer:
    """Writes documents of a store's threads (0600), each whole or not at all."""

    def __init__(
        self, store: StateStore, exporter: Exporter, redacting: Redacting, *, force: bool
    ) -> None:
        """Write what `exporter` makes; with `force` over files that are there."""
        self._store = store
        self._exporter = exporter
        self._redacting = redacting
        self._force = force

    def one(self, thread_id: str, path: Path) -> ExportedThread:
        """Write one document."""
        self._refuse_taken([path])
        return self._write(thread_id, path, listed=False).done

    def many(
        self, ids: Sequence[str], folder: Path, progress: Callable[[int], object]
    ) -> tuple[list[ExportedThread], list[CorruptStoreError]]:
        """Write documents and an index page into a folder, which is made (0700) if need be.

        A thread that is damaged costs no other: what was written comes back, and what was not.
        `progress` is told of each thread that is done.
        """
        form = self._exporter.format
        names, failures = self._names(ids)
        index = folder / index_name(form)
        written: list[_Written] = []
        with new_folder(folder):
            self._refuse_taken([index, *(folder / name for name in names.values())])
            for thread_id, name in names.items():
                try:
                    written.append(self._write(thread_id, folder / name, listed=True))
                except CorruptStoreError as error:
                    failures.append(error)
                progress(1)
            if failures and not written:
                raise failures[0]
            entries = [one.entry for one in written]
            _write(index, index_page(form, entries), force=self._force)
        return [one.done for one in written], failures

    def told(self, thread_id: str) -> ExportedThread:
        """Return a document that is written nowhere."""
        before = self._redacting.counts
        with self._store.snapshot():
            document = self._exporter.document(self._exporter.thread(thread_id))
            text = "".join(document.pieces)
        return ExportedThread(
            path=None,
            thread_id=thread_id,
            messages=document.messages,
            size=len(text.encode(errors="backslashreplace")),
            redacted=self._redacting.since(before),
            document=text,
        )

    def _names(self, ids: Iterable[str]) -> tuple[dict[str, str], list[CorruptStoreError]]:
        """Return the file's name of each thread that can be read, and why others cannot."""
        names: dict[str, str] = {}
        failures = []
        for thread_id in ids:
            try:
                thread = self._exporter.thread(thread_id, counted=False)
            except CorruptStoreError as error:
                failures.append(error)
            else:
                names[thread_id] = name_of(thread, self._exporter.format)
        return names, failures

    def _write(self, thread_id: str, path: Path, *, listed: bool) -> _Written:
        before = self._redacting.counts
        with self._store.snapshot():
            thread = self._exporter.thread(thread_id, listed=listed)
            document = self._exporter.document(thread)
            size = _write(path, document.pieces, force=self._force)
        done = ExportedThread(
            path=str(path),
            thread_id=thread_id,
            messages=document.messages,
            size=size,
            redacted=self._redacting.since(before),
            document=None,
        )
        return _Written(done, Entry(file=path.name, thread=thread, messages=document.messages))

    def _refuse_taken(self, paths: Iterable[Path]) -> None:
        """Raise `ConflictError` for a path that may not be written, before anything is."""
        store = self._store.path
        for path in paths:
            is_own = path.name.startswith((store.name, INDEX_NAME))
            if is_own and _are_one(path.parent, store.parent):
                raise ConflictError(f"{path} is a place of the store itself; name another")
            if path.is_symlink():
                raise ConflictError(f"{path} is a link; name the file that it leads to")
            if os.path.lexists(path) and not path.is_file():
                raise ConflictError(f"{path} exists and is no file; name another")
            if os.path.lexists(path) and not self._force:
                raise ConflictError(f"{path} exists; --force replaces it")


class _Written(NamedTuple):
    """A document that was written: for the report, and for the index page."""

    done: ExportedThread
    entry: Entry


def _write(path: Path, pieces: Iterable[str], *, force: bool) -> int:
    """Write a document; return its size in bytes."""
    with system_errors("write", path):
        require_own_links(path)
        with replacing(path, overwrite=force) as temporary:
            # Half a character, which no encoding holds, is written as an escape.
            with temporary.open(
                "w", encoding="utf-8", errors="backslashreplace", newline=""
            ) as file:
                file.writelines(pieces)
            return temporary.stat().st_size


def _are_one(folder: Path, other: Path) -> bool:
    try:
        return folder.samefile(other)
    except OSError:
        return False
