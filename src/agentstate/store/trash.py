"""The trash: deleted threads, each a bundle in a folder beside the store, kept for 30 days."""

from __future__ import annotations

import errno
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from agentstate.db import catalog
from agentstate.db.reading import beside, resolve
from agentstate.errors import (
    AgentStateError,
    BadInputError,
    ConflictError,
    StoreUnavailableError,
    ThreadNotFoundError,
)
from agentstate.filesystem import replacing, system_errors
from agentstate.records import SessionIndexEntry
from agentstate.store import bundle_reading, bundles
from agentstate.store.context import warn
from agentstate.store.thread_rows import has_thread, require_thread
from agentstate.store.trash_folder import FOLDER, KEPT, TrashFolder, look, open_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agentstate.reports.trash import TrashEntry
    from agentstate.store.bundle_lines import Header
    from agentstate.store.context import Context


class Trash:
    """Delete threads so that they can be brought back; list, restore and remove them."""

    def __init__(self, context: Context, store: Path) -> None:
        """Work in the folder beside the store's file; of a link, beside its target."""
        self._context = context
        self._db = context.database
        self._folder = TrashFolder(beside(resolve(store), FOLDER))

    def put(self, thread_id: str, *, require: Callable[[], object] | None = None) -> TrashEntry:
        """Delete a thread, and keep all of it for 30 days.

        What is kept is exactly what is deleted: both are one transaction, in which `require` is
        called first, and may raise. Bundles that have expired are removed. Appends an index line
        without a name. Raises `ThreadNotFoundError`; `StoreUnavailableError` where the bundle
        cannot be written; `ConflictError` where other programs' triggers or tables would lose
        what the bundle does not hold. Then nothing is deleted.
        """
        index = self._index_entry(thread_id)
        path: Path | None = None
        try:
            with self._db.transaction():
                if require is not None:
                    require()
                require_thread(self._db, thread_id)
                now = self._context.now()
                with self._keeping(thread_id):
                    path = self._folder.prepare(thread_id, now)
                    header = self._write(path, thread_id, now, index)
                self._delete(header)
        except BaseException:
            if path is not None:
                self._take_back(path, thread_id)
            raise
        self._context.publish(
            SessionIndexEntry(thread_id=thread_id, updated_at=self._context.now())
        )
        with system_errors("read", path):
            return look(path)

    def list(self) -> Sequence[TrashEntry]:
        """Return what can be brought back, the last deleted first; several may be of one id.

        A file that is no whole bundle is left out and reported as an `AgentStateWarning`.
        """
        found = []
        for path, entry in self._looks():
            if isinstance(entry, str):
                warn(f"left out: {path}: {entry}")
            else:
                found.append(entry)
        return sorted(found, key=lambda entry: (entry.deleted_at, entry.path), reverse=True)

    def broken(self, older_than: int | None = None) -> Sequence[str]:
        """Return the paths of files that are no whole bundle, which `empty` removes, too."""
        return [str(path) for path, entry in self._until(older_than) if entry is None]

    def restore(self, wanted: str | TrashEntry) -> str:
        """Bring back a thread, by its id (then the one deleted last) or as `list` gave it.

        It is as it was, message ids included; its bundle is removed. Returns its id, and appends
        its index line. Raises `ThreadNotFoundError`; `ConflictError` where the thread, or a
        message of one of its ids, exists; `BadInputError` for a bundle that is not whole. Then
        nothing is written.
        """
        entry = self._newest(wanted) if isinstance(wanted, str) else wanted
        path = Path(entry.path)
        if path.parent != self._folder.path or not self._folder.exists():
            raise _not_here(entry.id)
        try:
            with open_bundle(path) as file, self._db.transaction():
                header = bundle_reading.insert(self._db, file)
        except FileNotFoundError:
            raise _not_here(entry.id) from None
        except OSError as error:
            raise StoreUnavailableError(f"cannot read {path}: {_reason(error)}") from error
        except BadInputError as error:
            raise BadInputError(f"{path}: {error}; nothing was written") from error
        bundle_reading.publish(self._context, header)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            warn(f"the thread is back, and its bundle {path} stays: {_reason(error)}")
        return header.thread_id

    def empty(self, older_than: int | None = None) -> Sequence[TrashEntry]:
        """Remove what was deleted at `older_than` (Unix seconds) or before, or all, for good.

        Returns what was removed. Files that are no whole bundle go with all, and when as old.
        """
        self._context.require_writable()
        removed = []
        for path, entry in self._until(older_than):
            with system_errors("remove", path), suppress(FileNotFoundError):
                path.unlink()
                removed += [entry] if entry else []
        return removed

    def purge(self) -> None:
        """Remove bundles that have expired, and what killed programs left of writing one."""
        self._context.require_writable()
        with suppress(StoreUnavailableError):
            self._folder.purge(self._context.now())

    def _looks(self) -> Iterator[tuple[Path, TrashEntry | str]]:
        """Yield each file with what it holds, or with why it is no whole bundle."""
        for path in self._folder.bundles():
            try:
                entry = look(path)
            except FileNotFoundError:
                continue  # removed meanwhile
            except (OSError, BadInputError) as error:
                yield path, _reason(error)
            else:
                yield path, entry

    def _until(self, then: int | None) -> Iterator[tuple[Path, TrashEntry | None]]:
        """Yield each file, of those only that are as old; None for one that is no whole bundle."""
        for path, found in self._looks():
            entry = None if isinstance(found, str) else found
            with system_errors("read", path), suppress(FileNotFoundError):
                time = entry.deleted_at if entry else path.lstat().st_mtime
                if then is None or time <= then:
                    yield path, entry

    def _newest(self, thread_id: str) -> TrashEntry:
        for entry in self.list():
            if entry.id == thread_id:
                return entry
        raise _not_here(thread_id)

    @contextmanager
    def _keeping(self, thread_id: str) -> Iterator[None]:
        try:
            with system_errors("write in", self._folder.path):
                yield
        except StoreUnavailableError as error:
            raise StoreUnavailableError(
                f"thread {thread_id!r} was not deleted, for what would bring it back cannot be "
                f"kept: {error}; --no-bundle deletes without{_or_make_room(error)}"
            ) from error

    def _write(
        self, path: Path, thread_id: str, now: int, index: SessionIndexEntry | None
    ) -> Header:
        with replacing(path) as temporary, temporary.open("wb") as file:
            return bundles.write(
                self._db, thread_id, file, written_at=now, expires_at=now + KEPT, index=index
            )

    def _delete(self, header: Header) -> None:
        before = catalog.total_changes(self._db)
        self._db.execute("DELETE FROM threads WHERE id = :id", {"id": header.thread_id})
        if catalog.total_changes(self._db) - before != sum(header.rows.values()):
            raise ConflictError(
                f"deleting thread {header.thread_id!r} would change rows that its bundle does not "
                "hold, by a trigger or table of another program; --no-bundle deletes it all the "
                "same"
            )

    def _take_back(self, path: Path, thread_id: str) -> None:
        """Remove the bundle of a deletion that failed."""
        # An interruption may come when the deletion is done: then the bundle is all there is.
        with suppress(AgentStateError, OSError):
            if has_thread(self._db, thread_id):
                path.unlink(missing_ok=True)

    def _index_entry(self, thread_id: str) -> SessionIndexEntry | None:
        try:
            return self._context.index.entry_of(thread_id)
        except AgentStateError as error:
            warn(f"a name that only the session index knows is not kept: {error}")
            return None


def _not_here(thread_id: str) -> ThreadNotFoundError:
    return ThreadNotFoundError(
        f"no deleted thread {thread_id!r}; see agentstate threads trash list"
    )


def _or_make_room(error: StoreUnavailableError) -> str:
    if getattr(error.__cause__, "errno", None) not in {errno.ENOSPC, errno.EDQUOT}:
        return ""
    return ", and agentstate threads trash empty frees space"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
