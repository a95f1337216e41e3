"""The session index rewritten: compaction, replacement, and the lock that guards them."""

from __future__ import annotations

import fcntl
import os
import threading
from typing import TYPE_CHECKING

import pytest

from agentstate.errors import StoreBusyError, StoreUnavailableError
from agentstate.session_index import CompactionResult, SessionIndex
from indexes import entry, line, mode, names

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


@pytest.fixture
def index(tmp_path: Path) -> SessionIndex:
    return SessionIndex(tmp_path / "session_index.jsonl")


# Compaction


def test_compaction_keeps_the_last_line_of_each_thread_byte_for_byte(index: SessionIndex) -> None:
    odd = b'{"pinned": [1.10, 1e400],  "thread_id": "odd", "updated_at": 3}\r\n'
    bad = b'{"thread_id":"torn","thread_name":"\xe6\n'
    gone = b'{"thread_id":"gone","thread_name":null,"updated_at":4,"rollout_path":null}\n'
    before = line("a") + odd + b"\n" + line("gone") + bad + line("a", "new") + gone
    index.path.write_bytes(before)
    result = index.compact()
    after = odd + bad + line("a", "new") + gone
    assert index.path.read_bytes() == after
    assert result == CompactionResult(
        lines_before=7,
        lines_after=4,
        bytes_before=len(before),
        bytes_after=len(after),
        bad_lines=1,
    )
    assert names(index.path.parent) == ["session_index.jsonl", "session_index.jsonl.lock"]


def test_compacting_a_compact_file_does_not_touch_it(index: SessionIndex) -> None:
    index.path.write_bytes(line("a") + b"bad\n" + line("b"))
    before = index.path.stat()
    result = index.compact()
    assert (result.lines_after, result.bytes_after, result.bad_lines) == (3, before.st_size, 1)
    assert index.path.stat().st_ino == before.st_ino


def test_compaction_carries_an_unfinished_last_line_over(index: SessionIndex) -> None:
    index.path.write_bytes(line("a") + line("a") + line("b")[:-1])
    assert index.compact().lines_after == 1
    assert index.path.read_bytes() == line("a") + line("b")


def test_compaction_keeps_mode_and_owner(index: SessionIndex) -> None:
    index.path.write_bytes(line("a") * 2)
    index.path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(index.path, 65534, 65534)
    before = index.path.stat()
    index.compact()
    after = index.path.stat()
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


def test_compaction_removes_what_a_killed_one_left(index: SessionIndex) -> None:
    index.path.write_bytes(line("a") * 2)
    stale = index.path.with_name(f".session_index.jsonl.tmp-{os.getpid()}")
    stale.write_bytes(b"half")
    stale.with_name(".session_index.jsonl.tmp-1").write_bytes(b"half")
    index.compact()
    assert names(index.path.parent) == ["session_index.jsonl", "session_index.jsonl.lock"]


def fill(path: Path, size: int, *, threads: int) -> None:
    """Write lines of `threads` threads in turn, up to just below `size` bytes."""
    lines = [line(f"t{number}", "x" * 150) for number in range(threads)]
    data = b"".join(lines) * (size // sum(map(len, lines)) + 1)
    path.write_bytes(data[: data.rfind(b"\n", 0, size - 100) + 1])


def test_an_append_compacts_when_half_is_dead_and_the_size_doubled(index: SessionIndex) -> None:
    fill(index.path, MIB, threads=100)
    index.append(entry("under"))
    assert index.path.stat().st_size > MIB - 1000
    index.append(entry("over", "x" * 2000))
    assert index.path.stat().st_size < MIB // 20
    assert len(index.latest()) == 102


def test_an_append_does_not_rewrite_what_is_mostly_alive(index: SessionIndex) -> None:
    lines_in_all = MIB // len(line("t1000", "x" * 150))
    fill(index.path, MIB, threads=lines_in_all * 55 // 100)
    inode = index.path.stat().st_ino
    index.append(entry("over", "x" * 2000))
    assert index.path.stat().st_ino == inode
    fill(index.path, MIB, threads=lines_in_all * 45 // 100)
    index.append(entry("over", "x" * 2000))
    assert index.path.stat().st_ino != inode
    assert MIB * 0.4 < index.path.stat().st_size < MIB * 0.5


def test_an_append_between_powers_of_two_does_not_compact(index: SessionIndex) -> None:
    fill(index.path, MIB + MIB // 2, threads=100)
    index.append(entry("a"))
    assert index.path.stat().st_size > MIB


def test_a_compaction_that_fails_does_not_undo_the_append(index: SessionIndex) -> None:
    fill(index.path, MIB, threads=100)
    # No unlink removes a folder, so nothing can be compacted here, not even by root.
    index.path.with_name(".session_index.jsonl.tmp-1").mkdir()
    index.append(entry("over", "x" * 2000))
    assert index.path.stat().st_size > MIB
    assert index.entry_of("over") == entry("over", "x" * 2000)
    with pytest.raises(StoreUnavailableError, match="cannot compact the session index"):
        index.compact()


# Replacing


def test_replace_keeps_the_old_file_under_a_name_of_its_own(index: SessionIndex) -> None:
    assert index.replace([entry("1")]) is None
    first = index.path.read_bytes()
    index.path.chmod(0o640)
    backups = [index.replace([entry(number)]) for number in ("2", "3", "4")]
    assert backups == [
        index.path.with_name(f"session_index.jsonl.bak{suffix}") for suffix in ("", ".1", ".2")
    ]
    assert backups[0] is not None
    assert backups[0].read_bytes() == first
    assert list(index.latest()) == ["4"]
    assert mode(index.path) == 0o640
    assert len(names(index.path.parent)) == 5


def test_replace_by_nothing_leaves_an_empty_file(index: SessionIndex) -> None:
    index.append(entry("a"))
    index.replace([])
    assert index.path.read_bytes() == b""


def test_replace_carries_over_what_came_after_the_reading(index: SessionIndex) -> None:
    index.append(entry("a"))
    with index.locked():
        contents = index.read()
        with index.path.open("ab") as older_program:
            older_program.write(line("late"))
        index.replace([read.entry for read in contents.entries], read_to=contents.size)
    assert list(index.latest()) == ["a", "late"]


def test_a_replacement_that_fails_leaves_everything(index: SessionIndex) -> None:
    index.append(entry("a"))
    before = index.path.read_bytes()
    index.path.with_name(".session_index.jsonl.tmp-1").mkdir()
    with pytest.raises(StoreUnavailableError, match="cannot replace the session index"):
        index.replace([entry("b")])
    assert index.path.read_bytes() == before
    assert not index.path.with_name("session_index.jsonl.bak").exists()


# The lock


def test_a_held_lock_is_waited_for_and_named(index: SessionIndex) -> None:
    index.append(entry("a"))
    before = index.path.read_bytes()
    impatient = SessionIndex(index.path, timeout=0.05)
    lock = index.path.with_name("session_index.jsonl.lock")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for write in (
            lambda: impatient.append(entry("b")),
            impatient.compact,
            lambda: impatient.replace([]),
        ):
            with pytest.raises(StoreBusyError, match=r"\.jsonl\.lock is held by another"):
                write()
        assert impatient.entry_of("a") == entry("a")
    assert index.path.read_bytes() == before
    impatient.append(entry("b"))


def test_the_lock_is_shared_within_an_index_and_let_go_at_the_end(index: SessionIndex) -> None:
    other = SessionIndex(index.path, timeout=0)
    with index.locked():
        index.append(entry("a"))
        index.append(entry("a"))
        assert index.compact().lines_after == 1
        with pytest.raises(StoreBusyError):
            other.append(entry("b"))
    other.append(entry("b"))


def test_threads_do_not_share_the_lock(index: SessionIndex) -> None:
    impatient = SessionIndex(index.path, timeout=0.05)
    refused: list[StoreBusyError] = []

    def write() -> None:
        try:
            impatient.append(entry("b"))
        except StoreBusyError as error:
            refused.append(error)

    with impatient.locked():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert len(refused) == 1
    assert index.latest() == {}


def test_the_lock_is_let_go_after_an_error(index: SessionIndex) -> None:
    index.path.mkdir()
    with pytest.raises(StoreUnavailableError):
        index.append(entry("a"))
    index.path.rmdir()
    SessionIndex(index.path, timeout=0).append(entry("a"))
