"""`recover` on files with single wrong bits, and on the beginnings of files: all rows are true."""

from __future__ import annotations

import random
import time
import warnings
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import AgentStateWarning, NotAStoreError
from agentstate.store.recovery import recover
from old_stores import migrate
from row_places import RowPlaces
from support import copy_store, raw
from wrecks import PAGE, Rows, all_rows, large_store

if TYPE_CHECKING:
    from pathlib import Path

    from agentstate.reports.recovery import RecoverReport
    from row_places import Row

LIMIT: Final = 5.0
"""Seconds that no file may take longer than; those here take hundredths."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "state.db"
    return large_store(path, messages=100, threads=8)


@pytest.fixture(scope="module")
def places(large: Path) -> RowPlaces:
    return RowPlaces(large)


def salvage(data: bytes, folder: Path) -> tuple[Rows, RecoverReport]:
    """Recover a file with these bytes; raises `NotAStoreError`."""
    wreck, out = folder / "wreck.db", folder / "out.db"
    wreck.write_bytes(data)
    out.unlink(missing_ok=True)
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AgentStateWarning)
        report = recover(wreck, out)
    assert time.monotonic() - began < LIMIT
    return all_rows(out), report


def require_true(saved: Rows, report: RecoverReport, original: Rows, hit: set[Row]) -> None:
    """Require that rows none of whose bytes were hit are as they were, or are counted as lost."""
    for counts in report.tables:
        table, were, found = counts.table, original[counts.table], saved[counts.table]
        hits = {rowid for name, rowid in hit if name == table}
        wrong = {rowid for rowid in were.keys() & found if were[rowid] != found[rowid]} - hits
        # A parent that is made may get the rowid of a lost one; a row may be hit in its rowid.
        assert len(wrong) <= counts.made
        assert len(found.keys() - were) <= counts.made + len(hits)
        assert counts.lost or not were.keys() - found - hits


@pytest.mark.parametrize(("flips", "seeds"), [(1, 12), (8, 8), (60, 8)])
def test_wrong_bits_anywhere(
    large: Path, places: RowPlaces, tmp_path: Path, flips: int, seeds: int
) -> None:
    original, whole = all_rows(large), large.read_bytes()
    for seed in range(seeds):
        chance = random.Random(seed)
        require_flips_do_no_harm(
            whole, original, places, tmp_path, chance, chance.choices(range(len(whole)), k=flips)
        )


@pytest.mark.parametrize(("flips", "seeds"), [(1, 8), (15, 12)])
def test_wrong_bits_where_rows_begin(
    large: Path, places: RowPlaces, tmp_path: Path, flips: int, seeds: int
) -> None:
    """Hit lengths, rowids and types, which let a row look like another one."""
    original, whole = all_rows(large), large.read_bytes()
    for seed in range(seeds):
        chance = random.Random(seed)
        starts = chance.choices(places.starts, k=flips)
        at = [start + chance.randrange(12) for start in starts]
        require_flips_do_no_harm(whole, original, places, tmp_path, chance, at)


def require_flips_do_no_harm(  # noqa: PLR0913, PLR0917 - what is hit, and where
    whole: bytes,
    original: Rows,
    places: RowPlaces,
    folder: Path,
    chance: random.Random,
    at: list[int],
) -> None:
    data = bytearray(whole)
    for place in at:
        data[place] ^= 1 << chance.randrange(8)
    saved, report = salvage(bytes(data), folder)
    require_true(saved, report, original, {row for place in at if (row := places.at(place))})


def test_a_row_with_the_rowid_of_another_does_not_take_its_place(
    large: Path, places: RowPlaces, tmp_path: Path
) -> None:
    """Give each row of a table in turn the rowid of each other one."""
    original, whole = all_rows(large), large.read_bytes()
    starts = [start for start in places.starts if (places.at(start) or ("",))[0] == "jobs"]
    for number, start in enumerate(starts):
        data = bytearray(whole)
        data[start + 1] = (number + 3) % len(starts) + 1
        hit = places.at(start)
        assert hit is not None
        require_true(*salvage(bytes(data), tmp_path), original, {hit})


def test_files_of_any_length(large: Path, tmp_path: Path) -> None:
    original, whole = all_rows(large), large.read_bytes()
    for size in (*range(1, 3 * PAGE, 997), *range(3 * PAGE, len(whole), len(whole) // 12 + 1)):
        try:
            saved, report = salvage(whole[:size], tmp_path)
        except NotAStoreError:
            assert size < 3 * PAGE
        else:
            require_true(saved, report, original, set())


def test_small_files_of_any_length(tmp_path: Path) -> None:
    """Cut a store whose rows stand on its first pages, by bytes that are no whole page."""
    path = copy_store("v2_rich", tmp_path)
    migrate(path)
    with raw(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    original, whole = all_rows(path), path.read_bytes()
    for size in range(5 * PAGE + 1, len(whole), 4 * PAGE + 1):
        saved, report = salvage(whole[:size], tmp_path)
        require_true(saved, report, original, set())
        assert report.lost or saved == original
