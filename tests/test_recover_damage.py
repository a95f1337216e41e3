"""`recover` on files that were overwritten, cut or wiped: what comes back is true."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import StateStore
from agentstate.store.recovery import recover
from support import raw, rows, snapshot
from wrecks import (
    PAGE,
    TABLES,
    Rows,
    all_rows,
    large_store,
    overwrite,
    pages_of,
    pages_of_kind,
    pages_with,
    patch,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agentstate.reports.recovery import RecoverReport

TABLE_INTERIOR: Final = 5
INDEX_INTERIOR: Final = 2
INDEX_LEAF: Final = 10
TABLE_LEAF: Final = 13


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a large store, to be copied and not to be changed."""
    return large_store(tmp_path_factory.mktemp("large") / "state.db", messages=1200)


@pytest.fixture(scope="session")
def original(large: Path) -> Rows:
    return all_rows(large)


@pytest.fixture
def wreck(large: Path, tmp_path: Path) -> Path:
    """Copy the large store, to be damaged."""
    folder = tmp_path / "wreck"
    folder.mkdir()
    return shutil.copyfile(large, folder / "state.db")


def salvage(wreck: Path, original: Rows) -> tuple[Rows, RecoverReport]:
    """Recover a wreck; what comes back must be true, sound, and counted right."""
    out = wreck.parent.parent / "out" / "state.db"
    before = snapshot(wreck.parent)
    report = recover(wreck, out)
    assert snapshot(wreck.parent) == before
    assert {path.name for path in out.parent.iterdir()} == {"state.db"}
    assert rows(out, "PRAGMA integrity_check") == [("ok",)]
    assert rows(out, "PRAGMA foreign_key_check") == []
    saved = all_rows(out)
    for counts in report.tables:
        found, were = saved[counts.table], original[counts.table]
        true = {rowid for rowid, row in found.items() if were.get(rowid) == row}
        assert len(true) == counts.saved
        assert len(found) - len(true) == counts.made
        assert counts.lost <= len(were) - len(true)
    with StateStore.open(out) as store:
        assert store.info().counts["messages"] == len(saved["messages"])
    return saved, report


def share(saved: Rows, original: Rows) -> float:
    return len(saved["messages"]) / len(original["messages"])


def scattered(wreck: Path, count: int, seed: int, *, noise: bool) -> None:
    chance = random.Random(seed)
    pages = chance.sample(range(1, pages_of(wreck) + 1), count)
    overwrite(wreck, pages, chance if noise else None)


@pytest.mark.parametrize("noise", [False, True], ids=["zeros", "noise"])
@pytest.mark.parametrize(
    ("count", "seed", "least"), [(1, 1, 0.98), (5, 2, 0.96), (14, 3, 0.95), (45, 4, 0.85)]
)
def test_pages_that_were_overwritten(  # noqa: PLR0913 - three numbers and how
    wreck: Path, original: Rows, count: int, seed: int, least: float, *, noise: bool
) -> None:
    scattered(wreck, count, seed, noise=noise)
    saved, report = salvage(wreck, original)
    assert share(saved, original) >= least
    assert report.lost > 0 or saved == original


@pytest.mark.parametrize("noise", [False, True], ids=["zeros", "noise"])
def test_many_damaged_files_give_back_most_of_their_messages(
    large: Path, original: Rows, tmp_path: Path, *, noise: bool
) -> None:
    shares = []
    for seed in range(3):
        folder = tmp_path / f"{seed}" / "wreck"
        folder.mkdir(parents=True)
        wreck = shutil.copyfile(large, folder / "state.db")
        scattered(wreck, 30, seed, noise=noise)
        patch(wreck, 0, bytes(100 if seed % 2 else PAGE))
        shares.append(share(salvage(wreck, original)[0], original))
    assert sum(shares) / len(shares) >= 0.93


@pytest.mark.parametrize("size", [16, 100, PAGE])
@pytest.mark.parametrize("noise", [False, True], ids=["zeros", "noise"])
def test_a_wiped_header_costs_nothing(
    wreck: Path, original: Rows, size: int, *, noise: bool
) -> None:
    chance = random.Random(size)
    patch(wreck, 0, chance.randbytes(size) if noise else bytes(size))
    saved, report = salvage(wreck, original)
    assert saved == original
    assert report.lost == 0


@pytest.mark.parametrize(
    ("at", "data"),
    [
        (16, b"\x20\x00"),  # a page size that is another's
        (16, b"\x00\x01"),
        (18, b"\x09\x09"),  # formats of the future
        (20, b"\x80"),  # bytes of each page that are reserved
        (28, b"\x00\x01\x00\x00"),  # more pages than there are
        (28, b"\x00\x00\x00\x03"),
        (32, b"\xff\xff\xff\xff"),  # where the list of free pages begins
        (44, b"\x00\x00\x00\x09"),  # the schema's format
        (52, b"\x00\x00\x00\x09"),  # as if the file vacuumed itself
        (56, b"\x00\x00\x00\x02"),  # UTF-16
        (60, b"\x00\x00\x00\x00"),  # version 0
    ],
)
def test_a_header_that_lies_costs_nothing(
    wreck: Path, original: Rows, at: int, data: bytes
) -> None:
    patch(wreck, at, data)
    assert salvage(wreck, original)[0] == original


@pytest.mark.parametrize("part", [0.9, 0.75, 0.5])
@pytest.mark.parametrize("wiped", [False, True])
def test_a_file_that_was_cut(wreck: Path, original: Rows, part: float, *, wiped: bool) -> None:
    size = int(wreck.stat().st_size * part) + 1000
    patch(wreck, size, b"")
    with wreck.open("r+b") as file:
        file.truncate(size)
    if wiped:
        overwrite(wreck, [1])
    saved, report = salvage(wreck, original)
    # The last messages and all checkpoints stand at the end of the file.
    assert share(saved, original) >= part - 0.1
    assert report.lost > 0


@pytest.mark.parametrize(
    "find",
    [
        lambda wreck: pages_of_kind(wreck, TABLE_INTERIOR),
        lambda wreck: pages_of_kind(wreck, INDEX_INTERIOR, INDEX_LEAF),
        lambda wreck: [1, *pages_of_kind(wreck, TABLE_INTERIOR)],
        lambda wreck: [1, *pages_of_kind(wreck, INDEX_INTERIOR, INDEX_LEAF)],
        lambda wreck: [1, *pages_of_kind(wreck, TABLE_INTERIOR, INDEX_INTERIOR)],
        lambda wreck: [1, *pages_with(wreck, b"CREATE TABLE")],
    ],
    ids=["interiors", "indexes", "first", "first-indexes", "first-interiors", "schema"],
)
@pytest.mark.filterwarnings("ignore:cannot be read, and counted")
def test_rows_need_no_page_but_their_own(
    large: Path, wreck: Path, original: Rows, find: Callable[[Path], list[int]]
) -> None:
    pages = find(wreck)
    assert len(pages) > 1
    overwrite(wreck, pages)
    saved, report = salvage(wreck, original)
    # Where the schema is lost with all its roots, these two cannot be told from each other.
    alike = (
        {"workflow_runs", "branch_runs"}
        if pages_with(large, b"CREATE TABLE")[0] in pages
        else set()
    )
    for table in set(TABLES) - alike:
        assert saved[table] == original[table]
    assert (report.lost > 0) == bool(alike)


def test_deleted_rows_stay_deleted_where_the_list_of_free_pages_is_lost(
    wreck: Path, original: Rows
) -> None:
    with wreck.open("rb") as file:
        file.seek(32)
        trunk = int.from_bytes(file.read(4), "big")
    assert pages_with(wreck, b"gone-")
    overwrite(wreck, [trunk, *pages_of_kind(wreck, TABLE_INTERIOR)])
    assert salvage(wreck, original)[0] == original


def test_threads_whose_rows_are_lost_come_back_for_their_messages(
    wreck: Path, original: Rows
) -> None:
    leaves = set(pages_with(wreck, b"Thread t-")) & set(pages_of_kind(wreck, TABLE_LEAF))
    overwrite(wreck, leaves)
    saved, report = salvage(wreck, original)
    threads = report.tables[0]
    assert (threads.table, threads.saved, threads.made) == ("threads", 0, 60)
    assert threads.lost == 60
    assert saved["messages"] == original["messages"]
    ids = {row[0] for row in original["threads"].values()}
    assert {row[0] for row in saved["threads"].values()} == ids


def test_rows_around_damage_are_read_by_every_way(wreck: Path, original: Rows) -> None:
    """Overwrite leaves at the start, at the end and in between, so that no one way reads all."""
    leaves = [
        page
        for page in pages_of_kind(wreck, TABLE_LEAF)
        if page in pages_with(wreck, b"w\xc3\xb6rd w\xc3\xb6rd")
    ]
    overwrite(wreck, [*leaves[:2], *leaves[-2:], *leaves[10 : len(leaves) - 10 : 12]])
    saved, report = salvage(wreck, original)
    assert share(saved, original) >= 0.85
    lost = len(original["messages"]) - len(saved["messages"])
    assert lost == report.lost > 50


def test_the_end_of_a_long_text_is_not_made_up(wreck: Path, original: Rows) -> None:
    """Overwrite last pages of long texts: SQLite would take zeros and noise for their ends."""
    ends = [page for page in pages_with(wreck, b'x"}') if page in pages_of_kind(wreck, 0)]
    overwrite(wreck, ends[::2])
    overwrite(wreck, ends[1::2], random.Random(1))
    with raw(wreck) as connection:
        assert connection.execute("SELECT count(item_json) FROM messages").fetchone()[0] > 50
    saved, report = salvage(wreck, original)
    assert report.lost >= len(ends) // 2
    assert share(saved, original) > 0.9


@pytest.mark.parametrize("name", [b"parent_entry_id", b"current_leaf_id", b"item_json", b"content"])
def test_a_schema_that_is_misspelt_costs_nothing(wreck: Path, original: Rows, name: bytes) -> None:
    """Damage a byte in the text of the schema, which says what the columns are called."""
    data = wreck.read_bytes()
    patch(wreck, data.index(b" " + name) + 5, b"X")
    saved, _ = salvage(wreck, original)
    assert saved == original
