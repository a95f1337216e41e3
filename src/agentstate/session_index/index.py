"""The session index as callers see it: append, look up, check, compact, replace."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.errors import AgentStateError, StoreBusyError
from agentstate.filesystem import require_own_links, system_errors
from agentstate.record import Record, record
from agentstate.session_index import files
from agentstate.session_index.lines import encode, pieces
from agentstate.session_index.scan import find_entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import BinaryIO

    from agentstate.records import SessionIndexEntry

_FIRST_COMPACTION: Final = 1 << 20
"""Bytes below which an append never compacts."""


@record
class IndexLine(Record):
    """An entry and the number of its line, from 1."""

    number: int
    entry: SessionIndexEntry


@record
class UnparsedLine(Record):
    """A line that cannot be parsed, its number from 1, and why."""

    number: int
    reason: str


@record
class IndexContents(Record):
    """All that a session index holds."""

    entries: tuple[IndexLine, ...]
    """Every entry in the order of the file; for one thread the last counts."""
    bad_lines: tuple[UnparsedLine, ...]
    lines: int
    """All lines, with bad and blank ones."""
    size: int
    """Bytes that were read."""


@record
class CompactionResult(Record):
    """What a compaction read and what it kept.

    What other programs appended meanwhile, or a last line without its newline, is carried over
    and not counted.
    """

    lines_before: int = 0
    lines_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    bad_lines: int = 0
    """Lines that cannot be parsed; they are kept, for a newer program may know them."""


class SessionIndex:
    """The file `session_index.jsonl`: one JSON object a line, the last line of a thread wins.

    Reading takes no lock, changes nothing, and a missing file reads as an empty one. A line that
    cannot be parsed is skipped. Writing holds `session_index.jsonl.lock`, for which it waits
    `timeout` seconds, then raises `StoreBusyError`. What the system refuses raises
    `StoreUnavailableError`. Where `path` is a link, its target is written, compacted and replaced
    and the link stays; the lock is the one beside `path`.
    """

    def __init__(self, path: Path, *, timeout: float = 5.0) -> None:
        """Name the file; nothing is opened."""
        self.path = path.absolute()
        self.timeout = timeout
        self._threads = threading.RLock()
        self._lock: int | None = None

    def append(self, entry: SessionIndexEntry) -> None:
        """Append an entry durably; stands for the Rust program's `append_thread_name`.

        Raises `BadInputError` if the entry cannot be written as JSON that the Rust program reads.
        """
        self.extend([entry])

    def extend(self, entries: Iterable[SessionIndexEntry]) -> None:
        """Append entries durably in one write, or none of them; see `append`."""
        lines = b"".join(map(encode, entries))
        with self.locked():
            before, after = files.append_line(self.path, lines)
            if _is_compaction_due(before, after):
                # The entry is written; a full disk, say, only puts tidying off.
                with suppress(AgentStateError):
                    self._compact(only_if_halved=True)

    def latest(self) -> dict[str, SessionIndexEntry]:
        """Return the entry of each thread, in the order of the lines that hold them.

        A deleted thread's entry, without name and path, is among them. Stands for the Rust
        program's `session_index_map`.
        """
        found: dict[str, SessionIndexEntry] = {}
        for line in files.read_lines(self.path):
            for piece in pieces(line):
                if piece.entry is not None:
                    found.pop(piece.entry.thread_id, None)
                    found[piece.entry.thread_id] = piece.entry
        return found

    def entry_of(self, thread_id: str) -> SessionIndexEntry | None:
        """Return the entry of one thread, parsing only lines that may be its.

        Stands for the Rust program's `find_thread_name_by_id`.
        """
        return find_entry(files.read_blocks_from_end(self.path), thread_id)

    def entries_of(self, ids: Collection[str]) -> dict[str, SessionIndexEntry]:
        """Return the entries of those threads that have one, in one pass from the end.

        Stands for the Rust program's `find_thread_names_by_ids`.
        """
        wanted = set(ids)
        found: dict[str, SessionIndexEntry] = {}
        for block in files.read_blocks_from_end(self.path):
            for line in reversed(block.split(b"\n")):
                if len(found) == len(wanted):
                    return found
                for piece in reversed(pieces(line)):
                    if piece.entry is not None and piece.entry.thread_id in wanted:
                        found.setdefault(piece.entry.thread_id, piece.entry)
        return found

    def path_of_name(self, name: str) -> str | None:
        """Return the rollout path of the thread that bears a name, or None.

        ASCII case does not matter. Of several the newest `updated_at` wins, then the last line.
        Stands for the Rust program's `find_thread_path_by_name_str`.
        """
        wanted = _fold(name)
        newest: SessionIndexEntry | None = None
        for entry in self.latest().values():
            if entry.thread_name is None or _fold(entry.thread_name) != wanted:
                continue
            if newest is None or entry.updated_at >= newest.updated_at:
                newest = entry
        return newest.rollout_path if newest else None

    def read(self) -> IndexContents:
        """Return every entry and every bad line, with their line numbers."""
        entries: list[IndexLine] = []
        bad_lines: list[UnparsedLine] = []
        number = size = 0
        for number, line in enumerate(files.read_lines(self.path), start=1):
            size += len(line)
            parts = pieces(line)
            good = [part.entry for part in parts if part.entry is not None]
            entries.extend(IndexLine(number=number, entry=entry) for entry in good)
            if len(parts) > 1:
                reason = f"several writes ran together; entries that can be read: {len(good)}"
                bad_lines.append(UnparsedLine(number=number, reason=reason))
            elif parts and not good:
                bad_lines.append(UnparsedLine(number=number, reason=parts[0].fault))
        return IndexContents(
            entries=tuple(entries), bad_lines=tuple(bad_lines), lines=number, size=size
        )

    def compact(self) -> CompactionResult:
        """Keep only the line that counts of each thread, byte for byte and in order.

        Lines that cannot be parsed are kept too; lines that ran together are parted. The file is
        replaced in one step: whoever reads sees the old one or the new one.
        """
        with system_errors("compact the session index", self.path):
            if not self.path.exists():
                return CompactionResult()
        with self.locked():
            return self._compact(only_if_halved=False)

    def replace(
        self, entries: Iterable[SessionIndexEntry], *, read_to: int | None = None
    ) -> Path | None:
        """Write the index anew in one step and return where the old file is kept, if there was one.

        The old file stays beside the new one as `.bak`, `.bak.1` and so on, never over another.
        What it grew beyond `read_to` bytes (the `size` of the contents that `entries` were made
        from; by default its size now) is carried over. Raises `BadInputError` for an entry that
        cannot be written; then nothing has changed.
        """
        lines = [encode(entry) for entry in entries]
        with self.locked(), system_errors("replace the session index", self.path):
            target = Path(os.path.realpath(self.path))
            old = files.open_to_read(self.path)
            if old is None:
                files.rewrite(target, lines)
                return None
            with old:
                offset = os.fstat(old.fileno()).st_size if read_to is None else read_to
                backup = _unused_backup(target)
                files.rewrite(target, lines, old, offset=offset, backup=backup)
                return backup

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock; other methods may be called inside and share it.

        Raises `StoreBusyError` if another program, or another thread, holds it too long.
        """
        lock_path = self.path.with_name(self.path.name + ".lock")
        if not self._threads.acquire(timeout=min(self.timeout, threading.TIMEOUT_MAX)):
            raise StoreBusyError(f"another thread of this program holds {lock_path}")
        try:
            if self._lock is not None:
                yield
                return
            require_own_links(self.path)
            self._lock = files.acquire_lock(lock_path, self.timeout)
            try:
                yield
            finally:
                os.close(self._lock)
                self._lock = None
        finally:
            self._threads.release()

    def _compact(self, *, only_if_halved: bool) -> CompactionResult:
        target = Path(os.path.realpath(self.path))
        old = files.open_to_read(self.path)
        if old is None:
            return CompactionResult()
        with old, system_errors("compact the session index", self.path):
            kept, result = _survivors(old)
            if result.bytes_after == result.bytes_before or (
                only_if_halved and 2 * result.bytes_after > result.bytes_before
            ):
                return replace(
                    result, lines_after=result.lines_before, bytes_after=result.bytes_before
                )
            files.rewrite(target, kept, old, offset=result.bytes_before)
            return result


def _is_compaction_due(before: int, after: int) -> bool:
    """Tell whether an append made the size cross a power of two, from 1 MiB on.

    So trying costs a constant share of what is appended: at 2^k it reads 2^k bytes, and either
    leaves at most half of them, so that as many must be appended before it tries there again,
    or the next try is at twice the size.
    """
    return after >= _FIRST_COMPACTION and before.bit_length() != after.bit_length()


def _survivors(old: BinaryIO) -> tuple[list[bytes], CompactionResult]:
    """Return the lines to keep, and what keeping them means."""
    kept: dict[str | tuple[int, int], bytes] = {}
    lines = size = 0
    for line in old:
        if not line.endswith(b"\n"):
            break  # another program may still be writing it
        lines += 1
        size += len(line)
        for part, piece in enumerate(pieces(line)):
            key = (lines, part) if piece.entry is None else piece.entry.thread_id
            kept.pop(key, None)
            kept[key] = piece.text + b"\n"
    return list(kept.values()), CompactionResult(
        lines_before=lines,
        lines_after=len(kept),
        bytes_before=size,
        bytes_after=sum(map(len, kept.values())),
        bad_lines=sum(1 for key in kept if not isinstance(key, str)),
    )


def _unused_backup(target: Path) -> Path:
    backup = target.with_name(f"{target.name}.bak")
    number = 0
    while os.path.lexists(backup):
        number += 1
        backup = target.with_name(f"{target.name}.bak.{number}")
    return backup


def _fold(name: str) -> bytes:
    """Return a form in which ASCII case makes no difference, as `bytes.lower` knows only ASCII."""
    return name.encode(errors="surrogatepass").lower()
