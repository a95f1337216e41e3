"""Deleted threads: kept beside the store, brought back as they were, and gone after 30 days."""

from __future__ import annotations

import os
import re
import resource
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    AgentStateWarning,
    BadInputError,
    ConflictError,
    StateStore,
    StoreUnavailableError,
    ThreadNotFoundError,
    TrashEntry,
)
from bundle_support import dump, fill_thread, unordered
from cli_support import FORBIDDEN, Result, finish, golden, spawn, the_error
from support import (
    OWNER,
    STRANGER,
    as_root,
    give,
    mode,
    new_store,
    raw,
    rows,
    run_python,
    start_python,
    thread,
)
from support import finish as finish_python

if TYPE_CHECKING:
    from cli_support import Cli
    from support import Clock

DAY: Final = 86_400
WHEN: Final = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
EVIL: Final = "\x1b[31m\u202e\x07[bold]\x9b\n\t\0"

PUT: Final = """
import os, signal, sys
from agentstate import AgentStateError, StateStore
with StateStore.open(sys.argv[1], timeout=30) as store:
    for thread_id in sys.argv[2:]:
        try:
            store.trash.put(thread_id)
        except AgentStateError as error:
            print(error.exit_code, error)
"""


def folder_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.trash")


def files(path: Path) -> list[str]:
    """Return what is in a store's trash, also what does not show."""
    return sorted(found.name for found in folder_of(path).iterdir())


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file below a folder, its bytes and when it was changed."""
    return {
        str(path.relative_to(folder)): (
            b"" if path.name.endswith("-shm") else path.read_bytes(),
            0 if path.name.endswith("-shm") else path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_thread_comes_back_as_it_was(store: StateStore) -> None:
    fill_thread(store)
    store.threads.update("t", preview="How it began")
    store.threads.create(thread("other"))
    store.messages.append("other", "user", "theirs")
    before = dump(store.path)
    checkpoints = store.checkpoints.list("t")
    entry = store.trash.put("t")
    assert set(dump(store.path)) == {"threads", "messages"}
    assert store.index.name_of("t") is None
    assert entry == TrashEntry(
        id="t",
        name="Name",
        messages=3,
        deleted_at=store.now,
        expires_at=store.now + 30 * DAY,
        size=Path(entry.path).stat().st_size,
        path=entry.path,
        cwd="/w",
        preview="How it began",
    )
    assert store.trash.list() == [entry]
    assert store.trash.restore("t") == "t"
    assert unordered(dump(store.path)) == unordered(before)
    assert store.checkpoints.list("t") == checkpoints
    assert (store.index.name_of("t"), store.index.path_of_name("name")) == ("Name", "/logs/x.jsonl")
    assert store.trash.list() == []
    assert files(store.path) == []
    # The ids that it had are not given again, before and after.
    assert store.messages.append("t", "user", "on") == 5


def test_messages_of_other_threads_that_answer_it_are_left_alone(store: StateStore) -> None:
    fill_thread(store)
    store.threads.create(thread("other"))
    store.messages.append("other", "user", "theirs")
    with raw(store.path) as connection:
        connection.execute("UPDATE messages SET parent_entry_id = 1 WHERE thread_id = 'other'")
    before = dump(store.path)
    theirs = rows(store.path, "SELECT * FROM messages WHERE thread_id = 'other'")
    store.trash.put("t")
    assert rows(store.path, "SELECT * FROM messages") == theirs
    store.trash.restore("t")
    assert unordered(dump(store.path)) == unordered(before)


def test_what_only_the_index_knows_comes_back(store: StateStore) -> None:
    store.threads.create(thread("t"))
    store.index.append("t", "Only here", 7, "/only/here.jsonl")
    assert store.trash.put("t").name == "Only here"
    store.trash.restore("t")
    (found,) = store.index.list()
    assert (found.thread_name, found.rollout_path) == ("Only here", "/only/here.jsonl")


def test_a_thread_whose_row_cannot_be_read(store: StateStore) -> None:
    fill_thread(store)
    with raw(store.path) as connection:
        connection.execute(
            "UPDATE threads SET updated_at = 'soon', title = x'ff', cwd = x'2f', "
            "preview = CAST(x'ff' AS TEXT)"
        )
    before = dump(store.path)
    entry = store.trash.put("t")
    assert (entry.name, entry.cwd, entry.preview) == (
        "Name",
        None,
        "\ufffd",
    )  # the index has the name
    store.trash.restore("t")
    assert dump(store.path) == before
    assert store.index.name_of("t") == "Name"


def test_the_files_are_private_and_named_after_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with StateStore.open(tmp_path / "state.db") as store:
            for thread_id in ("../../x", "a/b", EVIL, "-", "n" * 5000):
                store.threads.create(thread(thread_id, name=f"name {thread_id}"))
                store.trash.put(thread_id)
    finally:
        os.umask(before)
    folder = folder_of(store.path)
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    for name in files(store.path):
        assert re.fullmatch(r"\d{10}-[0-9a-f]{24}-[0-9a-f]{12}\.ndjson", name)
    assert sorted(found.name for found in tmp_path.iterdir()) == [
        "session_index.jsonl",
        "session_index.jsonl.lock",
        "state.db",
        "state.db.trash",
    ]


def test_the_trash_is_beside_the_file_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "links").mkdir()
    new_store(tmp_path / "real" / "state.db")
    (tmp_path / "links" / "state.db").symlink_to(tmp_path / "real" / "state.db")
    with StateStore.open(tmp_path / "links" / "state.db") as store:
        store.trash.put("t0")
    assert not folder_of(tmp_path / "links" / "state.db").exists()
    with StateStore.open(tmp_path / "real" / "state.db") as store:
        assert [entry.id for entry in store.trash.list()] == ["t0"]


def test_of_several_the_one_deleted_last_comes_back(store: StateStore) -> None:
    for name in ("first", "second", "third"):  # within one second
        store.threads.create(thread("t", name=name))
        store.trash.put("t")
    assert [entry.name for entry in store.trash.list()] == ["third", "second", "first"]
    assert store.trash.restore("t") == "t"
    assert [entry.name for entry in store.trash.list()] == ["second", "first"]
    with pytest.raises(ConflictError, match="thread 't' exists; nothing was written"):
        store.trash.restore("t")
    assert len(store.trash.list()) == 2
    store.threads.delete("t")
    store.trash.restore(store.trash.list()[1])
    found = store.threads.get("t")
    assert found is not None
    assert found.name == "first"


def test_ids_that_are_taken_meanwhile(store: StateStore) -> None:
    fill_thread(store)
    store.trash.put("t")
    store.threads.create(thread("other"))
    store.messages.append("other", "user", "theirs")
    with raw(store.path) as connection:
        connection.execute("UPDATE messages SET id = 3")
    before = dump(store.path)
    with pytest.raises(ConflictError, match="message 3 of thread 't' exists already"):
        store.trash.restore("t")
    assert dump(store.path) == before
    assert store.threads.get("t") is None
    assert len(store.trash.list()) == 1


def test_nothing_is_made_for_a_thread_that_is_not_there(store: StateStore) -> None:
    with pytest.raises(ThreadNotFoundError):
        store.trash.put("nobody")
    with pytest.raises(ThreadNotFoundError, match="see agentstate threads trash list"):
        store.trash.restore("nobody")
    assert store.trash.list() == []
    assert not folder_of(store.path).exists()


def test_only_what_is_in_the_trash_is_restored(store: StateStore, tmp_path: Path) -> None:
    fill_thread(store)
    entry = store.trash.put("t")
    other = tmp_path / "elsewhere.ndjson"
    Path(entry.path).rename(other)
    outside = TrashEntry(**{**vars(entry), "path": str(other)})
    for wanted in (entry, outside):
        with pytest.raises(ThreadNotFoundError):
            store.trash.restore(wanted)


def test_a_caller_may_require_something_first(store: StateStore) -> None:
    store.threads.create(thread("t"))

    def refuse() -> None:
        raise ConflictError("not now")

    with pytest.raises(ConflictError, match="not now"):
        store.trash.put("t", require=refuse)
    assert store.threads.exists("t")
    assert not folder_of(store.path).exists()


# Expiry.


def test_what_has_expired_goes_with_the_next_deletion(store: StateStore, clock: Clock) -> None:
    for number in range(4):
        store.threads.create(thread(f"t{number}"))
    store.trash.put("t0")
    clock.now += 5
    store.trash.put("t1")
    clock.now += 30 * DAY - 6
    store.trash.put("t2")
    assert len(store.trash.list()) == 3
    clock.now += 1
    assert [entry.expires_at <= store.now for entry in store.trash.list()] == [False, False, True]
    with StateStore.open(store.path, read_only=True, clock=clock) as reading:
        assert len(reading.trash.list()) == 3
    store.trash.put("t3")
    assert [entry.id for entry in store.trash.list()] == ["t3", "t2", "t1"]
    clock.now += 60 * DAY
    with pytest.raises(ThreadNotFoundError):
        store.trash.put("nobody")
    assert store.trash.restore("t1") == "t1"  # for as long as it is there
    store.trash.purge()
    assert store.trash.list() == []


def test_what_a_killed_program_left_half_written_goes_too(store: StateStore) -> None:
    fill_thread(store)
    name = files_after_deleting(store)
    folder = folder_of(store.path)
    gone = int(run_python("import os; print(os.getpid())"))
    for pid in (gone, os.getpid()):
        (folder / f".{name}.new-{pid}").write_text("half")
    (folder / ".notes.new-1").write_text("mine")
    (folder / "notes.txt").write_text("mine")
    store.trash.purge()
    assert files(store.path) == [
        f".{name}.new-{os.getpid()}",
        ".notes.new-1",
        name,
        "notes.txt",
    ]
    assert len(store.trash.list()) == 1


def files_after_deleting(store: StateStore) -> str:
    store.trash.put("t")
    (name,) = files(store.path)
    return name


def test_emptying(store: StateStore, clock: Clock) -> None:
    for number in range(3):
        store.threads.create(thread(f"t{number}"))
        store.trash.put(f"t{number}")
        clock.now += DAY
    start = store.now - 3 * DAY
    assert [entry.id for entry in store.trash.empty(start + DAY)] == ["t0", "t1"]
    assert store.trash.empty(start) == []
    folder = folder_of(store.path)
    (folder / "1-torn.ndjson").write_text("{")
    (folder / "kept.txt").write_text("not ours")
    with pytest.warns(AgentStateWarning, match="left out: .*1-torn.ndjson: the bundle is cut"):
        assert [entry.id for entry in store.trash.list()] == ["t2"]
    assert store.trash.broken() == [str(folder / "1-torn.ndjson")]
    assert store.trash.broken(1000) == []
    assert [entry.id for entry in store.trash.empty()] == ["t2"]
    assert files(store.path) == ["kept.txt"]
    with (
        StateStore.open(store.path, read_only=True) as reading,
        pytest.raises(StoreUnavailableError, match="opened for reading only"),
    ):
        reading.trash.empty()


# What is broken, and what is not to be trusted.


def test_broken_bundles_are_noted_and_the_others_listed(store: StateStore, tmp_path: Path) -> None:
    fill_thread(store)
    store.trash.put("t")
    folder = folder_of(store.path)
    (good,) = folder.iterdir()
    whole = good.read_bytes()
    (tmp_path / "secret").write_text("secret")
    (folder / "a.ndjson").write_bytes(b"")
    (folder / "b.ndjson").write_bytes(whole[: len(whole) // 2])
    (folder / "c.ndjson").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "d.ndjson")
    (folder / "e.ndjson").mkdir()
    (folder / "f.ndjson").write_bytes(b"\xff" * 5000)
    (folder / "g.ndjson").symlink_to(good)
    (folder / "h.ndjson").write_bytes(b"[" * 200_000 + b"\n")
    with pytest.warns(AgentStateWarning) as caught:
        assert [entry.id for entry in store.trash.list()] == ["t"]
    assert [re.findall(r"(\w)\.ndjson: ", str(warning.message)) for warning in caught] == [
        [letter] for letter in "abcdefgh"
    ]
    assert "secret" not in "".join(str(warning.message) for warning in caught)


def test_a_bundle_that_was_changed_brings_nothing_back(store: StateStore) -> None:
    fill_thread(store)
    entry = store.trash.put("t")
    path = Path(entry.path)
    path.write_bytes(path.read_bytes().replace(b"three", b"3hree"))
    before = dump(store.path)
    with pytest.raises(BadInputError, match=f"{path.name}: the bundle was changed.*nothing was"):
        store.trash.restore("t")
    assert dump(store.path) == before
    assert path.exists()


def as_link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "elsewhere")


def as_writable_by_others(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def as_file(folder: Path) -> None:
    folder.write_text("")


UNSAFE: Final = {
    as_link: "is no folder",
    as_file: "is no folder",
    as_writable_by_others: "may be written by other users",
}


@pytest.mark.parametrize("make", UNSAFE)
def test_a_folder_that_others_may_fill_is_not_used(cli: Cli, make: object) -> None:
    assert callable(make)
    folder = folder_of(cli.db)
    folder.rename(folder.with_name("aside"))
    make(folder)
    before = dump(cli.db)
    line = cli.fails(5, "threads", "delete", "t-main", "--yes")
    assert line.startswith(
        "thread 't-main' was not deleted, for what would bring it back cannot be kept: "
    )
    assert UNSAFE[make] in line
    assert line.endswith("--no-bundle deletes without")
    assert dump(cli.db) == before
    for arguments in (("undelete", "t-gone"), ("trash", "list"), ("trash", "empty", "--yes")):
        assert "so it is not used" in cli.fails(5, "threads", *arguments)
    assert cli("threads", "delete", "t-main", "--yes", "--no-bundle").notes == [
        "deleted thread t-main"
    ]


@as_root
def test_a_trash_of_another_user_is_not_used(public_folder: Path) -> None:
    path = new_store(public_folder / "state.db")
    folder_of(path).mkdir(mode=0o700)
    give(public_folder, OWNER)
    os.chown(folder_of(path), STRANGER, STRANGER)
    assert "belongs to another user" in run_python(PUT, path, "t0", user=OWNER)
    with (
        StateStore.open(path) as store,
        pytest.raises(StoreUnavailableError, match="belongs to another user"),
    ):
        store.trash.put("t0")  # nor by root
    os.chown(folder_of(path), OWNER, OWNER)
    folder_of(path).chmod(0o500)
    assert "Permission denied" in run_python(PUT, path, "t0", user=OWNER)
    assert rows(path, "SELECT id FROM threads") == [("t0",)]
    folder_of(path).chmod(0o700)
    assert run_python(PUT, path, "t0", user=OWNER) == ""
    assert rows(path, "SELECT id FROM threads") == []


@as_root
def test_what_root_deletes_belongs_to_the_user(public_folder: Path) -> None:
    path = new_store(public_folder / "state.db")
    give(public_folder, OWNER)
    with StateStore.open(path) as store:
        store.trash.put("t0")
    code = "import sys; from agentstate import StateStore\n"
    code += "print(StateStore.open(sys.argv[1]).trash.restore('t0'))"
    assert run_python(code, path, user=OWNER) == "t0\n"


def test_a_full_disk_deletes_nothing(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    with StateStore.open(path) as store:
        store.messages.append("t0", "user", "x" * 3_000_000)
    before = dump(path)
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000,) * 2)"
    said = run_python(limit + PUT, path, "t0")
    assert said.startswith("5 thread 't0' was not deleted, for what would bring it back cannot ")
    assert "File too large" in said
    assert dump(path) == before
    assert files(path) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 2_000_000


# Other processes.


def test_eight_programs_delete_at_once(tmp_path: Path) -> None:
    """Each deletes every thread, so that they meet: one has it, and the others are told."""
    path = new_store(tmp_path / "state.db", threads=8)
    with StateStore.open(path) as store:
        for number in range(8):
            store.messages.append(f"t{number}", "user", f"of {number}")
    before = dump(path)
    names = [f"t{number}" for number in range(8)]
    running = [start_python(PUT, path, *names[first:], *names[:first]) for first in range(8)]
    said = [line for process in running for line in finish_python(process).splitlines()]
    assert sorted(line[: len("3 no thread 't0'")] for line in said) == [
        f"3 no thread {name!r}" for name in names for _ in range(7)
    ]
    assert rows(path, "SELECT id FROM threads") == []
    assert len(files(path)) == 8
    with StateStore.open(path) as store:
        assert sorted(entry.id for entry in store.trash.list()) == [f"t{n}" for n in range(8)]
        for number in range(8):
            store.trash.restore(f"t{number}")
    assert unordered(dump(path)) == unordered(before)


@pytest.mark.parametrize("point", ["before_commit", "require"])
def test_a_program_killed_in_the_middle_loses_nothing(tmp_path: Path, point: str) -> None:
    path = new_store(tmp_path / "state.db")
    with StateStore.open(path) as store:
        store.messages.append("t0", "user", "one")
    before = dump(path)
    code = """
import os, sys
from agentstate import StateStore
def die(): os.kill(os.getpid(), 9)
point = sys.argv[2]
store = StateStore.open(sys.argv[1], before_commit=die if point == "before_commit" else None)
store.trash.put("t0", **({"require": die} if point == "require" else {}))
"""
    process = start_python(code, path, point)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert dump(path) == before
    with StateStore.open(path) as store:
        assert len(store.trash.list()) == (point == "before_commit")
        # The bundle that is left over does no harm: deleting anew makes one of its own.
        store.trash.put("t0")
        assert store.trash.restore("t0") == "t0"
    assert dump(path) == before


def test_the_bundle_holds_what_another_program_wrote_just_before(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    code = """
import sys
from agentstate import AgentStateError, StateStore
with StateStore.open(sys.argv[1], timeout=30) as store:
    print("open", flush=True)
    written = 0
    try:
        while True:
            store.messages.append("t0", "user", str(written))
            written += 1
            print(".", end="", flush=True)
    except AgentStateError as error:
        print(error.exit_code, written)
"""
    writer = start_python(code, path)
    assert writer.stdout is not None
    writer.stdout.read(len("open\n.."))
    with StateStore.open(path, timeout=30) as store:
        entry = store.trash.put("t0")
        code_and_count = re.search(r"(\d+) (\d+)$", finish_python(writer))
        assert code_and_count is not None
        assert code_and_count[1] == "3"
        assert entry.messages == int(code_and_count[2])
        store.trash.restore("t0")
        assert len(store.messages.branch("t0", None)) == entry.messages


# The command line.


def test_delete_and_undelete(cli: Cli) -> None:
    before = unordered(dump(cli.db))
    assert cli("threads", "delete", "t-main", "--yes").notes == [
        "deleted thread t-main; agentstate threads undelete t-main brings it back"
    ]
    result = cli("threads", "undelete", "t-main")
    assert (result.lines, result.notes) == (["t-main"], [])
    assert unordered(dump(cli.db)) == before
    cli("threads", "delete", "Main", "--yes")
    assert cli("threads", "undelete", "MAIN", "-o", "json").json["name"] == "Main"
    cli("threads", "delete", "t-main", "--yes", "--no-bundle")
    assert cli.fails(3, "threads", "undelete", "t-main") == (
        "no deleted thread 't-main'; see agentstate threads trash list"
    )


def test_what_names_a_deleted_thread(cli: Cli) -> None:
    with cli.store() as store:
        for thread_id, name in {"ab-1": "One", "ab-2": "Two", "c": "ab-1"}.items():
            store.threads.create(thread(thread_id, name=name, cwd=f"/of {thread_id}"))
            store.trash.put(thread_id)
        store.threads.create(thread("ab-2", name="Two again", cwd=EVIL))
        store.trash.put("ab-2")
    line = cli.fails(4, "threads", "undelete", "ab")
    assert FORBIDDEN.search(line) is None
    assert re.fullmatch(
        rf"several deleted threads are 'ab': ab-2 \(Two again\) deleted {WHEN} in \\x1b.*, "
        rf"ab-1 \(One\) deleted {WHEN} in /of ab-1",
        line,
    )
    cli.fails(2, "threads", "undelete", "")
    assert cli("threads", "undelete", "name:AB-1").lines == ["c"]
    assert cli("threads", "undelete", "ab-1").lines == ["ab-1"]
    (older,) = (
        row[6] for row in cli("threads", "trash", "list").cells if row[:2] == ["ab-2", "Two"]
    )
    assert cli("threads", "undelete", "ab", "--bundle", older, "-o", "json").json["name"] == "Two"
    line = cli.fails(4, "threads", "undelete", "id:ab-2")
    assert line == "thread 'ab-2' exists; nothing was written"


def test_a_bundle_by_its_path(cli: Cli, tmp_path: Path) -> None:
    assert cli.fails(2, "threads", "undelete") == "say which: THREAD, or --bundle PATH"
    with cli.store() as store:
        store.threads.create(thread("t", name="First"))
        first = store.trash.put("t").path
        store.threads.create(thread("t", name="Second"))
        second = store.trash.put("t").path
    copy = tmp_path / "copy.ndjson"
    copy.write_bytes(Path(first).read_bytes())
    for path in (copy, tmp_path / "nothing", folder_of(cli.db)):
        for more in ((), ("t",)):
            assert cli.fails(3, "threads", "undelete", *more, "--bundle", path) == (
                f"{path} is no bundle of this store's trash; see agentstate threads trash list"
            )
    assert cli.fails(3, "threads", "undelete", "t-gone", "--bundle", first) == (
        f"{first} is the bundle of t (First), not of 't-gone'"
    )
    (tmp_path / "link").symlink_to(first)
    result = cli("threads", "undelete", "--bundle", tmp_path / "link", "-o", "json")
    assert result.json["name"] == "First"
    assert not Path(first).exists()
    assert Path(second).exists()


def test_what_tells_deletions_of_one_name_apart(cli: Cli) -> None:
    with cli.store() as store:
        for number in range(2):
            made = thread(f"n{number}", name="Same", cwd=f"/w/{number}", preview=f"Say {number}")
            store.threads.create(made)
            store.trash.put(made.id)
    (later, earlier, _) = cli("threads", "trash", "list", "-o", "json").json
    assert (earlier["cwd"], earlier["preview"]) == ("/w/0", "Say 0")
    assert list(earlier)[-2:] == ["cwd", "preview"]
    assert cli("threads", "trash", "list").cells[0][-2:] == ["/w/1", "Say 1"]
    for path, then in ((later["path"], 1_800_000_061), (earlier["path"], 1_800_000_060)):
        text = Path(path).read_text()
        Path(path).write_text(re.sub(r'"written_at":\d+', f'"written_at":{then}', text, count=1))
    seen = cli.screen("threads", "trash", "list", width=160).text
    assert re.findall(r"n(\d)\b.* \d\d-\d\d \d\d:01:(\d\d) .*/w/(\d)\b.*Say (\d)", seen) == [
        ("1", "01", "1", "1"),
        ("0", "00", "0", "0"),
    ]


def test_the_command_that_undoes_can_be_typed(cli: Cli) -> None:
    for thread_id in ("a b", "-x", "id:y", "q'uote", "$(z)"):
        cli("threads", "create", "--id", thread_id)
        (note,) = cli("threads", "delete", f"id:{thread_id}", "--yes").notes
        command = note.partition("; agentstate ")[2].removesuffix(" brings it back")
        assert cli(*shlex.split(command)).lines == [thread_id]


def test_listing_the_trash(cli: Cli) -> None:
    cli("threads", "delete", "t-main", "--yes")
    folder = folder_of(cli.db)
    found = cli("threads", "trash", "list", "-o", "json").json
    assert [entry["id"] for entry in found] == ["t-main", "t-gone"]
    assert (found[0]["name"], found[0]["messages"]) == ("Main", 4)
    assert Path(found[0]["path"]).parent == folder
    assert found[0]["expires_at"] - found[0]["deleted_at"] == 30 * DAY
    result = cli("threads", "trash", "list", "--limit", "1", "-o", "id")
    assert (result.lines, result.notes) == (
        ["t-main"],
        ["1 of 2 deleted threads; --limit 0 for all"],
    )
    (folder / "torn.ndjson").write_text("{")
    result = cli("threads", "trash", "list", "--fields", "id,size")
    assert [row[0] for row in result.cells] == ["t-main", "t-gone"]
    (note,) = result.notes
    assert note.startswith("agentstate: warning: left out: ")
    assert note.endswith("torn.ndjson: the bundle is cut short at line 1")


def test_emptying_the_trash(cli: Cli) -> None:
    with cli.store() as store:
        store.threads.create(thread("t-new"))
        store.trash.put("t-new")
    before = everything(cli.db.parent)
    cli.fails(2, "threads", "trash", "empty")
    result = cli("threads", "trash", "empty", "--dry-run", "-o", "id")
    assert result.lines == ["t-new", "t-gone"]
    assert re.fullmatch(r"would remove 2 deleted threads \(1\.\d kB\) for good", result.notes[0])
    assert cli("threads", "trash", "empty", "--dry-run", "--older-than", "7d").stdout == b""
    assert everything(cli.db.parent) == before
    assert cli("threads", "trash", "empty", "--older-than", "7d", "--yes").notes == [
        "nothing to remove"
    ]
    cli.fails(2, "threads", "trash", "empty", "--older-than", "old", "--yes")
    assert cli.fails(2, "threads", "trash", "empty", "--older-than", "7", "--yes") == (
        "--older-than 7: 7 what? write 7d for days"
    )
    torn = folder_of(cli.db) / "torn.ndjson"
    torn.write_text("{")
    notes = cli("threads", "trash", "empty", "--dry-run").notes
    assert len(notes) == 2
    assert notes[1].endswith(" kB) and 1 file that is no whole bundle for good")
    torn.unlink()
    assert len(files(cli.db)) == 2
    terminal = spawn("threads", "trash", "empty", db=cli.db)
    terminal.expect(r"Remove 2 deleted threads \(1\.\d kB\) for good\? \[y/N\] ")
    terminal.send("n\r")
    assert finish(terminal).code == 130
    assert len(files(cli.db)) == 2
    terminal = spawn("threads", "trash", "empty", db=cli.db)
    terminal.expect_exact("[y/N] ")
    terminal.send("y\r")
    assert finish(terminal).code == 0
    assert files(cli.db) == []
    terminal = spawn("threads", "trash", "empty", db=cli.db)
    assert finish(terminal) == Result(0, b"nothing to remove\n")
    torn.write_text("{")
    assert cli("threads", "trash", "empty", "--yes").notes[1] == (
        "removed 1 file that is no whole bundle for good"
    )
    assert files(cli.db) == []


@as_root
def test_the_trash_of_a_store_that_may_only_be_read(public_folder: Path) -> None:
    path = new_store(public_folder / "state.db")
    with StateStore.open(path) as store:
        store.trash.put("t0")
    path.chmod(0o644)
    public_folder.chmod(0o555)
    give(public_folder, OWNER)
    before = everything(public_folder)
    code = """
import sys
from agentstate import AgentStateError, StateStore
with StateStore.open(sys.argv[1], read_only=True) as store:
    try:
        print([entry.id for entry in store.trash.list()])
    except AgentStateError as error:
        print(error.exit_code, error)
"""
    assert run_python(code, path, user=OWNER) == "['t0']\n"
    # Another user's deleted threads are nobody else's.
    assert "belongs to another user" in run_python(code, path, user=STRANGER)
    assert everything(public_folder) == before


def test_hostile_names_reach_no_screen(cli: Cli) -> None:
    evil_id, name = f"id{EVIL}", f"name{EVIL}"
    for other in ("", "2"):
        cli("threads", "create", "--id", evil_id.replace("\0", "") + other, "--name", "n")
    with cli.store() as store:
        store.threads.create(thread(evil_id, name=name))
        store.trash.put(evil_id)
    seen = cli.screen("threads", "trash", "list", width=200)
    assert FORBIDDEN.search(seen.text.replace("\x1b[", "")) is None
    assert "id\\x1b[31m\\u202e\\x07[bold]" in seen.text
    (row, _) = cli("threads", "trash", "list").cells
    assert row[0] == evil_id.replace("\n", "\\n").replace("\t", "\\t").replace("\0", "\\0")
    seen = cli.screen("threads", "trash", "list", "-o", "json")
    assert FORBIDDEN.search(seen.text) is None
    assert cli("threads", "trash", "list", "-o", "json").json[0]["id"] == evil_id
    for line in (
        the_error(cli.run("threads", "undelete", f"none{EVIL}".replace("\0", "")), 3),
        *cli("threads", "delete", evil_id.replace("\0", "") + "2", "--yes").notes,
        the_error(cli.run("threads", "undelete", "id\x1b"), 4),
    ):
        assert FORBIDDEN.search(line) is None


def test_the_table_of_the_trash(demo: Cli) -> None:
    for thread_id in ("demo-lexer", "0199a213-81c0-7800-8aa1-bbab2a035a53"):
        demo("threads", "delete", thread_id, "--yes")
    for path in sorted(folder_of(demo.db).iterdir()):
        # Deleted a known time ago, which the table says; the end does not fit any more, which
        # only bringing it back would mind.
        text = path.read_text()
        then = int(path.name.partition("-")[0])
        for age in (then, then + 30 * DAY):
            text = text.replace(f'_at":{age}', f'_at":{age - 5 * DAY - 600}', 1)
        path.write_text(text)
    for width in (40, 80, 140):
        seen, expected = golden(
            f"threads_trash_list_{width}", demo.screen("threads", "trash", "list", width=width)
        )
        assert seen == expected
