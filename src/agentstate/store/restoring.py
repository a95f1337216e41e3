"""Restoring: a verified backup takes the place of the store, which is kept."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agentstate.config import INDEX_NAME, STORE_NAME, located
from agentstate.db.alone import alone, held, in_use, replace_content
from agentstate.db.catalog import highest_id, reserve_ids
from agentstate.db.copying import open_copy, write_copy
from agentstate.db.holders import users_of
from agentstate.db.integrity import fault_of
from agentstate.db.opening import look, open_for_reading, require_file, require_permission
from agentstate.db.port import NotADatabaseError
from agentstate.db.reading import resolve, side_files
from agentstate.db.shape import require_ours, require_writable, shape_of
from agentstate.db.trust import require_no_actions
from agentstate.errors import (
    AgentStateError,
    AmbiguousError,
    ConflictError,
    CorruptStoreError,
    StoreBusyError,
    StoreNotFoundError,
    StoreUnavailableError,
)
from agentstate.filesystem import new_folder, replacing, require_own_links, system_errors
from agentstate.holders import describe
from agentstate.reports.store import RestoreReport
from agentstate.session_index import SessionIndex
from agentstate.store import DEFAULT_TIMEOUT
from agentstate.store.backups import (
    copy_index,
    folder_to_keep,
    keep_bytes,
    keep_open,
)
from agentstate.store.context import Context, warn
from agentstate.store.index import Index
from agentstate.store.rows import count

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from agentstate.config import Location
    from agentstate.db.shape import Shape
    from agentstate.db.sqlite import SQLiteDatabase


def restore(
    store: str | os.PathLike[str] | Location | None,
    source: str | os.PathLike[str],
    *,
    timeout: float = DEFAULT_TIMEOUT,
    trust_schema: bool = False,
) -> RestoreReport:
    """Replace a store and its index by a backup, which is verified first and never changed.

    The store is named as to `StateStore.open`; there may be none yet. `source` is the backup's
    file, or the folder it is in. The store that is replaced is kept whole among its backups, see
    `RestoreReport.replaced`; a crash leaves the old or the new. An old version is restored as it
    is, and migrated by the next write. A backup without an index gets one that is made from its
    threads.

    Raises `StoreBusyError` where a program has the store open for longer than `timeout` seconds,
    `StoreNotFoundError`, `NotAStoreError`, `CorruptStoreError` and `StoreTooNewError` for what is
    no sound backup, without `trust_schema` `UntrustedSchemaError` for one that would do more on a
    write than what is asked for, `ConflictError` for the store itself, and `StoreUnavailableError`.
    """
    target = located(store)
    with prepared(target, source, timeout=timeout, trust_schema=trust_schema) as restoration:
        return restoration.carry_out()


@contextmanager
def prepared(
    target: Location,
    source: str | os.PathLike[str],
    *,
    timeout: float,
    trust_schema: bool,
) -> Iterator[Restoration]:
    """Open a backup and verify it, so that a person can be asked; raises what `restore` raises."""
    path = _find_backup(target, Path(source))
    if resolve(path) == resolve(target.path) or (
        target.path.exists() and path.samefile(target.path)
    ):
        raise ConflictError(f"{path} is the store itself")
    require_own_links(target.path)
    if target.path.exists():
        require_file(target.path, empty_is_missing=False)
        require_permission(target.path, resolve(target.path))
    database, shape = look(path, timeout)
    with closing(database), database.snapshot():
        require_writable(path, shape, create=False)
        if not trust_schema:
            require_no_actions(database)
        if fault := fault_of(database):
            raise CorruptStoreError(f"{path} is damaged, so nothing was restored: {fault}")
        yield Restoration(target, path, database, shape, timeout)


def _find_backup(target: Location, source: Path) -> Path:
    if source.is_dir():
        names = dict.fromkeys((target.path.name, STORE_NAME))
        found = [source / name for name in names if (source / name).is_file()]
        if len(found) > 1:
            raise AmbiguousError(f"{source} holds {found[0].name} and {found[1].name}: name one")
        source = found[0] if found else source / target.path.name
    if not source.is_file() or not source.stat().st_size:
        raise StoreNotFoundError(f"no backup at {source}")
    return source


class Restoration:
    """A verified backup that may take the place of a store."""

    def __init__(
        self, target: Location, source: Path, database: SQLiteDatabase, shape: Shape, timeout: float
    ) -> None:
        """Keep what is to be done; `prepared` is the way to get one."""
        self._target = target
        self._store = resolve(target.path)
        self._source = source
        self._database = database
        self._shape = shape
        self._timeout = timeout
        self.report = RestoreReport(
            path=str(target.path),
            source=str(source),
            replaced=None,
            threads=count(database, "SELECT count(*) FROM threads"),
            messages=count(database, "SELECT count(*) FROM messages"),
            schema_version=shape.version,
        )
        """What will be, but for where the old store is kept."""

    def used_by(self) -> str:
        """Return which programs have the store open, which keep it from being replaced; or ''."""
        users = users_of(self._store)
        return describe(users) if users else ""

    def carry_out(self, before_commit: Callable[[], object] = lambda: None) -> RestoreReport:
        """Replace the store, then its index; `before_commit` is called when there is no way back.

        Raises what `restore` says; then the old store stands.
        """
        with new_folder(self._store.parent), system_errors("restore", self._target.path):
            kept = self._replace_store(before_commit)
        kept = self._replace_index(kept)
        return replace(self.report, replaced=None if kept is None else str(kept))

    def _replace_store(self, before_commit: Callable[[], object]) -> Path | None:
        """Return where the old store is kept, if there was one."""
        if not self._store.exists() or self._is_unreadable():
            return self._put_in_place(before_commit)
        with alone(self._target.path, self._timeout) as old:
            shape = shape_of(old)
            kept = None
            if not shape.empty:
                require_ours(self._target.path, shape)
                kept = Path(keep_open(self._target, old).path)
            old.before_commit = before_commit
            highest = highest_id(old, "messages")
            try:
                replace_content(old, self._database)
                with old.transaction():
                    # The ids of messages that the backup does not know are not given again.
                    reserve_ids(old, "messages", highest)
            except AgentStateError as error:
                if kept is None:
                    raise
                raise type(error)(f"{error}; what was there before is kept as {kept}") from error
            return kept

    def _is_unreadable(self) -> bool:
        """Tell whether SQLite cannot open the old file; it is not changed by the attempt."""
        if not self._store.stat().st_size:
            return True  # SQLite would delete the log of a file that was emptied
        try:
            look(self._target.path, self._timeout)[0].close()
        except (NotADatabaseError, CorruptStoreError):
            return True
        except StoreBusyError:
            raise in_use(self._target.path, self._timeout) from None
        return False

    def _put_in_place(self, before_commit: Callable[[], object]) -> Path | None:
        """Replace the files of a store that SQLite cannot read, or that is not there."""
        name = self._target.path
        with (
            held(self._store, self._timeout) as old,
            replacing(self._store, overwrite=old is not None) as temporary,
        ):
            write_copy(self._database, temporary, name)
            with closing(open_copy(temporary, name)) as copy:
                if fault := fault_of(copy):
                    raise StoreUnavailableError(
                        f"what {name} was given cannot be read back ({fault}); nothing was restored"
                    )
            kept = keep_bytes(self._store, old, self._target.index_path)
            before_commit()
            for side in side_files(self._store):
                # SQLite would take the old log for the new file's.
                side.unlink(missing_ok=True)
        return kept

    def _replace_index(self, kept: Path | None) -> Path | None:
        """Put the backup's index in place, or make one; return where the old files are kept."""
        index = SessionIndex(self._target.index_path, timeout=self._timeout)
        try:
            with system_errors("replace", index.path):
                with index.locked():
                    kept = self._keep_index(kept)
                    given = self._source.with_name(INDEX_NAME)
                    # In the store's own folder there is but its own index, of what was replaced.
                    is_given = given.exists() and resolve(given) != resolve(index.path)
                    if is_given:
                        copy_index(given, index.path, overwrite=True)
                    elif not self._shape.tree:
                        index.path.unlink(missing_ok=True)
                        warn("the backup has no session index; agentstate index rebuild makes one")
                if not is_given and self._shape.tree:
                    self._rebuild_index()
        except AgentStateError as error:
            warn(
                f"the store was restored, its session index was not: {error}; "
                "see agentstate index rebuild"
            )
        return kept

    def _keep_index(self, kept: Path | None) -> Path | None:
        """Keep the old index beside the old store, as it is now that nobody appends to it."""
        if not self._target.index_path.exists():
            return kept
        folder = folder_to_keep(self._store) if kept is None else kept.parent
        with new_folder(folder):
            copied = copy_index(self._target.index_path, folder / INDEX_NAME, overwrite=True)
        return kept or copied

    def _rebuild_index(self) -> None:
        """Make the index from the threads, by a connection that does not migrate the store."""
        with closing(open_for_reading(self._target.path, self._timeout)) as database:
            context = Context(
                database=database,
                index_path=self._target.index_path,
                timeout=self._timeout,
                clock=time.time,
                new_id=str,
                read_only=False,
            )
            Index(context).rebuild()
