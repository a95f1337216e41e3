"""Several programs on one file: nobody fails, nothing is lost, and a kill costs no promise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import ConflictError, StateStore, ThreadStatus
from support import finish, new_store, raw, rows, start_python, thread

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

READY: Final = """
import sqlite3, sys
from agentstate import AgentStateError, ConflictError, StateStore
store = StateStore.open(sys.argv[1], timeout=60)
print("ready", flush=True)
sys.stdin.readline()
"""

APPEND: Final = (
    READY
    + """
for number in range(int(sys.argv[3])):
    print(store.messages.append("t0", "user", f"{sys.argv[2]}-{number}"))
"""
)

# The agent program, with a connection and transactions of its own. Where a transaction is
# deferred it writes first: one that reads and then writes is refused by SQLite at once if another
# has written meanwhile, since what it has read is old.
AGENT: Final = (
    READY  # noqa: S608 - a program, not a statement
    + """
agent = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
for number in range(int(sys.argv[4])):
    agent.execute(f"BEGIN {sys.argv[3]}")
    agent.execute("UPDATE jobs SET progress = progress + 1 WHERE id = 'agent'")
    leaf, = agent.execute("SELECT current_leaf_id FROM threads WHERE id = 't0'").fetchone()
    new, = agent.execute(
        "INSERT INTO messages(thread_id, role, content, created_at, parent_entry_id) "
        "VALUES ('t0', 'agent', ?, 1, ?) RETURNING id",
        (f"{sys.argv[2]}-{number}", leaf),
    ).fetchone()
    agent.execute("UPDATE threads SET current_leaf_id = ?, preview = ? WHERE id = 't0'",
                  (new, f"{number}"))
    agent.execute("COMMIT")
    print(new)
"""
)


def start(code: str, *arguments: object) -> Popen[str]:
    """Start a process that has its store open and waits for the word."""
    process = start_python(code, *arguments)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(processes: list[Popen[str]]) -> list[list[str]]:
    """Let processes run at once; return the words that each printed."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [finish(process).split() for process in processes]


def assert_one_unbroken_chain(path: Path, written: list[list[str]]) -> None:
    """Find every message that a process said it had written, in one branch, each once."""
    with StateStore.open(path, read_only=True) as store:
        branch = store.messages.branch("t0", None)
        assert len(store.messages.leaves("t0")) == 1
    assert [message.id for message in branch] == sorted(int(one) for ids in written for one in ids)
    by_writer: dict[str, list[int]] = {}
    for message in branch:
        writer, _, number = message.content.partition("-")
        by_writer.setdefault(writer, []).append(int(number))
    assert len(by_writer) == len(written)
    for numbers in by_writer.values():
        assert numbers == list(range(len(numbers)))  # each writer's own order is kept


def test_8_processes_append_to_one_thread(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    written = go([start(APPEND, path, f"w{number}", 40) for number in range(8)])
    assert [len(ids) for ids in written] == [40] * 8
    assert_one_unbroken_chain(path, written)


@pytest.mark.parametrize("kind", ["DEFERRED", "IMMEDIATE"])
@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_an_agent_writes_while_we_append(tmp_path: Path, kind: str, mode: str) -> None:
    path = new_store(tmp_path / "state.db")
    with raw(path) as connection:
        connection.execute("INSERT INTO jobs VALUES ('agent', 'n', 'running', 0, NULL, 1, 1)")
        connection.execute(f"PRAGMA journal_mode = {mode}")
        # Someone reads while all the others open the file, so its mode stays.
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM jobs").fetchall()
        programs = [
            *(start(AGENT, path, f"agent{number}", kind, 50) for number in range(2)),
            *(start(APPEND, path, f"ours{number}", 50) for number in range(2)),
        ]
    written = go(programs)
    assert [len(ids) for ids in written] == [50] * 4
    assert rows(path, "SELECT progress FROM jobs") == [(100,)]
    assert rows(path, "PRAGMA journal_mode") == [(mode.lower(),)]
    assert_one_unbroken_chain(path, written)


def test_partial_updates_do_not_undo_what_the_agent_wrote_in_between(tmp_path: Path) -> None:
    """Ours sets name and status, the agent counts in preview and detail: both end at their last."""
    path = new_store(tmp_path / "state.db")
    with raw(path) as connection:
        connection.execute("INSERT INTO jobs VALUES ('j', 'n', 'running', 0, '0', 1, 1)")
    ours = (
        READY
        + """
for number in range(1, 101):
    store.threads.rename("t0", f"ours {number}")
    store.threads.update("t0", git_branch=f"branch {number}")
    store.jobs.update("j", progress=number)
"""
    )
    agents = (
        READY  # noqa: S608 - a program, not a statement
        + """
agent = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
for number in range(1, 201):
    agent.execute("UPDATE threads SET preview = CAST(preview AS INTEGER) + 1 WHERE id = 't0'")
    agent.execute("UPDATE jobs SET detail = CAST(detail AS INTEGER) + 1 WHERE id = 'j'")
"""
    )
    go([start(ours, path), start(agents, path)])
    sql = "SELECT preview, title, git_branch FROM threads"
    assert rows(path, sql) == [("200", "ours 100", "branch 100")]
    assert rows(path, "SELECT detail, progress FROM jobs") == [("200", 100)]


def test_of_several_who_expect_one_leaf_one_appends(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    code = (
        READY
        + """
won = 0
while len(branch := store.messages.branch("t0", None)) < 60:
    try:
        leaf = branch[-1].id if branch else None
        store.messages.append("t0", "user", sys.argv[2], expect_leaf=leaf)
        won += 1
    except ConflictError:
        pass
print(won)
"""
    )
    won = go([start(code, path, f"w{number}") for number in range(3)])
    with StateStore.open(path, read_only=True) as store:
        branch = store.messages.branch("t0", None)
        assert len(store.messages.leaves("t0")) == 1
    # Each may append once more when the others have reached 60 between its look and its write,
    # but never on a leaf that has moved.
    assert (
        60
        <= len(branch)
        == sum(int(one) for (one,) in won)
        == rows(path, "SELECT count(*) FROM messages")[0][0]
    )


def test_readers_never_fail_while_others_write_and_clear(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    writes = (
        READY
        + """
for round in range(60):
    for number in range(5):
        store.messages.append("t0", "user", f"{round}-{number}")
    store.messages.clear("t0")
"""
    )
    reads = (
        READY
        + """
store.close()
for number in range(300):
    with StateStore.open(sys.argv[1], read_only=True) as store:
        branch = store.messages.branch("t0", None)
        assert len(branch) <= 5
        assert len({message.content.partition("-")[0] for message in branch}) <= 1
        assert list(store.messages.stream("t0")) is not None
"""
    )
    go([start(writes, path), start(reads, path)])


def test_nobody_fails_beside_a_program_that_opens_and_closes_the_store(tmp_path: Path) -> None:
    """Each time it closes as the last one, the log and its index go away.

    `python tests/stress swarm` has such a program beside its writers for as long as it is told.
    """
    path = new_store(tmp_path / "state.db")
    theirs = """
import select, sqlite3, sys
print("ready", flush=True)
sys.stdin.readline()
number = 0
while not select.select([sys.stdin], [], [], 0.001)[0]:
    number += 1
    connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
    connection.execute("UPDATE threads SET preview = ?", (str(number),))
    connection.close()
print(number)
"""
    program = start(theirs, path)
    assert program.stdin is not None
    program.stdin.write("\n")
    program.stdin.flush()
    for number in range(400):
        with StateStore.open(path, create=False, timeout=60) as store:
            store.messages.append("t0", "user", str(number))
        with StateStore.open(path, read_only=True, timeout=60) as store:
            assert store.messages.branch("t0", 1)[0].content == str(number)
    program.stdin.write("\n")
    program.stdin.flush()
    last = finish(program).strip()
    assert rows(path, "SELECT preview FROM threads") == [(last,)]


def test_several_ensure_one_thread(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db", threads=0)
    code = READY + "print(*(store.threads.ensure(f'name {n}').id for n in range(20)))"
    made = go([start(code, path) for _ in range(4)])
    assert made == [made[0]] * 4
    assert rows(path, "SELECT count(*), count(DISTINCT id) FROM threads") == [(20, 20)]
    index = path.with_name("session_index.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["thread_id"] for line in index) == sorted(made[0])


def test_a_killed_writer_has_kept_every_promise(tmp_path: Path) -> None:
    """Every id that was printed before the kill is there, in an unbroken chain."""
    path = new_store(tmp_path / "state.db")
    promised = 0
    for round_ in range(6):
        writer = start(APPEND.replace("))\n", "), flush=True)\n"), path, f"w{round_}", 100_000)
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
        for _ in range(10 + 7 * round_):
            promised = int(writer.stdout.readline())
        writer.kill()
        # Not communicate(), which passes over what readline() has already buffered.
        rest = writer.stdout.read()
        writer.communicate()
        whole = [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        promised = int(whole[-1]) if whole else promised
        with StateStore.open(path, read_only=True) as store:
            ids = store.messages.branch_ids("t0")
            assert len(store.messages.leaves("t0")) == 1
        assert ids == list(range(1, len(ids) + 1))
        assert promised <= len(ids) <= promised + 1  # one may be written and not yet printed
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_program_of_an_older_version_works_on_while_we_migrate(tmp_path: Path) -> None:
    """Its statements, prepared before, still hold on the migrated file."""
    path = new_store(tmp_path / "state.db")
    with raw(path) as agent:
        agent.execute("DROP TABLE thread_goals")
        agent.execute("PRAGMA user_version = 2")
        sql = "INSERT INTO messages(thread_id, role, content, created_at) VALUES ('t0', 'u', ?, 1)"
        agent.execute(sql, ("before",))
        with StateStore.open(path) as store:
            agent.execute(sql, ("after",))
            assert store.info().schema_version == 4
            assert len(list(store.messages.all("t0"))) == 2


@pytest.mark.parametrize("check", ["trigger", "constraint"])
def test_what_another_programs_check_refuses_is_a_conflict(tmp_path: Path, check: str) -> None:
    path = new_store(tmp_path / "state.db")
    with raw(path) as agent:
        if check == "trigger":
            agent.execute(
                "CREATE TRIGGER frozen BEFORE UPDATE ON threads "
                "BEGIN SELECT RAISE(ABORT, 'threads are frozen'); END"
            )
        else:
            agent.execute("ALTER TABLE threads ADD COLUMN frozen CHECK (title <> 'new')")
    reason = {"trigger": "threads are frozen", "constraint": "CHECK constraint failed"}[check]
    with StateStore.open(path, trust_schema=True) as store:
        with pytest.raises(ConflictError, match=f"{path} refuses this write: {reason}") as raised:
            store.threads.rename("t0", "new")
        assert raised.value.exit_code == 4
    assert rows(path, "SELECT title FROM threads") == [(None,)]


def test_two_stores_in_one_process_see_each_other(tmp_path: Path) -> None:
    path = new_store(tmp_path / "state.db")
    with StateStore.open(path) as one, StateStore.open(path) as two:
        one.threads.create(thread("new", name="n"))
        first = two.messages.append("new", "user", "from two")
        with pytest.raises(ConflictError):
            one.messages.append("new", "user", "x", expect_leaf=None)
        one.messages.append("new", "user", "from one", expect_leaf=first)
        two.threads.update("new", status=ThreadStatus.RUNNING)
        found = one.threads.get("new")
        assert found is not None
        assert found.status is ThreadStatus.RUNNING
        assert [message.content for message in two.messages.branch("new")] == [
            "from two",
            "from one",
        ]
