"""Machine output can be read back, whatever is stored, and is tame on a screen."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentstate.jsontext import JsonText
from agentstate.render.machine import json_array, json_object, tsv_line
from cli_support import FORBIDDEN

LETTERS = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "\\": "\\"}
# What SQLite gives back is valid Unicode.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
ROWS = st.fixed_dictionaries({"a": TEXTS, "b": st.integers() | st.none(), "c": JSON})


def as_stored(row: dict[str, Any], indent: int | None) -> dict[str, Any]:
    """Return the row with its JSON as text, as a verb hands it over."""
    return {**row, "c": JsonText(json.dumps(row["c"], ensure_ascii=False, indent=indent))}


@given(row=ROWS, screen=st.booleans(), indent=st.sampled_from([None, 2]))
def test_json_means_what_is_stored_on_one_line(
    *, row: dict[str, Any], screen: bool, indent: int | None
) -> None:
    text = json_object(as_stored(row, indent), ("c", "a", "b"), screen=screen)
    assert json.loads(text) == row
    assert list(json.loads(text)) == ["c", "a", "b"]
    assert "\n" not in text
    assert "\r" not in text
    assert not (screen and FORBIDDEN.search(text))


@given(rows=st.lists(ROWS, max_size=3))
def test_an_array_is_one_document(rows: list[dict[str, Any]]) -> None:
    lines = list(json_array(rows, ("a", "b", "c"), screen=False))
    assert json.loads("\n".join(lines)) == rows
    assert len(lines) == (len(rows) + 2 if rows else 1)


@given(row=ROWS, indent=st.sampled_from([None, 2]))
def test_tsv_can_be_read_back(row: dict[str, Any], indent: int | None) -> None:
    line = tsv_line(as_stored(row, indent), ("a", "b", "c"), screen=False)
    assert not set("\n\r\0").intersection(line)
    cells = [re.sub(r"\\(.)", lambda at: LETTERS[at[1]], cell) for cell in line.split("\t")]
    assert cells[0] == row["a"]
    assert cells[1] == ("" if row["b"] is None else str(row["b"]))
    assert json.loads(cells[2]) == row["c"]


@given(row=ROWS)
def test_tsv_on_a_screen_is_tame(row: dict[str, Any]) -> None:
    line = tsv_line(row, ("a", "b", "c"), screen=True)
    assert FORBIDDEN.search(line.replace("\t", " ")) is None
