"""A hostile file handed over as a store: what its schema would do is not done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    CorruptStoreError,
    NotAStoreError,
    StateStore,
    UntrustedSchemaError,
)
from cli_stores import ALL_VERBS, ARGUMENTS, READING
from hostile import edit_schema, hostile_store
from stores import log_of, read, store_with, to_rollback_mode
from support import copy_store, raw, rows, run_python, snapshot

if TYPE_CHECKING:
    from cli_support import Cli

ACTIONS: Final = {
    "the trigger 'evil' on the table 'messages'": (
        "CREATE TRIGGER evil AFTER INSERT ON messages BEGIN DELETE FROM threads; END"
    ),
    "the trigger 'evil' on the table 'checkpoints'": (
        "CREATE TRIGGER evil BEFORE DELETE ON checkpoints BEGIN DELETE FROM jobs; END"
    ),
    "the trigger 'evil' on the table 'theirs'": (
        "CREATE TABLE theirs (id TEXT REFERENCES threads(id) ON DELETE CASCADE);"
        "INSERT INTO theirs VALUES ('t0');"
        "CREATE TRIGGER evil AFTER DELETE ON theirs BEGIN DELETE FROM jobs; END"
    ),
    "the view 'evil' on the table 'threads'": "CREATE VIEW evil AS SELECT * FROM [Threads]",
    "a conflict clause on the table 'jobs'": (
        "DROP TABLE jobs; CREATE TABLE jobs (id TEXT PRIMARY KEY ON CONFLICT REPLACE, name, status,"
        " progress, detail, created_at, updated_at, UNIQUE (name) ON CONFLICT REPLACE)"
    ),
    "a foreign key to 'jobs' on the table 'thread_goals'": (
        "DROP TABLE thread_goals; CREATE TABLE thread_goals (thread_id TEXT REFERENCES threads(id)"
        " ON DELETE CASCADE REFERENCES jobs(id) ON DELETE CASCADE, goal_id, objective, status,"
        " token_budget, tokens_used, time_used_seconds, created_at, updated_at, continuation_count)"
    ),
}
"""What a schema could do on a write, by how the error names it."""


# Writing


@pytest.mark.parametrize("named", ACTIONS)
def test_a_schema_that_acts_is_read_and_not_written(tmp_path: Path, named: str) -> None:
    path = hostile_store(tmp_path / "state.db", ACTIONS[named])
    before = snapshot(tmp_path)
    with pytest.raises(UntrustedSchemaError) as raised:
        StateStore.open(path)
    assert str(raised.value) == (
        f"{path} has {named}, which no store of an agent has; it is only read. "
        "If you know what it does, write with --trust-schema"
    )
    assert raised.value.exit_code == 6
    assert read(path) == "one"
    assert snapshot(tmp_path) == before


def test_a_trigger_that_deletes_does_not_run_unless_it_is_trusted(tmp_path: Path) -> None:
    path = hostile_store(
        tmp_path / "state.db", ACTIONS["the trigger 'evil' on the table 'messages'"]
    )
    with pytest.raises(UntrustedSchemaError):
        StateStore.open(path)
    assert rows(path, "SELECT id FROM threads") == [("t0",)]
    with StateStore.open(path, trust_schema=True) as store:
        store.threads.rename("t0", "still there")
        store.messages.append("t0", "user", "two")
    assert rows(path, "SELECT id FROM threads") == []


def test_a_trigger_where_a_delete_cascades_to_does_not_run(tmp_path: Path) -> None:
    path = hostile_store(tmp_path / "state.db", ACTIONS["the trigger 'evil' on the table 'theirs'"])
    with raw(path) as somebody:
        somebody.execute("INSERT INTO jobs VALUES ('j', 'n', 'queued', 0, NULL, 1, 1)")
    with pytest.raises(UntrustedSchemaError):
        StateStore.open(path)
    assert len(rows(path, "SELECT id FROM jobs")) == 1
    with StateStore.open(path, trust_schema=True) as store:
        store.threads.delete("t0")
    assert rows(path, "SELECT id FROM jobs") == []


TRIGGER: Final = "CREATE TRIGGER evil AFTER UPDATE ON threads BEGIN DELETE FROM messages; END"


def test_it_is_seen_before_a_migration(tmp_path: Path) -> None:
    path = copy_store("v1", tmp_path)
    with raw(path) as somebody:
        somebody.execute(TRIGGER)
    before = snapshot(tmp_path)
    with pytest.raises(UntrustedSchemaError):
        StateStore.open(path)
    assert snapshot(tmp_path) == before
    StateStore.open(path, trust_schema=True).close()
    assert rows(path, "PRAGMA user_version") == [(4,)]


def test_it_is_seen_before_the_journal_is_another(tmp_path: Path) -> None:
    path = to_rollback_mode(hostile_store(tmp_path / "state.db", TRIGGER))
    before = snapshot(tmp_path)
    with pytest.raises(UntrustedSchemaError):
        StateStore.open(path)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("index_of_log", [True, False])
def test_it_is_seen_before_a_log_is_carried_into_the_file(
    tmp_path: Path, *, index_of_log: bool
) -> None:
    path = store_with(tmp_path / "state.db", "one")
    code = """
import os, sqlite3, sys
sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2])
os._exit(0)
"""
    run_python(code, path, TRIGGER)
    if not index_of_log:
        path.with_name("state.db-shm").unlink()
    before = snapshot(tmp_path)
    assert before[log_of(path).name][0]
    with pytest.raises(UntrustedSchemaError):
        StateStore.open(path)
    assert snapshot(tmp_path) == before


def test_it_is_seen_when_it_comes_while_the_store_is_open(tmp_path: Path) -> None:
    path = store_with(tmp_path / "state.db", "one")
    with StateStore.open(path) as store, raw(path) as somebody:
        store.messages.append("t0", "user", "two")
        somebody.execute(TRIGGER)
        for _ in range(2):
            with pytest.raises(UntrustedSchemaError):
                store.messages.append("t0", "user", "not now")
        assert [message.content for message in store.messages.branch("t0")] == ["one", "two"]
        somebody.execute("DROP TRIGGER evil")
        store.messages.append("t0", "user", "three")
    assert read(path) == "one two three"


def test_a_type_in_other_letters_hides_nothing(tmp_path: Path) -> None:
    path = hostile_store(tmp_path / "state.db", TRIGGER)
    edit_schema(path, "UPDATE sqlite_schema SET type = 'TrigGer' WHERE type = 'trigger'")
    with StateStore.open(path, trust_schema=True) as store:
        store.threads.rename("t0", "it runs")
    assert rows(path, "SELECT * FROM messages") == []
    with pytest.raises(UntrustedSchemaError):
        StateStore.open(path)


@pytest.mark.parametrize(("kind", "name"), [("table", "evil"), ("index", "other")])
def test_a_row_that_lies_about_its_sql_is_refused_by_sqlite(
    tmp_path: Path, kind: str, name: str
) -> None:
    """Which is why the type and the name of an object are believed."""
    path = hostile_store(tmp_path / "state.db", TRIGGER)
    edit_schema(path, "UPDATE sqlite_schema SET type = ?, name = ? WHERE name = 'evil'", kind, name)
    for read_only in (True, False):
        with pytest.raises(CorruptStoreError, match="malformed database schema"):
            StateStore.open(path, read_only=read_only)


def test_no_verb_writes_it(cli: Cli, tmp_path: Path) -> None:
    with raw(cli.db) as somebody:
        somebody.execute(
            'CREATE TRIGGER "e\x1b[1m\nvil" AFTER UPDATE ON threads BEGIN SELECT 1; END'
        )
    (tmp_path / "copy.db").write_bytes(cli.db.read_bytes())
    more = {"restore": (str(tmp_path / "copy.db"), "--yes"), "doctor": ("--fix",)}
    apart = {"schema", "completion", "demo", "backup", "recover", "search", *READING} - {"doctor"}
    before = snapshot(cli.db.parent)
    for verb in ALL_VERBS:
        if verb not in apart and not verb.startswith("index "):
            line = cli.fails(6, *verb.split(), *more.get(verb, ARGUMENTS.get(verb, ())))
            assert r"has the trigger 'e\x1b[1m\nvil' on the table 'threads'" in line, verb
    assert snapshot(cli.db.parent) == before
    assert cli("threads", "list", "-o", "id").lines == ["t-main"]
    cli("--trust-schema", "threads", "rename", "t-main", "Trusted")


def test_a_view_of_other_tables_stops_nobody(tmp_path: Path) -> None:
    sql = "CREATE TABLE theirs (x); CREATE VIEW sum AS SELECT sum(x) FROM theirs"
    path = hostile_store(tmp_path / "state.db", sql)
    with StateStore.open(path) as store:
        store.messages.append("t0", "user", "two")
    assert read(path) == "one two"


# Reading

ENDLESS: Final = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
)
INSTEAD: Final = {
    "jobs is a view": f"DROP TABLE jobs; CREATE VIEW jobs AS {ENDLESS}",
    "CheckPoints is a view": f"DROP TABLE checkpoints; CREATE VIEW CheckPoints AS {ENDLESS}",
    "threads is a view": (
        "PRAGMA foreign_keys = OFF; ALTER TABLE threads RENAME TO t;"
        "CREATE VIEW threads AS SELECT * FROM t"
    ),
    "thread_goals is a virtual table": (
        "DROP TABLE thread_goals; CREATE VIRTUAL TABLE thread_goals USING fts5(thread_id)"
    ),
    "jobs has a column that is computed": (
        "ALTER TABLE jobs ADD COLUMN evil AS (hex(zeroblob(1000000000)))"
    ),
    "threads is a virtual table, or has a virtual column": (
        "ALTER TABLE threads ADD COLUMN evil AS (length(id)) VIRTUAL"
    ),
}


@pytest.mark.parametrize("named", INSTEAD)
def test_what_stands_in_place_of_a_table_is_not_run(tmp_path: Path, named: str) -> None:
    path = hostile_store(tmp_path / "state.db", INSTEAD[named])
    before = snapshot(tmp_path)
    for read_only, trust_schema in ((True, False), (False, False), (False, True)):
        with pytest.raises(NotAStoreError, match=f"{path} is not a store: its {named}"):
            StateStore.open(path, read_only=read_only, trust_schema=trust_schema)
    assert snapshot(tmp_path) == before


def test_a_foreign_table_may_hold_anything(tmp_path: Path) -> None:
    sql = """
        CREATE VIRTUAL TABLE words USING fts5(x);
        CREATE TABLE theirs (id TEXT REFERENCES threads(id) ON DELETE CASCADE, twice AS (id || id));
        INSERT INTO theirs VALUES ('t0');
    """
    path = hostile_store(tmp_path / "state.db", sql)
    with StateStore.open(path) as store:
        store.threads.delete("t0")
    assert rows(path, "SELECT * FROM theirs") == []


# The document


def test_the_document_names_tests_that_there_are() -> None:
    here = Path(__file__).parent
    document = (here.parent / "docs" / "security.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", document))
    files = set(re.findall(r"`tests/(test_\w+\.py)`", document))
    assert named
    source = "".join((here / name).read_text(encoding="utf-8") for name in files)
    assert named - set(re.findall(r"def (test_\w+)\(", source)) == set()
