"""A hostile file handed over as a store: functions, sizes and headers, and what bounds them."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    AgentStateError,
    CorruptStoreError,
    JobStateRecord,
    StateStore,
    StoreUnavailableError,
)
from agentstate.db.opening import open_for_reading, open_for_writing
from hostile import edit_schema, hostile_store
from stores import log_of, read, store_with
from support import copy_store, raw, rows, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli

# Expressions

PLACES: Final = {
    "check": "detail TEXT CHECK (CALL IS NOT 5)",
    "default": "detail TEXT, evil DEFAULT (CALL)",
    "index": "CREATE INDEX idx_jobs_updated_at ON jobs(CALL)",
    "partial index": "CREATE INDEX idx_jobs_updated_at ON jobs(name) WHERE CALL > 0",
}


@pytest.mark.parametrize("call", ["load_extension('evil')", "unheard_of(1)"])
@pytest.mark.parametrize("place", PLACES)
def test_a_function_that_does_more_than_compute_is_not_called(
    tmp_path: Path, place: str, call: str
) -> None:
    path = store_with(tmp_path / "state.db", "one")
    text = PLACES[place].replace("CALL", call)
    sql = "UPDATE sqlite_schema SET sql = ? WHERE name = 'idx_jobs_updated_at'"
    if "index" not in place:
        sql = "UPDATE sqlite_schema SET sql = replace(sql, 'detail TEXT', ?) WHERE name = 'jobs'"
    edit_schema(path, sql, text)
    with pytest.raises(CorruptStoreError, match="schema") as raised, StateStore.open(path) as store:
        store.jobs.create(JobStateRecord(id="j", name="n", created_at=1, updated_at=1))
    assert raised.value.exit_code == 6
    edit_schema(path, "DELETE FROM sqlite_schema WHERE name = 'idx_jobs_updated_at'")
    assert rows(path, "SELECT count(*) FROM jobs") == [(0,)]


# Sizes

TOO_MUCH: Final = {
    "columns": f"CREATE TABLE evil ({', '.join(f'c{number}' for number in range(1999))})",
    "text": f"CREATE TABLE evil (x /* {'x' * 2_000_000} */)",
    "depth": f"CREATE TABLE evil (x CHECK ({'+'.join('x' * 900)}))",
    "terms": f"CREATE VIEW evil AS {' UNION ALL '.join(['SELECT 1'] * 400)}",
}
"""What makes SQLite itself work for long, before anybody reads a row."""


@pytest.mark.parametrize("what", TOO_MUCH)
def test_a_schema_that_is_too_large_is_refused(tmp_path: Path, what: str) -> None:
    path = hostile_store(tmp_path / "state.db", TOO_MUCH[what])
    before = snapshot(tmp_path)
    for read_only in (True, False):
        with pytest.raises(CorruptStoreError, match=r"malformed database schema \(evil\)"):
            StateStore.open(path, read_only=read_only)
    assert snapshot(tmp_path) == before


def test_a_table_of_ours_with_two_thousand_columns_is_refused(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    columns = ", ".join(f"c{number} TEXT" for number in range(1980))
    sql = "UPDATE sqlite_schema SET sql = replace(sql, 'title TEXT', ?) WHERE name = 'threads'"
    edit_schema(path, sql, f"title TEXT, {columns}")
    with pytest.raises(CorruptStoreError, match="too many columns on threads"):
        StateStore.open(path, read_only=True)


def test_a_statement_that_a_schema_makes_too_long_is_an_error(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    check = f"CHECK (detail NOT IN ({', '.join(map(str, range(60_000)))}))"
    sql = "UPDATE sqlite_schema SET sql = replace(sql, 'detail TEXT', ?) WHERE name = 'jobs'"
    edit_schema(path, sql, f"detail TEXT {check}")
    with StateStore.open(path) as store:
        with pytest.raises(StoreUnavailableError, match="SQLite has no memory for this statement"):
            store.jobs.create(JobStateRecord(id="j", name="n", created_at=1, updated_at=1))
        store.messages.append("t0", "user", "two")
    assert read(path) == "one two"


def test_a_pattern_that_is_too_long_is_bad_input(cli: Cli) -> None:
    assert cli.fails(7, "threads", "list", "--name", "*a" * 6000) == "the pattern is too long"


def test_large_contents_are_not_limited(tmp_path: Path) -> None:
    path = copy_store("v1", tmp_path)
    ((thread_id,),) = rows(path, "SELECT thread_id FROM messages WHERE id = 1")
    content = "0123456789abcdef" * 750_000
    with raw(path) as agent:
        agent.execute("UPDATE messages SET content = ? WHERE id = 1", (content,))
        agent.execute("UPDATE threads SET preview = ?", (content,))
    with StateStore.open(path) as store:
        new = store.messages.append(thread_id, "user", content, {"text": content})
        store.checkpoints.save(thread_id, "large", {"state": content})
        jobs = len(store.jobs.list(None))
        for number in range(1200):
            store.jobs.create(JobStateRecord(id=f"j{number}", name="n", created_at=1, updated_at=1))
    with StateStore.open(path, read_only=True) as store:
        message = store.messages.get(new)
        assert message is not None
        assert message.content == content
        checkpoint = store.checkpoints.load(thread_id)
        assert checkpoint is not None
        assert checkpoint.state == {"state": content}
        assert len(store.jobs.list(None)) == jobs + 1200


# Files that are no SQLite file, or not a whole one


def test_a_file_whose_header_lies_is_refused(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    sound = path.read_bytes()
    lies = {
        "nothing but zeros": bytes(len(sound)),
        "a page of 512 bytes": patched(sound, 16, b"\x02\0"),
        "a page of 64 KiB": patched(sound, 16, b"\0\x01"),
        "no size of a page": patched(sound, 16, b"\0\x03"),
        "a newer way to write": patched(sound, 18, b"\xff"),
        "a newer way to read": patched(sound, 19, b"\xff"),
        "another size of a payload": patched(sound, 21, b"\xff\xff\xff"),
        "a newer schema format": patched(sound, 44, b"\xff" * 4),
        "another encoding": patched(sound, 56, b"\0\0\0\x02"),
        "half a header": sound[:50],
        "half a page": sound[:2048],
        "a page": sound[:4096],
        "noise behind the header": sound[:100] + bytes(range(256)) * 200,
    }
    for what, content in lies.items():
        path.write_bytes(content)
        for read_only in (True, False):
            try:
                with StateStore.open(path, read_only=read_only, timeout=0) as store:
                    store.messages.branch("t0")
                    store.threads.list()
            except AgentStateError as error:
                assert error.exit_code in {5, 6}, what  # noqa: PT017 - not all of them raise
        log_of(path).unlink(missing_ok=True)
        path.with_name("state.db-shm").unlink(missing_ok=True)


def patched(content: bytes, offset: int, new: bytes) -> bytes:
    return content[:offset] + new + content[offset + len(new) :]


# What every connection has


def test_every_connection_distrusts_the_file(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    writing, _ = open_for_writing(path, 0, create=False)
    for database in (open_for_reading(path, 0), writing):
        with closing(database):
            assert database.pragma("trusted_schema") == 0
            assert database.pragma("cell_size_check") == 1
            database.execute("ATTACH ':memory:' AS one")
            with pytest.raises(AgentStateError, match="too many attached databases"):
                database.execute("ATTACH ':memory:' AS two")


def test_a_writing_connection_can_edit_the_schema_itself_only_before_python_3_12(
    tmp_path: Path,
) -> None:
    path = store_with(tmp_path / "state.db", "one")
    database, _ = open_for_writing(path, 0, create=False)
    with closing(database):
        database.execute("PRAGMA writable_schema = ON")
        try:
            database.execute("DELETE FROM sqlite_schema WHERE false")
            refused = ""
        except AgentStateError as error:
            refused = str(error)
    assert ("table sqlite_master may not be modified" in refused) == (sys.version_info >= (3, 12))
