"""`recover` on files that were made to mislead: no traceback, no endless work, nothing run."""

from __future__ import annotations

import shutil
import struct
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate import AgentStateError, AgentStateWarning, StateStore
from agentstate.db.salvage.logs import apply_log
from agentstate.store.recovery import recover
from examples import examples
from old_stores import migrate
from stores import killed_store, log_of, with_hot_journal
from support import copy_store, rows
from wrecks import PAGE, all_rows, large_store, pages_of, pages_of_kind, pages_with, patch

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT: Final = 5.0
"""Seconds that no file may take longer than; those here take hundredths."""

Changes = list[tuple[float, bytes]]
CHANGES: Final = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)),
    min_size=1,
    max_size=40,
)
"""Where in a file, as a share of its length, which bytes stand."""


def change(path: Path, changes: Changes) -> None:
    size = path.stat().st_size
    for place, data in changes:
        patch(path, int(place * size), data)


def survives(path: Path, out: Path) -> None:
    """Recover what is no longer a store, perhaps; what is made must be sound."""
    began = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AgentStateWarning)
            recover(path, out)
    except AgentStateError:
        assert not out.exists()
    else:
        assert rows(out, "PRAGMA integrity_check") == [("ok",)]
        with StateStore.open(out) as store:
            store.info()
    assert time.monotonic() - began < LIMIT


@settings(max_examples=examples(40))
@given(changes=CHANGES, name=st.sampled_from(["v0", "v2_rich"]))
def test_any_bytes_may_be_wrong(changes: Changes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = copy_store(name, Path(folder))
        change(path, changes)
        survives(path, Path(folder) / "out.db")


@settings(max_examples=examples(25))
@given(changes=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 255)), min_size=1))
def test_any_header_may_be_wrong_and_costs_nothing(changes: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = copy_store("v2_rich", Path(folder))
        expected = rows(path, "SELECT * FROM messages")
        for at, byte in changes:
            patch(path, at, bytes((byte,)))
        recover(path, Path(folder) / "out.db")
        assert rows(Path(folder) / "out.db", "SELECT * FROM messages") == expected


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a store whose log holds transactions, and one with a hot journal."""
    folder = tmp_path_factory.mktemp("left")
    killed_store(folder / "log.db", "second", "third")
    path = copy_store("v2_rich", folder)
    with_hot_journal(path)
    return folder


@settings(max_examples=examples(25))
@given(changes=CHANGES, name=st.sampled_from(["log.db", "state.db"]))
def test_any_log_and_any_journal_may_be_wrong(
    left_behind: Path, changes: Changes, name: str
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        path = shutil.copytree(left_behind, Path(temporary) / "copy") / name
        beside = log_of(path) if name == "log.db" else path.with_name("state.db-journal")
        change(beside, changes)
        survives(path, Path(temporary) / "out.db")


def every_child_is(number: int) -> Callable[[Path], None]:
    """Return a change that lets every interior page lead to one page again and again."""

    def damage(path: Path) -> None:
        data = path.read_bytes()
        for page in pages_of_kind(path, 2, 5):
            start = (page - 1) * PAGE
            count = int.from_bytes(data[start + 3 : start + 5], "big")
            patch(path, start + 8, number.to_bytes(4, "big"))
            for cell in range(start + 12, start + 12 + 2 * count, 2):
                at = start + int.from_bytes(data[cell : cell + 2], "big")
                patch(path, at, number.to_bytes(4, "big"))

    return damage


def every_chain_is_one(path: Path) -> None:
    """Let each row that goes on elsewhere go on at the same page, in a ring of all pages."""
    count = pages_of(path)
    for page in pages_of_kind(path, 0):
        patch(path, (page - 1) * PAGE, (page % count + 1).to_bytes(4, "big"))


def cells_lie_over_each_other(count: int) -> Callable[[Path], None]:
    """Return a change that gives each page so many cells, a byte apart."""

    def damage(path: Path) -> None:
        for page in set(pages_of_kind(path, 13)) - set(pages_with(path, b"CREATE")):
            start = (page - 1) * PAGE
            places = b"".join((PAGE - 600 + one % 500).to_bytes(2, "big") for one in range(count))
            patch(path, start + 3, count.to_bytes(2, "big"))
            patch(path, start + 8, places)

    return damage


def every_row_is_there_often(path: Path) -> None:
    """Let each cell of a page be the first one, and the pages of a table be each others'."""
    for page in set(pages_of_kind(path, 13)) - set(pages_with(path, b"CREATE")):
        start = (page - 1) * PAGE
        with path.open("rb") as file:
            file.seek(start + 3)
            count = int.from_bytes(file.read(2), "big")
            file.seek(start + 8)
            patch(path, start + 8, file.read(2) * count)


def every_page_is_free(path: Path) -> None:
    """Let a page of the list of free ones name every page, itself among them."""
    count = min(pages_of(path), 1000)
    listed = b"".join(one.to_bytes(4, "big") for one in range(2, count + 1))
    page = pages_of_kind(path, 0)[0]
    start = (page - 1) * PAGE
    patch(path, start, page.to_bytes(4, "big") + (count - 1).to_bytes(4, "big") + listed)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large_store(tmp_path_factory.mktemp("large") / "state.db", messages=800, threads=20)


@pytest.mark.parametrize(
    "damage",
    [
        every_child_is(0),
        every_child_is(1),
        every_child_is(2),
        every_child_is(9),
        every_child_is(0xFFFF_FFFF),
        every_chain_is_one,
        cells_lie_over_each_other((PAGE - 8) // 2 - 300),
        cells_lie_over_each_other((PAGE - 8) // 6),
        every_row_is_there_often,
        every_page_is_free,
    ],
)
def test_pages_may_lead_anywhere(
    large: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = shutil.copyfile(large, tmp_path / "state.db")
    damage(path)
    out = tmp_path / "out" / "state.db"
    began = time.process_time()
    survives(path, out)
    assert time.process_time() - began < 1
    # No row is told twice, so what comes out is no larger than what went in.
    assert out.stat().st_size < 2 * path.stat().st_size


def test_a_schema_whose_roots_are_swapped_gives_no_row_to_another_table(tmp_path: Path) -> None:
    path = copy_store("v2_rich", tmp_path)
    migrate(path)
    expected = all_rows(path)
    data = path.read_bytes()
    # Each row of the schema has its root between its table's name and its text.
    jobs, checkpoints = (
        data.index(name + name) + 2 * len(name) for name in (b"jobs", b"checkpoints")
    )
    first, second = data[jobs : jobs + 1], data[checkpoints : checkpoints + 1]
    assert first != second
    patch(path, jobs, second)
    patch(path, checkpoints, first)
    recover(path, tmp_path / "out.db")
    assert all_rows(tmp_path / "out.db") == expected


@pytest.mark.parametrize(("page", "grows"), [(50, True), (0xFFFF_FFF0, False)])
def test_a_log_cannot_make_a_file_of_terabytes(tmp_path: Path, page: int, *, grows: bool) -> None:
    path = killed_store(tmp_path / "state.db", "second")
    size = path.stat().st_size
    data = bytearray(log_of(path).read_bytes()[: 56 + PAGE])
    data[32:40] = page.to_bytes(4, "big") * 2  # the first frame's page, and the file's pages
    sums = struct.pack(">2I", *checksum(bytes(data[:24] + data[32:40] + data[56:]), data[3] & 1))
    data[48:56] = sums
    log_of(path).write_bytes(data)
    apply_log(path, log_of(path))
    assert path.stat().st_size == (50 * PAGE if grows else size)


def checksum(data: bytes, order: int) -> tuple[int, int]:
    """Return the checksum of a log, by the description of its format."""
    first = second = 0
    words = [word for (word,) in struct.iter_unpack(">I" if order else "<I", data)]
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) % (1 << 32)
        second = (second + odd + first) % (1 << 32)
    return first, second
