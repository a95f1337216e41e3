"""What a file's schema would do by itself, which nobody asked for.

A schema is code: a trigger runs on a write, a view or a computed column on a read. The agent
program's has none, so a file that has some was changed by somebody, and somebody may have handed
it over. What is read must be plain tables. What is written must also change no more than what is
asked for, unless the caller trusts the schema.

SQLite itself refuses a file whose `sqlite_schema` says `type` or `name` of something other than
its SQL makes (but for the case of letters), so both are believed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db import own_schema, schema
from agentstate.errors import NotAStoreError, UntrustedSchemaError

if TYPE_CHECKING:
    from agentstate.db.sqlite import SQLiteDatabase

_SHOWN: Final = 60
"""Characters of a foreign name that an error line shows."""


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


_TABLES: Final = _words((*schema.TABLES, *own_schema.TABLES))
_CHILDREN: Final = _words((*schema.OF_THREADS, own_schema.IMPORTS))
_OWN: Final = _words(("threads", "jobs", *schema.OF_THREADS, *own_schema.TABLES))
"""In SQL, as the statements below have them; the last are those that this program writes."""

# A virtual table's SQL begins with CREATE VIRTUAL TABLE, with comments between if it likes. The
# word stands in no table of ours. The columns of a virtual table are not looked at: that runs it.
_SUBSTITUTES: Final = f"""
SELECT name, 'is a view' FROM sqlite_schema
WHERE type LIKE 'view' AND lower(name) IN ({_TABLES})
UNION ALL
SELECT name, 'is a virtual table, or has a virtual column' FROM sqlite_schema
WHERE sql LIKE '%virtual%' AND type LIKE 'table' AND lower(name) IN ({_TABLES})
UNION ALL
SELECT tables.name, 'has a column that is computed'
FROM sqlite_schema AS tables JOIN pragma_table_xinfo(tables.name) AS columns
WHERE tables.type LIKE 'table' AND lower(tables.name) IN ({_TABLES})
    AND tables.sql NOT LIKE '%virtual%' AND columns.hidden <> 0
LIMIT 1
"""  # noqa: S608 - names of our own

# Any trigger: a delete goes on to every table that refers to ours, and to those that refer to
# them. Of views those that name a table of ours; no write of ours would run one, but who made it
# may count on what it shows. A conflict clause deletes rows to make room for one that is added,
# and a reference of our tables but the two below has rows deleted with those of another table.
_ACTIONS: Final = f"""
SELECT 'the trigger', name, tbl_name, sql FROM sqlite_schema WHERE type LIKE 'trigger'
UNION ALL
SELECT 'the view', views.name, tables.name, views.sql
FROM sqlite_schema AS views JOIN sqlite_schema AS tables
    ON tables.type LIKE 'table' AND lower(tables.name) IN ({_TABLES})
    AND instr(lower(views.sql), lower(tables.name)) > 0
WHERE views.type LIKE 'view'
UNION ALL
SELECT 'a conflict clause', NULL, name, NULL FROM sqlite_schema
WHERE sql LIKE '%conflict%' AND type LIKE 'table' AND lower(name) IN ({_TABLES})
UNION ALL
SELECT 'a foreign key to', "table", name, NULL
FROM sqlite_schema JOIN pragma_foreign_key_list(name)
WHERE type LIKE 'table' AND lower(name) IN ({_OWN})
    AND NOT (
        on_update = 'NO ACTION' AND on_delete = 'CASCADE' AND lower("to") = 'id'
        AND (
            lower(name) IN ({_CHILDREN}) AND lower("table") = 'threads'
            AND lower("from") = 'thread_id'
            OR lower(name) = '{own_schema.IMPORTED_MESSAGES}' AND lower("table") = 'messages'
            AND lower("from") = 'message_id'
        )
    )
"""  # noqa: S608 - as above


class Action(NamedTuple):
    """What a schema would do on a write; names and SQL are another's text."""

    what: str
    """Such as `the trigger`."""
    name: str | bytes | None
    table: str | bytes
    sql: str | bytes | None


def require_plain_tables(database: SQLiteDatabase) -> None:
    """Refuse a file in which something else stands where a table is expected.

    Raises `NotAStoreError`. Nothing that the schema holds is run.
    """
    if (found := database.one(_SUBSTITUTES)) is not None:
        table, what = found
        raise NotAStoreError(f"{database.path} is not a store: its {table} {what}")


class SchemaGuard:
    """Keeps writes from running what a schema holds, also when it gets there later.

    To be called within the transaction that writes. It looks at the schema only when its number
    has changed since the last look, as it does with every change of the schema.
    """

    def __init__(self, database: SQLiteDatabase) -> None:
        """Know the connection; nothing is read."""
        self._database = database
        self._seen: int | str | None = None

    def __call__(self) -> None:
        """Raise `UntrustedSchemaError`, or `NotAStoreError`, where a write would do more."""
        number = self._database.pragma("schema_version")
        if number != self._seen:
            require_plain_tables(self._database)
            require_no_actions(self._database)
            self._seen = number


def require_no_actions(database: SQLiteDatabase) -> None:
    """Raise `UntrustedSchemaError` where a write would do more than it says."""
    if (found := database.one(f"{_ACTIONS} LIMIT 1")) is not None:
        what, name, table, _ = found
        named = "" if name is None else f" {name[:_SHOWN]!r}"
        raise UntrustedSchemaError(
            f"{database.path} has {what}{named} on the table {table[:_SHOWN]!r}, which no store of "
            "an agent has; it is only read. If you know what it does, write with --trust-schema"
        )


def actions_of(database: SQLiteDatabase) -> list[Action]:
    """Return all that a write would do beyond what it says; nothing of it is run."""
    return [Action(*row) for row in database.all(_ACTIONS)]
