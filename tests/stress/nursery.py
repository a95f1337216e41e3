"""Processes that start in a millisecond, have all modules loaded, and may be killed.

A server loads the program once and forks a child for each request. It can run below strace, which
counts the system calls of each child from 1. Children answer through a socket: what a tracer does
to `write` must not touch the answers.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from cli_support import ENVIRON

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    Channel = Callable[[object], None]

_SERVE: Final = "import sys; from stress import nursery; nursery.serve(int(sys.argv[1]))"
LONGEST: Final = 30
"""Seconds that nothing may take which ends by itself, on a busy machine and below a tracer."""
_MESSAGE: Final = 1 << 16
"""Bytes that a request or an answer has at most."""


class Outcome(NamedTuple):
    """What a command came to."""

    code: int
    output: str
    notes: str


def call(db: Path, *arguments: object) -> Outcome:
    """Run a command in this process."""
    from agentstate.cli.main import main  # noqa: PLC0415 - a child without commands needs none

    output = io.TextIOWrapper(io.BytesIO(), "utf-8")
    notes = io.StringIO()
    with redirect_stdout(output), redirect_stderr(notes):
        code = main(["--db", str(db), *map(str, arguments)])
    output.flush()
    output.seek(0)
    return Outcome(code, output.read(), notes.getvalue())


class Child:
    """A process that does one thing, and says what it has done."""

    def __init__(self, pid: int, channel: socket.socket, nursery: Nursery) -> None:
        self.pid = pid
        self.name = str(pid)
        self._channel = channel
        self._nursery = nursery

    def fileno(self) -> int:
        """Return what `select` waits for."""
        return self._channel.fileno()

    def hear(self) -> Any:  # noqa: ANN401 - what it says is JSON
        """Return the next thing it says, None when it has ended; what failed in it raises."""
        message = self._channel.recv(_MESSAGE)
        answer = json.loads(message) if message else None
        if isinstance(answer, dict) and "traceback" in answer:
            raise AssertionError(answer["traceback"])
        return answer

    def listen(self, seconds: float) -> list[Any]:
        """Return what it says in that time; less time, if it ends before."""
        answers: list[Any] = []
        end = time.monotonic() + seconds
        with suppress(TimeoutError):
            while (left := end - time.monotonic()) > 0:
                self._channel.settimeout(left)
                answer = self.hear()
                if answer is None:
                    break
                answers.append(answer)
        return answers

    def finish(self) -> tuple[list[Any], int]:
        """Return all it says, and its exit code; one that does not come to its end is killed."""
        answers = self.listen(LONGEST)
        if not select.select([self], [], [], 0)[0]:
            self.kill()
            self.wait()
            raise AssertionError(f"it went on for more than {LONGEST} s")
        return answers, self.wait()

    def kill(self) -> None:
        """Kill it; a pid is not used again before `wait`."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end; return its exit code, negative for a signal."""
        self._channel.close()
        return self._nursery.wait(self.pid)


class Nursery:
    """The server, and the children it forks."""

    def __init__(self, *prefix: str) -> None:
        """Start the server, below a program named by `prefix` if there is one."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [*prefix, sys.executable, "-c", _SERVE, str(theirs.fileno())],
                # It finds the modules that we find.
                env={**ENVIRON, "PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._answer()

    @property
    def pid(self) -> int:
        return self._server.pid

    def start(self, function: Callable[..., None], *arguments: object) -> Child:
        """Start a child that calls a module's function with a channel and `arguments`."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = [function.__module__, function.__name__, *map(_plain, arguments)]
        with theirs:
            socket.send_fds(self._control, [json.dumps(request).encode()], [theirs.fileno()])
        return Child(self._answer(), ours, self)

    def run(self, function: Callable[..., None], *arguments: object) -> list[Any]:
        """Let a child do one thing to its end; return all it said."""
        answers, code = self.start(function, *arguments).finish()
        assert code == 0
        return answers

    def wait(self, pid: int) -> int:
        self._control.send(json.dumps(pid).encode())
        return self._answer()

    def _answer(self) -> int:
        message = self._control.recv(_MESSAGE)
        assert message, f"the server ended with code {self._server.wait(timeout=60)}"
        return int(json.loads(message))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._control.close()
        self._server.wait(timeout=60)


def serve(descriptor: int) -> None:
    """Fork children, and wait for them, as asked, until the other end is closed."""
    load_everything()
    control = socket.socket(fileno=descriptor)
    control.send(b"0")
    while True:
        message, channels, _, _ = socket.recv_fds(control, _MESSAGE, 1)
        if not message:
            return
        request = json.loads(message)
        if isinstance(request, int):
            _, status = os.waitpid(request, 0)
            control.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())
            continue
        child = os.fork()
        if not child:
            control.close()
            _live(socket.socket(fileno=channels[0]), *request)
        os.close(channels[0])
        control.send(json.dumps(child).encode())


def load_everything() -> None:
    """Load what commands load when they are called, so that no child opens a module's file."""
    import agentstate  # noqa: PLC0415 - the parent's tests have no use for all of it

    for found in pkgutil.walk_packages(agentstate.__path__, "agentstate."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in ("typer._click.decorators", "uuid", "stress.operations"):
        importlib.import_module(name)
    # What is never looked at for cycles stays one piece of memory for all children.
    gc.collect()
    gc.freeze()


def _live(channel: socket.socket, module: str, name: str, *arguments: object) -> None:
    """Be the child: do one thing and end, without what a server would do at its end."""
    code = 1
    try:
        getattr(importlib.import_module(module), name)(_sender(channel), *arguments)
        code = 0
    except BaseException:  # noqa: BLE001 - it goes to the parent, whatever it is
        channel.send(json.dumps({"traceback": traceback.format_exc()[-_MESSAGE // 4 :]}).encode())
    finally:
        os._exit(code)


def _sender(channel: socket.socket) -> Channel:
    def send(answer: object) -> None:
        channel.send(json.dumps(answer).encode())

    return send


def _plain(argument: object) -> object:
    if isinstance(argument, Path):
        return str(argument)
    if isinstance(argument, tuple):
        return [_plain(one) for one in argument]
    return argument


def run_command(say: Channel, db: str, arguments: Sequence[str]) -> None:
    """Be a child that runs one command, and tell what came of it."""
    say(call(Path(db), "--quiet", *arguments))
