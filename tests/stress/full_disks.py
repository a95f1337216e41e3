"""Commands on a disk that has room for a part of what they write, and then for the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from stress.faults import Tally, judge, state
from stress.nursery import Outcome, run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stress.faults import Command
    from stress.nursery import Nursery

PAGE: Final = 4096
_SIZE: Final = "4m"


@contextmanager
def small_disk(folder: Path) -> Iterator[str | None]:
    """Mount a small file system in memory on a folder; give the reason where that is refused."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        yield "there is no mount"
        return
    order = [mount, "-t", "tmpfs", "-o", f"size={_SIZE}", "none", str(folder)]
    done = subprocess.run(order, capture_output=True, text=True, check=False)
    if done.returncode:
        yield done.stderr.strip()
        return
    try:
        yield None
    finally:
        subprocess.run([umount, str(folder)], check=True)


@dataclass
class FullDisk:
    """Commands on a small disk, which is the folder."""

    commands: dict[str, Command]
    folder: Path
    nursery: Nursery
    tally: Tally = field(default_factory=Tally)

    def run(self, name: str, room: int) -> bool:
        """Run a command with so many bytes of room; return whether they were enough."""
        command = self.commands[name]
        copy = self.folder / name
        shutil.copytree(command.before, copy)
        filler = self.folder / "filler"
        free = os.statvfs(self.folder)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - room)
        try:
            outcome = self._run(command, copy)
            # Reading, too, needs a page or two.
            filler.unlink()
            judge(command, copy, outcome, self.tally)
            if outcome.code and state(copy) == state(command.before):
                assert self._run(command, copy).code == 0
                assert state(copy) == state(command.after)
        except AssertionError as error:
            error.add_note(f"{name}: {room} bytes of room")
            raise
        finally:
            filler.unlink(missing_ok=True)
            shutil.rmtree(copy)
        return outcome.code == 0 and not outcome.notes

    def all(self, name: str) -> None:
        """Run a command with no room, then with a page more each time, until it has enough."""
        room = 0
        while not self.run(name, room):
            room += PAGE

    def _run(self, command: Command, copy: Path) -> Outcome:
        (answer,) = self.nursery.run(run_command, *command.on(copy))
        return Outcome(*answer)
