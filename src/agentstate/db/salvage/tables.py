"""The tables of a store as a salvage must know them: what may stand in which column.

What they are is read from a fresh store, so that the schema is written down once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db import own_schema, schema
from agentstate.db.salvage.values import Text, same_kinds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.db.port import Database
    from agentstate.db.salvage.values import Value

PARENTS: Final = {"thread_id": "threads", "workflow_run_id": "workflow_runs"}
"""Columns that name the row with which a row is deleted, and that row's table."""

_ADDED: Final = {"threads": 1, "messages": 1, "thread_goals": 1}
"""How many of its last columns a table did not have in every version."""

_KINDS: Final[dict[str, frozenset[type]]] = {
    "TEXT": frozenset({Text}),
    "INTEGER": frozenset({int}),
    "REAL": frozenset({int, float}),
}
_ANY: Final = frozenset({type(None), int, float, bytes, Text})
_NULL: Final = frozenset({type(None)})


class Column(NamedTuple):
    """A column of the newest schema."""

    name: str
    declared: str
    """Its type in SQL."""
    kinds: frozenset[type]
    default: Value
    """What rows written before the column was added have in it."""


class Table(NamedTuple):
    """A table of the newest schema, and where its columns stand in the file."""

    name: str
    columns: tuple[Column, ...]
    alias: int | None
    """The place of the column that is the rowid; the rows themselves hold no value for it."""
    least: int
    """How many values a row has at least."""
    indexes: dict[str, str]
    """Each index and its columns in SQL, the shortest first."""
    places: tuple[int, ...]
    """For each column where its value stands in a row of the file."""
    kinds: tuple[frozenset[type], ...]
    """What each value of a row of the file may be."""
    unknown: tuple[str, ...] = ()
    """Columns of the file that the newest schema does not have."""
    keyed: bool = False
    """Whether the file has it WITHOUT ROWID: as an index of its key, whose rows begin with it."""

    def fits(self, types: Sequence[int]) -> bool:
        """Tell whether a row with values of these types can be one of this table."""
        return len(types) >= self.least and same_kinds(types, self.kinds)

    def named(self, row: Sequence[Value]) -> dict[str, Value]:
        """Return a row's values by the names of their columns."""
        return dict(zip((column.name for column in self.columns), row, strict=True))

    def arrange(self, rowid: int, values: Sequence[Value]) -> list[Value]:
        """Return a row's values by column."""
        row = [
            values[place] if place < len(values) else column.default
            for place, column in zip(self.places, self.columns, strict=True)
        ]
        if self.alias is not None:
            row[self.alias] = rowid
        return row


def tables_of(database: Database) -> dict[str, Table]:
    """Describe the tables of a fresh store."""
    own = (name for name in own_schema.TABLES if database.has_table(name))
    return {name: _table(database, name) for name in (*schema.TABLES, *own)}


def _table(database: Database, name: str) -> Table:
    rows = database.all(
        'SELECT name, type, "notnull", pk, dflt_value FROM pragma_table_info(:name)',
        {"name": name},
    )
    keys = [place for place, row in enumerate(rows) if row[3]]
    alias = keys[0] if len(keys) == 1 and rows[keys[0]][1] == "INTEGER" else None
    columns = tuple(
        Column(
            name=column,
            declared=kind,
            kinds=_NULL if place == alias else _KINDS[kind] | (frozenset() if full else _NULL),
            default=0 if default == "0" else None,
        )
        for place, (column, kind, required, key, default) in enumerate(rows)
        for full in (bool(required or key),)
    )
    return Table(
        name=name,
        columns=columns,
        alias=alias,
        least=len(columns) - _ADDED.get(name, 0),
        indexes=_indexes(database, name),
        places=tuple(range(len(columns))),
        kinds=tuple(column.kinds for column in columns),
    )


def _indexes(database: Database, table: str) -> dict[str, str]:
    rows = database.all(
        "SELECT indexes.name, columns.name, columns.desc "
        "FROM pragma_index_list(:table) AS indexes, pragma_index_xinfo(indexes.name) AS columns "
        "WHERE columns.key AND NOT indexes.partial ORDER BY indexes.name, columns.seqno",
        {"table": table},
    )
    found: dict[str, list[str]] = {}
    for index, column, descending in rows:
        found.setdefault(index, []).append(f"{column} DESC" if descending else column)
    return {
        index: ", ".join(columns)
        for index, columns in sorted(found.items(), key=lambda one: len(one[1]))
    }


def placed(table: Table, sql: str) -> Table | None:
    """Return the table with its columns where a CREATE TABLE of the file has them.

    None where it lacks one that every version has: then it is another program's.
    """
    known = [column.name for column in table.columns]
    items, options = _parts(sql)
    names = _with_known([name for item in items if (name := _stored(item))], known)
    keyed = re.search(_WITHOUT_ROWID, options) is not None
    if keyed:
        key = [name for name in _key(items) if name in names]
        names = list(dict.fromkeys(key + names))
        table = _keyed(table)
    if len(names) > _MOST_COLUMNS or not set(known[: table.least]) <= set(names):
        return None
    unknown = tuple(name for name in names if name not in known)
    names += [name for name in known if name not in names]
    places = tuple(names.index(column.name) for column in table.columns)
    kinds = dict(zip(places, (column.kinds for column in table.columns), strict=True))
    return table._replace(
        places=places,
        kinds=tuple(kinds.get(place, _ANY) for place in range(len(names))),
        unknown=unknown,
    )


def _keyed(table: Table) -> Table:
    """Return a table whose rows hold all of their values, as there is no rowid to be one."""
    columns = (
        column._replace(kinds=frozenset({int})) if place == table.alias else column
        for place, column in enumerate(table.columns)
    )
    return table._replace(columns=tuple(columns), alias=None, keyed=True)


def _with_known(names: list[str], known: list[str]) -> list[str]:
    """Return names with a single one that is not known put right, for a byte of it is damaged."""
    pairs = zip(names, known, strict=False)
    wrong = [
        place
        for place, (name, right) in enumerate(pairs)
        if name not in known and right not in names
    ]
    if len(wrong) == 1:
        names[wrong[0]] = known[wrong[0]]
    return names


_MOST_COLUMNS: Final = 100
_LONGEST: Final = 10_000
"""Characters of a CREATE TABLE that is looked into; ours have some hundreds."""
_TOKEN: Final = r"""--[^\n]*|/\*.*?\*/|'[^']*'|"[^"]*"|[(),]|[^(),'"\-/]+|."""  # noqa: S105 - a pattern
_NAME: Final = r"""\s*(?:"([^"]+)"|\[([^\]]+)\]|`([^`]+)`|(\w+))"""
_CONSTRAINTS: Final = {"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"}
_STRING: Final = "'[^']*'"
_PRIMARY_KEY: Final = r"(?i)\bPRIMARY\s+KEY\b"
_WITHOUT_ROWID: Final = r"(?i)\bWITHOUT\s+ROWID\b"
_COMPUTED: Final = r"(?is)\bAS\s*\((?!.*\bSTORED\b)"


def _parts(sql: str) -> tuple[list[str], str]:
    """Return what a CREATE TABLE has between its commas, and what follows its brackets."""
    depth, items = 0, [""]
    found = re.findall(_TOKEN, sql[sql.find("(") + 1 : _LONGEST], re.DOTALL)
    tokens = iter([token for token in found if not token.startswith(("--", "/*"))])
    for token in tokens:
        depth += (token == "(") - (token == ")")  # noqa: S105 - a bracket
        if depth < 0:
            break
        if token == "," and depth == 0:  # noqa: S105 - a comma
            items.append("")
        else:
            items[-1] += token
    return items, "".join(tokens)


def _stored(item: str) -> str:
    """Return the name of a column whose values stand in the rows, as computed ones do not."""
    return "" if re.search(_COMPUTED, re.sub(_STRING, "", item)) else _name(item)


def _key(items: list[str]) -> list[str]:
    """Return the columns of the primary key."""
    for item in items:
        if found := re.search(_PRIMARY_KEY, item):
            listed = item[found.end() :].partition("(")[2]
            name = _name(item)
            return [name] if name else [_name(one) for one in listed.split(",")]
    return []


def _name(item: str) -> str:
    """Return the name that a column's definition begins with; none for a constraint."""
    found = re.match(_NAME, item)
    if found is None or (found[4] or "").upper() in _CONSTRAINTS:
        return ""
    return next(part for part in found.groups() if part)
