"""What a SQLite file says of itself: its tables, how rows hang on one another, its pages.

Names come from the file, which another program may have made: they are quoted wherever they
become part of a statement. The statements are SQLite's own; another engine has its catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.db.port import Database

_ROWIDS: Final = ("rowid", "_rowid_", "oid")
"""SQLite's names of a rowid, each of which a column may take for itself."""
LAST_ID: Final = 2**63 - 1
"""The highest id that a row can have."""
_CODECS: Final = {"UTF-8": "utf-8", "UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}


class Table(NamedTuple):
    """A table of which some rows are meant."""

    name: str
    columns: tuple[str, ...]
    """The columns that are stored, in order."""
    condition: str
    """Which rows, with the parameter `:key`."""
    rowid: str | None
    """The name of what counts the rows as they are added; None for a table that does not."""
    order: str
    """The order in which they were added; without rowids, that of their key."""


class _Reference(NamedTuple):
    """A foreign key whose rows are deleted with the ones that they refer to."""

    child: str
    parent: str
    columns: list[str]
    referred: list[str]


def quoted(name: str) -> str:
    """Return the name of a table or column as it stands in a statement."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def family(database: Database, root: str, key: str) -> list[Table]:
    """Return a table, and every table whose rows are deleted with its own, parents first.

    Of the root the row is meant whose column `key` is `:key`, of the others the rows that hang
    on it. A table that hangs on itself is followed for one step only.
    """
    references = _references(database)
    found: dict[str, tuple[int, str]] = {}

    def follow(table: str, above: frozenset[str]) -> tuple[int, str] | None:
        if table == root:
            return 0, f"{quoted(key)} = :key"
        depths, conditions = [], []
        for reference in references:
            if reference.child != table or reference.parent in above | {table}:
                continue
            if (parent := follow(reference.parent, above | {table})) is not None:
                depths.append(parent[0] + 1)
                conditions.append(_hangs_on(reference, root, key, parent[1]))
        return (max(depths), " OR ".join(conditions)) if depths else None

    for table in {root, *(reference.child for reference in references)}:
        if (place := follow(table, frozenset())) is not None:
            found[table] = place
    in_order = sorted(found, key=lambda table: (found[table][0], table))
    return [_table(database, table, found[table][1]) for table in in_order]


def referring_columns(database: Database, parent: str, key: str) -> dict[str, set[str]]:
    """Return the columns of each table whose foreign key names a row by that key, and cascades."""
    found: dict[str, set[str]] = {}
    for reference in _references(database):
        if (reference.parent, reference.referred) == (parent, [key]):
            found.setdefault(reference.child, set()).update(reference.columns)
    return found


def _hangs_on(reference: _Reference, root: str, key: str, condition: str) -> str:
    if (reference.parent, reference.referred) == (root, [key]):
        return f"{quoted(reference.columns[0])} = :key"
    return (
        f"({_listed(reference.columns)}) IN (SELECT {_listed(reference.referred)} "  # noqa: S608 - quoted names
        f"FROM {quoted(reference.parent)} WHERE {condition})"
    )


def _table(database: Database, name: str, condition: str) -> Table:
    # A generated column is none that can be written, and this pragma leaves it out.
    rows = database.all(
        "SELECT name, pk FROM pragma_table_info(:name) ORDER BY cid", {"name": name}
    )
    columns = tuple(column for column, _ in rows)
    return Table(
        name, columns, condition, rowid_of(database, name), insertion_order(database, name)
    )


def _keys(rows: Sequence[tuple[str, int]]) -> list[str]:
    return [column for column, place in sorted(rows, key=lambda row: row[1]) if place]


def rowid_of(database: Database, table: str) -> str | None:
    """Return a name of a table's rowid; None where it has none, or columns bear all its names."""
    # A computed column hides a name, too; this pragma has them all. Names compare in any case.
    columns = database.all("SELECT lower(name) FROM pragma_table_xinfo(:name)", {"name": table})
    free = [name for name in _ROWIDS if (name,) not in columns]
    return free[0] if free and _has_rowids(database, table) else None


def address_of(database: Database, table: str) -> list[str] | None:
    """Return the columns, quoted, that tell each row of a table from every other; None if none do.

    That is the rowid, or a primary key which SQLite keeps the rows by. Another key may be null, in
    several rows.
    """
    if (rowid := rowid_of(database, table)) is not None:
        return [rowid]
    rows = database.all("SELECT name, pk FROM pragma_table_info(:name)", {"name": table})
    # A key that is the rowid has no index; without rowids its index is the table.
    index = database.one(
        "SELECT 1 FROM pragma_index_list(:name) WHERE origin = 'pk'", {"name": table}
    )
    kept_by_key = index is None or not _has_rowids(database, table)
    return [quoted(key) for key in _keys(rows)] or None if kept_by_key else None


def insertion_order(database: Database, table: str) -> str:
    """Return what to order a table by, so that rows come as they were added.

    Where it has no rowid, or columns bear all its names, that is the order of its key.
    """
    if (rowid := rowid_of(database, table)) is not None:
        return rowid
    rows = database.all("SELECT name, pk FROM pragma_table_info(:name)", {"name": table})
    return _listed(_keys(rows) or [column for column, _ in rows])


def _has_rowids(database: Database, table: str) -> bool:
    """Tell whether a table has rowids; without them no index of its own leads to one."""
    without = database.one(
        "SELECT 1 FROM pragma_index_list(:name) AS indexes WHERE indexes.origin = 'pk' "
        "AND NOT EXISTS (SELECT 1 FROM pragma_index_xinfo(indexes.name) WHERE cid = -1)",
        {"name": table},
    )
    return without is None


def _references(database: Database) -> list[_Reference]:
    """Return the foreign keys that cascade. SQLite's names compare without ASCII case."""
    names = database.all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    tables = {name.lower(): name for (name,) in names}
    found: dict[tuple[str, int], _Reference] = {}
    for child, number, parent, column, referred in database.all(
        'SELECT tables.name, keys.id, keys."table", keys."from", keys."to" '
        "FROM sqlite_schema AS tables JOIN pragma_foreign_key_list(tables.name) AS keys "
        "WHERE tables.type = 'table' AND keys.on_delete = 'CASCADE' "
        "ORDER BY tables.name, keys.id, keys.seq"
    ):
        if parent.lower() not in tables:
            continue
        made = _Reference(child, tables[parent.lower()], [], [])
        reference = found.setdefault((child, number), made)
        reference.columns.append(column)
        if referred is not None:
            reference.referred.append(referred)
    for reference in found.values():
        if not reference.referred:
            rows = database.all(
                "SELECT name, pk FROM pragma_table_info(:name)", {"name": reference.parent}
            )
            reference.referred.extend(_keys(rows))
    return list(found.values())


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(quoted, columns))


def text_codec(database: Database) -> str:
    """Return Python's name for the encoding in which the file keeps text."""
    row = database.one("PRAGMA encoding")
    return _CODECS[row[0]] if row else "utf-8"


def highest_id(database: Database, table: str) -> int:
    """Return the highest id that a table ever gave, whose ids are never used again."""
    if not database.has_table("sqlite_sequence"):
        return 0
    row = database.one("SELECT max(seq) FROM sqlite_sequence WHERE name = :name", {"name": table})
    return row[0] if row and isinstance(row[0], int) else 0


def ids_are_used_up(database: Database, table: str) -> bool:
    """Tell whether a table whose ids are never used again has given, or holds, the last there is.

    No row can be added to it any more, for which SQLite's words are that the disk is full.
    """
    sql = (
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = :name "
        "AND sql LIKE '%autoincrement%'"
    )
    if database.one(sql, {"name": table}) is None:
        return False
    held = database.one(f"SELECT max(id) FROM {quoted(table)}")  # noqa: S608 - a quoted name
    return LAST_ID in {highest_id(database, table), *(held or ())}


def reserve_ids(database: Database, table: str, highest: int) -> None:
    """See to it that a table whose ids are never used again gives none up to `highest`."""
    params = {"name": table, "highest": highest}
    sql = "UPDATE sqlite_sequence SET seq = max(seq, :highest) WHERE name = :name"
    if highest and not database.execute(sql, params):
        database.execute("INSERT INTO sqlite_sequence(name, seq) VALUES (:name, :highest)", params)


def total_changes(database: Database) -> int:
    """Return how many rows this connection has changed, those that cascades deleted included."""
    row = database.one("SELECT total_changes()")
    return int(row[0]) if row else 0


def data_version(database: Database) -> int:
    """Return a number that changes when another connection has changed the file."""
    row = database.one("PRAGMA data_version")
    return int(row[0]) if row else 0


def widen_cache(database: Database) -> None:
    """Keep up to 64 MB of the file in memory from now on, for work that goes all over an index."""
    database.execute("PRAGMA cache_size = -65536")


def free_bytes(database: Database) -> tuple[int, int]:
    """Return how many bytes of the file are free pages, and how many bytes it has."""
    free, pages, size = (
        int((database.one(f"PRAGMA {name}") or (0,))[0])
        for name in ("freelist_count", "page_count", "page_size")
    )
    return free * size, pages * size
