"""What must hold whatever the damage: a repair loses no message, and leaves nothing to mend."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate import NotAStoreError, StateStore, examine, repair
from damage import everything
from examples import examples
from support import new_store, raw, rows, snapshot

Value = bytes | float | int | str | None

MESSAGES: Final = 12
THREADS: Final = ("a", "b", "c")
TABLES: Final = (
    "threads",
    "messages",
    "checkpoints",
    "thread_dynamic_tools",
    "thread_goals",
    "jobs",
)

ids = st.integers(0, MESSAGES + 2)
odd: st.SearchStrategy[Value] = st.one_of(
    st.sampled_from([b"", b"\xff\xfe", b"7", b"a", "", "odd", "2", '{"a"', "null", "9e999"]),
    st.floats(allow_nan=False),
    st.integers(-(2**63), 2**63 - 1),
    st.text('ab{}[]"\\\0é', max_size=6),
)
references: st.SearchStrategy[Value] = st.one_of(ids, st.none(), odd)
thread_ids: st.SearchStrategy[Value] = st.sampled_from([*THREADS, "gone", b"a", b"z", b"\xff"])

# A table, a column, what the row is chosen by, and the values: bytes may become broken text.
COLUMNS: Final = (
    ("messages", "parent_entry_id", references),
    ("messages", "parent_entry_id", ids),
    ("messages", "thread_id", thread_ids),
    ("messages", "content", odd),
    ("messages", "role", odd),
    ("messages", "item_json", st.one_of(odd, st.none())),
    ("messages", "created_at", odd),
    ("threads", "current_leaf_id", references),
    ("threads", "id", thread_ids),
    ("threads", "status", st.one_of(odd, st.just("archived"))),
    ("threads", "source", odd),
    ("threads", "archived", st.one_of(odd, st.integers(0, 1))),
    ("threads", "title", st.one_of(odd, st.none())),
    ("threads", "updated_at", odd),
    ("threads", "rollout_path", odd),
    ("checkpoints", "thread_id", thread_ids),
    ("checkpoints", "checkpoint_id", odd),
    ("checkpoints", "state_json", odd),
    ("thread_dynamic_tools", "thread_id", thread_ids),
    ("thread_dynamic_tools", "position", odd),
    ("thread_goals", "thread_id", thread_ids),
    ("thread_goals", "status", odd),
    ("thread_goals", "tokens_used", odd),
    ("jobs", "id", st.one_of(odd, st.none())),
    ("jobs", "progress", st.one_of(odd, st.integers(-5, 300))),
    ("jobs", "status", odd),
)

STATEMENTS: Final = (
    "PRAGMA user_version = 0",
    "PRAGMA user_version = 2",
    "DROP INDEX IF EXISTS idx_messages_parent_entry_id",
    "DROP TABLE IF EXISTS leaf_runs",
    "DELETE FROM threads WHERE rowid = 2",
    "DELETE FROM messages WHERE id % 5 = 1",
    "UPDATE threads SET current_leaf_id = NULL",
)


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, tuple[Value, ...]]:
    """Draw a statement that damages a row, or the whole."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(STATEMENTS)), ()
    table, column, values = draw(st.sampled_from(COLUMNS))
    value = draw(values)
    new = "CAST(? AS TEXT)" if isinstance(value, bytes) and draw(st.booleans()) else "?"
    row = draw(st.integers(1, MESSAGES))
    return f"UPDATE OR IGNORE {table} SET {column} = {new} WHERE rowid = ?", (value, row)  # noqa: S608 - names from above


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store that holds nothing yet."""
    return new_store(tmp_path_factory.mktemp("empty") / "state.db", threads=0)


def fill(path: Path, parents: list[int]) -> None:
    """Put threads into a store, and messages each of which answers an earlier one, or none."""
    threads = [THREADS[number % 2] for number in range(MESSAGES)]
    with raw(path) as connection:
        connection.execute("BEGIN")
        for thread_id in THREADS:
            connection.execute(
                "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, "
                "updated_at, status, cwd, cli_version, source, title) "
                "VALUES (?, '', 0, '', 1, 1, 'idle', '', '', 'api', ?)",
                (thread_id, f"name {thread_id}"),
            )
            connection.execute("INSERT INTO checkpoints VALUES (?, 'cp', '{}', 1)", (thread_id,))
            connection.execute(
                "INSERT INTO thread_dynamic_tools VALUES (?, 0, 'n', NULL, '{}')", (thread_id,)
            )
            connection.execute(
                "INSERT INTO thread_goals(thread_id, goal_id, objective, status, created_at, "
                "updated_at) VALUES (?, 'g', 'o', 'active', 1, 1)",
                (thread_id,),
            )
            connection.execute(
                "INSERT INTO jobs VALUES (?, 'n', 'queued', 1, NULL, 1, 1)", (thread_id,)
            )
        for number, parent in enumerate(parents):
            connection.execute(
                "INSERT INTO messages(thread_id, role, content, created_at, parent_entry_id) "
                "VALUES (?, 'user', ?, ?, ?)",
                (threads[number], f"m{number}", number // 3, parent or None),
            )
        connection.execute(
            "UPDATE threads SET current_leaf_id = "
            "(SELECT max(id) FROM messages WHERE thread_id = threads.id)"
        )
        connection.execute("COMMIT")


def contents(path: Path) -> dict[int, str]:
    """Return every message's content as text."""
    with raw(path) as connection:
        connection.text_factory = bytes
        return {
            message_id: content.decode(errors="replace")
            if isinstance(content, bytes)
            else str(content)
            for message_id, content in connection.execute("SELECT id, content FROM messages")
        }


def counts(path: Path) -> list[int]:
    return [rows(path, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES[1:]]  # noqa: S608 - from above


def judge(path: Path) -> None:
    """Read all of a store, each branch from each leaf."""
    with StateStore.open(path, read_only=True) as store:
        reached = set()
        for thread_id in store.threads.ids():
            found = store.threads.get(thread_id)
            assert found is not None
            leaves = store.messages.leaves(thread_id)
            assert (found.current_leaf_id is None) == (not leaves)
            store.messages.branch(thread_id, None)
            for leaf in leaves:
                reached |= set(store.messages.branch_ids(thread_id, leaf=leaf.id))
            store.checkpoints.list(thread_id)
            store.tools.list(thread_id)
            store.goals.get(thread_id)
        assert reached == set(contents(path))
        assert len(store.jobs.list(None)) == store.jobs.count()


@given(
    parents=st.lists(st.integers(0, MESSAGES), min_size=MESSAGES, max_size=MESSAGES),
    damaged=st.lists(changes(), min_size=1, max_size=10),
    torn=st.sampled_from(["", "torn", '{"thread_id":"ghost","thread_name":"x","updated_at":1}\n']),
)
@settings(max_examples=examples(30))
def test_a_repair_loses_nothing_and_leaves_nothing_to_mend(
    empty: Path,
    parents: list[int],
    damaged: list[tuple[str, tuple[Value, ...]]],
    torn: str,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "state.db"
        shutil.copy(empty, path)
        # An answer is of the thread of what it answers, which every second message is of.
        fill(path, [_earlier(number, parent) for number, parent in enumerate(parents)])
        with raw(path) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            for statement, values in damaged:
                connection.execute(statement, values)
        if torn:
            index = folder / "session_index.jsonl"
            index.touch(0o600)
            index.write_text(torn)
        before, rows_before = contents(path), counts(path)
        looked = snapshot(folder)
        plan = examine(path)
        assert snapshot(folder) == looked

        report = repair(path)
        assert report.healthy
        assert {one.slug for one in plan.findings if one.fix} <= {
            one.slug for one in report.findings if one.fixed
        }
        assert contents(path) == before
        assert counts(path) == rows_before
        judge(path)

        content, files = everything(path, TABLES), snapshot(folder)
        again = repair(path)
        assert (again.healthy, again.backup) == (True, None)
        assert (everything(path, TABLES), snapshot(folder)) == (content, files)


@given(
    flips=st.lists(
        st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=8)), min_size=1, max_size=8
    )
)
@settings(max_examples=examples(30))
def test_whatever_bytes_are_overwritten_it_looks_and_changes_nothing(
    sound: Path, flips: list[tuple[int, bytes]]
) -> None:
    content = bytearray(sound.read_bytes())
    for place, flipped in flips:
        start = place % (len(content) - len(flipped))
        content[start : start + len(flipped)] = flipped
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "state.db"
        path.touch(0o600)
        path.write_bytes(content)
        before = snapshot(path.parent)
        try:
            report = examine(path)
        except NotAStoreError:
            return  # its tables bear other names now
        finally:
            assert snapshot(path.parent) == before
        tidied = {"free_pages", "log_large", "log_left"}
        if any(one.fix and one.slug not in tidied for one in report.findings):
            assert repair(path).backup is not None
            assert repair(path).backup is None


def _earlier(number: int, parent: int) -> int:
    """Return an earlier message of the same thread; 0 is none."""
    candidates = range(number % 2, number, 2)
    return candidates[parent % len(candidates)] + 1 if parent and candidates else 0
