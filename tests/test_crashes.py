"""Writers killed at random moments: what was acknowledged is there, and everything is whole.

`python tests/stress kills` does the same for as many rounds as it is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stress.kills import Series
from stress.nursery import Nursery
from stress.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUNDS = 3


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as opened:
        yield opened


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_kill_costs_no_promise(name: str, nursery: Nursery, tmp_path: Path) -> None:
    tally = Series(name, tmp_path, nursery, seed=1).run(ROUNDS)
    assert tally.rounds == ROUNDS
