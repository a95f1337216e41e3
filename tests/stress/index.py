"""Writes of the session index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stress.operation import Operation, library
from stress.soundness import index_of
from stress.threads import NAMED, named_threads, rename, renamed, renaming_line
from support import new_store

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate import StateStore
    from stress.operation import Found

_ENTRIES: Final = 40
_ALMOST: Final = (1 << 20) - 100
"""A size of the index that is a write short of the one at which it compacts itself."""


def _long_index(db: Path) -> None:
    new_store(db)
    line = '{{"thread_id":"old {}","thread_name":"{:0500}","updated_at":1}}\n'
    lines = "".join(line.format(number % 300, number) for number in range(2_000))
    whole = lines[: lines.rindex("\n", 0, _ALMOST) + 1]
    db.with_name("session_index.jsonl").write_text(whole, encoding="utf-8")


def _append_line(store: StateStore, number: int) -> None:
    store.index.append(f"i{number % _ENTRIES}", f"name {number}", number, None)
    if number % 5 == 4:
        store.index.compact()


def _lines(db: Path) -> Found:
    index = index_of(db)
    assert {f"old {number}" for number in range(300)} <= set(index)
    return {
        int(thread_id[1:]): (int(str(entry.thread_name).removeprefix("name ")), None)
        for thread_id, entry in index.items()
        if thread_id.startswith("i")
    }


def _index_line(number: int) -> tuple[str, str]:
    return f"i{number % _ENTRIES}", f"name {number}"


def _rename_and_rebuild(store: StateStore, number: int) -> None:
    rename(store, number)
    store.index.rebuild()


OPERATIONS: Final[dict[str, Operation]] = {
    "index compact": Operation(
        _long_index,
        library(_append_line),
        _lines,
        writes=30,
        anew=True,
        slot=lambda n: n % _ENTRIES,
        index_line=_index_line,
    ),
    "index rebuild": Operation(
        named_threads,
        library(_rename_and_rebuild),
        renamed,
        writes=12,
        slot=lambda n: n % NAMED,
        index_line=renaming_line,
        anew=True,
        may_leave=lambda name: name.startswith("session_index.jsonl.bak"),
    ),
}
