"""Commands that something befell: what they said of it must be so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from stress.soundness import assert_few_leftovers, assert_sound, assert_whole, index_of
from support import raw

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator
    from pathlib import Path

    from stress.nursery import Outcome

_RECENT: Final = 1_700_000_000
"""Unix seconds; what is later in a store was written by the command just run."""

State = dict[str, list[tuple[object, ...]]]


def state(folder: Path) -> State:
    """Return what a folder's store and the copy of it hold, new times aside."""
    found: State = {}
    for name in ("state.db", "copy/state.db"):
        db = folder / name
        if db.exists() and db.stat().st_size:
            found |= {f"{name} {table}": rows for table, rows in _tables(db)}
    return found


# Of folders in which nothing changes any more.
_known_state = cache(state)


def _tables(db: Path) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    with raw(db) as connection:
        sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
        for (table,) in connection.execute(sql).fetchall():
            rows = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - a store's table
            yield table, sorted(map(_timeless, rows), key=repr)


def _timeless(row: Iterable[object]) -> tuple[object, ...]:
    return tuple("now" if isinstance(one, int) and one > _RECENT else one for one in row)


def names(folder: Path) -> dict[str, tuple[str | None, str | None]]:
    """Return the name and the path that the index has for each thread."""
    index = index_of(folder / "state.db")
    return {key: (entry.thread_name, entry.rollout_path) for key, entry in index.items()}


_known_names = cache(names)


@dataclass(frozen=True)
class Command:
    """A command that writes, on a store that it finds."""

    arguments: tuple[str, ...]
    """`{folder}` stands for the store's folder."""
    before: Path
    """A folder with the store."""
    after: Path
    """A copy in which the command has done its work."""
    is_between: Callable[[State, State, State], bool]
    """Tells whether a store shows some of the command's steps, each of which is done or not."""
    refusals: Container[int] = (5,)
    """The exit codes that may say that not all was done."""
    may_lose_ids: bool = False
    """Whether the highest id given may be lost: of a store that a restore cannot read, or with
    its last step."""

    def on(self, folder: Path) -> tuple[Path, tuple[str, ...]]:
        """Return the store and the arguments for a run in a folder."""
        arguments = (argument.replace("{folder}", str(folder)) for argument in self.arguments)
        return folder / "state.db", tuple(arguments)


def in_one_step(*_: State) -> bool:
    return False


def in_migrations(before: State, seen: State, _: State) -> bool:
    """Tell whether a migration that has stopped on its way has lost no row."""
    return all(len(seen[table]) == len(before[table]) for table in before)


def thread_by_thread(before: State, seen: State, after: State) -> bool:
    """Tell whether some threads are gone, and the others have all their messages."""
    if not all(set(after[table]) <= set(seen[table]) <= set(before[table]) for table in before):
        return False
    left = {row[0] for row in seen["state.db threads"]}
    messages = [row for row in before["state.db messages"] if row[1] in left]
    return seen["state.db messages"] == messages


@dataclass
class Tally:
    """What a series of faults came to."""

    faults: int = 0
    done: int = 0
    """Commands that did their work nonetheless."""
    refused: int = 0
    """Commands that ended with an error."""
    killed: int = 0
    done_unsaid: int = 0
    """Commands that had done their work, but ended with an error or were killed."""


def _is_done_but_for_ids(seen: State, after: State) -> bool:
    return seen.keys() == after.keys() and all(
        seen[table] == rows for table, rows in after.items() if not table.endswith("_sequence")
    )


def judge(
    command: Command,
    folder: Path,
    outcome: Outcome | None,
    tally: Tally,
    refusals: Container[int] = (),
) -> None:
    """Find all of a command's work or nothing, as it said; None for one that was killed.

    `refusals` are exit codes that may come besides those of the command.
    """
    for db in folder.rglob("state.db"):
        if db.stat().st_size:
            assert_whole(db)
    before, after = _known_state(command.before), _known_state(command.after)
    seen = state(folder)
    done = seen == after or (command.may_lose_ids and _is_done_but_for_ids(seen, after))
    assert done or seen == before or command.is_between(before, seen, after)
    if done:
        assert_sound(folder / "state.db")
    if outcome is not None:
        assert done or outcome.code, outcome
        expected = outcome.code in command.refusals or outcome.code in refusals
        assert outcome.code == 0 or expected, outcome
        _judge_notes(outcome)
    _judge_index(command, folder, outcome)
    assert_few_leftovers(folder)
    tally.faults += 1
    tally.killed += outcome is None
    tally.done += outcome is not None and outcome.code == 0
    tally.refused += outcome is not None and outcome.code != 0
    tally.done_unsaid += done and before != after and (outcome is None or outcome.code != 0)


def _judge_notes(outcome: Outcome) -> None:
    """Find one clear line of error, if any, besides warnings."""
    lines = outcome.notes.splitlines()
    errors = [line for line in lines if not line.startswith("agentstate: warning: ")]
    assert len(errors) <= (outcome.code != 0), outcome
    assert all(line.startswith("agentstate: ") for line in lines), outcome
    assert "unexpected" not in outcome.notes, outcome


def _judge_index(command: Command, folder: Path, outcome: Outcome | None) -> None:
    """Find no line lost that was there before and should be there now."""
    before, after = _known_names(command.before), _known_names(command.after)
    seen = names(folder)
    for thread_id in before.keys() | seen.keys() | after.keys():
        assert seen.get(thread_id) in {before.get(thread_id), after.get(thread_id)}, thread_id
    if outcome is not None and outcome.code == 0 and "warning" not in outcome.notes:
        assert seen == after
