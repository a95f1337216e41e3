"""`recover` on stores that other programs may have rebuilt: WITHOUT ROWID, and in UTF-16."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from agentstate import AgentStateWarning
from agentstate.store.recovery import recover
from stores import store_with
from support import raw
from wrecks import PAGE, TABLES, Rows, all_rows, large_store, overwrite, patch

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store whose largest tables have pages above their leaves; not to be changed."""
    return large_store(tmp_path_factory.mktemp("large") / "state.db", messages=250, threads=10)


@pytest.fixture(scope="module")
def original(large: Path) -> Rows:
    return all_rows(large)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.db"


def without_rowids(path: Path, name: str) -> None:
    """Rebuild a table so that its rows stand in the index of its key."""
    with raw(path) as connection:
        connection.executescript("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON")
        sql, *indexes = (
            sql
            for (sql,) in connection.execute(
                "SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL "
                "ORDER BY type = 'index'",
                (name,),
            )
        )
        sql = sql.replace("AUTOINCREMENT", "")
        connection.execute(f"ALTER TABLE {name} RENAME TO old")
        connection.execute(f"{sql} WITHOUT /* so */ rowid")
        connection.execute(f"INSERT INTO {name} SELECT * FROM old")  # noqa: S608 - our own tables' names
        connection.execute("DROP TABLE old")
        for index in indexes:
            connection.execute(index)


def values(saved: Rows, table: str) -> list[tuple[object, ...]]:
    return sorted(saved[table].values(), key=repr)


def rebuilt(connection: sqlite3.Connection, path: Path, encoding: str) -> Path:
    """Make a file of the same rows whose texts are in another encoding."""
    with raw(path) as target:
        target.execute(f"PRAGMA encoding = '{encoding}'")
        target.execute("PRAGMA foreign_keys = OFF")
        target.execute("PRAGMA writable_schema = ON")
        target.execute("PRAGMA synchronous = OFF")
        for line in connection.iterdump():
            if not line.startswith(("BEGIN", "COMMIT")):
                target.execute(line)
    return path


@pytest.mark.parametrize("name", TABLES)
def test_rows_of_a_table_without_rowids_are_saved(
    large: Path, original: Rows, out: Path, name: str
) -> None:
    path = shutil.copyfile(large, out.with_name("state.db"))
    without_rowids(path, name)
    report = recover(path, out)
    saved = all_rows(out)
    assert (report.lost, report.made) == (0, 0)
    assert all(values(saved, table) == values(original, table) for table in TABLES)


def test_pages_of_a_table_without_rowids_cost_their_rows(
    large: Path, original: Rows, out: Path
) -> None:
    path = shutil.copyfile(large, out.with_name("state.db"))
    without_rowids(path, "messages")
    with raw(path) as connection:
        connection.execute("VACUUM")
        root = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'messages'"
        ).fetchone()[0]
        connection.execute("PRAGMA journal_mode = DELETE")
    with path.open("rb") as file:
        file.seek((root - 1) * PAGE)
        page = file.read(PAGE)
    assert page[0] == 2
    # The rows of the root itself are lost with it, and those of its last child.
    overwrite(path, [root, int.from_bytes(page[8:12], "big")])
    report = recover(path, out)
    saved, were = values(all_rows(out), "messages"), values(original, "messages")
    assert set(saved) < set(were)
    assert len(saved) > len(were) / 2
    assert report.lost > 0


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_texts_in_utf_16_are_saved_in_utf_8(
    large: Path, original: Rows, tmp_path: Path, encoding: str
) -> None:
    with raw(large) as connection:
        path = rebuilt(connection, tmp_path / "state.db", encoding)
    for wiped in (0, 100, PAGE):
        patch(path, 0, bytes(wiped))
        out = tmp_path / f"{wiped}.db"
        assert recover(path, out).lost == 0
        assert all_rows(out) == original


def test_half_a_pair_of_utf_16_is_kept_and_half_a_character_is_lost(out: Path) -> None:
    with raw(store_with(out.with_name("utf-8.db"), "first")) as connection:
        path = rebuilt(connection, out.with_name("state.db"), "UTF-16le")
    with raw(path) as connection:
        connection.execute("INSERT INTO jobs VALUES (CAST(x'3dd8' AS TEXT), '🦜', '', 0, '', 1, 1)")
        connection.execute("INSERT INTO jobs VALUES ('b', 'abcd', x'0102', 0, '', 1, 1)")
    # A text of 8 bytes and a blob of 2 become a text of 7 and a blob of 3.
    data = path.read_bytes()
    assert data.count(b"\x08\x11\x1d\x10") == 1
    patch(path, data.index(b"\x1d\x10"), b"\x1b\x12")
    report = recover(path, out)
    assert list(all_rows(out)["jobs"].values()) == [
        (b"\xed\xa0\xbd", "🦜".encode(), b"", 0, b"", 1, 1)
    ]
    assert report.lost == 1


def test_values_that_are_computed_do_not_shift_the_others(out: Path) -> None:
    path = store_with(out.with_name("state.db"), "first")
    with raw(path) as connection:
        connection.executescript(
            """
            DROP TABLE jobs;
            CREATE TABLE jobs (
                id TEXT PRIMARY KEY, label TEXT AS (name || status), name TEXT NOT NULL,
                status TEXT NOT NULL, kept TEXT AS (name) STORED, progress INTEGER, detail TEXT,
                created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
            );
            INSERT INTO jobs(id, name, status, created_at, updated_at) VALUES ('j', 'n', 's', 1, 2);
            """
        )
    with pytest.warns(AgentStateWarning, match=r"not saved: column jobs\.kept$"):
        recover(path, out)
    assert list(all_rows(out)["jobs"].values()) == [(b"j", b"n", b"s", None, None, 1, 2)]
