"""Importing files: each one's format is recognised, and its sessions are merged into the store."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, Protocol

from agentstate.errors import BadInputError, ConflictError
from agentstate.formats.events import Start
from agentstate.formats.reading import Reading
from agentstate.formats.registry import FORMATS, detect, format_of
from agentstate.record import Record, record
from agentstate.reports.imports import ImportedFile, ImportReport, SourceNote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from agentstate.formats.events import Event
    from agentstate.formats.source import Source
    from agentstate.reports.imports import ImportedThread

BUNDLE: Final = "agentstate"
"""The format of our own bundles, which hold rows and not events."""
ALL_FORMATS: Final = (*FORMATS, BUNDLE)

_BUNDLE_START: Final = b'{"agentstate_bundle":'
_EXPORTED: Final = rb'\{\s*"(?:thread": \{"id": "|id": \d+, "thread_id": ")'
"""How the JSON begins that `export` makes, in which records of other formats may stand."""
_UNKNOWN: Final = f"it is of no format that is known, which are {', '.join(ALL_FORMATS)}"
_SAYS_TOO_LITTLE: Final = (
    "JSON that export made does not bring a thread back; what export --to agentstate made does"
)


@record
class ImportChoices(Record):
    """How files are to be imported."""

    format: str | None = None
    """The format of all of them; None to recognise each one's."""
    name: str | None = None
    """The name of the thread, instead of the source's title."""
    since: int | None = None
    """Only sessions that changed at this time or later, in Unix seconds."""
    remap: tuple[tuple[str, str], ...] = ()
    """Beginnings of paths, each with what stands there instead."""
    keep_images: bool = False
    """Whether large images stay in the records."""
    new_ids: bool = False
    """Whether a bundle's thread and messages get new ids."""
    dry_run: bool = False


class Target(Protocol):
    """What sessions are merged into: a store's `imports`, or nothing, for a dry run without one."""

    def merge(  # noqa: PLR0913 - as `ImportChoices` says
        self,
        events: Iterable[Event],
        *,
        format_name: str,
        source: str | None,
        since: int | None = None,
        name: str | None = None,
        remap: Sequence[tuple[str, str]] = (),
        dry_run: bool = False,
        progress: Callable[[], object] | None = None,
    ) -> Sequence[ImportedThread]:
        """Merge the sessions of a source; `progress` is called after each transaction."""
        ...

    def insert_bundle(
        self,
        file: BinaryIO,
        *,
        new_ids: bool = False,
        remap: Sequence[tuple[str, str]] = (),
        dry_run: bool = False,
    ) -> ImportedThread:
        """Add the thread of a bundle."""
        ...


def import_sources(
    imports: Target,
    sources: Iterable[Source],
    choices: ImportChoices,
    progress: Callable[[], object] | None = None,
) -> Iterator[ImportedFile]:
    """Import one source after the other, and yield what came of each.

    What a source holds is never an error here: `ImportedFile.error` says why nothing came of it.
    Raises what the store raises, such as `StoreBusyError`; then the sources before are imported.
    """
    for source in sources:
        try:
            yield _import_source(imports, source, choices, progress)
        except BadInputError as error:
            yield _nothing(source, None, str(error))
        except OSError as error:
            why = f"it cannot be read: {error.strerror or error}"
            yield _nothing(source, None, why, unread=True)


def _import_source(
    imports: Target, source: Source, choices: ImportChoices, progress: Callable[[], object] | None
) -> ImportedFile:
    if is_bundle(source, choices):
        return _import_bundle(imports, source, choices)
    if choices.format is None and re.match(_EXPORTED, source.head):
        return _nothing(source, None, _SAYS_TOO_LITTLE)
    format_ = format_of(choices.format) if choices.format else detect(source)
    if format_ is None:
        return _nothing(source, None, _UNKNOWN)
    reading = Reading(source, keep_images=choices.keep_images)
    events = _Counted(format_.read(reading), choices.since)
    threads = imports.merge(
        events,
        format_name=format_.name,
        source=None if source.name == "-" else os.path.abspath(source.name),  # noqa: PTH100 - text
        since=choices.since,
        name=choices.name,
        remap=choices.remap,
        dry_run=choices.dry_run,
        progress=progress,
    )
    notes = tuple(
        SourceNote(what=what.value, times=noted.times, lines=noted.lines)
        for what, noted in reading.notes.found().items()
    )
    return ImportedFile(
        path=source.name,
        format=format_.name,
        threads=tuple(threads),
        notes=notes,
        error=None if threads or events.older else f"it holds no message of {format_.name}",
        older=events.older,
    )


def sessions_in(source: Source, choices: ImportChoices) -> int:
    """Return how many sessions a source holds; what cannot be read holds none."""
    try:
        if is_bundle(source, choices):
            return 1
        format_ = format_of(choices.format) if choices.format else detect(source)
        events = format_.read(Reading(source)) if format_ else ()
        return sum(isinstance(event, Start) for event in events)
    except OSError:
        return 0


def is_known(source: Source, choices: ImportChoices) -> bool:
    """Tell whether a source can be read, and is of a format that is known or was named."""
    try:
        named = choices.format is not None
        return bool(source.head) and (
            named or is_bundle(source, choices) or detect(source) is not None
        )
    except (OSError, BadInputError):
        return False


def is_bundle(source: Source, choices: ImportChoices) -> bool:
    """Tell whether a source is taken for a bundle; raises `OSError` where it cannot be read."""
    return choices.format == BUNDLE or (
        choices.format is None and source.head.startswith(_BUNDLE_START)
    )


class _Counted:
    """Events on their way, and how many sessions among them are older than `since`."""

    def __init__(self, events: Iterable[Event], since: int | None) -> None:
        self._events = events
        self._since = since
        self.older = 0

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events) if self._since is None else self._counted(self._since)

    def _counted(self, since: int) -> Iterator[Event]:
        for event in self._events:
            if isinstance(event, Start):
                self.older += event.updated_at < since
            yield event


def _import_bundle(imports: Target, source: Source, choices: ImportChoices) -> ImportedFile:
    try:
        with source.open() as file:
            thread = imports.insert_bundle(
                file, new_ids=choices.new_ids, remap=choices.remap, dry_run=choices.dry_run
            )
    except (BadInputError, ConflictError) as error:
        conflict = isinstance(error, ConflictError)
        return _nothing(source, BUNDLE, str(error), conflict=conflict)
    return ImportedFile(path=source.name, format=BUNDLE, threads=(thread,), notes=(), error=None)


def _nothing(
    source: Source,
    format_name: str | None,
    error: str,
    *,
    conflict: bool = False,
    unread: bool = False,
) -> ImportedFile:
    return ImportedFile(
        path=source.name,
        format=format_name,
        threads=(),
        notes=(),
        error=error,
        conflict=conflict,
        unread=unread,
    )


def report_of(files: Iterable[ImportedFile], *, dry_run: bool) -> ImportReport:
    """Return what an import of several files came to."""
    files = tuple(files)
    threads = [thread for file in files for thread in file.threads]
    return ImportReport(
        dry_run=dry_run,
        files=files,
        created=sum(thread.created for thread in threads),
        grown=sum(not thread.created and _has_grown(thread) for thread in threads),
        unchanged=sum(not thread.created and not _has_grown(thread) for thread in threads),
        messages=sum(thread.added for thread in threads),
        updated=sum(thread.updated for thread in threads),
        older=sum(file.older for file in files),
    )


def _has_grown(thread: ImportedThread) -> bool:
    return thread.added > 0 or thread.updated > 0
