"""What tests of the command line share: runs in this process, as a process, and on a terminal."""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pexpect  # type: ignore[import-untyped] # it has no types

from agentstate import (
    DynamicToolRecord,
    JobStateRecord,
    StateStore,
    ThreadGoalRecord,
    ThreadMetadata,
)
from agentstate.cli.commands import COMMANDS
from agentstate.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pytest

PROGRAM: Final = (sys.executable, "-m", "agentstate")
FORMATS: Final = ("table", "json", "jsonl", "tsv", "id")
ENVIRON: Final = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color"}
"""The variables of a child; the store is named with --db, and nothing of the tester's leaks in."""

ALL_VERBS: Final = [
    name if isinstance(entry, str) else f"{name} {verb}"
    for name, entry in COMMANDS.items()
    for verb in ([""] if isinstance(entry, str) else entry.verbs)
]

ARGUMENTS: Final[dict[str, tuple[str, ...]]] = {
    "threads create": ("--id", "t-new"),
    "threads ensure": ("Main",),
    "threads list": (),
    "threads show": ("t-main",),
    "threads path": ("t-main",),
    "threads update": ("t-main", "--status", "idle"),
    "threads rename": ("t-main", "Other"),
    "threads archive": ("t-main",),
    "threads unarchive": ("t-main",),
    "threads delete": ("t-main", "--yes"),
    "threads memory": ("t-main",),
    "threads tools": ("t-main",),
    "threads goal": ("t-main",),
    "messages list": ("t-main",),
    "messages tree": ("t-main",),
    "messages show": ("1",),
    "messages leaves": ("t-main",),
    "messages append": ("t-main", "--role", "user", "--content", "more"),
    "messages checkout": ("1",),
    "messages clear": ("t-main", "--yes"),
    "fork": ("1", "--content", "anew"),
    "checkpoint save": ("t-main", "cp-new", "--state", "{}"),
    "checkpoint load": ("t-main",),
    "checkpoint list": ("t-main",),
    "checkpoint delete": ("t-main", "cp", "--yes"),
    "jobs list": (),
    "jobs show": ("j-1",),
    "jobs create": ("A job", "--id", "j-new"),
    "jobs update": ("j-1", "--progress", "50"),
    "jobs delete": ("j-1", "--yes"),
    "index list": (),
    "index name": ("t-main",),
    "index path": ("Main",),
    "index check": (),
    "index compact": (),
    "index rebuild": (),
    "init": (),
    "info": (),
    "schema": ("ThreadMetadata",),
    "completion": ("bash",),
    "demo": ("DEMO",),
}
"""Arguments with which each verb does well on the store of `fill`."""

READING: Final = (
    "threads list",
    "threads show",
    "threads path",
    "threads memory",
    "threads tools",
    "threads goal",
    "messages list",
    "messages tree",
    "messages show",
    "messages leaves",
    "checkpoint load",
    "checkpoint list",
    "jobs list",
    "jobs show",
    "index list",
    "index name",
    "index path",
    "index check",
    "info",
)
"""The verbs that only read the store."""

_SGR: Final = re.compile(rb"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    code: int
    stdout: bytes
    stderr: bytes = b""

    @property
    def text(self) -> str:
        return self.stdout.decode()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def notes(self) -> list[str]:
        return self.stderr.decode().splitlines()

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        return json.loads(self.stdout)

    @property
    def cells(self) -> list[list[str]]:
        return [line.split("\t") for line in self.lines]


class Cli:
    """The command line, run in this process on one store."""

    def __init__(self, db: Path, captured: pytest.CaptureFixture[bytes]) -> None:
        self.db = db
        self.captured = captured

    def run(self, *arguments: object) -> Result:
        self.captured.readouterr()
        code = main(["--db", str(self.db), *map(str, arguments)])
        return Result(code, *self.captured.readouterr())

    def on(self, db: Path | str) -> Cli:
        """Return the command line on another store."""
        return Cli(Path(db), self.captured)

    def __call__(self, *arguments: object) -> Result:
        """Run what should do well."""
        result = self.run(*arguments)
        assert result.code == 0, result.stderr.decode()
        return result

    def fails(self, code: int, *arguments: object) -> str:
        """Run what should fail with one clear line, and return that line."""
        return the_error(self.run(*arguments), code)

    def screen(self, *arguments: object, width: int = 80) -> Result:
        """Run on a terminal, which is a real one, but in this process."""
        return on_screen(["--db", str(self.db), *map(str, arguments)], width)

    @contextmanager
    def store(self) -> Iterator[StateStore]:
        with StateStore.open(self.db) as store:
            yield store


def the_error(result: Result, code: int) -> str:
    """Return the one line of an error, which nothing else goes with but where to get help."""
    assert (result.code, result.stdout) == (code, b""), result
    line, *others = result.notes
    assert not others or (len(others) == 1 and re.fullmatch("Try '.* --help' for help.", others[0]))
    assert line.startswith("agentstate: ")
    assert not line.startswith("agentstate: unexpected ")
    return line.removeprefix("agentstate: ")


def on_screen(arguments: Sequence[str], width: int = 80) -> Result:
    """Run in this process with a pseudo-terminal for its standard output."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    seen: list[bytes] = []
    reader = threading.Thread(target=_drain, args=(master, seen))
    reader.start()
    errors = io.StringIO()
    with ExitStack() as stack:
        output = stack.enter_context(os.fdopen(slave, "w", encoding="utf-8"))
        stack.enter_context(redirect_stdout(output))
        stack.enter_context(redirect_stderr(errors))
        code = main(list(arguments))
    reader.join()
    os.close(master)
    return Result(code, b"".join(seen).replace(b"\r\n", b"\n"), errors.getvalue().encode())


def _drain(master: int, seen: list[bytes]) -> None:
    while True:
        try:
            seen.append(os.read(master, 1 << 16))
        except OSError:  # the other end is closed
            return


# Another user may not be able to read this interpreter's files, so all are read before.
_AS_USER: Final = """
import os, pkgutil, sys, agentstate, rich.cells, uuid
for found in pkgutil.walk_packages(agentstate.__path__, "agentstate."):
    if not found.name.endswith("__main__"):
        __import__(found.name)
user = int(sys.argv.pop(1))
os.setgroups([])
os.setgid(user)
os.setuid(user)
agentstate.cli.run()
"""


def start(
    *arguments: object,
    db: Path | None = None,
    user: int | None = None,
    environ: Mapping[str, str] | None = None,
    **options: Any,  # noqa: ANN401 - those of Popen
) -> subprocess.Popen[bytes]:
    """Start the program as a process, with `user` as one of another user."""
    program = PROGRAM if user is None else (sys.executable, "-c", _AS_USER, str(user))
    where = () if db is None else ("--db", str(db))
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(
        [*program, *where, *map(str, arguments)],
        env={**ENVIRON, **(environ or {})},
        **{**pipes, **options},
    )


def run(*arguments: object, stdin: bytes = b"", **options: Any) -> Result:  # noqa: ANN401 - those of `start`
    """Run the program as a process, to its end."""
    with start(*arguments, **options) as process:
        stdout, stderr = process.communicate(stdin, timeout=60)
    return Result(process.returncode, stdout or b"", stderr or b"")


def spawn(
    *arguments: object, db: Path, width: int = 80, environ: Mapping[str, str] | None = None
) -> Any:  # noqa: ANN401 - pexpect has no types
    """Start the program on a terminal of its own."""
    command, *first = PROGRAM
    return pexpect.spawn(
        command,
        [*first, "--db", str(db), *map(str, arguments)],
        env={**ENVIRON, **(environ or {})},
        dimensions=(50, width),
        timeout=20,
    )


def finish(terminal: Any) -> Result:  # noqa: ANN401 - pexpect has no types
    """Wait for the end of a program on a terminal; what it wrote since it was last read."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    code = terminal.exitstatus
    return Result(-1 if code is None else code, (terminal.before or b"").replace(b"\r\n", b"\n"))


def has_open(process: subprocess.Popen[bytes], db: Path) -> None:
    """Wait until a process has opened a store."""
    descriptors = Path(f"/proc/{process.pid}/fd")
    deadline = time.monotonic() + 30
    while str(db) not in {os.readlink(one) for one in descriptors.iterdir() if one.is_symlink()}:
        assert process.poll() is None
        assert time.monotonic() < deadline


def without_color(screen: bytes) -> bytes:
    return _SGR.sub(b"", screen)


def fill(store: StateStore) -> None:
    """Put one of everything into a store: a tree with a fork, a checkpoint, a job, and so on."""
    now = store.now
    store.threads.create(
        ThreadMetadata(
            id="t-main",
            name="Main",
            preview="Why does it fail?",
            cwd="/src/app",
            model_provider="acme",
            memory_mode="enabled",
            rollout_path="/logs/main.jsonl",
            git_branch="main",
            created_at=now,
            updated_at=now,
        )
    )
    store.threads.create(
        ThreadMetadata(id="t-other", cwd="/src/lib", created_at=1, updated_at=1, archived=True)
    )
    question = store.messages.append("t-main", "user", "Why does it fail?")
    store.messages.append("t-main", "assistant", "Because\nof a tab:\t.", {"n": 1})
    store.messages.append("t-main", "user", "Fix it")
    store.messages.fork(question, "assistant", "It does not")
    store.checkpoints.save("t-main", "cp", {"n": 1.5})
    store.jobs.create(JobStateRecord(id="j-1", name="Job", created_at=now, updated_at=now))
    store.tools.replace(
        "t-main", [DynamicToolRecord(position=0, name="grep", input_schema={"type": "object"})]
    )
    store.goals.set(
        ThreadGoalRecord(
            thread_id="t-main", goal_id="g-1", objective="Green", created_at=now, updated_at=now
        )
    )


def interrupt(process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> Result:
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    return Result(process.returncode, stdout, stderr)
