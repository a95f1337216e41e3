"""Commands whose system calls fail one after the other, or are the last thing they do.

strace strikes the N-th call of a kind, N going up until the command runs through untouched.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from stress.faults import Tally, judge
from stress.nursery import Nursery, Outcome, run_command

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

    from stress.faults import Command

CALLS: Final = (
    "openat",
    "read",
    "pread64",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "rename",
    "link",
    "unlink",
    "mkdir",
    "rmdir",
    "fchown",
    "fchmod",
    "flock",
)
"""The system calls with which our commands and SQLite change files, and those before them."""

FAULTS: Final = {
    "EIO": "error=EIO:when={}",
    "ENOSPC": "error=ENOSPC:when={}",
    "ENOSPC from then on": "error=ENOSPC:when={}+",
    "kill": "signal=SIGKILL:when={}",
}
"""What befalls a call: an error once, a disk that is full and stays so, or the end."""


_STRACE: Final = shutil.which("strace")


def tracing_fails() -> str | None:
    """Return why strace cannot be used here, None if it can."""
    if _STRACE is None:
        return "strace is not installed"
    with Nursery() as nursery, TemporaryDirectory() as folder:
        try:
            with traced(nursery.pid, Path(folder) / "log"):
                return None
        except AssertionError as error:
            return f"strace may not trace here: {error}"


@contextmanager
def traced(pid: int, log: Path, *expressions: str) -> Iterator[None]:
    """Trace what a process forks, each child to a file of its own, `log.PID`."""
    options = [part for expression in expressions for part in ("-e", expression)]
    with subprocess.Popen(
        [_STRACE or "strace", "-f", "-ff", "-y", "-o", str(log), "-p", str(pid), *options],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as strace:
        assert strace.stderr is not None
        line = strace.stderr.readline()
        assert "attached" in line, line.strip()
        try:
            yield
        finally:
            strace.terminate()
            strace.communicate(timeout=60)


@dataclass
class Sweep:
    """Commands, and one fault after the other in each of their system calls."""

    commands: dict[str, Command]
    folder: Path
    nursery: Nursery
    tally: Tally = field(default_factory=Tally)

    def strike(self, fault: str, call: str, number: int, among: Iterable[str]) -> list[str]:
        """Let a command's N-th call of a kind fail; return the commands that came so far."""
        hit = []
        inject = f"inject={call}:{FAULTS[fault].format(number)}"
        for name, outcome, log in self._traced(among, call, inject):
            if "(INJECTED)" in log or outcome is None:
                hit.append(name)
                try:
                    # What cannot be read looks to SQLite like a damaged file.
                    refusals = (6,) if call == "pread64" else ()
                    judge(self.commands[name], self.folder / name, outcome, self.tally, refusals)
                except AssertionError as error:
                    error.add_note(f"{name}: {fault} at {call} {number}\n{log}")
                    raise
        return hit

    def all(self, fault: str, call: str) -> None:
        """Strike each call of a kind, in every command that comes so far."""
        number, among = 1, list(self.commands)
        while among := self.strike(fault, call, number, among):
            number += 1

    def some(self, name: str, strikes: int, choice: random.Random) -> None:
        """Strike a command at calls chosen at random, those of a rare kind as often as others."""
        ((_, _, log),) = self._traced([name], ",".join(CALLS))
        calls = Counter(re.findall(r"^(\w+)\(", log, re.MULTILINE))
        for _ in range(strikes):
            call = choice.choice(sorted(calls))
            fault = choice.choice(list(FAULTS))
            assert self.strike(fault, call, choice.randint(1, calls[call]), [name])

    def _traced(
        self, among: Iterable[str], calls: str, *more: str
    ) -> list[tuple[str, Outcome | None, str]]:
        """Run commands on fresh copies; return name, outcome and the calls that were traced."""
        ran: list[tuple[str, Outcome | None, int]] = []
        with TemporaryDirectory(dir=self.folder) as logs:
            with traced(self.nursery.pid, Path(logs) / "log", f"trace={calls}", *more):
                for name in among:
                    command = self.commands[name]
                    copy = self.folder / name
                    shutil.rmtree(copy, ignore_errors=True)
                    shutil.copytree(command.before, copy)
                    child = self.nursery.start(run_command, *command.on(copy))
                    answers, code = child.finish()
                    assert (code == -9) is (not answers)
                    ran.append((name, Outcome(*answers[0]) if answers else None, child.pid))
            return [
                (name, outcome, Path(f"{logs}/log.{pid}").read_text("utf-8", "replace"))
                for name, outcome, pid in ran
            ]
