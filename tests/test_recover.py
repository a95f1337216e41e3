"""`recover`: what is saved, what is made for it, and what it leaves alone."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest

from agentstate import (
    AgentStateWarning,
    ConflictError,
    NotAStoreError,
    StateStore,
    StoreNotFoundError,
    ThreadListFilters,
)
from agentstate.store.recovery import recover
from old_stores import FORKED, OLD, migrate, old_store, tree
from stores import read, store_with
from support import DATA, copy_store, mode, new_store, raw, rows, run_python, snapshot, thread
from wrecks import TABLES, all_rows

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "state.db"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def stored(path: Path, table: str) -> list[tuple[Any, ...]]:
    """Return rows so that types and bytes show."""
    columns = [name for (name,) in rows(path, f"SELECT name FROM pragma_table_info('{table}')")]  # noqa: S608 - our own tables' names
    quoted = ", ".join(f"typeof({name}), quote(CAST({name} AS BLOB))" for name in columns)
    return rows(path, f"SELECT rowid, {quoted} FROM {table} ORDER BY rowid")  # noqa: S608 - as above


@pytest.mark.parametrize("name", [*OLD, "torn_index"])
def test_a_healthy_store_of_any_version_is_saved_as_a_migration_would_leave_it(
    name: str, source: Path, out: Path
) -> None:
    path = old_store(name, source)
    before = snapshot(source)
    report = recover(path, out)
    assert snapshot(source) == before
    migrate(path)
    assert tree(out) == tree(path)
    assert all_rows(out) == all_rows(path)
    assert (report.lost, report.made) == (0, 0)
    assert report.saved == sum(len(found) for found in all_rows(path).values())
    assert rows(out, "PRAGMA user_version") == [(4,)]
    assert rows(out, "PRAGMA journal_mode") == [("wal",)]
    with StateStore.open(out) as store:
        threads = store.threads.list(ThreadListFilters(include_archived=True, limit=None))
        leaves = [len(store.messages.leaves(one.id)) for one in threads]
        assert sum(leaves) > 0
        if name in FORKED:
            assert max(leaves) == FORKED[name]


def test_the_new_store_is_private_and_the_index_goes_along(source: Path, out: Path) -> None:
    path = copy_store("torn_index", source)
    report = recover(path, out)
    index = out.with_name("session_index.jsonl")
    assert report.index_path == str(index)
    assert index.read_bytes() == (DATA / "torn_index" / index.name).read_bytes()
    assert names(out.parent) == {"state.db", index.name}
    assert [mode(one) for one in (out.parent, out, index)] == [0o700, 0o600, 0o600]


def test_an_index_that_is_there_stays(source: Path, out: Path) -> None:
    path = copy_store("v1", source)
    out.parent.mkdir()
    index = out.with_name("session_index.jsonl")
    index.write_text("mine\n")
    assert recover(path, out).index_path == str(index)
    assert index.read_text() == "mine\n"
    path.with_name("session_index.jsonl").unlink()
    assert recover(path, source / "other.db").index_path is None


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal", "-shm"])
def test_nothing_that_is_there_is_replaced_or_taken_for_a_part(
    suffix: str, source: Path, out: Path
) -> None:
    path = copy_store("v1", source)
    out.parent.mkdir()
    out.with_name(out.name + suffix).write_bytes(b"mine")
    before = snapshot(out.parent)
    with pytest.raises(ConflictError, match="exists"):
        recover(path, out)
    assert snapshot(out.parent) == before


def test_a_link_is_not_written_through(source: Path, out: Path) -> None:
    out.parent.mkdir()
    out.symlink_to(source / "elsewhere.db")
    with pytest.raises(ConflictError):
        recover(copy_store("v1", source), out)
    assert not (source / "elsewhere.db").exists()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, StoreNotFoundError),
        (b"", StoreNotFoundError),
        (b"x", NotAStoreError),
        (b"SQLite format 3\0", NotAStoreError),
        (bytes(50_000), NotAStoreError),
        (b"\r" * 50_000, NotAStoreError),
    ],
)
def test_where_there_is_no_store_nothing_is_written(
    content: bytes | None, error: type[Exception], source: Path, out: Path
) -> None:
    if content is not None:
        (source / "state.db").write_bytes(content)
    with pytest.raises(error):
        recover(source / "state.db", out / "deep" / "state.db")
    assert names(source.parent) == {"source"}


def test_a_file_of_another_program_and_a_folder_are_no_store(source: Path, out: Path) -> None:
    with raw(source / "other.db") as connection:
        connection.execute("CREATE TABLE jobs(id TEXT, pay INTEGER)")
        connection.execute("INSERT INTO jobs VALUES ('baker', 7)")
    for path in (source / "other.db", source):
        with pytest.raises(NotAStoreError):
            recover(path, out)
    assert not out.parent.exists()


def test_an_empty_store_gives_an_empty_store(source: Path, out: Path) -> None:
    assert recover(new_store(source / "state.db", threads=0), out).saved == 0
    with StateStore.open(out, read_only=True) as store:
        assert store.info().counts["threads"] == 0


def test_values_come_back_byte_for_byte(source: Path, out: Path) -> None:
    path = store_with(source / "state.db")
    with raw(path) as connection:
        insert = "INSERT INTO messages(thread_id, role, content, item_json, created_at) VALUES"
        for values in (
            "('t0', 'user', CAST(x'ff00fe' AS TEXT), x'0001ff', 1)",
            "('t0', '', CAST(zeroblob(20000) AS TEXT), NULL, -9223372036854775808)",
            f"('t0', 'user', '{'long' * 5000}', zeroblob(9000), 9223372036854775807)",
            "('t0', 'user', x'00', 'item', 1.5)",
            "('t0', 'user', '🦜', 'item', 'yesterday')",
        ):
            connection.execute(f"{insert} {values}")
        connection.execute("INSERT INTO jobs VALUES ('j', 'n', 's', 2.5, 1e300, 0, 1)")
    assert recover(path, out).lost == 0
    for table in TABLES:
        assert stored(out, table) == stored(path, table)


def test_checkpoints_keep_their_order(source: Path, out: Path) -> None:
    with StateStore.open(source / "state.db") as store:
        store.threads.create(thread())
        for name in ("z", "a", "m", "a"):
            store.checkpoints.save("t", name, {})
    recover(source / "state.db", out)
    with StateStore.open(out, read_only=True) as store:
        assert [one.checkpoint_id for one in store.checkpoints.list("t")] == ["a", "m", "z"]


def test_columns_in_another_order_are_told_by_their_names(source: Path, out: Path) -> None:
    path = store_with(source / "state.db", "first")
    with raw(path) as connection:
        connection.executescript(
            """
            INSERT INTO jobs VALUES ('j', 'name', 'queued', 1, 'detail', 2, 3);
            ALTER TABLE jobs RENAME TO old;
            CREATE TABLE jobs (
                [updated_at] INTEGER, -- a comment, with a comma
                extra TEXT DEFAULT '(,', "detail" TEXT /* , */, name TEXT, status TEXT,
                id TEXT PRIMARY KEY, created_at NUMERIC(3, 1), progress INTEGER,
                CHECK (progress IN (1, 2))
            );
            INSERT INTO jobs SELECT updated_at, 'x', detail, name, status, id, created_at, progress
                FROM old;
            DROP TABLE old;
            """
        )
    with pytest.warns(AgentStateWarning, match=r"not saved: column jobs\.extra$"):
        recover(path, out)
    assert rows(out, "SELECT * FROM jobs") == [("j", "name", "queued", 1, "detail", 2, 3)]


def test_schema_of_the_file_does_not_run_and_does_not_come_along(source: Path, out: Path) -> None:
    path = store_with(source / "state.db", "first")
    with raw(path) as connection:
        connection.executescript(
            """
            CREATE TRIGGER evil AFTER INSERT ON messages BEGIN DELETE FROM threads; END;
            CREATE VIEW trap AS SELECT load_extension('x') FROM messages;
            CREATE TABLE other(secret TEXT DEFAULT (randomblob(9)));
            INSERT INTO other VALUES ('kept out');
            DROP TABLE jobs;
            CREATE VIEW jobs AS SELECT id, 'n' AS name FROM threads;
            """
        )
    with pytest.warns(AgentStateWarning, match="not saved: table other$"):
        recover(path, out)
    assert read(out) == "first"
    assert rows(out, "SELECT name FROM sqlite_schema WHERE type IN ('trigger', 'view')") == []
    assert b"kept out" not in out.read_bytes()


def test_other_page_sizes_are_read_too(source: Path, tmp_path: Path) -> None:
    for size in (512, 1024, 8192, 65536):
        path = source / f"{size}.db"
        copied = copy_store("v2_rich", source)
        migrate(copied)
        with raw(copied) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute(f"PRAGMA page_size = {size}")
            connection.execute("VACUUM")
        copied.rename(path)
        recover(path, tmp_path / f"{size}.db")
        assert all_rows(tmp_path / f"{size}.db")["messages"] == all_rows(path)["messages"]


def test_a_program_that_is_killed_leaves_no_store_and_the_next_clears_up(
    source: Path, out: Path
) -> None:
    path = copy_store("v2_rich", source)
    code = """
import os, signal, sys
from agentstate.store.recovery import recover
recover(sys.argv[1], sys.argv[2], before_commit=lambda: os.kill(os.getpid(), signal.SIGKILL))
"""
    with pytest.raises(AssertionError):
        run_python(code, path, out)
    assert not out.exists()
    left = names(out.parent)
    assert len(left) == 2
    assert stat.S_IMODE(next(out.parent.glob(".*scratch*")).stat().st_mode) == 0o700
    recover(path, out)
    assert names(out.parent) == {"state.db", "session_index.jsonl"}
