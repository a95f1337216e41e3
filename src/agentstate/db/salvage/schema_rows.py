"""What the values of rows tell: rows of the schema, and how the file encodes its texts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.db.salvage.values import ENCODINGS, Text, encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentstate.db.salvage.values import Value

_VALUES: Final = 5
_KINDS: Final = {
    kind.encode(encoding): (kind, encoding)
    for kind in ("table", "index", "view", "trigger")
    for encoding in ENCODINGS
}
"""What a row of the schema begins with, which tells the encoding of all the file's texts."""


class SchemaRow(NamedTuple):
    """A row of the schema as it stands in the file."""

    kind: str
    name: str
    root: int
    sql: str
    encoding: str


def schema_rows(rows: Iterable[list[Value]]) -> Iterator[SchemaRow]:
    """Yield those rows that are rows of a schema."""
    for values in rows:
        if len(values) != _VALUES:
            continue
        kind, name, _, root, sql = values
        if isinstance(kind, Text) and isinstance(name, Text) and isinstance(root, int):
            known, encoding = _KINDS.get(kind, ("", ""))
            if known:
                text = sql.decode(encoding, "replace") if isinstance(sql, Text) else ""
                yield SchemaRow(known, name.decode(encoding, "replace"), root, text, encoding)


def text_encodings(rows: Iterable[list[Value]]) -> Counter[str]:
    """Count the encodings that the texts of rows have."""
    return Counter(
        encoding
        for values in rows
        for value in values
        if value and isinstance(value, Text) and (encoding := encoding_of(value))
    )
