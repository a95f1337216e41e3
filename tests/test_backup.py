"""Backups: what they hold, when they are refused, and what is left where one is interrupted."""

from __future__ import annotations

import resource
import shutil
import signal
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import AgentStateWarning, StateStore
from agentstate.config import Location
from agentstate.store.backups import keep
from cli_support import Result, run, the_error
from old_stores import OLD, old_store
from stores import killed_store, log_of, store_with, to_rollback_mode
from support import (
    OWNER,
    STRANGER,
    as_root,
    give,
    mode,
    new_store,
    raw,
    rows,
    run_forked,
    snapshot,
    start_python,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_support import Cli

INDEX: Final = "session_index.jsonl"


def contents(path: Path) -> list[str]:
    """Return all that a file holds, after seeing that it is sound; nothing of it is changed."""
    copy = path.with_name(f"{path.name}.read")
    shutil.copyfile(path, copy)
    with raw(copy) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = list(connection.iterdump())
        found += [str(connection.execute("PRAGMA user_version").fetchone())]
    copy.unlink()
    return found


def logical(path: Path) -> list[str]:
    """Return all that a store holds, its log included, as another program would read it."""
    with raw(path) as connection:
        version = str(connection.execute("PRAGMA user_version").fetchone())
        return [*connection.iterdump(), version]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def damage(path: Path) -> None:
    """Overwrite a page in the middle of a store."""
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096)


def test_a_backup_is_a_whole_store(cli: Cli, tmp_path: Path) -> None:
    before = snapshot(cli.db.parent)
    result = cli("backup", f"{tmp_path}/a/b/")
    copy = tmp_path / "a" / "b" / "state.db"
    assert result.lines == [str(copy)]
    assert result.notes == ["2 threads and 4 messages backed up and verified"]
    assert snapshot(cli.db.parent) == before
    assert names(copy.parent) == [INDEX, "state.db"]
    assert contents(copy) == contents(cli.db)
    assert (copy.parent / INDEX).read_bytes() == (cli.db.parent / INDEX).read_bytes()
    assert [mode(path) for path in (copy, copy.parent / INDEX)] == [0o600, 0o600]
    assert [mode(path) for path in (copy.parent, copy.parent.parent)] == [0o700, 0o700]
    backup = cli.on(copy)
    kept = snapshot(copy.parent)
    assert backup("messages", "list", "t-main").stdout == cli("messages", "list", "t-main").stdout
    assert backup("index", "check", "--strict").code == 0
    # Another program may read it, too: a file with a log could not be read on a closed disk.
    assert rows(copy, "PRAGMA journal_mode") == [("delete",)]
    assert snapshot(copy.parent) == kept
    backup("threads", "rename", "t-main", "Renamed")
    assert cli("threads", "show", "t-main", "--fields", "name").lines == ["Main"]


def test_the_shapes_of_the_answer(cli: Cli, tmp_path: Path) -> None:
    found = cli("backup", tmp_path / "one" / "copy.db", "-o", "json").json
    path = tmp_path / "one" / "copy.db"
    assert found == {
        "path": str(path),
        "index_path": str(path.with_name(INDEX)),
        "size": path.stat().st_size,
        "threads": 2,
        "messages": 4,
    }
    (cells,) = cli("backup", tmp_path / "two" / "copy.db", "-o", "tsv").cells
    assert cells[0] == str(tmp_path / "two" / "copy.db")
    seen = cli.screen("--color", "never", "backup", f"{tmp_path}/3/", "-o", "table", width=200)
    assert [line.split()[0] for line in seen.lines] == [
        "backup",
        "session",
        "size",
        "threads",
        "messages",
    ]


@pytest.mark.parametrize("option", [(), ("--compact",)])
@pytest.mark.parametrize("name", [*OLD, "killed", "killed, no -shm", "rollback", "link"])
def test_a_store_is_copied_as_it_is_and_left_alone(
    cli: Cli, tmp_path: Path, name: str, option: tuple[str, ...]
) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    if name in OLD:
        path = old_store(name, folder)
    elif name == "rollback":
        path = to_rollback_mode(store_with(folder / "state.db", "one"))
    elif name == "link":
        path = folder / "state.db"
        path.symlink_to(store_with(tmp_path / "real.db", "one"))
    else:
        path = killed_store(folder / "state.db", "two", "three")
        if name != "killed":
            folder.joinpath("state.db-shm").unlink()
    if not (folder / INDEX).exists():
        (folder / INDEX).write_bytes(b'{"thread_id":"t0","thread_name":"N","updated_at":1}\n{"to')
    before = snapshot(folder)
    out = tmp_path / "out"
    assert cli.on(path)("backup", f"{out}/", *option).lines == [str(out / "state.db")]
    assert snapshot(folder) == before
    assert not (out / "state.db").is_symlink()
    assert names(out) == [INDEX, "state.db"]
    assert (out / INDEX).read_bytes() == (folder / INDEX).read_bytes()
    assert contents(out / "state.db") == logical(path)


@as_root
def test_a_second_user_backs_up_what_he_may_only_read(public_folder: Path) -> None:
    path = killed_store(public_folder / "store" / "state.db", "two")
    give(path.parent, OWNER)
    path.parent.chmod(0o755)
    for file in path.parent.iterdir():
        file.chmod(0o644)
    public_folder.joinpath("mine").mkdir()
    give(public_folder / "mine", STRANGER)
    before = snapshot(path.parent)
    run("backup", f"{public_folder}/mine/compact/", "--compact", db=path, user=STRANGER)
    result = run("backup", public_folder / "mine", db=path, user=STRANGER)
    assert result.lines == [str(public_folder / "mine" / "state.db")]
    assert snapshot(path.parent) == before
    copy = public_folder / "mine" / "state.db"
    assert (mode(copy), copy.stat().st_uid) == (0o600, STRANGER)
    for one in (copy, public_folder / "mine" / "compact" / "state.db"):
        assert contents(one)
        assert rows(one, "SELECT content FROM messages") == [("first",), ("two",)]


def test_a_compact_backup_has_no_free_pages_and_the_same_order(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", *("x" * 10_000 for _ in range(30)))
    with StateStore.open(path) as store:
        for name in ("b", "a", "c"):
            store.checkpoints.save("t0", name, {"name": name})
        store.checkpoints.delete("t0", "b")
        store.checkpoints.save("t0", "b", {"again": True})
        store.messages.clear("t0")
        assert store.messages.append("t0", "user", "last") == 31
        plain = store.backup(tmp_path / "plain" / "state.db")
        compact = store.backup(f"{tmp_path}/compact/", compact=True)
        order = [checkpoint.checkpoint_id for checkpoint in store.checkpoints.list("t0")]
    assert compact.size < plain.size / 2
    with StateStore.open(compact.path) as copy:
        assert [found.checkpoint_id for found in copy.checkpoints.list("t0")] == order
        assert order == ["b", "c", "a"]
        assert [message.id for message in copy.messages.branch("t0")] == [31]
        copy.messages.clear("t0")
        assert copy.messages.append("t0", "user", "new") == 32
    assert rows(tmp_path / "plain" / "state.db", "PRAGMA freelist_count") != [(0,)]


WRITER: Final = """
import sqlite3, sys, time
agent = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
number = 0
while True:
    time.sleep(0.002)  # who never lets go of a lock lets nobody read
    thread = f"t{number % 2}"
    number += 1
    agent.execute("BEGIN IMMEDIATE")
    ((leaf,),) = agent.execute("SELECT current_leaf_id FROM threads WHERE id = ?", [thread])
    new = agent.execute(
        "INSERT INTO messages(thread_id, role, content, created_at, parent_entry_id) "
        "VALUES (?, 'user', ?, 1, ?)", [thread, f"{number} " + "x" * 2000, leaf]).lastrowid
    agent.execute("UPDATE threads SET current_leaf_id = ? WHERE id = ?", [new, thread])
    agent.execute("COMMIT")
    print(number, flush=True)
"""


@pytest.mark.parametrize("journal", ["wal", "delete"])
@pytest.mark.parametrize("option", [(), ("--compact",)])
def test_others_write_meanwhile(
    cli: Cli, tmp_path: Path, journal: str, option: tuple[str, ...]
) -> None:
    path = new_store(tmp_path / "busy" / "state.db", threads=2)
    if journal == "delete":
        to_rollback_mode(path)
    writer = start_python(WRITER, path)
    assert writer.stdout is not None
    counts: list[int] = []
    try:
        for number in range(2):
            acknowledged = 0
            while acknowledged <= max(counts, default=0):
                acknowledged = int(writer.stdout.readline())
            arguments = ("backup", f"{tmp_path}/{number}/", *option, "-o", "json")
            made = cli.on(path)("--timeout", "60", *arguments).json
            assert made["messages"] >= acknowledged
            counts.append(made["messages"])
        assert writer.poll() is None
    finally:
        writer.kill()
        _, errors = writer.communicate()
    assert errors == ""
    assert counts == sorted(set(counts))
    for number, messages in enumerate(counts):
        copy = tmp_path / str(number) / "state.db"
        assert contents(copy)
        with StateStore.open(copy, read_only=True) as store:
            branches = [store.messages.branch(f"t{thread}", None) for thread in range(2)]
        said = sorted(int(one.content.split()[0]) for branch in branches for one in branch)
        assert said == list(range(1, messages + 1))


# Where something is there already


@pytest.mark.parametrize("name", ["state.db", INDEX, "state.db-wal", "state.db-journal"])
def test_nothing_is_replaced_unasked(cli: Cli, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(b"mine")
    line = cli.fails(4, "backup", out)
    assert line.startswith(f"{out / name} is there already; nothing was written")
    assert "--force" in line
    assert names(out) == [name]
    assert (out / name).read_bytes() == b"mine"
    cli("backup", out, "--force")
    assert contents(out / "state.db") == contents(cli.db)
    assert names(out) == [INDEX, "state.db"]


def test_a_forced_backup_is_not_mixed_with_the_log_of_the_old_one(cli: Cli, tmp_path: Path) -> None:
    old = killed_store(tmp_path / "out" / "state.db", *("old " * 2000 for _ in range(30)))
    assert log_of(old).stat().st_size > cli.db.stat().st_size
    cli("backup", old, "--force")
    assert contents(old) == contents(cli.db)
    assert logical(old) == logical(cli.db)
    assert names(old.parent) == [INDEX, f"{INDEX}.lock", "state.db"]


def test_a_store_without_an_index_takes_no_index_of_another(cli: Cli, tmp_path: Path) -> None:
    (cli.db.parent / INDEX).unlink()
    out = tmp_path / "out"
    out.mkdir()
    (out / INDEX).write_text('{"thread_id":"t-main","thread_name":"Another","updated_at":1}\n')
    cli.fails(4, "backup", out)
    found = cli("backup", out, "--force", "-o", "json").json
    assert found["index_path"] is None
    assert names(out) == ["state.db"]


def test_links_to_a_backup_stay_links(cli: Cli, tmp_path: Path) -> None:
    real, link = tmp_path / "real" / "state.db", tmp_path / "link" / "state.db"
    killed_store(real, "old")
    link.parent.mkdir()
    link.symlink_to(real)
    assert "is there already" in cli.fails(4, "backup", link)
    cli("backup", link, "--force")
    assert link.is_symlink()
    assert logical(link) == logical(real) == contents(cli.db)
    assert names(link.parent) == [INDEX, "state.db"]
    assert names(real.parent) == [INDEX, f"{INDEX}.lock", "state.db"]


def test_a_backup_that_a_program_has_open_is_not_replaced(cli: Cli, tmp_path: Path) -> None:
    old = store_with(tmp_path / "out" / "state.db", "old")
    index = (old.parent / INDEX).read_bytes()
    with StateStore.open(old) as open_elsewhere:
        assert open_elsewhere.messages.branch("t0")
        line = cli.fails(5, "--timeout", "0.1", "backup", old, "--force")
        assert line.startswith(f"{old} is open in ")
        assert (old.parent / INDEX).read_bytes() == index
    assert rows(old, "SELECT content FROM messages") == [("old",)]
    assert names(old.parent) == [INDEX, f"{INDEX}.lock", "state.db"]


def test_the_store_itself_is_no_place_for_its_backup(cli: Cli, tmp_path: Path) -> None:
    folder = cli.db.parent
    (tmp_path / "link.db").symlink_to(cli.db)
    (tmp_path / "hard.db").hardlink_to(cli.db)
    (tmp_path / "folder").symlink_to(folder)
    before = snapshot(folder)
    for out in (
        cli.db,
        folder,
        f"{folder}/",
        folder / "state.db-wal",
        tmp_path / "link.db",
        tmp_path / "hard.db",
        tmp_path / "folder",
        tmp_path / "folder" / "state.db-shm",
    ):
        for force in ((), ("--force",)):
            assert "the store itself" in cli.fails(4, "backup", out, *force)
    for out in (folder / "copy.db", folder / INDEX):
        for force in ((), ("--force",)):
            assert "a folder of its own" in cli.fails(4, "backup", out, *force)
    assert snapshot(folder) == before


# What is not backed up


def test_a_damaged_store_is_not_backed_up_and_can_be_kept(cli: Cli, tmp_path: Path) -> None:
    path = store_with(cli.db.parent / "sub" / "state.db", *("x" * 2500 for _ in range(40)))
    damage(path)
    before = snapshot(path.parent)
    damaged = cli.on(path)
    for option in ((), ("--compact",)):
        line = damaged.fails(6, "backup", f"{tmp_path}/new/out/", *option)
        assert line.startswith(f"{path} is damaged, so no backup was made of it: ")
        assert "agentstate recover" in line
    assert not (tmp_path / "new").exists()
    assert snapshot(path.parent) == before
    kept = keep(Location(path=path, rule="given"))
    folder, stamp, name = kept.path.rsplit("/", 2)
    assert (folder, name) == (f"{path}.backups", "state.db")
    assert len(stamp) == len("20300101T000000Z")
    assert mode(path.with_name("state.db.backups")) == 0o700
    assert kept.index_path is not None
    source, copy = path.read_bytes(), (path.parent / "state.db.backups" / stamp / name).read_bytes()
    # But for how it is journalled, and two counters.
    differences = {place for place in range(len(source)) if source[place] != copy[place]}
    assert differences <= {*range(18, 20), *range(24, 28), *range(40, 44), *range(92, 96)}
    again = keep(Location(path=path, rule="given"))
    assert again.path != kept.path


def test_references_that_are_broken_in_the_store_are_no_reason_to_refuse(tmp_path: Path) -> None:
    path = store_with(tmp_path / "store" / "state.db", "one")
    with raw(path) as connection:
        connection.execute("INSERT INTO checkpoints VALUES ('gone', 'c', '{}', 1)")
    with StateStore.open(path) as store, pytest.warns(AgentStateWarning, match="backup: 1;"):
        store.backup(tmp_path / "out" / "state.db")
    assert contents(tmp_path / "out" / "state.db") == contents(path)


def test_what_is_no_store_is_not_backed_up(cli: Cli, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with raw(other) as connection:
        connection.execute("CREATE TABLE songs(name)")
    (tmp_path / "text").write_text("text " * 1000)
    (tmp_path / "empty").touch()
    for name, code in (("other.db", 6), ("text", 6), ("empty", 3), ("none", 3)):
        cli.on(tmp_path / name).fails(code, "backup", f"{tmp_path}/out/")
    assert not (tmp_path / "out").exists()
    assert "path is empty" in cli.fails(2, "backup", "")


def test_a_place_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = cli.fails(5, "backup", tmp_path / "file" / "sub" / "state.db")
    assert line == f"cannot make the folder {tmp_path}/file/sub: Not a directory"


@as_root
def test_a_folder_that_may_not_be_written(public_folder: Path, filled: Path) -> None:
    shutil.copytree(filled, public_folder / "store")
    give(public_folder / "store", STRANGER)
    (public_folder / "out").mkdir(0o755)
    result = run(
        "backup",
        public_folder / "out",
        db=public_folder / "store" / "state.db",
        user=STRANGER,
    )
    assert the_error(result, 5).endswith("Permission denied")
    assert names(public_folder / "out") == []


# Interruptions


def limit(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("option", [(), ("--compact",)])
def test_a_full_disk_leaves_nothing(cli: Cli, tmp_path: Path, option: tuple[str, ...]) -> None:
    """A limit on the size of files stands for the disk."""
    out = tmp_path / "new" / "out"
    result = run("backup", f"{out}/", *option, db=cli.db, preexec_fn=limit(100_000))
    line = the_error(result, 5)
    assert str(out / "state.db") in line
    assert not (tmp_path / "new").exists()


STOP_AT: Final = """
import os, signal, sys
number, at, events = int(sys.argv.pop(1)), int(sys.argv.pop(1)), sys.argv.pop(1).split()
seen = 0
def stop(event, arguments):
    global seen
    if event in events:
        seen += 1
        if seen == at:
            os.kill(os.getpid(), number)
from agentstate.cli import run
sys.addaudithook(stop)
run()
"""
"""Sends itself a signal when it is about to do something for the n-th time."""


EVENTS: Final = {
    signal.SIGKILL: "sqlite3.connect os.mkdir os.remove os.rename os.link",
    # What is being tidied up is not interrupted, for that cannot be told from a killed process.
    signal.SIGINT: "sqlite3.connect os.mkdir",
}


def stopped(number: signal.Signals, at: int, *arguments: object) -> Result:
    return Result(*run_forked(STOP_AT, int(number), at, EVENTS[number], *arguments))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_backup_leaves_no_half_of_one(
    cli: Cli, tmp_path: Path, number: signal.Signals
) -> None:
    folder = cli.db.parent
    before = snapshot(folder)
    expected = contents(cli.db)
    out = tmp_path / "new" / "out"
    codes = []
    for at in range(1, 40):
        codes.append(stopped(number, at, "--db", cli.db, "backup", f"{out}/").code)
        if (out / "state.db").exists():
            assert contents(out / "state.db") == expected
        elif number == signal.SIGINT:
            assert not out.parent.exists()
        if codes[-1] == 0:
            break
        shutil.rmtree(out.parent, ignore_errors=True)
        # What SQLite leaves of a killed reader: a log without anything in it.
        for suffix in ("-wal", "-shm"):
            left = folder / f"state.db{suffix}"
            assert number == signal.SIGKILL or not left.exists()
            assert suffix != "-wal" or not left.exists() or not left.stat().st_size
            left.unlink(missing_ok=True)
    assert codes == [130 if number == signal.SIGINT else -number] * (len(codes) - 1) + [0]
    assert len(codes) > 3
    assert snapshot(folder) == before


def test_what_a_killed_backup_left_is_removed_by_the_next(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for at in range(1, 30):
        assert stopped(signal.SIGKILL, at, "--db", cli.db, "backup", f"{out}/").code == -9
        if out.exists() and any(name.startswith(".state.db.new-") for name in names(out)):
            break
    cli("backup", f"{out}/")
    assert names(out) == [INDEX, "state.db"]


@pytest.mark.parametrize("name", [INDEX, f"{INDEX}.lock", "x.db-wal", "x.db-shm", "x.db-journal"])
def test_a_name_of_something_else_is_refused(cli: Cli, tmp_path: Path, name: str) -> None:
    for option in ([], ["--force"]):
        line = cli.fails(2, "backup", tmp_path / "new" / name, *option)
        assert line.startswith(f"{name!r} is no name for a store")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("verb", ["backup", "recover"])
def test_a_folder_that_is_gone(cli: Cli, tmp_path: Path, verb: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    the_error(run(verb, "out/", db=cli.db, cwd=gone, preexec_fn=gone.rmdir), 2)
