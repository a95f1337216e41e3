"""The index of a store's messages: the trigrams of each, in a file that can always be deleted.

It is brought up to date before it is used. New messages follow the last one known. One that is
gone is no more found in the store, and needs no change here. Whatever else may have happened to
the store shows in the blocks: of each run of messages that were read together there is a
checksum. A few are compared each time, and all when one of them differs, when the store is
another file, or when there are more messages than there were. What differs is read once more, and
what was known of it stays, for every hit is compared with the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.db import own_schema
from agentstate.db.port import NotADatabaseError
from agentstate.db.reading import WRITE, resolve, uri
from agentstate.db.sqlite import SQLiteDatabase
from agentstate.errors import AgentStateError, StoreBusyError, StoreUnavailableError
from agentstate.store.rows import count
from agentstate.store.search.blocks import (
    BEFORE_ALL,
    Block,
    Row,
    empty_block,
    is_sound,
    next_rows,
    rows_of,
    some,
)
from agentstate.store.search.folding import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from agentstate.db.port import Database

    Progress = Callable[[str, int, int], object]

_FORMAT: Final = 2
"""The version of the tables and of how texts are folded; a file of another is made anew."""
_TABLES: Final = ("grams", "blocks", "about")
_SCHEMA: Final = (
    """CREATE VIRTUAL TABLE grams USING fts5(
    text, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1'
)""",
    "INSERT INTO grams(grams, rank) VALUES ('hashsize', 33554432)",
    """CREATE TABLE blocks (
    after INTEGER NOT NULL,
    last INTEGER PRIMARY KEY,
    messages INTEGER NOT NULL,
    size INTEGER NOT NULL,
    checksum INTEGER NOT NULL
)""",
    "CREATE TABLE about (store TEXT NOT NULL, messages INTEGER NOT NULL)",
    "INSERT INTO about VALUES ('', 0)",
    f"PRAGMA user_version = {_FORMAT}",
)
_VOCABULARY: Final = "CREATE VIRTUAL TABLE temp.occurrences USING fts5vocab(main, grams, instance)"
_BLOCKS: Final = "SELECT after, last, messages, size, checksum FROM blocks"
_PADDING: Final = "  "
"""Behind a text, so that its last letters begin a trigram, too, and short terms are found."""

_BATCH: Final = 16
"""Blocks that are added in one transaction. Where it is interrupted, no more is lost."""
_CHECKED: Final = 4
"""Blocks that are compared each time, beside the newest."""


class UnusableIndexError(AgentStateError):
    """The index cannot be used, for whatever reason; the store can be searched without it."""

    damaged = False
    """Whether a new one would do better."""


class _IndexFile(SQLiteDatabase):
    """A file whose errors are told from those of the store."""

    def _translate(self, error: Exception) -> Exception:
        meant = super()._translate(error)
        unusable = UnusableIndexError(str(meant))
        passing = isinstance(meant, (StoreBusyError, StoreUnavailableError))
        unusable.damaged = isinstance(meant, NotADatabaseError) or not passing
        return unusable


def has_fts5(database: Database) -> bool:
    """Tell whether the SQLite at hand has what the index needs."""
    return database.one("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'") is not None


class Index:
    """An open index; close it. Every method raises `UnusableIndexError`."""

    def __init__(self, path: Path, timeout: float) -> None:
        """Open a file, and make the tables where it has none or those of another version."""
        self.database = _IndexFile(uri(path, WRITE), path, timeout)
        try:
            if self.database.pragma("journal_mode") != "wal":
                self.database.set_journal_mode("wal")
            self.database.execute("PRAGMA synchronous = NORMAL")
            self._make_tables()
            self.database.execute(_VOCABULARY)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def _make_tables(self) -> None:
        if self.database.pragma("user_version") == _FORMAT:
            return
        with self.database.transaction():
            if self.database.pragma("user_version") != _FORMAT:
                for table in _TABLES:
                    self.database.execute(f"DROP TABLE IF EXISTS {table}")
                for statement in _SCHEMA:
                    self.database.execute(statement)

    def update(self, store: Database, path: Path, progress: Progress) -> None:
        """Read what is new in a store, and what changed as far as that shows.

        `progress` is told what is done, how far that is and how far it goes. The store is read a
        batch at a time, and what was read is kept where this is interrupted.
        """
        # An import that changed messages in place has counted that.
        identity = f"{resolve(path).stat().st_ino}:{own_schema.changes(store)}"
        if not self._is_as_known(store, identity):
            self._check_all(store, progress)
            self._remember(identity, self._known(store))
        self._add_new(store, progress)
        self._remember(identity, self._known(store))

    def _is_as_known(self, store: Database, identity: str) -> bool:
        """Compare what costs little: the file, how many messages there are, and some of them."""
        remembered, messages = self._about()
        if remembered != identity or self._known(store) > messages:
            return False
        lasts = [last for (last,) in self.database.all("SELECT last FROM blocks ORDER BY last")]
        sample = {*some(lasts, _CHECKED), *lasts[-1:]}
        return all(is_sound(store, self._block(last)) for last in sample)

    def _about(self) -> tuple[str, int]:
        row = self.database.one("SELECT store, messages FROM about")
        return (row[0], row[1]) if row else ("", 0)

    def _remember(self, identity: str, messages: int) -> None:
        if self._about() != (identity, messages):
            with self.database.transaction():
                self.database.execute(
                    "UPDATE about SET store = :store, messages = :messages",
                    {"store": identity, "messages": messages},
                )

    def _known(self, store: Database) -> int:
        """Return how many messages the store has as far as the newest block goes."""
        # SQLite counts all by the smallest index, and up to an id by reading every text.
        with store.snapshot():
            beyond = "SELECT count(*) FROM messages WHERE id > :last"
            return count(store, "SELECT count(*) FROM messages") - count(
                store, beyond, {"last": self._newest().last}
            )

    def _check_all(self, store: Database, progress: Progress) -> None:
        """Read anew what changed; where most of it did, forget what was known."""
        lasts = [last for (last,) in self.database.all("SELECT last FROM blocks ORDER BY last")]
        changed = []
        for number, last in enumerate(lasts):
            progress("Checking the index", number, len(lasts))
            if not is_sound(store, self._block(last)):
                changed.append(last)
        if 2 * len(changed) > len(lasts):
            with self.database.transaction():
                self.database.execute("INSERT INTO grams(grams) VALUES ('delete-all')")
                self.database.execute("DELETE FROM blocks")
            return
        for number, last in enumerate(changed):
            progress("Indexing what changed", number, len(changed))
            with self.database.transaction():
                block = self._block(last)
                rows = rows_of(store, block)
                self._insert(rows)
                # The range stays: a message in it may be gone, and may come back.
                self._write(empty_block(block.after).with_rows(rows)._replace(last=last))

    def _add_new(self, store: Database, progress: Progress) -> None:
        """Read the messages behind the newest block."""
        newest = store.one("SELECT max(id) FROM messages")
        end = newest[0] if newest and newest[0] is not None else BEFORE_ALL
        begin = None
        while (last := self._newest().last) < end:
            if begin is None:
                begin = int(max(last, 0))
            progress("Indexing", int(max(last, begin)) - begin, int(max(end, begin)) - begin)
            if not self._add_batch(store):
                break

    def _add_batch(self, store: Database) -> bool:
        """Add some blocks; return whether there was a message for them."""
        with self.database.transaction():
            # Another search may have been here since.
            block = self._newest()
            for number in range(_BATCH):
                if block.is_full:
                    block = empty_block(block.last)
                if not (rows := next_rows(store, block)):
                    return number > 0
                self._insert(rows)
                if block.messages:
                    self._remove(block)
                block = block.with_rows(rows)
                self._write(block)
                self._count(len(rows))
        return True

    def _insert(self, rows: Iterable[Row]) -> None:
        texts = ((row.id, fold(row.content.decode(errors="replace")) + _PADDING) for row in rows)
        self.database.insert_many("grams", ("rowid", "text"), texts)

    def _newest(self) -> Block:
        row = self.database.one(f"{_BLOCKS} ORDER BY last DESC LIMIT 1")
        return Block(*row) if row else empty_block(BEFORE_ALL)

    def _block(self, last: int) -> Block:
        row = self.database.one(f"{_BLOCKS} WHERE last = :last", {"last": last})
        return Block(*row) if row else empty_block(last)

    def _write(self, block: Block) -> None:
        self.database.execute(
            "INSERT OR REPLACE INTO blocks (after, last, messages, size, checksum) "
            "VALUES (:after, :last, :messages, :size, :checksum)",
            block._asdict(),
        )

    def _count(self, added: int) -> None:
        sql = "UPDATE about SET messages = messages + :added"
        self.database.execute(sql, {"added": added})

    def _remove(self, block: Block) -> None:
        self.database.execute("DELETE FROM blocks WHERE last = :last", {"last": block.last})
