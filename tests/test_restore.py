"""Restoring: what takes the store's place, what is kept, and who is waited for."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import StateStore, StoreBusyError, restore
from agentstate.db.alone import held
from agentstate.store.backups import keep_bytes
from cli_support import finish as finish_terminal
from cli_support import has_open, run, spawn, start, the_error
from old_stores import OLD, old_store
from stores import (
    index_of_log,
    killed_store,
    log_of,
    store_with,
    to_rollback_mode,
    with_hot_journal,
)
from support import (
    STRANGER,
    as_root,
    give,
    mode,
    new_store,
    raw,
    rows,
    run_python,
    set_version,
    snapshot,
    start_python,
)
from test_backup import INDEX, contents, damage, logical, names, stopped

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cli_support import Cli


@pytest.fixture
def backup(cli: Cli, tmp_path: Path) -> Path:
    """Back the store up, and change it after."""
    path = tmp_path / "backup" / "state.db"
    cli("backup", path)
    cli("threads", "create", "--id", "t-new", "--name", "New", "--cwd", "/w")
    return path


def kept(cli: Cli) -> list[Path]:
    return sorted(cli.db.parent.glob("state.db.backups/*/state.db"))


def texts(path: Path) -> list[str]:
    return [text for (text,) in rows(path, "SELECT content FROM messages ORDER BY id")]


def without_sequence(dump: list[str]) -> list[str]:
    """Leave out the highest id that was given, which a restore does not take back."""
    return [line for line in dump if '"sqlite_sequence"' not in line]


def tidy(path: Path) -> None:
    """See that nothing is left beside a store that could be applied to it."""
    assert [name for name in names(path.parent) if name.startswith((".", f"{path.name}-"))] == []


def test_a_backup_takes_the_place_of_the_store_which_is_kept(cli: Cli, backup: Path) -> None:
    before = logical(cli.db)
    index = (cli.db.parent / INDEX).read_bytes()
    inode = cli.db.stat().st_ino
    cli.db.chmod(0o640)
    source = snapshot(backup.parent)
    result = cli("restore", backup.parent, "--yes")
    assert result.lines == [str(cli.db)]
    (old,) = kept(cli)
    assert result.notes == [f"what was there before is kept as {old}"]
    assert logical(cli.db) == contents(backup)
    assert (cli.db.parent / INDEX).read_bytes() == (backup.parent / INDEX).read_bytes()
    assert (contents(old), old.with_name(INDEX).read_bytes()) == (before, index)
    assert [mode(path) for path in (old, old.parent, old.parent.parent)] == [0o600, 0o700, 0o700]
    # Who comes with a descriptor of the old file must not write into one that has no name.
    assert (cli.db.stat().st_ino, mode(cli.db)) == (inode, 0o640)
    assert rows(cli.db, "PRAGMA journal_mode") == [("wal",)]
    assert snapshot(backup.parent) == source
    tidy(cli.db)
    assert cli.run("index", "check", "--strict").code == 0
    cli("restore", old, "--yes")
    assert logical(cli.db) == before
    assert (cli.db.parent / INDEX).read_bytes() == index
    assert len(kept(cli)) == 2


def test_the_shapes_of_the_answer(cli: Cli, backup: Path) -> None:
    found = cli("restore", backup, "--yes", "-o", "json").json
    assert found == {
        "path": str(cli.db),
        "source": str(backup),
        "replaced": str(kept(cli)[0]),
        "threads": 2,
        "messages": 4,
        "schema_version": 4,
    }
    (cells,) = cli("restore", backup, "--yes", "-o", "tsv").cells
    assert cells[:2] == [str(cli.db), str(backup)]
    table = cli("restore", backup, "--dry-run", "-o", "table").lines
    assert [line.split("  ")[0] for line in table] == [
        "store",
        "restored from",
        "schema version",
        "threads",
        "messages",
    ]


def test_it_asks_or_wants_yes(cli: Cli, backup: Path) -> None:
    before = snapshot(cli.db.parent)
    assert "--yes" in cli.fails(2, "restore", backup)
    result = cli("restore", backup, "--dry-run")
    assert result.lines == [str(cli.db)]
    assert result.notes == [
        f"would replace {cli.db} by {backup}, which has 2 threads and 4 messages"
    ]
    terminal = spawn("restore", backup, db=cli.db)
    terminal.expect("which has 2 threads and 4 messages\\? \\[y/N\\]")
    terminal.sendline("n")
    assert finish_terminal(terminal).code == 130
    assert snapshot(cli.db.parent) == before
    terminal = spawn("restore", backup, db=cli.db)
    terminal.expect("\\[y/N\\]")
    terminal.sendline("y")
    assert finish_terminal(terminal).code == 0
    assert logical(cli.db) == contents(backup)


@pytest.mark.parametrize("has_index", [True, False])
@pytest.mark.parametrize("name", OLD)
def test_an_old_version_is_restored_as_it_is(
    cli: Cli, tmp_path: Path, name: str, *, has_index: bool
) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    source = old_store(name, folder)
    if not has_index:
        (folder / INDEX).unlink()
    expected = logical(source)
    before = snapshot(folder)
    result = cli("restore", folder, "--yes")
    assert result.notes[-1] == f"it is at version {name[1]}; the next write migrates it"
    assert logical(cli.db) == expected
    assert snapshot(folder) == before
    index = cli.db.parent / INDEX
    if has_index:
        assert index.read_bytes() == (folder / INDEX).read_bytes()
    elif name == "v0":
        assert not index.exists()
        assert "index rebuild" in result.notes[0]
    else:
        assert cli.run("index", "check", "--strict").code == 0
    assert kept(cli)[0].with_name(INDEX).exists()
    cli("threads", "create", "--id", "t-new", "--cwd", "/w")
    assert cli("info", "--fields", "schema_version").lines == ["4"]


@pytest.mark.parametrize("has_shm", [True, False])
def test_the_log_of_a_backup_counts_and_stays(cli: Cli, tmp_path: Path, *, has_shm: bool) -> None:
    source = killed_store(tmp_path / "killed" / "state.db", "two", "three")
    if not has_shm:
        index_of_log(source).unlink()
    before = snapshot(source.parent)
    cli("restore", source, "--yes")
    assert texts(cli.db) == ["first", "two", "three"]
    assert snapshot(source.parent) == before


@pytest.mark.parametrize("page_size", [512, 1024, 65536])
@pytest.mark.parametrize("larger", [True, False])
def test_pages_of_another_size(cli: Cli, tmp_path: Path, page_size: int, *, larger: bool) -> None:
    other = store_with(tmp_path / "other" / "state.db", *("x" * 5000 for _ in range(40 * larger)))
    with raw(to_rollback_mode(other)) as connection:
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute("VACUUM")
    cli("restore", other, "--yes")
    assert without_sequence(logical(cli.db)) == without_sequence(logical(other))
    assert rows(cli.db, "PRAGMA page_size") == [(page_size,)]
    assert rows(cli.db, "PRAGMA integrity_check") == [("ok",)]
    tidy(cli.db)
    cli("restore", kept(cli)[0], "--yes")
    assert rows(cli.db, "PRAGMA page_size") == [(4096,)]
    assert len(cli("messages", "list", "t-main").lines) == 2


def test_a_linked_store_stays_a_link(cli: Cli, backup: Path, tmp_path: Path) -> None:
    link = tmp_path / "links" / "state.db"
    link.parent.mkdir()
    link.symlink_to(cli.db)
    result = cli.on(link)("restore", backup, "--yes", "-o", "json").json
    assert link.is_symlink()
    assert logical(cli.db) == contents(backup)
    assert result["replaced"] == str(kept(cli)[0])
    assert (link.parent / INDEX).read_bytes() == (backup.parent / INDEX).read_bytes()


def test_where_there_was_no_store(cli: Cli, backup: Path, tmp_path: Path) -> None:
    new = cli.on(tmp_path / "a" / "b" / "other.db")
    found = new("restore", backup.parent, "--yes", "-o", "json").json
    assert found["replaced"] is None
    assert names(new.db.parent) == ["other.db", INDEX, f"{INDEX}.lock"]
    assert (mode(new.db), mode(new.db.parent), mode(new.db.parent.parent)) == (0o600, 0o700, 0o700)
    assert logical(new.db) == contents(backup)


def test_a_backup_in_the_stores_own_folder(cli: Cli, tmp_path: Path) -> None:
    """What another program put there has no index of its own: the store's is of what was."""
    beside = store_with(tmp_path / "made" / "state.db", "one").rename(cli.db.parent / "old.db")
    cli("restore", beside, "--yes")
    assert texts(cli.db) == ["one"]
    assert cli.run("index", "check", "--strict").code == 0


# What is not restored


def test_what_is_no_sound_backup_is_refused_and_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    sources = {name: tmp_path / name / "state.db" for name in ("damaged", "new", "other", "acts")}
    damage(store_with(sources["damaged"], *("x" * 2500 for _ in range(40))))
    set_version(new_store(sources["new"]), 9)
    sources["other"].parent.mkdir()
    with raw(sources["other"]) as connection:
        connection.execute("CREATE TABLE songs(name)")
    with raw(new_store(sources["acts"])) as connection:
        connection.execute(
            "CREATE TRIGGER t AFTER INSERT ON messages BEGIN DELETE FROM threads; END"
        )
    (tmp_path / "text").write_text("text " * 1000)
    (tmp_path / "empty").touch()
    before = snapshot(cli.db.parent)
    assert "so nothing was restored" in cli.fails(6, "restore", sources["damaged"], "--yes")
    assert "version 9" in cli.fails(6, "restore", sources["new"], "--yes")
    assert "another program" in cli.fails(6, "restore", sources["other"], "--yes")
    assert "trigger" in cli.fails(6, "restore", sources["acts"], "--yes")
    assert "not a SQLite file" in cli.fails(6, "restore", tmp_path / "text", "--yes")
    for name in ("empty", "none", "."):
        assert "no backup at" in cli.fails(3, "restore", tmp_path / name, "--yes")
    assert "path is empty" in cli.fails(2, "restore", "", "--yes")
    assert snapshot(cli.db.parent) == before
    cli("--trust-schema", "restore", sources["acts"], "--yes")


def test_a_folder_that_holds_two_stores(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    for name in ("state.db", "other.db"):
        new_store(folder / name)
    other = cli.on(cli.db.parent / "other.db")
    assert "holds other.db and state.db: name one" in other.fails(4, "restore", folder, "--yes")


def test_the_store_is_not_restored_from_itself(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(cli.db)
    (tmp_path / "hard.db").hardlink_to(cli.db)
    before = snapshot(cli.db.parent)
    for source in (cli.db, cli.db.parent, tmp_path / "link.db", tmp_path / "hard.db"):
        assert "is the store itself" in cli.fails(4, "restore", source, "--yes")
    assert snapshot(cli.db.parent) == before


def test_the_file_of_another_program_is_not_replaced(
    cli: Cli, backup: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    with raw(other) as connection:
        connection.execute("CREATE TABLE songs(name)")
    line = cli.on(other).fails(6, "restore", backup, "--yes")
    assert line == f"{other} is a SQLite file of another program, not a store"
    line = cli.on(tmp_path).fails(6, "restore", backup, "--yes")
    assert line == f"{tmp_path} is a folder, not a store"
    assert rows(other, "SELECT name FROM sqlite_schema") == [("songs",)]


# Others who have the store open


HOLD: Final = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2]).fetchall()
print("open", flush=True)
sys.stdin.readline()
"""


@contextmanager
def holding(path: Path, statement: str) -> Iterator[subprocess.Popen[str]]:
    """Let another process have a store open until it is sent a line."""
    process = start_python(HOLD, path, statement)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
    finally:
        process.communicate("\n", timeout=30)


READING: Final = "SELECT count(*) FROM threads"


@pytest.mark.parametrize("statement", [READING, "BEGIN IMMEDIATE"])
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_store_that_another_process_has_open_is_left_alone(
    cli: Cli, backup: Path, journal: str, statement: str
) -> None:
    if journal == "delete":
        to_rollback_mode(cli.db)
    before = logical(cli.db)
    with holding(cli.db, statement) as process:
        tried = cli("restore", backup, "--dry-run")
        assert tried.notes[0].startswith(f"{cli.db} is open in ")
        assert f"(process {process.pid})" in cli("info", "--fields", "open_in").text
        line = cli.fails(5, "--timeout", "0.2", "restore", backup, "--yes")
        assert line.startswith(f"{cli.db} is open in ")
        assert f"(process {process.pid})" in line
        assert "--timeout" in line
    assert logical(cli.db) == before
    assert kept(cli) == []
    assert cli("info", "--fields", "open_in").text == "[]\n"


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_it_waits_for_who_has_the_store_open(cli: Cli, backup: Path, journal: str) -> None:
    if journal == "delete":
        to_rollback_mode(cli.db)
    with holding(cli.db, READING):
        waiting = start("--timeout", "30", "restore", backup, "--yes", db=cli.db)
        has_open(waiting, cli.db)
        assert logical(cli.db) != contents(backup)
    stdout, stderr = waiting.communicate(timeout=60)
    assert (waiting.returncode, stdout) == (0, f"{cli.db}\n".encode()), stderr
    assert logical(cli.db) == contents(backup)


def test_a_store_that_this_process_has_open_is_left_alone(cli: Cli, backup: Path) -> None:
    before = logical(cli.db)
    with StateStore.open(cli.db) as store:
        assert len(store.messages.branch("t-main")) == 2
        with pytest.raises(StoreBusyError):
            restore(cli.db, backup, timeout=0.1)
        store.messages.append("t-main", "user", "still")
    assert logical(cli.db) != before
    restore(cli.db, backup)
    assert without_sequence(logical(cli.db)) == without_sequence(contents(backup))


def test_who_has_the_store_open_without_a_log_sees_the_new_one(cli: Cli, backup: Path) -> None:
    """Of this process the system tells nothing, and between two statements there is no lock."""
    with raw(to_rollback_mode(cli.db)) as other:
        assert other.execute("SELECT count(*) FROM threads").fetchone() == (3,)
        restore(cli.db, backup)
        assert other.execute("SELECT count(*) FROM threads").fetchone() == (2,)
        other.execute("UPDATE jobs SET progress = 7")
    assert rows(cli.db, "SELECT DISTINCT progress FROM jobs") == [(7,)]
    assert rows(cli.db, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("harm", ["killed", "half a transaction"])
def test_what_a_killed_program_left_beside_the_store(
    cli: Cli, backup: Path, tmp_path: Path, harm: str
) -> None:
    path = killed_store(tmp_path / "killed" / "state.db", "two", "three")
    if harm != "killed":
        with_hot_journal(path)
    cli.on(path)("restore", backup, "--yes")
    assert logical(path) == contents(backup)
    tidy(path)
    (old,) = path.parent.glob("state.db.backups/*/state.db")
    assert contents(old)
    assert texts(old) == ["first", "two", "three"]


# Stores that SQLite cannot open


def wipe(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(100))


def cut(path: Path) -> None:
    os.truncate(path, 4096 * 3)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("harm", [wipe, cut, empty, os.unlink])
@pytest.mark.parametrize("has_log", [True, False])
def test_a_damaged_store_is_kept_byte_for_byte(
    cli: Cli, backup: Path, tmp_path: Path, harm: Callable[[Path], None], *, has_log: bool
) -> None:
    if has_log and harm in (wipe, cut):
        # With a log that holds the damaged pages SQLite could open it.
        log_of(cli.db).write_bytes(b"torn " * 5000)
    elif has_log:
        killed = killed_store(tmp_path / "killed" / "state.db", *("x" * 9000 for _ in range(9)))
        for find in (log_of, index_of_log):
            find(killed).rename(find(cli.db))
    harm(cli.db)
    before = snapshot(cli.db.parent)
    found = cli("restore", backup, "--yes", "-o", "json").json
    assert logical(cli.db) == contents(backup)
    tidy(cli.db)
    assert (cli.db.parent / INDEX).read_bytes() == (backup.parent / INDEX).read_bytes()
    (folder,) = cli.db.parent.glob("state.db.backups/*")
    assert found["replaced"].startswith(str(folder))
    assert (folder / INDEX).read_bytes() == before[INDEX][0]
    for name in ("state.db", "state.db-wal"):
        if name in before and before[name][0]:
            assert (folder / name).read_bytes() == before[name][0]
    assert {mode(path) for path in folder.iterdir()} == {0o600}


def test_a_damaged_store_that_another_process_has_locked(cli: Cli, backup: Path) -> None:
    code = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_SH, 1, 0x40000002)
print("open", flush=True)
sys.stdin.readline()
"""
    wipe(cli.db)
    before = cli.db.read_bytes()
    process = start_python(code, cli.db)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    line = cli.fails(5, "--timeout", "0.1", "restore", backup, "--yes")
    assert f"(process {process.pid})" in line
    process.communicate("\n", timeout=30)
    assert cli.db.read_bytes() == before
    cli("restore", backup, "--yes")
    assert logical(cli.db) == contents(backup)


def test_the_lock_on_a_damaged_store_lasts_while_it_is_copied(tmp_path: Path) -> None:
    """Closing any descriptor of a file drops every lock that the process has on it."""
    path = new_store(tmp_path / "state.db")
    wipe(path)
    code = """
import fcntl, sys
file = open(sys.argv[1], "rb")
try:
    fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 0x40000002)
    print("free")
except BlockingIOError:
    print("held")
"""
    with held(path, 0) as file:
        kept = keep_bytes(path, file, path.with_name(INDEX))
        assert run_python(code, path) == "held\n"
    assert run_python(code, path) == "free\n"
    assert kept is not None
    assert kept.read_bytes() == path.read_bytes()


# Interruptions


@pytest.mark.parametrize("damaged", [False, True])
def test_a_restore_that_is_killed_leaves_the_old_or_the_new(
    cli: Cli, backup: Path, tmp_path: Path, *, damaged: bool
) -> None:
    if damaged:
        wipe(cli.db)
    folder = tmp_path / "old"
    shutil.copytree(cli.db.parent, folder)
    old = cli.db.read_bytes() if damaged else logical(cli.db)
    codes = []
    outcomes = set()
    for at in range(1, 60):
        result = stopped(signal.SIGKILL, at, "--db", cli.db, "restore", backup, "--yes")
        codes.append(result.code)
        if damaged and cli.db.read_bytes() == old:
            outcomes.add("old")
        else:
            found = logical(cli.db)
            assert rows(cli.db, "PRAGMA integrity_check") == [("ok",)]
            assert found in (old, contents(backup))
            outcomes.add("old" if found == old else "new")
            if found != old:
                assert [contents(one) if not damaged else one.read_bytes() for one in kept(cli)][
                    -1
                ] == old
        if result.code == 0:
            break
        shutil.rmtree(cli.db.parent)
        shutil.copytree(folder, cli.db.parent)
    assert codes == [-9] * (len(codes) - 1) + [0]
    assert len(codes) > 8
    assert outcomes == {"old", "new"}


def test_a_restore_that_is_interrupted_says_what_is_so(
    cli: Cli, backup: Path, tmp_path: Path
) -> None:
    """Who hears "interrupted" finds the old store, and who does not the new one."""
    folder = tmp_path / "old"
    shutil.copytree(cli.db.parent, folder)
    old, new = logical(cli.db), contents(backup)
    codes = []
    for at in range(1, 60):
        result = stopped(signal.SIGINT, at, "--db", cli.db, "restore", backup, "--yes")
        codes.append(result.code)
        assert logical(cli.db) == (old if result.code else new)
        if not result.code:
            assert cli("index", "list", "-o", "id").lines == ["t-main"]
            break
        assert kept(cli) == []
        shutil.rmtree(cli.db.parent)
        shutil.copytree(folder, cli.db.parent)
    assert codes == [130] * (len(codes) - 1) + [0]
    assert len(codes) > 5


@pytest.mark.parametrize("full", [True, False])
def test_in_the_middle_of_the_copy(cli: Cli, tmp_path: Path, *, full: bool) -> None:
    """A limit on the size of files stands for a full disk, or kills who goes beyond it."""
    large = store_with(tmp_path / "large" / "state.db", *("x" * 20_000 for _ in range(60)))
    before = logical(cli.db)
    code = "" if full else "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
    code += "from agentstate.cli import run\nrun()"
    process = start_python(
        "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n" + code,
        *("--db", cli.db, "restore", large, "--yes"),
    )
    output, errors = process.communicate(timeout=60)
    assert output == ""
    if full:
        assert process.returncode == 5, errors
        assert errors.startswith(f"agentstate: {cli.db}: ")
        assert errors.endswith(f"; what was there before is kept as {kept(cli)[0]}\n")
    else:
        assert process.returncode == -signal.SIGXFSZ
        assert cli.db.with_name("state.db-journal").stat().st_size
    assert logical(cli.db) == before
    assert [contents(one) for one in kept(cli)] == [before]
    cli("restore", large, "--yes")
    assert logical(cli.db) == logical(large)
    tidy(cli.db)


def test_an_index_that_cannot_be_replaced_is_told(cli: Cli, backup: Path) -> None:
    index = cli.db.parent / INDEX
    index.unlink()
    index.mkdir()
    (index / "in the way").touch()
    result = cli("restore", backup, "--yes")
    assert "is kept without its session index" in result.notes[0]
    assert "the store was restored, its session index was not" in result.notes[1]
    assert logical(cli.db) == contents(backup)


def test_a_value_that_its_column_does_not_allow_is_no_damage(cli: Cli, tmp_path: Path) -> None:
    """SQLite's check speaks of it to those who may write; doctor mends it."""
    with raw(cli.db) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE thread_goals SET status = 'of a newer program'")
    for place in ("plain", "compact"):
        option = ["--compact"] if place == "compact" else []
        cli("backup", f"{tmp_path}/{place}/", *option)
        cli("restore", tmp_path / place, "--yes")
    assert "goal_status_unknown" in cli.run("doctor").text
    cli("doctor", "--fix")


def test_an_id_is_not_given_again(cli: Cli, backup: Path) -> None:
    cli("threads", "create", "--id", "later", "--cwd", "/w")
    given = int(cli("messages", "append", "later", "--role", "user", "--content", "x").text)
    cli("threads", "delete", "later", "--yes")
    cli("restore", backup, "--yes")
    next_id = int(cli("messages", "append", "t-main", "--role", "user", "--content", "y").text)
    assert next_id > given
    cli("threads", "undelete", "later")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir()])
def test_what_is_no_file_is_left_alone(
    cli: Cli, backup: Path, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    target = tmp_path / "target"
    make(target)
    for option in ("--yes", "--dry-run"):
        line = cli.on(target).fails(6, "restore", backup, option)
        assert line.startswith(f"{target} is ")
    assert not target.is_file()


@as_root
def test_a_dry_run_says_what_would_fail(public_folder: Path, cli: Cli, backup: Path) -> None:
    shutil.copy(cli.db, public_folder / "state.db")
    (public_folder / "state.db").chmod(0o644)
    copy = public_folder / "copy"
    shutil.copytree(backup.parent, copy)
    give(copy, STRANGER)
    done = run("restore", copy, "--dry-run", db=public_folder / "state.db", user=STRANGER)
    assert "may not be written by this user" in the_error(done, 5)


def test_the_index_of_a_killed_programs_log_goes(cli: Cli, backup: Path) -> None:
    killed_store(cli.db, "left in the log")
    assert index_of_log(cli.db).exists()
    cli("restore", backup, "--yes")
    assert not index_of_log(cli.db).exists()
    cli("doctor")
