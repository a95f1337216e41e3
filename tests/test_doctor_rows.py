"""A repair changes the row that it means, whatever a table's columns are called."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate import CorruptStoreError, StateStore, examine, repair
from damage import copy_of, damage, found
from doctor_cases import THREAD
from examples import examples
from support import raw, rows, snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli_support import Cli

KEYS: Final = {
    "threads": "id",
    "messages": "id",
    "checkpoints": "thread_id, checkpoint_id",
    "thread_dynamic_tools": "thread_id, position",
    "thread_goals": "thread_id",
    "jobs": "id",
}

SHAPES: Final = {
    "a constant": ("rowid INTEGER DEFAULT 1",),
    "nothing": ("ROWID",),
    "the last row's": ("_rowid_ INTEGER DEFAULT 2", "oid INTEGER DEFAULT 3"),
    "two names": ("rowid INTEGER DEFAULT 2", "_rowid_ TEXT DEFAULT 'x'"),
    "no rowids": (),
}
"""What hides the rowids of a table: columns of SQLite's names for them, or that it has none."""

ALL_NAMES: Final = ("rowid INTEGER DEFAULT 1", "_rowid_ INTEGER DEFAULT 1", "oid DEFAULT 1")

# Each damages one row so that its repair makes it again what it was.
DAMAGE: Final = (
    ("messages", "content", "CAST(content AS BLOB)", "id = 3"),
    ("messages", "created_at", "CAST(created_at AS BLOB)", "id = 1"),
    ("messages", "thread_id", "CAST(thread_id AS BLOB)", "id = 6"),
    ("messages", "parent_entry_id", "CAST(parent_entry_id AS BLOB)", "id = 4"),
    ("threads", "status", "'odd'", "id = 't'"),
    ("threads", "status", "'archived'", "id = 'u'"),
    ("threads", "preview", "CAST(preview AS BLOB)", "id = 'a'"),
    ("threads", "current_leaf_id", "NULL", "id = 't'"),
    ("threads", "current_leaf_id", "99", "id = 'u'"),
    ("threads", "id", "CAST(id AS BLOB)", "id = 'a'"),
    ("checkpoints", "created_at", "CAST(created_at AS BLOB)", "checkpoint_id = 'cp-2'"),
    ("checkpoints", "checkpoint_id", "CAST(checkpoint_id AS BLOB)", "checkpoint_id = 'cp'"),
    ("checkpoints", "thread_id", "CAST(thread_id AS BLOB)", "checkpoint_id = 'cp-2'"),
    ("thread_dynamic_tools", "name", "CAST(name AS BLOB)", "position = 1"),
    ("thread_dynamic_tools", "position", "CAST(position AS BLOB)", "position = 0"),
    ("thread_goals", "objective", "CAST(objective AS BLOB)", "thread_id = 't'"),
    ("thread_goals", "status", "'odd'", "thread_id = 'u'"),
    ("jobs", "status", "'odd'", "id = 'k'"),
    ("jobs", "progress", "CAST(progress AS BLOB)", "id = 'l'"),
    ("jobs", "name", "CAST(name AS BLOB)", "id = 'j'"),
    ("jobs", "id", "CAST(id AS BLOB)", "id = 'j'"),
)


@pytest.fixture(scope="module")
def crowded(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a sound store with several rows in each table."""
    path = copy_of(sound, tmp_path_factory.mktemp("crowded"))
    return damage(
        path,
        "INSERT INTO checkpoints SELECT thread_id, 'cp-2', state_json, 20 FROM checkpoints",
        "INSERT INTO checkpoints SELECT 'u', checkpoint_id, state_json, 30 FROM checkpoints",
        "INSERT INTO thread_dynamic_tools VALUES ('t', 1, 'sed', NULL, '{}')",
        "INSERT INTO thread_dynamic_tools VALUES ('u', 0, 'sed', NULL, '{}')",
        "INSERT INTO thread_goals SELECT 'u', 'g-2', 'Blue', 'paused', 7, 8, 9, 1, 1, 2 "
        "FROM thread_goals",
        "INSERT INTO jobs VALUES ('k', 'Other', 'queued', 50, 'd', 2, 2)",
        "INSERT INTO jobs VALUES ('l', 'Third', 'running', 70, 'e', 3, 3)",
    )


@pytest.fixture
def path(crowded: Path, tmp_path: Path) -> Path:
    """Return such a store, which may be damaged."""
    return copy_of(crowded, tmp_path)


def hide(path: Path, table: str, columns: tuple[str, ...]) -> None:
    """Add columns to a table; where none are given, make it one without rowids."""
    if columns:
        damage(path, *(f"ALTER TABLE {table} ADD COLUMN {column}" for column in columns))
        return
    made = "SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY rowid"
    (first, *indexes) = (sql for (sql,) in rows(path, made, table))
    # A table without rowids counts nothing by itself.
    first = first.replace(" AUTOINCREMENT", "").replace(table, "made_again", 1)
    damage(
        path,
        "PRAGMA foreign_keys = OFF",
        f"{first} WITHOUT ROWID",
        f"INSERT INTO made_again SELECT * FROM {table}",  # noqa: S608 - our own tables' names
        f"DROP TABLE {table}",
        "PRAGMA legacy_alter_table = ON",
        f"ALTER TABLE made_again RENAME TO {table}",
        *indexes,
    )


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of the tables, by key."""
    return {
        table: rows(path, f"SELECT * FROM {table} ORDER BY {key}")  # noqa: S608 - from above
        for table, key in KEYS.items()
    }


def spoil(path: Path, *damages: tuple[str, str, str, str]) -> None:
    damage(
        path,
        *(
            f"UPDATE {table} SET {column} = {value} WHERE {condition}"  # noqa: S608 - from above
            for table, column, value, condition in damages
        ),
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("table", KEYS)
def test_no_other_row_changes(path: Path, table: str, shape: str) -> None:
    hide(path, table, SHAPES[shape])
    assert found(path) == []
    sound = contents(path)
    for wrong in (one for one in DAMAGE if one[0] == table):
        spoil(path, wrong)
        assert contents(path) != sound
        assert repair(path).healthy
        assert contents(path) == sound
    again = repair(path)
    assert (again.healthy, again.backup) == (True, None)


@given(
    shapes=st.fixed_dictionaries(
        {table: st.sampled_from([None, *SHAPES.values()]) for table in KEYS}
    ),
    damages=st.lists(st.sampled_from(DAMAGE), unique_by=lambda one: one[:2], min_size=1),
)
@settings(max_examples=examples(40))
def test_whatever_hides_the_rowids_what_is_damaged_is_mended_and_no_more(
    crowded: Path,
    shapes: Mapping[str, tuple[str, ...] | None],
    damages: list[tuple[str, str, str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copytree(crowded.parent, Path(folder) / "copy") / crowded.name
        for table, columns in shapes.items():
            if columns is not None:
                hide(path, table, columns)
        sound = contents(path)
        # A row is found by its key, which a damage may change: that one comes last.
        spoil(path, *sorted(damages, key=lambda one: one[1] in KEYS[one[0]]))
        assert not examine(path).healthy
        assert repair(path).healthy
        assert contents(path) == sound


@pytest.mark.parametrize("table", [table for table in KEYS if table != "messages"])
def test_where_nothing_tells_rows_apart_they_are_unchecked_and_stay(path: Path, table: str) -> None:
    hide(path, table, ALL_NAMES)
    spoil(path, *(one for one in DAMAGE if one[0] == table))
    spoiled = contents(path)
    for report in (examine(path), repair(path)):
        (unchecked,) = (one for one in report.findings if one.slug == "unchecked")
        assert (unchecked.ids, unchecked.fix) == ((f"rows of {table}",), None)
        assert "columns bear all of SQLite's names" in unchecked.what
    assert contents(path)[table] == spoiled[table]
    spoil(path, ("messages", "content", "CAST(content AS BLOB)", "id = 3"))
    assert "wrong_type" in [one.slug for one in repair(path).findings if one.fixed]
    assert contents(path)["messages"] == spoiled["messages"]
    assert contents(path)[table] == spoiled[table]
    assert repair(path).backup is None


def test_a_message_is_told_by_its_id_where_every_name_of_the_rowid_is_taken(path: Path) -> None:
    hide(path, "messages", ALL_NAMES)
    sound = contents(path)
    spoil(path, *(one for one in DAMAGE if one[0] == "messages"))
    assert repair(path).healthy
    assert contents(path) == sound


def test_ids_of_threads_stay_where_what_is_in_them_could_not_follow(path: Path) -> None:
    hide(path, "checkpoints", ALL_NAMES)
    damage(
        path,
        THREAD.format("x'76'"),
        "INSERT INTO checkpoints(thread_id, checkpoint_id, state_json, created_at) "
        "VALUES (x'76', 'cp', '{}', 5)",
    )
    before = contents(path)
    (finding,) = (one for one in repair(path).findings if one.slug == "thread_id_unusable")
    assert (finding.ids, finding.fix, finding.fixed) == (("v",), None, False)
    assert contents(path)["threads"] == before["threads"]


def test_text_that_is_a_key_and_not_utf8_is_mended_in_its_row(path: Path) -> None:
    hide(path, "jobs", ())
    damage(
        path,
        "INSERT INTO jobs VALUES (CAST(x'6aff' AS TEXT), 'n', 'odd', x'3530', NULL, 1, 1)",
        "INSERT INTO jobs VALUES (x'6aff', 'n', 'odd', x'3631', NULL, 1, 1)",
    )
    assert repair(path).healthy
    progress = "SELECT id, status, progress FROM jobs WHERE name = 'n' ORDER BY id"
    assert rows(path, progress) == [("j\ufffd", "queued", 50), ("j\ufffd-2", "queued", 61)]


def test_a_repair_that_meets_two_rows_is_taken_back(path: Path) -> None:
    made = rows(path, "SELECT sql FROM sqlite_schema WHERE name = 'messages'")[0][0]
    damage(
        path,
        made.replace("messages", "made_again", 1).replace(" PRIMARY KEY AUTOINCREMENT", ""),
        "INSERT INTO made_again SELECT * FROM messages",
        "DROP TABLE messages",
        "PRAGMA legacy_alter_table = ON",
        "ALTER TABLE made_again RENAME TO messages",
        "INSERT INTO messages SELECT * FROM messages WHERE id = 3",
        "UPDATE messages SET parent_entry_id = 99 WHERE id = 3",
        "UPDATE jobs SET status = 'odd' WHERE id = 'k'",
    )
    before = contents(path)
    with pytest.raises(CorruptStoreError, match=r"messages .* 2 rows and not 1; nothing was cha"):
        repair(path)
    assert contents(path) == before


def test_a_repair_that_meets_no_row_is_taken_back(path: Path) -> None:
    damage(
        path,
        "UPDATE threads SET status = 'odd' WHERE id = 't'",
        "UPDATE jobs SET status = 'odd' WHERE id = 'k'",
        "CREATE TRIGGER keep BEFORE UPDATE ON jobs BEGIN SELECT RAISE(IGNORE); END",
    )
    before = contents(path)
    with pytest.raises(CorruptStoreError, match=r"jobs .* 0 rows and not 1; nothing was changed$"):
        repair(path, trust_schema=True)
    assert contents(path) == before


@pytest.mark.parametrize("shape", ["a constant", "nothing", "no rowids"])
def test_checkpoints_are_listed_whatever_hides_their_rowids(path: Path, shape: str) -> None:
    damage(path, "UPDATE checkpoints SET created_at = 20")
    hide(path, "checkpoints", SHAPES[shape])
    with StateStore.open(path) as store:
        assert [one.checkpoint_id for one in store.checkpoints.list("t")] == ["cp-2", "cp"]


LAST: Final = 2**63 - 1


@pytest.mark.parametrize("is_there", [True, False])
def test_ids_that_are_used_up_are_an_error_and_said_so(
    cli: Cli, path: Path, *, is_there: bool
) -> None:
    with raw(path) as agent:
        agent.execute("UPDATE messages SET id = ? WHERE id = 6", (LAST,))
        agent.execute("UPDATE threads SET current_leaf_id = ? WHERE id = 'u'", (LAST,))
        if not is_there:
            agent.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages'", (LAST,))
            agent.execute("DELETE FROM messages WHERE id = ?", (LAST,))
            agent.execute("UPDATE threads SET current_leaf_id = 5 WHERE id = 'u'")
    before = snapshot(path.parent)
    (finding,) = examine(path).findings
    assert (finding.slug, finding.severity, finding.fix) == ("ids_used_up", "error", None)
    assert finding.ids == ((LAST,) if is_there else ())
    assert repair(path).backup is None
    assert snapshot(path.parent) == before
    for append in (("messages", "append", "t"), ("fork", "3")):
        line = cli.on(path).fails(6, *append, "--role", "user", "--content", "more")
        assert f"the last id there is, {LAST}" in line
        assert "disk" not in line
    with StateStore.open(path) as store:
        assert len(list(store.messages.all("t"))) == 4


def test_one_id_that_is_left_is_given(path: Path) -> None:
    with raw(path) as agent:
        agent.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages'", (LAST - 1,))
    assert found(path) == []
    with StateStore.open(path) as store:
        assert store.messages.append("t", "user", "the last") == LAST
    assert found(path) == ["ids_used_up"]
