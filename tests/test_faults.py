"""Commands whose system calls fail, or whose disk is full: all is done or nothing, as they say.

`python tests/stress faults` strikes every call; here a few of each command are chosen.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from stress.full_disks import PAGE, FullDisk, small_disk
from stress.nursery import Nursery
from stress.struck import STRUCK, struck
from stress.tracing import Sweep, tracing_fails

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stress.faults import Command

STRIKES = 2
"""How many calls of each command are struck."""
STEPS = ("migration", "threads delete", "threads prune", "index rebuild", "restore")
"""Commands that change several files, or one in several transactions."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as opened:
        yield opened


@pytest.fixture(scope="module")
def commands(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Command]:
    return struck(tmp_path_factory.mktemp("struck"), nursery)


@pytest.fixture(scope="module")
def tracer() -> None:
    if reason := tracing_fails():
        pytest.skip(reason)


@pytest.mark.usefixtures("tracer")
@pytest.mark.parametrize("name", STRUCK)
def test_a_system_call_fails_or_is_the_last(
    name: str, commands: dict[str, Command], nursery: Nursery, tmp_path: Path
) -> None:
    sweep = Sweep(commands, tmp_path, nursery)
    sweep.some(name, STRIKES, random.Random(name))
    assert sweep.tally.faults == STRIKES


@pytest.mark.usefixtures("tracer")
@pytest.mark.parametrize("call", ["fsync", "fdatasync", "rename"])
def test_a_command_is_killed_before_each_step_on_the_disk(
    call: str, commands: dict[str, Command], nursery: Nursery, tmp_path: Path
) -> None:
    sweep = Sweep({name: commands[name] for name in STEPS}, tmp_path, nursery)
    sweep.all("kill", call)
    assert sweep.tally.killed == sweep.tally.faults > 0


def test_a_disk_is_full(commands: dict[str, Command], nursery: Nursery, tmp_path: Path) -> None:
    choice = random.Random(1)
    with small_disk(tmp_path) as refused:
        if refused:
            pytest.skip(f"no small disk can be mounted: {refused}")
        disk = FullDisk(commands, tmp_path, nursery)
        for name in commands:
            disk.run(name, 0)
            disk.run(name, choice.randrange(PAGE, 40 * PAGE))
            disk.run(name, 300 * PAGE)
        assert disk.tally.done >= len(commands)
        assert disk.tally.refused >= len(commands)
