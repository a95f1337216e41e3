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
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pexpect  # type: ignore[import-untyped] # it has no types

import forked
from agentstate import StateStore
from agentstate.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pytest

PROGRAM: Final = (sys.executable, "-m", "agentstate")
ENVIRON: Final = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color"}
"""The variables of a child; the store is named with --db, and nothing of the tester's leaks in."""

_MAIN: Final = "from agentstate.cli import run; run()"
_AT_START: Final = ("PYTHON", "LANG", "LC_")

APPEND: Final = ("messages", "append", "t-main", "--role", "user")

FORBIDDEN: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
"""What must not reach a screen."""

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
import os, pkgutil, sys, agentstate, rich.cells, typer._click.decorators, uuid
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
        [*program, *where, *(one if isinstance(one, bytes) else str(one) for one in arguments)],
        env={**ENVIRON, **(environ or {})},
        **{**pipes, **options},
    )


def run(
    *arguments: object,
    db: Path | None = None,
    user: int | None = None,
    environ: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    **options: Any,  # noqa: ANN401 - those of Popen
) -> Result:
    """Run the program as a process, to its end.

    It is a new one where `options` are given, or variables that count while Python starts.
    """
    if not options and not any(name.startswith(_AT_START) for name in environ or ()):
        words = [os.fsdecode(one) if isinstance(one, bytes) else str(one) for one in arguments]
        where = [] if db is None else ["--db", str(db)]
        request = forked.Request(
            _MAIN, [*where, *words], {**ENVIRON, **(environ or {})}, user, stdin
        )
        if request.is_small:
            return Result(*forked.run(request))
    with start(*arguments, db=db, user=user, environ=environ, **options) as process:
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
    deadline = time.monotonic() + 30
    while str(db) not in open_files(process):
        assert process.poll() is None
        assert time.monotonic() < deadline


def open_files(process: subprocess.Popen[bytes]) -> set[str]:
    found = set()
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(descriptor.readlink()))
    return found


def append(*more: str) -> tuple[str, ...]:
    return (*APPEND, "--content", "x", *more)


def contents(db: Path) -> list[str]:
    """Return the texts of the active branch, checked on the way."""
    with StateStore.open(db, read_only=True) as store:
        return [message.content for message in store.messages.branch("t-main", None)]


def measured(output: Path, *arguments: object, db: Path) -> float:
    """Run to a file, and return the largest size in memory, in MiB.

    A process inherits the size of the one that starts it, so a small one is put between.
    """
    code = """
import os, sys
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
actions = [(os.POSIX_SPAWN_DUP2, out, 1)]
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=actions)
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
    target = output / "output" if output.is_dir() else output
    command = [sys.executable, "-S", "-E", "-c", code, str(target), *PROGRAM, "--db", str(db)]
    command += map(str, arguments)
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    size, status = map(int, done.stdout.split())
    assert status == 0, done.stderr
    return size / 1024


def without_color(screen: bytes) -> bytes:
    return _SGR.sub(b"", screen)


def interrupt(process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> Result:
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    return Result(process.returncode, stdout, stderr)


def golden(name: str, seen: Result) -> tuple[str, str]:
    """Return what is on a screen and what should be, dates aside."""
    text = re.sub(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", "YYYY-MM-DDTHH:MM:SS+ZZ:ZZ", seen.text
    )
    text = re.sub(r"\d\d-\d\d \d\d:\d\d:\d\d", "MM-DD HH:MM:SS", text)
    text = re.sub(
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}", "00000000-0000-4000-8000-000000000000", text
    )
    path = Path(__file__).parent / "golden" / "cli" / f"{name}.txt"
    if os.environ.get("AGENTSTATE_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return text, path.read_text(encoding="utf-8")
