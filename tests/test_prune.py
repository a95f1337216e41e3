"""Pruning: which threads go, which stay, and what is left where it ends early."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate import (
    AgentStateWarning,
    BadInputError,
    PrunedThread,
    PruneReport,
    StateStore,
    StoreUnavailableError,
)
from bundle_support import dump, fill_thread, unordered
from cli_support import (
    ENVIRON,
    FORBIDDEN,
    PROGRAM,
    finish,
    golden,
    interrupt,
    spawn,
)
from examples import examples
from stress.full_disks import small_disk
from support import NOW, Clock, raw, rows, start_python, thread
from support import finish as finish_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli_support import Cli

DAY: Final = 86_400


def trash_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.trash")


def ids_of(path: Path) -> list[str]:
    return [thread_id for (thread_id,) in rows(path, "SELECT id FROM threads ORDER BY id")]


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


@pytest.fixture
def aged(store: StateStore) -> StateStore:
    """Fill a store with threads of 1, 2, … 6 days, the even ones archived."""
    for age in range(1, 7):
        updated_at = NOW - age * DAY
        store.threads.create(
            thread(f"d{age}", name=f"Day {age}", updated_at=updated_at, archived=age % 2 == 0)
        )
    return store


# Which threads.


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"older_than": NOW - 3 * DAY}, ["d6", "d5", "d4", "d3"]),
        ({"older_than": NOW - 3 * DAY - 1}, ["d6", "d5", "d4"]),
        ({"archived": True}, ["d6", "d4", "d2"]),
        ({"keep": 4}, ["d6", "d5"]),
        ({"keep": 0}, ["d6", "d5", "d4", "d3", "d2", "d1"]),
        ({"keep": 10}, []),
        ({"keep": 3, "archived": True}, ["d6", "d4"]),
        ({"keep": 5, "older_than": NOW - 3 * DAY, "archived": True}, ["d6"]),
        ({"max_size": 10**9}, []),
        ({"max_size": 0}, ["d6", "d5", "d4", "d3", "d2", "d1"]),
        ({"max_size": 0, "archived": True, "keep": 2}, ["d6", "d4"]),
    ],
)
def test_which_threads_are_chosen(
    aged: StateStore, conditions: dict[str, Any], expected: list[str]
) -> None:
    plan = aged.pruning.plan(**conditions)
    assert [one.id for one in plan.threads] == expected
    assert aged.threads.ids() == ["d1", "d2", "d3", "d4", "d5", "d6"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateStore]:
    """Open a store that the examples of one test use in turn."""
    with StateStore.open(tmp_path_factory.mktemp("prune") / "state.db") as store:
        yield store


@settings(max_examples=examples(60))
@given(
    found=st.lists(st.tuples(st.integers(-5, 5), st.booleans()), max_size=12),
    older_than=st.none() | st.integers(-6, 6),
    archived=st.booleans(),
    keep=st.none() | st.integers(0, 13),
)
def test_the_newest_stay_and_the_oldest_go_first(
    shared: StateStore,
    found: list[tuple[int, bool]],
    older_than: int | None,
    archived: bool,  # noqa: FBT001 - drawn
    keep: int | None,
) -> None:
    with raw(shared.path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("DELETE FROM threads")
        connection.executemany(
            "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, "
            "updated_at, status, cwd, cli_version, source, archived) "
            "VALUES (?, '', 0, '', 1, ?, 'idle', '', '', 'cli', ?)",
            ((f"t{number:02}", then, old) for number, (then, old) in enumerate(found)),
        )
    listed = sorted(
        ((then, f"t{number:02}", old) for number, (then, old) in enumerate(found)),
        key=lambda one: (-one[0], one[1]),
    )
    expected = [
        thread_id
        for then, thread_id, old in listed[keep or 0 :]
        if (older_than is None or then <= older_than) and (old or not archived)
    ]
    plan = shared.pruning.plan(older_than=older_than, archived=archived, keep=keep)
    assert [one.id for one in plan.threads] == expected[::-1]


def test_a_thread_that_cannot_be_read_is_never_chosen(aged: StateStore) -> None:
    with raw(aged.path) as connection:
        connection.execute("UPDATE threads SET updated_at = 'long ago' WHERE id = 'd6'")
        connection.execute("UPDATE threads SET cwd = x'00' WHERE id = 'd5'")
    with pytest.warns(AgentStateWarning, match="left out: thread 'd[56]'"):
        plan = aged.pruning.plan(keep=1)
    assert [one.id for one in plan.threads] == ["d4", "d3", "d2"]


def test_a_limit_below_zero_is_refused(aged: StateStore) -> None:
    with pytest.raises(BadInputError):
        aged.pruning.plan(keep=-1)


def test_what_is_said_of_a_thread(store: StateStore) -> None:
    store.threads.create(thread("t", name="N", preview="\u6f22"))
    store.messages.append("t", "user", "x" * 1000)
    store.messages.append("t", "user", "y" * 500)
    (planned,) = store.pruning.plan(keep=0).threads
    columns = rows(store.path, "SELECT count(*) FROM pragma_table_info('threads')")[0][0]
    # Text by its bytes, numbers by 8; the row of the thread, and two of messages.
    texts = rows(
        store.path,
        "SELECT sum(length(CAST(coalesce(status, '') || source || cwd || model_provider || "
        "cli_version AS BLOB))) FROM threads",
    )[0][0]
    numbers = 8 * (5 + 2 * 2 + 1)  # times, flags, leaf; ids and times; one parent
    thread_bytes = len("t") + len("N") + 3 + texts
    assert columns == 22
    assert planned == PrunedThread(
        id="t",
        name="N",
        updated_at=NOW,
        messages=2,
        size=1500 + 2 * len("t" + "user") + thread_bytes + numbers,
        bundle=None,
    )


def fill_sizes(store: StateStore, threads: int = 20, size: int = 50_000) -> None:
    names = [f"t{number:02}" for number in range(threads)]
    with raw(store.path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, "
            "updated_at, status, cwd, cli_version, source) "
            "VALUES (?, '', 0, '', 1, ?, 'idle', '', '', 'cli')",
            ((name, number) for number, name in enumerate(names)),
        )
        connection.executemany(
            "INSERT INTO messages(thread_id, role, content, created_at) VALUES (?, 'user', ?, 1)",
            ((name, f"{part}" * (size // 5)) for name in names for part in range(5)),
        )
        connection.execute("COMMIT")


def test_a_size_is_reached_by_deleting_the_oldest(store: StateStore) -> None:
    fill_sizes(store)
    plan = store.pruning.plan(max_size=600_000)
    assert [one.id for one in plan.threads] == [f"t{n:02}" for n in range(len(plan.threads))]
    pages, page = (rows(store.path, f"PRAGMA {one}")[0][0] for one in ("page_count", "page_size"))
    remaining = pages * page - sum(one.size for one in plan.threads)
    assert remaining <= 600_000 < remaining + plan.threads[-1].size
    done = list(store.pruning.delete(plan))
    store.vacuum()
    report = store.pruning.report(plan, done)
    assert store.path.stat().st_size <= 600_000
    assert report.reclaimed >= 400_000
    # That much is free: what is free already is not deleted for again.
    assert store.pruning.plan(max_size=600_000).threads == ()


def test_free_pages_count_for_nothing(store: StateStore) -> None:
    fill_sizes(store, threads=10)
    for number in range(5):
        store.threads.delete(f"t{number:02}")
    pages, free, page = (
        rows(store.path, f"PRAGMA {one}")[0][0]
        for one in ("page_count", "freelist_count", "page_size")
    )
    assert free > 50
    assert store.pruning.plan(max_size=(pages - free) * page).threads == ()
    assert len(store.pruning.plan(max_size=(pages - free) * page - 1).threads) == 1


# What deleting does.


def test_each_thread_goes_to_the_trash(aged: StateStore) -> None:
    fill_thread(aged, "t")
    before = unordered(dump(aged.path))
    plan = aged.pruning.plan(keep=2)
    dry = aged.pruning.report(plan)
    assert dry == PruneReport(
        dry_run=True,
        threads=plan.threads,
        size=sum(one.size for one in plan.threads),
        reclaimed=0,
        bundled=0,
    )
    done = list(aged.pruning.delete(plan))
    report = aged.pruning.report(plan, done)
    assert (report.dry_run, report.size) == (False, dry.size)
    assert [one.id for one in report.threads] == [one.id for one in plan.threads]
    bundles = {entry.path: entry.size for entry in aged.trash.list()}
    assert {one.bundle for one in report.threads} == set(bundles)
    assert report.bundled == sum(bundles.values())
    assert aged.threads.ids() == ["d1", "t"]
    assert [entry.thread_id for entry in aged.index.list()] == ["d1", "t"]
    for one in report.threads:
        aged.trash.restore(one.id)
    assert unordered(dump(aged.path)) == before


def test_without_bundles_nothing_is_kept(aged: StateStore, clock: Clock) -> None:
    aged.trash.put("d6")
    clock.now += 31 * DAY
    plan = aged.pruning.plan(keep=2)
    report = aged.pruning.report(plan, list(aged.pruning.delete(plan, bundles=False)))
    assert [one.bundle for one in report.threads] == [None] * 3
    assert report.bundled == 0
    assert aged.trash.list() == []  # and what had expired is gone
    assert [entry.thread_id for entry in aged.index.list()] == ["d1", "d2"]


CHANGES: Final = {
    "was continued": "INSERT INTO messages(thread_id, role, content, created_at) "
    "VALUES ('d4', 'user', 'x', 1)",
    "was continued ": "UPDATE threads SET updated_at = updated_at + 1 WHERE id = 'd4'",
    "was unarchived": "UPDATE threads SET archived = 0 WHERE id = 'd4'",
    "was deleted": "DELETE FROM threads WHERE id = 'd4'",
    "became one of the 3 newest": "DELETE FROM threads WHERE id IN ('d1', 'd2')",
}


@pytest.mark.parametrize("bundles", [True, False], ids=["bundles", "no bundles"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_since_the_plan_is_left(
    aged: StateStore,
    change: str,
    bundles: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    plan = aged.pruning.plan(keep=3, archived=True)
    assert [one.id for one in plan.threads] == ["d6", "d4"]
    with raw(aged.path) as connection:
        connection.execute(CHANGES[change])
    before = rows(aged.path, "SELECT * FROM threads WHERE id = 'd4'")
    with pytest.warns(AgentStateWarning, match=f"left: thread 'd4' {change.strip()} meanwhile"):
        done = list(aged.pruning.delete(plan, bundles=bundles))
    assert [one.id for one in done] == ["d6"]
    assert rows(aged.path, "SELECT * FROM threads WHERE id = 'd4'") == before


def test_an_error_in_the_middle_leaves_the_rest(aged: StateStore) -> None:
    plan = aged.pruning.plan(keep=2)
    deleting = aged.pruning.delete(plan)
    assert next(deleting).id == "d6"
    trash_of(aged.path).chmod(0o777)
    with pytest.raises(StoreUnavailableError, match="thread 'd5' was not deleted, for what would"):
        next(deleting)
    assert aged.threads.ids() == ["d1", "d2", "d3", "d4", "d5"]


def test_another_program_appends_all_the_while(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    names = [f"t{number:02}" for number in range(30)]
    with StateStore.open(path, clock=Clock()) as store:
        for name in names:
            store.threads.create(thread(name))
    code = """
import sys
from agentstate import StateStore, ThreadNotFoundError
with StateStore.open(sys.argv[1], timeout=30) as store:
    for round in range(3):
        for name in sys.argv[2:]:
            try:
                print(name, store.messages.append(name, "user", "x"), flush=True)
            except ThreadNotFoundError:
                pass
"""
    with StateStore.open(path, timeout=30) as store:
        plan = store.pruning.plan(keep=0)
        assert [one.id for one in plan.threads] == names[::-1]
        # It writes to the first twenty, so that the two meet, and not to the others.
        writer = start_python(code, path, *names[:20])
        assert writer.stdout is not None
        first = writer.stdout.readline()
        with pytest.warns(AgentStateWarning) as caught:
            done = {one.id for one in store.pruning.delete(plan)}
        acknowledged = [line.split() for line in [first, *finish_python(writer).splitlines()]]
        assert {str(warning.message) for warning in caught} == {
            f"left: thread {name!r} was continued meanwhile" for name in set(names) - done
        }
        assert set(names[20:]) <= done
        assert acknowledged[0][0] not in done
        # Whatever was written is there: in a thread that was left, or in a bundle.
        for entry in store.trash.list():
            store.trash.restore(entry)
        assert list(store.threads.ids()) == names
    there = set(rows(path, "SELECT thread_id, id FROM messages"))
    assert {(name, int(number)) for name, number in acknowledged} <= there


# The command line.


@pytest.fixture(scope="module")
def old_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store of five threads: one of today, and of 10, 20, … 40 weeks."""
    folder = tmp_path_factory.mktemp("old")
    now = int(time.time())
    with StateStore.open(folder / "state.db") as store:
        for weeks in range(0, 50, 10):
            store.threads.create(
                thread(f"w{weeks}", name=f"Of {weeks} weeks", archived=weeks == 40)
            )
            store.messages.append(f"w{weeks}", "user", "x" * 50_000)
            store.threads.update(f"w{weeks}", updated_at=now - weeks * 7 * DAY - 600)
    return folder


@pytest.fixture
def old(cli: Cli, old_folder: Path, tmp_path: Path) -> Cli:
    """Return the command line on a copy of that store."""
    return cli.on(shutil.copytree(old_folder, tmp_path / "old") / "state.db")


def test_something_must_be_said(cli: Cli) -> None:
    line = cli.fails(2, "threads", "prune", "--yes")
    assert line == "say which threads: --older-than, --archived, --keep or --max-size"
    for option in ("--older-than", "--max-size"):
        cli.fails(2, "threads", "prune", option, "much", "--yes")
    cli.fails(2, "threads", "prune", "--keep", "0", "--yes")
    for number in ("90", "-90", "0", "1700000000"):
        line = cli.fails(2, "threads", "prune", f"--older-than={number}", "--yes")
        days = number.removeprefix("-")
        assert line == f"--older-than {number}: {number} what? write {days}d for days"
    line = cli.fails(2, "threads", "prune", "--older-than", "90 d", "--yes")
    assert line == "--older-than takes an age such as 90d, 12h or 2w, or ISO 8601; not '90 d'"
    for more in ((), ("--yes",), ("--dry-run",)):
        result = cli("threads", "prune", "--older-than", "1d", "--keep", "9", *more, "-o", "json")
        assert result.notes == ["nothing to delete"]
        assert (result.json["dry_run"], result.json["threads"]) == (more != ("--yes",), [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("300000", 300_000),
        ("300kB", 300_000),
        ("0.3MB", 300_000),
        ("0.0003 gb", 300_000),
        ("293KiB", 300_032),
        ("1GiB", None),
        ("2TB", None),
    ],
)
def test_sizes_and_their_units(old: Cli, given: str, expected: int | None) -> None:
    with old.store() as store:
        plan = store.pruning.plan(max_size=10**15 if expected is None else expected)
    found = old("threads", "prune", "--max-size", given, "-o", "id").lines
    assert found == [one.id for one in plan.threads]
    assert bool(found) == (expected is not None)


def test_a_size_that_cannot_be_reached(old: Cli) -> None:
    line = r"--max-size is not reached: what stays takes about \d+ kB more"
    beyond, said = old("threads", "prune", "--max-size", "1kB", "--keep", "3", "--dry-run").notes
    assert re.fullmatch(line, beyond)
    assert said.startswith("would delete 2 threads")
    beyond, said = old("threads", "prune", "--max-size", "1kB", "--keep", "9", "--yes").notes
    assert re.fullmatch(line, beyond)
    assert said == "nothing to delete"
    assert len(old("threads", "prune", "--max-size", "1GB", "--dry-run").notes) == 1


@pytest.mark.parametrize("given", ["", "GB", "-1", "1iB", "1e3", "1.5", "5 apples", "1" * 30])
def test_sizes_that_are_none(cli: Cli, given: str) -> None:
    line = cli.fails(2, "threads", "prune", f"--max-size={given}")
    assert line.startswith("--max-size takes bytes, or a size such as 500MB, 2GB or 1GiB; not ")


def test_without_a_terminal_it_is_a_dry_run(old: Cli) -> None:
    before = everything(old.db.parent)
    assert old("threads", "prune", "--older-than", "2000-01-01").cells == []
    result = old("threads", "prune", "--older-than", "90d")
    assert [row[0] for row in result.cells] == ["w40", "w30", "w20"]
    (note,) = result.notes
    assert re.fullmatch(
        r"would delete 3 threads with 3 messages, 15\d kB; without a terminal that takes --yes",
        note,
    )
    found = old("threads", "prune", "--older-than", "90d", "--dry-run", "--yes", "-o", "json")
    assert list(found.json) == ["dry_run", "threads", "size", "reclaimed", "bundled"]
    assert (found.json["dry_run"], len(found.json["threads"])) == (True, 3)
    assert found.notes == [note.partition(";")[0]]
    assert everything(old.db.parent) == before


def test_with_yes_it_deletes_and_shrinks_the_file(old: Cli) -> None:
    size = old.db.stat().st_size
    found = old("threads", "prune", "--older-than", "90d", "--yes", "-o", "json")
    assert ids_of(old.db) == ["w0", "w10"]
    assert old.db.stat().st_size == size - found.json["reclaimed"] < size - 140_000
    bundles = list(trash_of(old.db).iterdir())
    assert {one["bundle"] for one in found.json["threads"]} == set(map(str, bundles))
    assert found.json["bundled"] == sum(path.stat().st_size for path in bundles)
    (note,) = found.notes
    assert re.fullmatch(
        r"deleted 3 threads with 3 messages, 15\d kB; the store's files gave back 1\d\d kB; for "
        r"30 days 15\d kB of bundles bring the threads back \(agentstate threads undelete\), and "
        r"agentstate threads trash empty frees them at once",
        note,
    )
    assert old("threads", "undelete", "Of 30 weeks").lines == ["w30"]


def test_without_bundles(old: Cli) -> None:
    result = old("threads", "prune", "--archived", "--no-bundle", "--yes", "-o", "tsv")
    assert [(row[0], row[5]) for row in result.cells] == [("w40", "")]
    assert not trash_of(old.db).exists()


def test_where_another_program_reads_the_file_shrinks_later(old: Cli) -> None:
    with raw(old.db) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM threads").fetchone()
        result = old("--timeout", "0.2", "threads", "prune", "--keep", "1", "--yes", "-o", "id")
        assert result.lines == ["w40", "w30", "w20", "w10"]
        assert len(result.notes) == 2
        reader.execute("COMMIT")
    assert ids_of(old.db) == ["w0"]


def test_at_a_prompt(old: Cli) -> None:
    before = unordered(dump(old.db))
    arguments = ("threads", "prune", "--keep", "2")
    terminal = spawn(*arguments, db=old.db, environ={"NO_COLOR": "1"})
    terminal.expect_exact("Delete 3 threads with 3 messages, ")
    shown = terminal.before.decode()
    assert re.search(r"^ID +NAME +UPDATED +MSGS +SIZE\r$", shown, re.MULTILINE)
    assert re.search(r"^w40 +Of 40 weeks +\d+ mo ago +1 +50 kB\r$", shown, re.MULTILINE)
    terminal.expect(r"15\d kB\? \[y/N\] ")
    terminal.send("n\r")
    assert finish(terminal).code == 130
    assert unordered(dump(old.db)) == before
    terminal = spawn(*arguments, "--no-bundle", db=old.db)
    terminal.expect(r"15\d kB for good\? \[y/N\] ")
    terminal.send("y\r")
    result = finish(terminal)
    assert result.code == 0
    assert "deleted 3 threads" in result.text
    assert "w40" not in result.text  # it was shown before
    assert ids_of(old.db) == ["w0", "w10"]


@pytest.mark.parametrize(
    ("shape", "answer"),
    [
        ("--fields=bundle", "/state.db.trash/"),
        ("-ojson", '"dry_run": *false'),
        ("-oid", r"\nw40\n"),
    ],
)
def test_what_a_question_is_about_is_shown_in_any_shape(old: Cli, shape: str, answer: str) -> None:
    terminal = spawn("-q", "threads", "prune", "--keep", "4", shape, db=old.db, width=500)
    terminal.expect(r"Delete 1 thread with 1 message, 50 kB\? \[y/N\] ")
    assert re.search(
        r"^ID +NAME +UPDATED +MSGS +SIZE\r\nw40 +Of 40 weeks .*\r$",
        terminal.before.decode(),
        re.MULTILINE,
    )
    terminal.send("y\r")
    result = finish(terminal)
    # The answer says what was done, so it comes after that.
    assert re.search(answer, result.text)
    assert ids_of(old.db) == ["w0", "w10", "w20", "w30"]


def test_an_interruption_stops_between_two_threads(cli: Cli, tmp_path: Path) -> None:
    db = tmp_path / "many" / "state.db"
    names = [f"t{number:03}" for number in range(400)]
    with StateStore.open(db, clock=Clock()) as store:
        database = store._context.database  # noqa: SLF001 - many at once, which takes long one by one
        with database.transaction():
            for name in names:
                store.threads._insert(thread(name))  # noqa: SLF001 - as above
    arguments = ("threads", "prune", "--older-than", "1d", "--yes", "-o", "id")
    process = subprocess.Popen(
        [*PROGRAM, "--db", str(db), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRON,
    )
    deadline = time.monotonic() + 30
    while not trash_of(db).exists() or len(list(trash_of(db).iterdir())) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
    result = interrupt(process, signal.SIGINT)
    assert result.code == 130
    done = result.lines
    assert done
    assert done == sorted(names, reverse=True)[: len(done)]
    assert len(done) < len(names)
    assert ids_of(db) == sorted(set(names) - set(done))
    assert result.notes[0].startswith(f"deleted {len(done)} threads")
    assert result.notes[1] == (
        f"agentstate: interrupted: deleted {len(done)} of {len(names)} threads, "
        f"{len(names) - len(done)} are left"
    )
    with cli.on(db).store() as store:
        assert sorted(entry.id for entry in store.trash.list()) == sorted(done)


def test_an_error_in_the_middle_says_what_was_done(old: Cli) -> None:
    # A message of the second thread cannot be kept, so its thread is not deleted.
    with raw(old.db) as connection:
        connection.execute(
            "CREATE TABLE agentstate_links (a TEXT REFERENCES threads(id) ON DELETE SET NULL)"
        )
        connection.execute("INSERT INTO agentstate_links VALUES ('w30')")
    result = old.run("threads", "prune", "--keep", "1", "--yes", "-o", "id")
    assert (result.code, result.lines) == (4, ["w40"])
    assert result.notes[0].startswith("deleted 1 thread with 1 message, 50 kB; ")
    assert result.notes[0].endswith("; agentstate vacuum shrinks the file")
    assert result.notes[1].startswith("agentstate: deleting thread 'w30' would change rows that")
    assert result.notes[1].endswith("; deleted 1 of 4 threads, 3 are left")
    assert ids_of(old.db) == ["w0", "w10", "w20", "w30"]
    line = old.fails(4, "threads", "prune", "--keep", "1", "--yes", "-o", "id")
    assert line.startswith("deleting thread 'w30' would change rows")
    assert line.endswith("; deleted 0 of 3 threads, 3 are left")


def test_a_full_disk(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk") as refused:
        if refused is not None:
            pytest.skip(f"no small disk can be mounted: {refused}")
        full = cli.on(tmp_path / "disk" / "state.db")
        with full.store() as store:
            fill_sizes(store, threads=40, size=25_000)
        # Room for the log of a few deletions, and for a few bundles.
        free = os.statvfs(full.db.parent)
        with full.db.with_name("filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - 250_000)
        result = full.run("threads", "prune", "--keep", "5", "--yes", "-o", "id")
        done = result.lines
        assert (result.code, 0 < len(done) < 35) == (5, True)
        assert ids_of(full.db) == [f"t{number:02}" for number in range(len(done), 40)]
        said, error = result.notes
        assert said.startswith(f"deleted {len(done)} threads with ")
        assert re.match(rf"agentstate: thread 't{len(done):02}' was not deleted", error)
        assert "agentstate threads trash empty" in error
        assert "--no-bundle" in error
        assert error.endswith(f"; deleted {len(done)} of 35 threads, {35 - len(done)} are left")
        # Without bundles a disk as full is no obstacle, for the log's space is used anew.
        full("threads", "trash", "empty", "--yes")
        result = full("threads", "prune", "--keep", "5", "--yes", "--no-bundle", "-o", "id")
        assert len(result.lines) == 35 - len(done)
        assert ids_of(full.db) == [f"t{number}" for number in range(35, 40)]
        assert rows(full.db, "PRAGMA integrity_check") == [("ok",)]


def test_hostile_names(old: Cli) -> None:
    evil = "\x1b[31m\u202e\x07[bold]\x9b\n"
    with old.store() as store:
        store.threads.create(thread(f"id{evil}", name=f"name{evil}"))
    seen = old.screen("threads", "prune", "--older-than", "90d", "--dry-run", width=120)
    assert FORBIDDEN.search(seen.text.replace("\x1b[", "")) is None
    assert "name\\x1b[31m\\u202e\\x07[bold]\\x9b" in seen.text
    result = old("threads", "prune", "--older-than", "90d", "--yes")
    assert result.cells[0][0] == f"id{evil}".replace("\n", "\\n")
    assert FORBIDDEN.search("".join(result.notes)) is None


def test_the_table_of_a_pruning(demo: Cli) -> None:
    for width in (40, 80):
        seen, expected = golden(
            f"threads_prune_{width}",
            demo.screen("threads", "prune", "--keep", "1", "--dry-run", width=width),
        )
        assert seen == expected
