"""The session index under several programs at once, of which some know no lock and some die."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from agentstate.records import SessionIndexEntry
from agentstate.session_index import SessionIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 60.0

PRELUDE = """
import os, sys, time
from pathlib import Path
from agentstate.records import SessionIndexEntry
from agentstate.session_index import SessionIndex

path = Path(sys.argv[1])
index = SessionIndex(path, timeout=30)

def append(thread_id, name="n"):
    index.append(SessionIndexEntry(thread_id=thread_id, thread_name=name, updated_at=1))

def say(text):
    os.write(1, f"{text}\\n".encode())

def append_like_an_older_program(thread_id, between):
    # It takes no lock, and writes the text and its newline one after the other. `between` stands
    # for a scheduler that takes the processor away at the worst moment.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    between(descriptor)
    os.write(descriptor, f'{{"thread_id":"{thread_id}","updated_at":1}}'.encode())
    os.write(descriptor, b"\\n")
    os.close(descriptor)

"""

APPEND = """
say("ready")
sys.stdin.readline()
for number in range(40):
    append(f"{sys.argv[2]}-{number}", "x" * 50)
    append("shared", sys.argv[2])
"""

APPEND_LIKE_AN_OLDER_PROGRAM = """
say("ready")
sys.stdin.readline()
for number in range(300):
    append_like_an_older_program(f"{sys.argv[2]}-{number}", lambda _: time.sleep(0.002))
"""

APPEND_LATE = """
def wait_for_replacement(descriptor):
    say("ready")
    while os.stat(path).st_ino == os.fstat(descriptor).st_ino:
        pass
    time.sleep(0.05)

append_like_an_older_program("late", wait_for_replacement)
"""

APPEND_AND_COMPACT_UNTIL_KILLED = """
for number in range(1_000_000):
    append(f"{sys.argv[2]}-{number}")
    say(f"{sys.argv[2]}-{number}")
    append("dead")
    if number % 5 == 0:
        index.compact()
"""

COMPACT_UNTIL_KILLED = """
say("ready")
while True:
    append("dead")
    index.compact()
"""

TRY_AS_NOBODY = """
from agentstate.errors import StoreUnavailableError

if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for name in sys.argv[2:]:
    try:
        if name == "append":
            append("new")
        elif name == "replace":
            index.replace([])
        elif name == "compact":
            index.compact()
        else:
            say(len(index.latest()))
    except StoreUnavailableError as error:
        say(error)
"""

APPEND_TO_A_FULL_DISK = """
import resource
from agentstate.errors import StoreUnavailableError

# A limit on the size of files refuses as a full disk does: first a part is written, then none.
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, resource.RLIM_INFINITY))
try:
    append("too much")
except StoreUnavailableError as error:
    say(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
append("after")
"""


@contextmanager
def running(script: str, path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Give a process that runs `script`, and end it whatever happens."""
    child = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, str(path), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


@contextmanager
def running_at_once(script: str, path: Path, names: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Give a process for each letter of `names`, and let them go when all are ready."""
    with ExitStack() as stack:
        children = [stack.enter_context(running(script, path, name)) for name in names]
        for child in children:
            ready(child)
        for child in children:
            pipe(child.stdin).write("go\n")
            pipe(child.stdin).flush()
        yield children


def finish(child: subprocess.Popen[str]) -> str:
    output, _ = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0
    return output


def pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def ready(child: subprocess.Popen[str]) -> None:
    assert pipe(child.stdout).readline() == "ready\n"


@pytest.fixture
def index(tmp_path: Path) -> SessionIndex:
    return SessionIndex(tmp_path / "session_index.jsonl", timeout=30)


@pytest.fixture
def compactor(index: SessionIndex) -> Iterator[subprocess.Popen[str]]:
    """Give a process that compacts the index without a pause until the test ends."""
    index.append(SessionIndexEntry(thread_id="first", updated_at=1))
    with running(COMPACT_UNTIL_KILLED, index.path) as child:
        ready(child)
        yield child
        assert child.poll() is None


@pytest.mark.usefixtures("compactor")
def test_eight_programs_append_while_one_compacts(index: SessionIndex) -> None:
    with running_at_once(APPEND, index.path, "01234567") as children:
        while any(child.poll() is None for child in children):
            # A reader takes no lock and never sees a file that is not whole.
            assert next(iter(index.latest())) == "first"
        for child in children:
            finish(child)
    latest = index.latest()
    written = {f"{number}-{line}" for number in range(8) for line in range(40)}
    assert written | {"first", "shared", "dead"} == set(latest)
    assert index.read().bad_lines == ()


@pytest.mark.usefixtures("compactor")
def test_older_programs_without_the_lock_lose_nothing(index: SessionIndex) -> None:
    with running_at_once(APPEND_LIKE_AN_OLDER_PROGRAM, index.path, "ab") as children:
        for number in range(50):
            index.append(SessionIndexEntry(thread_id=f"ours-{number}", updated_at=1))
        for child in children:
            finish(child)
    written = {f"{name}-{number}" for name in "ab" for number in range(300)}
    ours = {f"ours-{number}" for number in range(50)}
    assert written | ours | {"first", "dead"} == set(index.latest())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who may still write a file")
def test_what_comes_late_on_the_old_file_is_carried_over(index: SessionIndex) -> None:
    for _ in range(2):
        index.append(SessionIndexEntry(thread_id="a", updated_at=1))
    with running(APPEND_LATE, index.path) as child:
        ready(child)
        index.compact()
        finish(child)
    assert list(index.latest()) == ["a", "late"]
    assert index.read().lines == 2


def test_a_kill_costs_no_acknowledged_line(index: SessionIndex) -> None:
    acknowledged: list[str] = []
    for name, kill_after in (("a", 1), ("b", 7), ("c", 30), ("d", 31), ("e", 60)):
        with running(APPEND_AND_COMPACT_UNTIL_KILLED, index.path, name) as child:
            acknowledged += [pipe(child.stdout).readline().strip() for _ in range(kill_after)]
            child.kill()
            acknowledged += pipe(child.stdout).read().split()
        assert set(acknowledged) <= set(index.latest())
    index.append(SessionIndexEntry(thread_id="dead", updated_at=2))
    index.compact()
    assert set(acknowledged) <= set(index.latest())
    assert sorted(path.name for path in index.path.parent.iterdir()) == [
        "session_index.jsonl",
        "session_index.jsonl.lock",
    ]


def test_a_disk_that_is_full_tears_one_line_and_no_other(index: SessionIndex) -> None:
    index.append(SessionIndexEntry(thread_id="before", updated_at=1))
    with running(APPEND_TO_A_FULL_DISK, index.path) as child:
        refusal = finish(child)
    assert refusal == f"cannot write to the session index {index.path}: File too large\n"
    assert list(index.latest()) == ["before", "after"]
    assert [bad.number for bad in index.read().bad_lines] == [2]


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Give a folder that other users can reach, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o755)


def test_a_folder_one_may_not_write_is_refused_and_can_be_read(public_folder: Path) -> None:
    path = public_folder / "session_index.jsonl"
    path.write_bytes(b'{"thread_id":"a","updated_at":1}\n' * 2)
    path.chmod(0o644)
    public_folder.chmod(0o555)
    refusal = f"cannot lock the session index with {path}.lock: Permission denied"
    with running(TRY_AS_NOBODY, path, "latest", "append", "compact", "replace") as child:
        answers = finish(child).splitlines()
    assert answers == ["1", refusal, refusal, refusal]
    assert [entry.name for entry in public_folder.iterdir()] == [path.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's file")
def test_another_users_index_is_refused(public_folder: Path) -> None:
    path = public_folder / "session_index.jsonl"
    SessionIndex(path).append(SessionIndexEntry(thread_id="a", updated_at=1))
    with running(TRY_AS_NOBODY, path, "latest", "append") as child:
        answers = finish(child).splitlines()
    assert answers == [
        f"cannot read the session index {path}: Permission denied",
        f"cannot lock the session index with {path}.lock: Permission denied",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
def test_what_root_makes_in_a_users_folder_is_the_users(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    SessionIndex(folder / "session_index.jsonl").append(
        SessionIndexEntry(thread_id="t", updated_at=1)
    )
    owners = {path.name: path.stat().st_uid for path in folder.iterdir()}
    assert owners == {"session_index.jsonl": 65534, "session_index.jsonl.lock": 65534}
