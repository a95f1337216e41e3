"""The command line of the proofs."""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from stress import fuzz
from stress.full_disks import FullDisk, small_disk
from stress.kills import Series, Tally
from stress.nursery import Nursery
from stress.operations import OPERATIONS
from stress.struck import STRUCK, struck
from stress.swarm import COMING_AND_GOING, OURS, WITH_AGENT, Swarm
from stress.tracing import CALLS, FAULTS, Sweep, tracing_fails

if TYPE_CHECKING:
    from collections.abc import Callable

    from stress.faults import Tally as FaultTally


def main() -> int:
    """Run one proof, print its figures, and return 0; what fails raises."""
    parser = argparse.ArgumentParser(
        prog="python tests/stress", description="Proofs that nothing is lost."
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    proofs = parser.add_subparsers(required=True)
    kills = proofs.add_parser("kills", help="kill writers at random moments")
    kills.add_argument("--rounds", type=int, default=300, help="of each operation")
    kills.add_argument("--only", action="append", choices=OPERATIONS, help="one operation")
    kills.set_defaults(run=_kills)
    faults = proofs.add_parser("faults", help="let every system call fail, and fill the disk")
    faults.add_argument("--only", action="append", choices=STRUCK, help="one command")
    faults.set_defaults(run=_faults)
    swarm = proofs.add_parser("swarm", help="eight writers and four readers at once")
    swarm.add_argument("--seconds", type=float, default=60)
    swarm.set_defaults(run=_swarm)
    noise = proofs.add_parser("fuzz", help="noise in files and arguments")
    noise.add_argument("--examples", type=int, default=1000, help="of each kind")
    noise.set_defaults(run=_fuzz)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="agentstate-") as folder:
        options.run(options, Path(folder))
    print(f"{time.monotonic() - began:.0f} s")
    return 0


_KILLS: Final = "{:24} {:>7} {:>7} {:>13} {:>14} {:>5}"


def _kills(options: argparse.Namespace, folder: Path) -> None:
    print(_KILLS.format("operation", "rounds", "killed", "acknowledged", "found besides", "lost"))
    total = Tally()
    with Nursery() as nursery:
        for name in options.only or OPERATIONS:
            tally = Series(name, folder, nursery, options.seed).run(options.rounds)
            _print_kills(name, tally)
            for figure, number in vars(tally).items():
                setattr(total, figure, getattr(total, figure) + number)
    _print_kills("all", total)


def _print_kills(name: str, tally: Tally) -> None:
    # A write that is lost raises, so whoever comes here has lost none.
    figures = (tally.rounds, tally.killed, tally.acknowledged, tally.in_flight, 0)
    print(_KILLS.format(name, *figures), flush=True)


_FAULTS: Final = "{:24} {:>7} {:>6} {:>8} {:>7} {:>14}"


def _faults(options: argparse.Namespace, folder: Path) -> None:
    print(_FAULTS.format("fault", "faults", "done", "refused", "killed", "found besides"))
    with Nursery() as nursery:
        commands = struck(folder, nursery)
        if options.only:
            commands = {name: commands[name] for name in options.only}
        if reason := tracing_fails():
            print(f"skipped: {reason}")
        else:
            for fault in FAULTS:
                sweep = Sweep(commands, folder, nursery)
                for call in CALLS:
                    sweep.all(fault, call)
                _print_faults(fault, sweep.tally)
        (folder / "disk").mkdir()
        with small_disk(folder / "disk") as refused:
            if refused:
                print(f"skipped: no small disk can be mounted: {refused}")
                return
            disk = FullDisk(commands, folder / "disk", nursery)
            for name in commands:
                disk.all(name)
            _print_faults("full disk", disk.tally)


def _print_faults(name: str, tally: FaultTally) -> None:
    figures = (tally.faults, tally.done, tally.refused, tally.killed, tally.done_unsaid)
    print(_FAULTS.format(name, *figures), flush=True)


def _swarm(options: argparse.Namespace, folder: Path) -> None:
    for name, writers, kill_every in (
        ("ours alone", OURS, 0),
        ("with the agent", WITH_AGENT, 0),
        ("with the agent and kills", WITH_AGENT, 1),
        ("coming and going", COMING_AND_GOING, 0),
        ("coming and going and kills", COMING_AND_GOING, 1),
    ):
        store = folder / name
        store.mkdir(mode=0o700)
        with Nursery() as nursery:
            swarm = Swarm(store / "state.db", nursery, options.seed)
            written = swarm.run(writers, options.seconds, kill_every)
        figures = ", ".join(f"{kind} {number}" for kind, number in sorted(written.items()))
        print(f"{name}: {figures}, killed {swarm.kills}, lost 0", flush=True)


def _fuzz(options: argparse.Namespace, folder: Path) -> None:
    filled, logged, written = (folder / name for name in ("filled", "logged", "written"))
    for one in (filled, logged, written):
        one.mkdir()
        fuzz.fill_folder(one)
    fuzz.leave_a_log(logged)
    tries: dict[str, Callable[[], None]] = {
        "index": given(content=fuzz.INDEXES)(lambda content: fuzz.try_index(filled, content)),
        "store": given(flips=fuzz.FLIPS, command=st.sampled_from(fuzz.WRITING))(
            lambda flips, command: fuzz.try_store(filled, "state.db", flips, command)
        ),
        "log": given(flips=fuzz.FLIPS, command=st.sampled_from(fuzz.WRITING))(
            lambda flips, command: fuzz.try_store(logged, "state.db-wal", flips, command)
        ),
        "selectors": given(command=st.sampled_from(fuzz.BY_SELECTOR), word=fuzz.SELECTORS)(
            lambda command, word: fuzz.try_argument(filled / "state.db", command, word, reads=True)
        ),
        "JSON": given(command=st.sampled_from(fuzz.BY_JSON), text=fuzz.JSONS)(
            lambda command, text: fuzz.try_argument(
                written / "state.db", command, text, reads=False
            )
        ),
    }
    as_many = settings(max_examples=options.examples, deadline=None, database=None)
    for name, test in tries.items():
        seed(options.seed)(as_many(test))()
        print(f"{name}: {options.examples} examples", flush=True)
