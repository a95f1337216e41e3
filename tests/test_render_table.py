"""Tables fit the width, whatever is in them, and leave out what says least."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentstate.render.table import Cell, Column, details, table
from agentstate.render.text import cell_width
from agentstate.render.theme import plain

COLUMNS = [
    Column("ID", style="title"),
    Column("NAME", flexible=True),
    Column("SIZE", justify="right", leave_out=2),
    Column("WHERE", flexible=True, style="dim", leave_out=1),
]


def lines(rows: list[list[Cell]], width: int) -> list[str]:
    return [plain(line) for line in table(COLUMNS, rows, width=width)]


def test_what_fits_is_shown_whole_in_columns() -> None:
    assert lines([["a", "first", "1", "/x"], ["bb", "", "20", ""]], 80) == [
        "ID  NAME   SIZE  WHERE",
        "a   first     1  /x",
        "bb           20",
    ]


def test_flexible_columns_give_way_first_and_evenly() -> None:
    drawn = lines([["0123456789", "n" * 50, "1", "w" * 50]], 50)
    assert drawn[1] == "0123456789  nnnnnnnnnnnnnn…     1  wwwwwwwwwwwwww…"


def test_columns_are_left_out_by_what_they_say() -> None:
    row: list[Cell] = ["0123456789", "n" * 20, "123456", "w" * 20]
    assert lines([row], 46)[0].split() == ["ID", "NAME", "SIZE", "WHERE"]
    assert lines([row], 45)[0].split() == ["ID", "NAME", "WHERE"]
    assert lines([row], 38)[0].split() == ["ID", "NAME", "WHERE"]
    assert lines([row], 37)[0].split() == ["ID", "NAME"]
    assert lines([row], 10) == ["ID    NAME", "012…  nnn…"]


def test_a_long_id_leaves_room_for_the_name() -> None:
    drawn = lines([["i" * 300, "the name", "1", "/x"]], 60)
    assert "the name" in drawn[1]
    assert drawn[1].startswith("i" * 29 + "…  ")


def test_wide_letters_are_measured() -> None:
    drawn = lines([["漢字", "é", "1", "/x"], ["ab", "x", "1", "/x"]], 80)
    assert drawn[1:] == ["漢字  é        1  /x", "ab    x        1  /x"]


def test_details_leave_out_what_is_empty() -> None:
    drawn = [plain(line) for line in details([("id", "a"), ("x", ""), ("long", "b")], width=80)]
    assert drawn == ["id    a", "long  b"]


TEXTS = st.text(max_size=60) | st.sampled_from(
    ["漢" * 30, "\x1b[31m", "\t\n\r", "a" * 200, "e\u0301" * 9]
)
ROWS = st.lists(st.lists(TEXTS, min_size=4, max_size=4), max_size=5)


@given(rows=ROWS, width=st.integers(min_value=24, max_value=200))
def test_no_line_is_wider_than_asked(rows: list[list[Cell]], width: int) -> None:
    for line in lines(rows, width):
        assert cell_width(line) <= width
        assert line == line.rstrip(" ")
        assert "\x1b" not in line


@given(rows=ROWS)
def test_every_row_has_its_line(rows: list[list[Cell]]) -> None:
    assert len(lines(rows, 80)) == len(rows) + 1
