"""Eight writers and four readers on one store: no error, and nothing lost.

`python tests/stress swarm` lets them loose for as many seconds as it is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stress.nursery import Nursery
from stress.swarm import OURS, WITH_AGENT, Swarm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 1.5


@pytest.mark.parametrize("writers", [OURS, WITH_AGENT], ids=["ours", "with the agent"])
def test_a_swarm_loses_nothing(tmp_path: Path, writers: tuple[Callable[..., None], ...]) -> None:
    with Nursery() as nursery:
        written = Swarm(tmp_path / "state.db", nursery, seed=1).run(writers, SECONDS)
    assert len(writers) == 8
    assert min(written[kind] for kind in ("shared", "fork", "checkpoint", "name", "looks")) > 0
