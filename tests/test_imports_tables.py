"""The tables of imports where the store is looked after: checked, copied, saved, distrusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    NotAStoreError,
    Severity,
    StateStore,
    UntrustedSchemaError,
    examine,
    recover,
    repair,
    restore,
)
from bundle_support import bundle_of, dump, fill_thread, insert
from sessions import chain, merge, session
from support import raw, rows

if TYPE_CHECKING:
    from pathlib import Path

TABLES: Final = ("agentstate_imported_messages", "agentstate_imports", "agentstate_meta")


@pytest.fixture
def imported(store: StateStore) -> StateStore:
    """Fill a store: an imported thread with a hidden message, and one that was not imported."""
    fill_thread(store, "t")
    merge(store, session(chain("a", "b", "c", hidden="a"), title="T"))
    return store


def found(path: Path) -> dict[str, tuple[Severity, tuple[int | str, ...], bool]]:
    return {
        one.slug: (one.severity, one.ids, one.fix is not None)
        for one in examine(path).findings
        if one.slug != "rollout_missing"
    }


# Doctor.


def test_a_store_with_imports_is_healthy(imported: StateStore) -> None:
    assert found(imported.path) == {}


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("DROP INDEX idx_agentstate_hidden_messages", "index idx_agentstate_hidden_messages"),
        ("DROP TABLE agentstate_imported_messages", "table agentstate_imported_messages"),
    ],
)
def test_missing_parts_are_made_again(imported: StateStore, statement: str, part: str) -> None:
    with raw(imported.path) as connection:
        connection.execute(statement)
    severity, ids, mends = found(imported.path)["imports_incomplete"]
    assert (severity, ids[0], mends) == (Severity.WARNING, part, True)
    assert repair(imported.path).healthy
    assert found(imported.path) == {}


def test_a_missing_column_is_left_to_a_person(imported: StateStore) -> None:
    with raw(imported.path) as connection:
        connection.execute("ALTER TABLE agentstate_imports DROP COLUMN relation")
    assert found(imported.path)["imports_incomplete"] == (
        Severity.WARNING,
        ("column agentstate_imports.relation",),
        False,
    )


def test_records_of_what_is_gone_are_removed(imported: StateStore) -> None:
    with raw(imported.path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM messages WHERE id = 6")
        connection.execute("UPDATE threads SET current_leaf_id = 5 WHERE id = 's-1'")
    assert found(imported.path) == {"import_lost": (Severity.WARNING, ("s-1",), True)}
    assert repair(imported.path).healthy
    assert rows(imported.path, "SELECT message_id FROM agentstate_imported_messages") == [
        (4,),
        (5,),
    ]


def test_a_newer_version_is_a_note(imported: StateStore) -> None:
    with raw(imported.path) as connection:
        connection.execute("UPDATE agentstate_meta SET value = 7")
    assert found(imported.path) == {"imports_newer": (Severity.NOTE, (), False)}


def test_values_are_looked_at(imported: StateStore) -> None:
    with raw(imported.path) as connection:
        connection.execute("UPDATE agentstate_imports SET title = x'ff41'")
    assert found(imported.path) == {"wrong_type": (Severity.ERROR, ("s-1",), True)}
    assert repair(imported.path).healthy
    assert rows(imported.path, "SELECT title FROM agentstate_imports") == [("\ufffdA",)]


def test_a_thread_whose_id_is_mended_stays_imported(imported: StateStore) -> None:
    with raw(imported.path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for table, column in (
            ("threads", "id"),
            ("messages", "thread_id"),
            ("agentstate_imports", "thread_id"),
            ("agentstate_imported_messages", "thread_id"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = x'ff' WHERE {column} = 's-1'")  # noqa: S608 - the test's own
    assert repair(imported.path).healthy
    assert imported.imports.hidden("\ufffd") == {4}


# Trust.


@pytest.mark.parametrize("table", TABLES)
def test_a_view_in_place_of_a_table_is_refused(imported: StateStore, table: str) -> None:
    with raw(imported.path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(f"ALTER TABLE {table} RENAME TO other")
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM other")  # noqa: S608 - the test's own
    with pytest.raises(NotAStoreError, match=f"its {table} is a view"):
        StateStore.open(imported.path, read_only=True)


def test_a_computed_column_is_refused(imported: StateStore) -> None:
    with raw(imported.path) as connection:
        connection.execute("ALTER TABLE agentstate_imports ADD COLUMN more AS (abs(leaf_id))")
    with pytest.raises(NotAStoreError, match="agentstate_imports has a column that is computed"):
        StateStore.open(imported.path, read_only=True)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER x AFTER INSERT ON agentstate_imports BEGIN DELETE FROM threads; END",
        "CREATE VIEW x AS SELECT * FROM agentstate_imported_messages",
        "ALTER TABLE agentstate_imports ADD COLUMN x REFERENCES jobs(id) ON DELETE CASCADE",
        "ALTER TABLE agentstate_imports ADD COLUMN x REFERENCES messages(id) ON DELETE SET NULL",
    ],
)
def test_what_acts_on_a_write_makes_it_read_only(imported: StateStore, statement: str) -> None:
    with raw(imported.path) as connection:
        connection.execute(statement)
    with pytest.raises(UntrustedSchemaError):
        merge(imported, session(chain("a", "b", "c", "d")))
    with pytest.raises(UntrustedSchemaError):
        StateStore.open(imported.path)


# Copies.


def test_a_backup_and_its_restoration_hold_them(imported: StateStore, tmp_path: Path) -> None:
    before = dump(imported.path)
    kept = imported.backup(tmp_path / "kept" / "kept.db").path
    imported.close()
    restore(tmp_path / "new" / "state.db", kept)
    assert dump(tmp_path / "new" / "state.db") == before


def test_a_recovery_saves_them(imported: StateStore, tmp_path: Path) -> None:
    report = recover(imported.path, tmp_path / "out.db")
    assert report.lost == 0
    assert dump(tmp_path / "out.db") == dump(imported.path)
    assert set(TABLES) < {table.table for table in report.tables}
    assert found(tmp_path / "out.db") == {}


def test_a_recovery_drops_records_of_what_is_lost(imported: StateStore, tmp_path: Path) -> None:
    with raw(imported.path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM messages WHERE id = 6")
    report = recover(imported.path, tmp_path / "out.db")
    assert {table.table: table.lost for table in report.tables if table.lost} == {
        "agentstate_imported_messages": 1
    }


def test_a_recovery_of_a_store_without_imports_makes_no_tables(
    store: StateStore, tmp_path: Path
) -> None:
    fill_thread(store, "t")
    store.messages.append("t", "user", "I read of agentstate_imports")
    report = recover(store.path, tmp_path / "out.db")
    assert not {table.table for table in report.tables} & set(TABLES)
    sql = "SELECT name FROM sqlite_schema WHERE name LIKE '%agentstate%'"
    assert rows(tmp_path / "out.db", sql) == []
    assert dump(tmp_path / "out.db") == dump(store.path)


def test_the_trash_gives_an_imported_thread_back(imported: StateStore) -> None:
    before = dump(imported.path)
    imported.trash.put("s-1")
    assert rows(imported.path, "SELECT * FROM agentstate_imported_messages") == []
    imported.trash.restore("s-1")
    assert dump(imported.path) == before
    assert merge(imported, session(chain("a", "b", "c"), title="T")).added == 0


def test_a_bundle_comes_into_a_store_that_never_imported(
    imported: StateStore, tmp_path: Path
) -> None:
    for thread_id in ("s-1", "t"):
        bundle_of(imported, tmp_path / thread_id, thread_id)
    with StateStore.open(tmp_path / "new.db") as new:
        insert(new, tmp_path / "t")
        assert new.imports.list() == [], "of a thread that was not imported nothing is known"
        insert(new, tmp_path / "s-1")
        assert new.imports.get("s-1") == imported.imports.get("s-1")
        assert new.imports.hidden("s-1") == {4}
    assert found(tmp_path / "new.db") == {}


def test_pruning_counts_and_deletes_them(imported: StateStore) -> None:
    plan = imported.pruning.plan(older_than=300)
    assert "s-1" in {thread.id for thread in plan.threads}
    assert len(list(imported.pruning.delete(plan))) == len(plan.threads)
    assert rows(imported.path, "SELECT * FROM agentstate_imports") == []
