"""Processes forked by one that has the program loaded, for tests of what a process does.

Each has its own outputs, environment and user, and ends as one does that was started anew; only
Python's start and the loading of modules, most of the time of a short run, are done once. What is
loaded, how much memory it takes, and what happens at the start is for a new process to prove.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SERVE: Final = "import sys, forked; forked.serve(int(sys.argv[1]))"
_LARGEST: Final = 60_000
"""Bytes that standard input may have: as many as a pipe holds."""
_MESSAGE: Final = 64
"""Bytes that a message to the server, or from it, has at most."""
_LONGEST: Final = 60
"""Seconds in which a process must say something, or end."""


class Ended(NamedTuple):
    """What a process came to."""

    code: int
    stdout: bytes
    stderr: bytes


class Request(NamedTuple):
    """What a process is to run, and as whom."""

    code: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    user: int | None = None
    stdin: bytes = b""

    @property
    def is_small(self) -> bool:
        """Tell whether it can be run here; with more to read it is for a new process."""
        return len(self.stdin) <= _LARGEST

    def write(self, file: IO[str]) -> None:
        """Write what the server reads; standard input comes by a pipe."""
        umask = os.umask(0)
        os.umask(umask)
        what = {
            "code": self.code,
            "arguments": list(self.arguments),
            "environ": dict(self.environ),
            "user": self.user,
            "folder": str(Path.cwd()),
            "umask": umask,
        }
        json.dump(what, file)
        file.seek(0)


def run(request: Request) -> Ended:
    """Run a process to its end."""
    return _server().run(request)


@functools.cache
def _server() -> _Server:
    server = _Server()
    atexit.register(server.close)
    return server


class _Server:
    """The process that forks, and what is asked of it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asking = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(theirs.fileno())],
                env={
                    "PATH": os.environ["PATH"],
                    "LANG": "C.UTF-8",
                    "PYTHONPATH": os.pathsep.join(sys.path),
                },
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def run(self, request: Request) -> Ended:
        given, gives = os.pipe()
        os.write(gives, request.stdin)
        os.close(gives)
        (output, outputs), (errors, errs) = os.pipe(), os.pipe()
        with TemporaryFile("w+", encoding="utf-8") as file:
            request.write(file)
            pid = self._ask(None, given, outputs, errs, file.fileno())
        for end in (given, outputs, errs):
            os.close(end)
        try:
            found = _read_all(output, errors)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            self._ask(pid)
            raise
        return Ended(self._ask(pid), *found)

    def _ask(self, pid: int | None, *files: int) -> int:
        """Have a process waited for, and return its code; or one forked, and return its pid."""
        with self._asking:
            socket.send_fds(self._control, [json.dumps(pid).encode()], files)
            return int(self._control.recv(_MESSAGE))

    def close(self) -> None:
        self._control.close()
        self._process.wait(timeout=_LONGEST)


def _read_all(*ends: int) -> list[bytes]:
    """Read pipes to their ends, and close them."""
    found: dict[int, list[bytes]] = {end: [] for end in ends}
    with selectors.DefaultSelector() as selector:
        for end in ends:
            selector.register(end, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(_LONGEST)
            if not ready:
                raise TimeoutError(f"it said nothing for {_LONGEST} s")
            for key, _ in ready:
                found[key.fd].append(piece := os.read(key.fd, 1 << 16))
                if not piece:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return [b"".join(pieces) for pieces in found.values()]


# The server


def serve(descriptor: int) -> None:
    """Fork a process for each request, and wait for one when asked, until all are done."""
    _load_everything()
    control = socket.socket(fileno=descriptor)
    while True:
        message, files, _, _ = socket.recv_fds(control, _MESSAGE, 4)
        if not message:
            return
        pid = json.loads(message)
        if pid is not None:
            _, status = os.waitpid(pid, 0)
            answer = os.waitstatus_to_exitcode(status)
        elif (answer := os.fork()) == 0:
            control.close()
            _live(*files)
        for file in files:
            os.close(file)
        control.send(json.dumps(answer).encode())


def _load_everything() -> None:
    """Load the program; another user may not be able to read the files of this interpreter."""
    import agentstate  # noqa: PLC0415 - only the server needs it

    for found in pkgutil.walk_packages(agentstate.__path__, "agentstate."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in ("rich.cells", "typer._click.decorators", "uuid"):
        importlib.import_module(name)
    # What is never looked at for cycles stays one piece of memory for all that are forked.
    gc.collect()
    gc.freeze()


def _live(stdin: int, stdout: int, stderr: int, request_file: int) -> NoReturn:
    """Be the process that was asked for."""
    with os.fdopen(request_file, encoding="utf-8") as opened:
        request = json.load(opened)
    for number, file in enumerate((stdin, stdout, stderr)):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    os.chdir(request["folder"])
    os.umask(request["umask"])
    if request["user"] is not None:
        os.setgroups([])
        os.setgid(request["user"])
        os.setuid(request["user"])
    sys.argv = ["-c", *request["arguments"]]
    _end(_run(request["code"]))


def _run(code: str) -> int:
    """Run code as a main program, and let go of all it made, as Python does at its end."""
    names = {"__name__": "__main__", "__builtins__": __builtins__}
    try:
        exec(compile(code, "<string>", "exec"), names)  # noqa: S102 - the tests' own code
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - whatever ends a program is shown, and ends it
        traceback.print_exc()
        return 1
    else:
        return 0
    finally:
        names.clear()
        gc.collect()


def _end(code: int) -> NoReturn:
    """End as Python does, but for taking all modules apart."""
    threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 - waits for threads
    atexit._run_exitfuncs()  # noqa: SLF001 - what was registered, once
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        code = code or 120
    os._exit(code)
