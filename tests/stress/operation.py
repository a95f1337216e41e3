"""What a kind of write is: how to do one, and how to find out which of them are in the store."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentstate import StateStore
from stress.nursery import call
from stress.soundness import assert_sound
from support import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    Write = Callable[[int], object]
    Writer = Callable[[Path], AbstractContextManager[Write]]
    Found = dict[int, tuple[int, object]]


def itself(number: int) -> int:
    return number


def nothing(_: str) -> bool:
    return False


@dataclass(frozen=True)
class Operation:
    """A kind of write. Writes are numbered from 0, and a number says what is written."""

    prepare: Callable[[Path], None]
    """Makes the store, before write 0."""
    writer: Writer
    """Opens a store, and gives what does the write of a number and returns the answer to it."""
    found: Callable[[Path], Found]
    """Returns for each slot the last write it shows, and what the answer to that must have been.

    None stands for an answer that says nothing. Raises AssertionError where one is there in part.
    """
    writes: int
    """How many writes a folder is good for."""
    slot: Callable[[int], int] = field(default=itself)
    """Where a write leaves its mark; a later one of the same slot hides it."""
    index_line: Callable[[int], tuple[str, str | None]] | None = None
    """The thread and the name that a write must leave in the session index."""
    anew: bool = False
    """Whether each round begins with a new folder, and is finished after the kill."""
    check: Callable[[Path], None] = field(default=assert_sound)
    """Finds the store sound, as far as it is before the write is done."""
    may_leave: Callable[[str], bool] = field(default=nothing)
    """Tells which files, besides those of a store, may stay for good."""


def library(write: Callable[[StateStore, int], object]) -> Writer:
    """Make a writer that keeps one store open and calls its methods."""

    @contextmanager
    def writer(db: Path) -> Iterator[Write]:
        with StateStore.open(db, timeout=60) as store:
            yield lambda number: write(store, number)

    return writer


def commands(*each: Callable[[Path, int], tuple[object, ...]]) -> Writer:
    """Make a writer that runs one or several commands for each write.

    Each opens and closes the store; the answer to the write is what the first one prints.
    """

    @contextmanager
    def writer(db: Path) -> Iterator[Write]:
        def write(number: int) -> object:
            outcomes = [call(db, "--timeout", 60, *one(db, number)) for one in each]
            assert {outcome.code for outcome in outcomes} == {0}, outcomes
            return outcomes[0].output.strip()

        yield write

    return writer


def text(number: int) -> str:
    """Return a message's text; it is up to 10 kB long, so writes take one page or several."""
    return f"{number} {'x' * (number * 7919 % 22) ** 3}"


def numbered_messages(db: Path) -> Iterator[tuple[int, int, int | None]]:
    """Yield number, id and parent of each message that has a number and is whole."""
    sql = "SELECT content, id, parent_entry_id FROM messages WHERE role = 'user' ORDER BY id"
    for content, message_id, parent in rows(db, sql):
        number = int(content.partition(" ")[0])
        assert content == text(number)
        yield number, message_id, parent
