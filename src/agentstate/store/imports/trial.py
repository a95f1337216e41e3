"""A store that is not kept, to learn of a bundle what a real one would say."""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.db import catalog, migrations, schema
from agentstate.db.sqlite import SQLiteDatabase
from agentstate.store import bundles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.db.port import Database

_NOWHERE: Final = "file:"
"""What has SQLite make a file of its own, once it needs one, that is gone when it is closed."""
_NAME: Final = Path("the store")
"""What its errors call it."""
_CODECS: Final = {"utf-8": "UTF-8", "utf-16-le": "UTF-16le", "utf-16-be": "UTF-16be"}


@contextmanager
def trial_store(like: Database | None) -> Iterator[SQLiteDatabase]:
    """Give an empty store with the tables of threads that another has, or those of a fresh one.

    What triggers do is left out, and so are the rows of other tables that a row may refer to.
    """
    with closing(SQLiteDatabase(_NOWHERE, _NAME, 0)) as database:
        if like is None:
            migrations.take_steps(database, schema.NEWEST)
        else:
            database.execute(f"PRAGMA encoding = '{_CODECS[catalog.text_codec(like)]}'")
            for statement in _statements(like):
                database.execute(statement)
        database.execute("PRAGMA foreign_keys = ON")
        yield database


def _statements(store: Database) -> Iterator[str]:
    """Yield what makes the tables, and their indexes that allow a value only once."""
    for table in bundles.tables_of(store):
        rows = store.all(
            "SELECT sql FROM sqlite_schema WHERE tbl_name = :name AND (type = 'table' "
            "OR (type = 'index' AND sql LIKE 'CREATE UNIQUE %')) ORDER BY type DESC",
            {"name": table.name},
        )
        yield from (sql for (sql,) in rows)
