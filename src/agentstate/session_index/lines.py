"""One line of the session index: how an entry is written, and what a stored line means."""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple, NoReturn

from agentstate.errors import BadInputError
from agentstate.records import SessionIndexEntry

_MIN_TIME: Final = -(2**63)
_MAX_TIME: Final = 2**63 - 1
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BEFORE_ENTRY: Final = re.compile(rb'(?=\{"thread_id":)')
"""Where an entry begins; no JSON string can hold these bytes, its quotes would be escaped."""


class Piece(NamedTuple):
    """A line, or a part of one where several writes ran together."""

    text: bytes
    """The bytes as they are stored, without the newline."""
    entry: SessionIndexEntry | None
    fault: str
    """Why there is no entry; empty where there is one."""


def encode(entry: SessionIndexEntry) -> bytes:
    """Return the line of an entry, newline included, in the form the Rust program writes.

    Raises `BadInputError` for what no reader would take: wrong types, a time beyond 64 bits,
    a lone surrogate.
    """
    fields = {
        "thread_id": entry.thread_id,
        "thread_name": entry.thread_name,
        "updated_at": entry.updated_at,
        "rollout_path": entry.rollout_path,
    }
    if fault := _fault(fields) or _surrogate_fault(entry):
        raise BadInputError(f"no index line can be written for thread {entry.thread_id!r}: {fault}")
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def pieces(line: bytes) -> list[Piece]:
    """Return what a stored line holds: one piece, or none if it is blank.

    A program that was killed before its newline, or that writes text and newline separately and
    without the lock, leaves lines that ran together. They come as several pieces, so that what
    was torn never costs the entry written after it.
    """
    text = line.removesuffix(b"\n")
    whole = _piece(text)
    if whole is None:
        return []
    if whole.entry is None:
        parts = [part for part in map(_piece, _BEFORE_ENTRY.split(text)) if part is not None]
        if any(part.entry for part in parts):
            return parts
    return [whole]


def _piece(text: bytes) -> Piece | None:
    try:
        decoded = text.decode()
        if not decoded or decoded.isspace():
            return None
        fields = _decode(decoded)
    except (ValueError, RecursionError) as error:
        return Piece(text, None, _decoding_fault(error))
    if fault := _fault(fields):
        return Piece(text, None, fault)
    entry = SessionIndexEntry(
        thread_id=fields["thread_id"],
        thread_name=fields.get("thread_name"),
        updated_at=fields["updated_at"],
        rollout_path=fields.get("rollout_path"),
    )
    # Valid UTF-8 holds no surrogate, so only an escape can bring one in.
    if "\\u" in decoded and (fault := _surrogate_fault(entry)):
        return Piece(text, None, fault)
    return Piece(text, entry, "")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _decoding_fault(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON: {error.msg}: column {error.colno}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "it holds NaN, an infinity, or an integer of thousands of digits"


def _fault(fields: object) -> str:
    """Say what keeps decoded JSON from being an entry; empty if nothing does."""
    if not isinstance(fields, dict):
        return "it is not a JSON object"
    if not isinstance(fields.get("thread_id"), str):
        return "thread_id is missing or not a string"
    updated_at = fields.get("updated_at")
    # A bool is an int to isinstance, and no time.
    if type(updated_at) is not int or not _MIN_TIME <= updated_at <= _MAX_TIME:
        return "updated_at is missing or not a 64-bit integer"
    for key in ("thread_name", "rollout_path"):
        if not isinstance(fields.get(key), str | None):
            return f"{key} is neither a string nor null"
    return ""


def _surrogate_fault(entry: SessionIndexEntry) -> str:
    for text in (entry.thread_id, entry.thread_name, entry.rollout_path):
        if text is not None and _SURROGATE.search(text):
            return "it holds a lone surrogate, which is not valid text"
    return ""
