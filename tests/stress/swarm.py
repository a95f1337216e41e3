"""Eight writers and four readers on one store, and what must be there when they have gone."""

from __future__ import annotations

import random
import select
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentstate import StateStore
from cli_support import ENVIRON
from stress.agent import append_as_the_agent
from stress.nursery import Outcome, call
from stress.soundness import assert_sound, bad_lines, index_of, unusual
from support import new_store, rows, thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stress.nursery import Channel, Child, Nursery

SHARED: Final = "t0"
_PATIENCE: Final = 60
"""Seconds to wait for a lock, which no writer holds for more than milliseconds."""
_QUIETLY: Final = ("--quiet", "--timeout", str(_PATIENCE))


def _until(end: float) -> Iterator[int]:
    """Count until a time of the clock that all processes share."""
    for number in count():
        if time.monotonic() >= end:
            return
        yield number


def content(writer: str, number: int) -> str:
    return f"{writer} {number} {'x' * (number * 7919 % 2000)}"


# Writers: each says what it has written, when it is written


def write_with_the_library(say: Channel, db: str, end: float, writer: str) -> None:
    """Append to the shared thread; name, fork, save, archive and delete threads of one's own."""
    own = f"own {writer}"
    with StateStore.open(db, timeout=_PATIENCE) as store:
        store.threads.create(thread(own))
        first = store.messages.append(own, "system", "first")
        for number in _until(end):
            say(["shared", number, store.messages.append(SHARED, writer, content(writer, number))])
            kind = number % 8
            if kind == 1:
                say(["fork", number, store.messages.fork(first, writer, content(writer, number))])
            elif kind == 2:
                store.checkpoints.save(own, "c", {"number": number})
                say(["checkpoint", number, 0])
            elif kind == 3:
                store.threads.rename(own, f"{writer} {number}")
                say(["name", number, 0])
            elif kind == 4:
                store.threads.archive(own)
            elif kind == 5:
                store.threads.unarchive(own)
            elif kind == 6:
                store.threads.create(thread(f"short {writer} {number}", name="short"))
                store.messages.append(f"short {writer} {number}", "system", "gone soon")
                store.threads.delete(f"short {writer} {number}")
            elif kind == 7:
                store.index.compact()


def write_with_commands(say: Channel, db: str, end: float, writer: str) -> None:
    """Append to the shared thread with a command each, which opens and closes the store."""
    for number in _until(end):
        outcome = call(Path(db), *_appending(writer, number))
        assert outcome.code == 0, outcome
        say(["shared", number, int(outcome.output)])


def write_with_processes(say: Channel, db: str, end: float, writer: str) -> None:
    """Append to the shared thread with a process each."""
    for number in _until(end):
        outcome = process(db, *_appending(writer, number))
        assert outcome.code == 0, outcome
        say(["shared", number, int(outcome.output)])


def _appending(writer: str, number: int) -> tuple[str, ...]:
    append = ("messages", "append", SHARED, "--role", writer, "--content", content(writer, number))
    return (*_QUIETLY, *append)


def process(db: str, *arguments: str) -> Outcome:
    """Run a command as a process."""
    program = [sys.executable, "-m", "agentstate", "--db", db, *arguments]
    environ = {**ENVIRON, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(program, capture_output=True, text=True, env=environ, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def write_as_the_agent(say: Channel, db: str, end: float, writer: str) -> None:
    """Append to the shared thread as the agent program does, through plain sqlite3."""
    for number in _until(end):
        tries, message_id = append_as_the_agent(db, SHARED, writer, content(writer, number))
        say(["shared", number, message_id])
        say(["tries", tries, message_id])


# Readers: each says how often it has read


def read_with_the_library(say: Channel, db: str, end: float, _name: str) -> None:
    """Read the shared branch, which only grows, with a store opened for each look."""
    seen = looks = 0
    for _ in _until(end):
        with StateStore.open(db, read_only=True, timeout=_PATIENCE) as store, store.snapshot():
            branch = store.messages.branch(SHARED, 100)
            length = store.messages.branch_length(SHARED)
            leaf = store.messages.leaf_of(SHARED)
            store.threads.list()
            store.index.names_of(store.threads.ids())
        parents = [message.parent_entry_id for message in branch]
        assert parents[1:] == [message.id for message in branch[:-1]]
        assert not branch or branch[-1].id == leaf
        assert length >= seen
        seen = length
        looks += 1
    say(["looks", looks, 0])


_READING: Final = (
    ("messages", "list", SHARED, "--limit", "20"),
    ("messages", "tree", SHARED, "--limit", "20", "--all"),
    ("messages", "leaves", SHARED),
    ("threads", "list", "-o", "json"),
    ("threads", "show", SHARED),
    ("index", "check"),
    ("info",),
)


def read_with_commands(say: Channel, db: str, end: float, _name: str) -> None:
    """Look with one command after the other."""
    looks = 0
    for looks in _until(end):
        command = _READING[looks % len(_READING)]
        outcome = call(Path(db), *_QUIETLY, *command)
        assert (outcome.code, outcome.notes) == (0, ""), (command, outcome.code, outcome.notes)
    say(["looks", looks, 0])


def read_with_processes(say: Channel, db: str, end: float, _name: str) -> None:
    """Look with a process each."""
    looks = 0
    for looks in _until(end):
        command = _READING[looks % len(_READING)]
        outcome = process(db, *_QUIETLY, *command)
        assert (outcome.code, outcome.notes) == (0, ""), (command, outcome.code, outcome.notes)
    say(["looks", looks, 0])


OURS: Final = (*[write_with_the_library] * 6, write_with_commands, write_with_processes)
WITH_AGENT: Final = (*[write_with_the_library] * 4, *[write_as_the_agent] * 2, *OURS[6:])
COMING_AND_GOING: Final = (
    *[write_as_the_agent] * 4,
    *[write_with_commands] * 3,
    write_with_processes,
)
"""Nobody keeps the store open, so its log goes away and comes back all the time."""
READERS: Final = (
    read_with_the_library,
    read_with_the_library,
    read_with_commands,
    read_with_processes,
)


@dataclass
class Swarm:
    """The processes, and what they have said."""

    db: Path
    nursery: Nursery
    seed: int
    said: dict[str, list[Any]] = field(default_factory=dict)
    """What each writer and reader has said."""
    kills: int = 0

    def run(
        self, writers: tuple[Callable[..., None], ...], seconds: float, kill_every: float = 0
    ) -> Counter[str]:
        """Let writers and readers loose; return how many of each kind of write there were.

        With `kill_every` a writer is killed each so many seconds, and another takes its place.
        """
        new_store(self.db)
        end = time.monotonic() + seconds
        roles = [*writers, *READERS]
        running = {self._start(role, number, end): role for number, role in enumerate(roles)}
        self._listen(running, end, kill_every)
        self._check()
        written: Counter[str] = Counter()
        for sayings in self.said.values():
            for kind, number, _ in sayings:
                written[kind] += number if kind in {"looks", "tries"} else 1
        return written

    def _start(self, role: Callable[..., None], number: int, end: float) -> Child:
        name = f"w{number}"
        self.said[name] = []
        child = self.nursery.start(role, self.db, end, name)
        child.name = name
        return child

    def _listen(
        self, running: dict[Child, Callable[..., None]], end: float, kill_every: float
    ) -> None:
        choice = random.Random(self.seed)
        next_kill = time.monotonic() + kill_every if kill_every else end
        names = count(len(running))
        while running:
            ready, _, _ = select.select(list(running), [], [], 0.1)
            for child in ready:
                answer = child.hear()
                if answer is not None:
                    self.said[child.name].append(answer)
                    continue
                role = running.pop(child)
                if child.wait() != 0 and time.monotonic() < end:
                    running[self._start(role, next(names), end)] = role
            if next_kill <= time.monotonic() < end:
                choice.choice([one for one in running if running[one] not in READERS]).kill()
                self.kills += 1
                next_kill += kill_every

    def _check(self) -> None:
        assert_sound(self.db)
        # A kill can tear one line.
        assert bad_lines(self.db) <= self.kills
        assert len(unusual(self.db.parent)) <= self.kills
        found = {}
        for message_id, writer, text in rows(self.db, "SELECT id, role, content FROM messages"):
            found[message_id] = (writer, text)
        promised = 0
        for writer, sayings in self.said.items():
            for kind, number, message_id in sayings:
                if kind in {"shared", "fork"}:
                    promised += 1
                    assert found[message_id] == (writer, content(writer, number))
        spoken = [one for one in found.values() if one[0] != "system"]
        assert promised <= len(spoken) <= promised + self.kills
        self._check_shared()
        for writer in self.said:
            self._check_own(writer)
        if self.kills:
            # Between a store's write and the index's line, or in the middle of a line.
            call(self.db, "doctor", "--fix")
        outcome = call(self.db, "doctor")
        assert (outcome.code, outcome.notes) == (0, ""), outcome

    def _check_shared(self) -> None:
        """Find one unbroken branch, in which each writer's messages are in its own order."""
        with StateStore.open(self.db, read_only=True) as store:
            branch = store.messages.branch(SHARED, None)
            assert len(store.messages.leaves(SHARED)) == 1
        counted: Counter[str] = Counter()
        for message in branch:
            assert message.content == content(message.role, counted[message.role])
            counted[message.role] += 1
        assert (
            len(branch)
            == rows(self.db, "SELECT count(*) FROM messages WHERE thread_id = ?", SHARED)[0][0]
        )

    def _check_own(self, writer: str) -> None:
        """Find what a writer saved and named last, or what it was doing when it was killed."""
        last = {kind: number for kind, number, _ in self.said[writer]}
        own = f"own {writer}"
        if "checkpoint" in last:
            with StateStore.open(self.db, read_only=True) as store:
                checkpoint = store.checkpoints.load(own, "c")
            assert checkpoint is not None
            assert isinstance(checkpoint.state, dict)
            assert checkpoint.state["number"] in {last["checkpoint"], last["shared"]}
        if "name" in last:
            ((name,),) = rows(self.db, "SELECT title FROM threads WHERE id = ?", own)
            assert name in {f"{writer} {last[kind]}" for kind in ("name", "shared")}
            line = index_of(self.db)[own].thread_name
            assert line == name or self.kills
