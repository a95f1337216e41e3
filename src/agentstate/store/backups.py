"""Backups: the whole store and its index, copied while others write, and verified."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.config import INDEX_NAME
from agentstate.db.alone import alone
from agentstate.db.copying import open_copy, write_copy
from agentstate.db.integrity import count_broken_references, fault_of
from agentstate.db.opening import look
from agentstate.db.port import NotADatabaseError
from agentstate.db.reading import SIDES, beside, resolve, side_files
from agentstate.db.shape import missing, require_ours
from agentstate.errors import (
    AgentStateError,
    ConflictError,
    CorruptStoreError,
    StoreUnavailableError,
    UsageError,
)
from agentstate.filesystem import (
    new_folder,
    place_of,
    remove_leftovers,
    replacing,
    require_own_links,
    system_errors,
)
from agentstate.reports.store import BackupReport
from agentstate.session_index.files import open_to_read
from agentstate.store import DEFAULT_TIMEOUT
from agentstate.store.context import warn
from agentstate.store.rows import count

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from agentstate.config import Location
    from agentstate.db.sqlite import SQLiteDatabase

FOLDER: Final = ".backups"
"""What the name of the folder of a store's backups adds to the store's."""


class _Order(NamedTuple):
    """What is to be made, and how."""

    store: Path
    place: Path
    compact: bool = False
    overwrite: bool = False
    faithful: bool = False
    """Whether a damaged store is copied as it is."""
    timeout: float = 0


def back_up(
    source: Location,
    out: str | os.PathLike[str],
    *,
    compact: bool = False,
    overwrite: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
) -> BackupReport:
    """Copy a store and its index to `out`, while others go on writing, and verify the copy.

    `out` is a file, or a folder: one that exists, or a path that ends in a slash. The index comes
    into the same folder, so that the copy is a whole store, of the version that the store has.
    With `compact` it has no free pages. A crash leaves no file, or the whole one. Nothing in the
    store's folder changes.

    Raises `ConflictError` where a file is there and `overwrite` is false, and for a place in the
    store's own folder; `UsageError` for a name that is the index's or SQLite's;
    `CorruptStoreError` for a store that is damaged, `StoreNotFoundError`,
    `NotAStoreError`, `StoreBusyError` and `StoreUnavailableError`.
    """
    place = place_of(out, source.path.name)
    _refuse_own_files(source, place)
    require_own_name(place)
    if not overwrite:
        _refuse_what_is_there(place)
    order = _Order(source.path, place, compact, overwrite, timeout=timeout)
    database, shape = look(source.path, timeout)
    with closing(database):
        if shape.empty:
            raise missing(source.path)
        require_ours(source.path, shape)
        return _carry_out(order, database, source.index_path)


def keep(source: Location, *, timeout: float = DEFAULT_TIMEOUT) -> BackupReport:
    """Keep a store as it is, damage and all, in a folder of its own among its backups.

    The folder is `<store file>.backups/<UTC time>` beside the store, and holds the store and its
    index. Raises what `back_up` raises, `CorruptStoreError` only where SQLite cannot read the
    file at all.
    """
    database, shape = look(source.path, timeout)
    with closing(database):
        require_ours(source.path, shape)
        return keep_open(source, database)


def keep_open(source: Location, database: SQLiteDatabase) -> BackupReport:
    """Keep a store, as `keep` does, of which a connection is open."""
    store = resolve(source.path)
    order = _Order(source.path, folder_to_keep(store) / store.name, faithful=True)
    return _carry_out(order, database, source.index_path)


def folder_to_keep(store: Path) -> Path:
    """Return a new name among the backups that stand beside a (resolved) store.

    Raises `StoreUnavailableError` where they are behind a link that another user made.
    """
    backups = beside(store, FOLDER)
    require_own_links(backups)
    _clear_unfinished(backups, store.name)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    folder = backups / stamp
    number = 1
    while os.path.lexists(folder):
        number += 1
        folder = backups / f"{stamp}-{number}"
    return folder


def _clear_unfinished(backups: Path, name: str) -> None:
    """Remove what killed programs left of keeping a store; each had a folder of its own."""
    # What cannot be removed today can be another day, and keeps nobody from what he came for.
    with suppress(OSError):
        for left in backups.glob("*/.*.new-*"):
            for finished in (name, INDEX_NAME):
                remove_leftovers(left.with_name(finished))
            with suppress(OSError):
                left.parent.rmdir()


def keep_bytes(store: Path, file: BinaryIO | None, index: Path) -> Path | None:
    """Keep the files of a (resolved) store that SQLite cannot read; return the first, if any.

    `file` is the store itself, open. Raises `OSError`.
    """
    logs = [beside(store, suffix) for suffix in ("-wal", "-journal")]
    found = [log for log in logs if log.exists() and log.stat().st_size]
    has_content = file is not None and os.fstat(file.fileno()).st_size > 0
    if not has_content and not found:
        return None
    folder = folder_to_keep(store)
    with new_folder(folder):
        if file is not None and has_content:
            _copy_file(file, folder / store.name)
        for log in found:
            with log.open("rb") as old:
                _copy_file(old, folder / log.name)
        _keep_index(index, folder / INDEX_NAME)
    return folder / (store.name if has_content else found[0].name)


def copy_index(source: Path, out: Path, *, overwrite: bool = False) -> Path | None:
    """Copy an index byte for byte and durably; return `out`, or None where there is none."""
    if (old := open_to_read(source)) is None:
        if overwrite:
            # One of another store would give its names to this one's threads.
            out.unlink(missing_ok=True)
        return None
    with old:
        _copy_file(old, resolve(out), overwrite=overwrite)
    return out


def _keep_index(source: Path, out: Path) -> Path | None:
    """Copy an index, or say that it cannot be read: it can be made again from the store."""
    try:
        return copy_index(source, out)
    except AgentStateError as error:
        warn(f"the store is kept without its session index: {error}")
        return None


def _copy_file(old: BinaryIO, out: Path, *, overwrite: bool = False) -> None:
    """Copy an open file byte for byte and durably; raises `OSError`."""
    with replacing(out, overwrite=overwrite) as temporary, temporary.open("wb") as new:
        shutil.copyfileobj(old, new)


def require_own_name(place: Path) -> None:
    """Refuse a name that SQLite, or the index, has for something else; raises `UsageError`."""
    if place.name == INDEX_NAME or place.name.endswith((".lock", *SIDES)):
        raise UsageError(f"{place.name!r} is no name for a store; give another, such as state.db")


def _refuse_own_files(source: Location, place: Path) -> None:
    """Refuse what would be put over the store itself, or over its index."""
    store = resolve(source.path)
    own = {store, *side_files(store)}
    found = resolve(place)
    if found in own or (place.exists() and place.samefile(store)):
        raise ConflictError(f"{place} is the store itself; a backup needs a place of its own")
    if resolve(place.with_name(INDEX_NAME)) == resolve(source.index_path):
        raise ConflictError(
            f"{place} would be in the store's own folder, whose session index is the store's; "
            "give the backup a folder of its own"
        )


def _refuse_what_is_there(place: Path) -> None:
    for path in (place, place.with_name(INDEX_NAME), *side_files(resolve(place))):
        if os.path.lexists(path):
            raise ConflictError(
                f"{path} is there already; nothing was written: give the backup a folder of its "
                "own, or add --force to replace what is there"
            )


def _carry_out(order: _Order, database: SQLiteDatabase, index: Path) -> BackupReport:
    if order.compact and (fault := fault_of(database)):
        # What SQLite cannot see in a damaged file, it leaves out when it copies row by row.
        raise _damaged(order.store, fault)
    place = order.place
    with (
        new_folder(place.parent),
        system_errors("write", place),
        ExitStack() as until_replaced,
        replacing(resolve(place), overwrite=order.overwrite) as temporary,
    ):
        write_copy(database, temporary, place, compact=order.compact)
        threads, messages = _verify(order, database, temporary)
        size = temporary.stat().st_size
        if order.overwrite:
            until_replaced.enter_context(_without_log(resolve(place), order.timeout))
        index_place = place.with_name(INDEX_NAME)
        if order.faithful:
            index_copy = _keep_index(index, index_place)
        else:
            index_copy = copy_index(index, index_place, overwrite=order.overwrite)
    return BackupReport(
        path=str(place),
        index_path=None if index_copy is None else str(index_copy),
        size=size,
        threads=threads,
        messages=messages,
    )


def _verify(order: _Order, database: SQLiteDatabase, copied: Path) -> tuple[int | None, int | None]:
    """Return how many threads and messages a copy has, after seeing that it is sound."""
    with closing(open_copy(copied, order.place)) as copy:
        if not order.faithful:
            if fault := fault_of(copy):
                if own_fault := fault_of(database):
                    raise _damaged(order.store, own_fault)
                raise StoreUnavailableError(
                    f"what {order.place} was given cannot be read back ({fault}); nothing was kept"
                )
            if broken := count_broken_references(copy):
                warn(
                    f"rows that refer to what is not there, in the store and in its backup: "
                    f"{broken}; see agentstate doctor"
                )
        return _count(copy, "threads", order), _count(copy, "messages", order)


def _count(copy: SQLiteDatabase, table: str, order: _Order) -> int | None:
    try:
        return count(copy, f"SELECT count(*) FROM {table}")
    except AgentStateError:
        if order.faithful:
            return None
        raise


@contextmanager
def _without_log(old: Path, timeout: float) -> Iterator[None]:
    """Hold an old backup until it is replaced, without what SQLite would apply to the new one."""
    with ExitStack() as stack:
        try:
            if old.exists():
                database = stack.enter_context(alone(old, timeout))
                database.set_journal_mode("delete")
        except (NotADatabaseError, CorruptStoreError):
            stack.close()
        for side in side_files(old):
            side.unlink(missing_ok=True)
        yield


def _damaged(store: Path, fault: str) -> CorruptStoreError:
    return CorruptStoreError(
        f"{store} is damaged, so no backup was made of it: {fault}; "
        "agentstate recover saves what can be read"
    )
