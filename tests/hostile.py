"""Stores that somebody has prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stores import store_with
from support import raw

if TYPE_CHECKING:
    from pathlib import Path


def hostile_store(path: Path, sql: str) -> Path:
    """Make a store to which somebody has added what a store does not have."""
    store_with(path, "one")
    with raw(path) as somebody:
        somebody.executescript(sql)
    return path


def edit_schema(path: Path, sql: str, *params: str) -> None:
    """Change the text of the schema itself, past all that SQLite would check."""
    with raw(path) as somebody:
        somebody.execute("PRAGMA writable_schema = ON")
        somebody.execute(sql, params)
