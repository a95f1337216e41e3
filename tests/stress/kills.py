"""Writers that are killed at random moments, and what they had promised by then."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stress.operations import OPERATIONS
from stress.soundness import assert_few_leftovers, bad_lines, index_of, unusual

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stress.nursery import Channel, Nursery

_WRITES_BEFORE_A_KILL = 8
"""How many writes could be done in the time in which a writer is killed."""


@dataclass
class Tally:
    """What a series of rounds came to."""

    rounds: int = 0
    killed: int = 0
    """Writers that were killed in the middle; the others had done all before."""
    acknowledged: int = 0
    """Writes whose answer had come."""
    in_flight: int = 0
    """Writes that were found without their answer having come."""


def write(say: Channel, name: str, db: str, first: int, beyond: int) -> None:
    """Be a writer: do the writes of a range, and acknowledge each when it is done."""
    with OPERATIONS[name].writer(Path(db)) as do:
        for number in range(first, beyond):
            say([number, do(number)])


@dataclass
class Series:
    """Rounds of one operation, on one folder after the other."""

    name: str
    folder: Path
    nursery: Nursery
    seed: int
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self.operation = OPERATIONS[self.name]
        self._random = random.Random(f"{self.seed} {self.name}")
        # One is left for the end, when what the last kill left is to be cleared away.
        self._beyond = max(1, self.operation.writes - 1)
        self._folders = 0
        self._acknowledged: dict[int, object] = {}
        self._found = 0
        self._new_store()
        self._time = self._measure()
        self._new_store()

    def run(self, rounds: int) -> Tally:
        """Kill a writer as often as told."""
        for _ in range(rounds):
            try:
                self._round()
            except AssertionError as error:
                number = self.tally.rounds
                error.add_note(f"{self.name}: round {number} of seed {self.seed}, {self.db}")
                raise
            self.tally.rounds += 1
        return self.tally

    def _measure(self) -> float:
        """Return the seconds that a few writes take when nobody disturbs them."""
        began = time.monotonic()
        beyond = min(_WRITES_BEFORE_A_KILL, self.operation.writes)
        self.nursery.run(write, self.name, self.db, 0, beyond)
        return time.monotonic() - began

    def _new_store(self) -> None:
        self._folders += 1
        folder = self.folder / f"{self.name} {self._folders}"
        folder.mkdir()
        self.db = folder / "state.db"
        self.operation.prepare(self.db)
        self._acknowledged = {}
        self._found = 0

    def _round(self) -> None:
        first = self._found
        writer = self.nursery.start(write, self.name, self.db, first, self._beyond)
        answers = writer.listen(self._random.uniform(0, self._time))
        writer.kill()
        rest, code = writer.finish()
        answers += rest
        assert code in {0, -9}
        self.tally.killed += code != 0
        self.tally.acknowledged += len(answers)
        self._acknowledged.update(answers)
        self._found = self._check(first + len(answers))
        assert_few_leftovers(self.db.parent)
        if self.operation.anew or self._found >= self._beyond:
            self._finish()
            self._new_store()

    def _finish(self) -> None:
        """Do what is left to do, undisturbed; of what was killed nothing must stay."""
        first, beyond = self._found, self.operation.writes
        answers = self.nursery.run(write, self.name, self.db, first, beyond)
        self._acknowledged.update(answers)
        assert self._check(beyond) == beyond
        left = self._unusual()
        assert not left or first == beyond, left

    def _check(self, promised: int) -> int:
        """Find every promised write, and at most one more; return how many there are."""
        self.operation.check(self.db)
        seen = self.operation.found(self.db)
        for number, answer in seen.values():
            assert answer is None or self._acknowledged.get(number, answer) == answer
        marks = {slot: number for slot, (number, _) in seen.items()}
        found = promised if marks == self._marks(promised) else promised + 1
        assert marks == self._marks(found), (promised, marks)
        self.tally.in_flight += found - promised
        self._check_index(found)
        return found

    def _marks(self, writes: int) -> Mapping[int, int]:
        return {self.operation.slot(number): number for number in range(writes)}

    def _unusual(self) -> list[str]:
        names = unusual(self.db.parent)
        return [name for name in names if not self.operation.may_leave(name)]

    def _check_index(self, found: int) -> None:
        """Find the line of every acknowledged write, or of a later one of the same thread."""
        # A kill in the middle of a line leaves half of it, which is passed over.
        assert bad_lines(self.db) <= self.tally.killed
        if (index_line := self.operation.index_line) is None:
            return
        names: dict[str, list[str | None]] = {}
        for number in range(found):
            thread_id, name = index_line(number)
            if number in self._acknowledged:
                names[thread_id] = []
            names.setdefault(thread_id, []).append(name)
        index = index_of(self.db)
        for number in self._acknowledged:
            thread_id, _ = index_line(number)
            assert thread_id in index
            assert index[thread_id].thread_name in names[thread_id]
