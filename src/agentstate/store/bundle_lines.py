"""The lines of a bundle: header, rows and trailer, to JSON and strictly back.

docs/bundle-format.md describes them. A bundle may have been made by hand: whatever is not as
described raises `BadInputError`, which names the line.
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any, Final

from agentstate.errors import BadInputError
from agentstate.jsontext import strict_decoder
from agentstate.record import Record, record
from agentstate.records import SessionIndexEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentstate.records import JsonValue

FORMAT: Final = 1
_INTEGERS: Final = range(-(2**63), 2**63)
"""What SQLite keeps as an integer."""


@record
class Header(Record):
    """The first line of a bundle."""

    thread_id: str
    name: str | None
    """The thread's name, or else the one that only the index knew."""
    written_at: int
    expires_at: int | None
    schema_version: int
    rows: dict[str, int]
    """How many of each table follow."""
    index: SessionIndexEntry | None
    """The thread's last line in the session index."""


class RawText(bytes):
    """The bytes of a text that is not UTF-8."""

    __slots__ = ()


def header_line(header: Header) -> bytes:
    """Return the line of a header."""
    index = vars(header.index) if header.index else None
    return _line({"agentstate_bundle": FORMAT, **vars(header), "index": index})


def row_line(table: str, values: Mapping[str, object]) -> bytes:
    """Return the line of a row, whose values come from `encode_value`."""
    return _line({"table": table, "row": values})


def trailer_line(rows: int, digest: str) -> bytes:
    """Return the last line: how many rows there are, and the SHA-256 of all lines before it."""
    return _line({"rows": rows, "sha256": digest})


def encode_value(kind: str, value: Any) -> object:  # noqa: ANN401 - what a column holds
    """Return a value of one of SQLite's types as JSON that says which; `RawText` is text, too."""
    if kind == "blob" or isinstance(value, RawText):
        return {kind: base64.b64encode(value).decode()}
    if kind == "real" and math.isinf(value):
        return {"real": str(value)}
    return value


def _line(members: Mapping[str, object]) -> bytes:
    # In ASCII no escape code, half character or line separator reaches whoever looks at it.
    return json.dumps(members, separators=(",", ":")).encode() + b"\n"


def read_line(line: bytes, number: int) -> dict[str, Any]:
    """Return the members of a line; one without a line break was cut short."""
    if not line.endswith(b"\n"):
        raise BadInputError(f"the bundle is cut short at line {number}")
    try:
        found = _DECODER.decode(line.decode())
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"line {number} of the bundle is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise _wrong(number)
    return found


def read_header(line: bytes) -> Header:
    """Return the header that a first line holds."""
    members = read_line(line, 1)
    if members.pop("agentstate_bundle", None) != FORMAT:
        raise BadInputError(f"it is no bundle of version {FORMAT}, which this agentstate reads")
    index = members.get("index")
    if not (
        _fit(members, _HEADER)
        and all(type(rows) is int for rows in members["rows"].values())
        and (index is None or _fit(index, _ENTRY))
    ):
        raise _wrong(1)
    return Header(**{**members, "index": SessionIndexEntry(**index) if index else None})


def read_row(members: Mapping[str, Any], number: int) -> tuple[str, dict[str, object]]:
    """Return a row's table, and its values as they are stored."""
    if not _fit(members, {"table": (str,), "row": (dict,)}) or not members["row"]:
        raise _wrong(number)
    values = {name: _decode(value, number) for name, value in members["row"].items()}
    return members["table"], values


def is_trailer(members: Mapping[str, Any]) -> bool:
    """Tell whether a line is meant to be the last."""
    return "sha256" in members


def _decode(value: object, number: int) -> object:
    if isinstance(value, dict):
        return _decode_tagged(value, number)
    if isinstance(value, bool | list) or (isinstance(value, int) and value not in _INTEGERS):
        raise BadInputError(f"line {number} of the bundle has a value that no column holds")
    return value


def _decode_tagged(tagged: dict[str, object], number: int) -> object:
    if len(tagged) == 1:
        ((kind, text),) = tagged.items()
        if kind == "real" and text in {"inf", "-inf"}:
            return float(str(text))
        if kind in {"blob", "text"} and isinstance(text, str):
            try:
                data = base64.b64decode(text, validate=True)
            except ValueError as error:
                raise BadInputError(f"line {number} of the bundle: {error}") from error
            return RawText(data) if kind == "text" else data
    raise _wrong(number)


def _fit(members: object, kinds: Mapping[str, Sequence[type]]) -> bool:
    """Tell whether an object has exactly these members, of these types."""
    return (
        isinstance(members, dict)
        and members.keys() == kinds.keys()
        and all(type(members[name]) in kinds[name] for name in kinds)
    )


_NULL: Final = type(None)
_HEADER: Final[dict[str, tuple[type, ...]]] = {
    "thread_id": (str,),
    "name": (str, _NULL),
    "written_at": (int,),
    "expires_at": (int, _NULL),
    "schema_version": (int,),
    "rows": (dict,),
    "index": (dict, _NULL),
}
_ENTRY: Final[dict[str, tuple[type, ...]]] = {
    "thread_id": (str,),
    "thread_name": (str, _NULL),
    "updated_at": (int,),
    "rollout_path": (str, _NULL),
}


def _wrong(number: int) -> BadInputError:
    return BadInputError(f"line {number} of the bundle is not as docs/bundle-format.md says")


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


_DECODER: Final = strict_decoder(_object)
