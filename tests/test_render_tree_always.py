from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from agentstate.render.tree_layout import MessageRow, WholeView, whole_rows
from examples import examples
from trees import NOW, branch_view, chain, drawing, ids, message, thread

if TYPE_CHECKING:
    from agentstate.records import MessageRecord

FORBIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
HOSTILE: Final = [
    "[bold]x[/bold]",
    "[/nope]",
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[1;1H",
    "\x9b31mred",
    "\x00",
    "a\u202eb\u2066c",
    "e" + "\u0301" * 5000,
    "🙂\u200d" * 400,
    "x\u200dy\u200dz" * 200,
    "\t\r\n \n",
    "\ud800",
    "語" * 300,
    "👩‍👩‍👧‍👦" * 90,
    "\u2028\u2029\x85\v\f",
    ":warning: [link=http://example.org]y[/link]",
]


@pytest.mark.parametrize("content", HOSTILE)
@pytest.mark.parametrize("width", [20, 80, None])
def test_hostile_text_is_shown_and_obeyed_by_nothing(content: str, width: int | None) -> None:
    owner = thread(2, id=f"t{content}", name=content, cwd=content, preview=content)
    messages = [
        message(1, None, content, role=content, item={"type": content}),
        message(2, 1, "x" + content, item=content),
        message(3, 1, "", role=content, item={"name": content}),
    ]
    for view in (WholeView(thread=owner, messages=messages), branch_view(owner, messages)):
        for full in (False, True):
            lines = drawing(view, width=width, full=full)
            assert not [line for line in lines if FORBIDDEN.search(line)]
            assert width is None or max(map(cell_len, lines)) <= width
    if content.startswith("[") and width != 20:
        assert content in "\n".join(drawing(branch_view(owner, messages), width=width))


def test_a_line_of_ten_megabytes_is_cut() -> None:
    for unit in ("x", "語", "\x1b", "e\u0301", "🙂\u200d"):
        content = unit * (10_000_000 // len(unit))
        view = WholeView(thread=thread(1, name=content), messages=[message(1, None, content)])
        lines = drawing(view, width=80)
        assert max(map(cell_len, lines)) <= 80
        assert lines[-1].count("…") == 1


texts = st.text(st.characters(exclude_categories=[]), max_size=40) | st.sampled_from(HOSTILE)
roles = st.sampled_from(["user", "assistant", "tool", "system", "developer"]) | texts


@st.composite
def forests(draw: st.DrawFn) -> list[MessageRecord]:
    """Messages whose parents are anything: earlier ones, later ones, themselves, not there."""
    size = draw(st.integers(0, 24))
    entries = sorted(
        draw(
            st.sets(
                st.integers(-(2**63), 2**63 - 1) | st.integers(1, 60), min_size=size, max_size=size
            )
        )
    )
    parents = st.none() | st.integers(1, 70)
    if entries:
        parents |= st.sampled_from(entries)
    return [
        message(
            entry,
            draw(parents),
            draw(texts),
            role=draw(roles),
            created_at=draw(st.integers(-(2**63), 2**63 - 1) | st.integers(NOW - 10**6, NOW)),
        )
        for entry in entries
    ]


@settings(max_examples=examples(150), deadline=None)
@given(
    messages=forests(),
    leaf=st.none() | st.integers(0, 23) | st.just(999),
    width=st.none() | st.integers(1, 200),
    full=st.booleans(),
    ascii_only=st.booleans(),
)
def test_any_tree_is_drawn_within_the_width_and_whole(
    messages: list[MessageRecord],
    leaf: int | None,
    width: int | None,
    full: bool,  # noqa: FBT001 - drawn by name
    ascii_only: bool,  # noqa: FBT001 - drawn by name
) -> None:
    entries = [record.id for record in messages]
    owner = thread(entries[leaf] if leaf is not None and leaf < len(entries) else leaf)
    view = WholeView(thread=owner, messages=messages)
    lines = drawing(view, width=width, full=full, ascii=ascii_only)
    assert not [line for line in lines if FORBIDDEN.search(line)]
    if width is None:
        assert ascii_only or full or sorted(ids(lines)) == entries
    else:
        assert max(map(cell_len, lines)) <= width
    rows = [row for row in whole_rows(view) if isinstance(row, MessageRow)]
    assert sorted(row.message.id for row in rows) == entries
    assert not [row for row in rows if row.stub]


@settings(max_examples=examples(60), deadline=None)
@given(messages=forests(), shown=st.lists(roles, max_size=3), depth=st.integers(0, 3))
@example([], ["\x1f\x1f\x08", "e" + "\u0301" * 5000], 0)
def test_any_tree_is_drawn_with_any_filter(
    messages: list[MessageRecord], shown: list[str], depth: int
) -> None:
    leaf = messages[-1].id if messages else None
    wanted = [m.id for m in messages if not shown or m.role in shown]
    view = WholeView(thread=thread(leaf), messages=messages)
    rows = [row for row in whole_rows(view, shown) if isinstance(row, MessageRow)]
    assert sorted(row.message.id for row in rows) == wanted
    shallow = view._replace(depth=depth, limit=depth)
    for line in drawing(shallow, width=60, roles=shown) + drawing(
        branch_view(thread(leaf), messages), width=60, roles=shown
    ):
        assert cell_len(line) <= 60


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=300))
@example(list(range(300)))
@example([0] * 300)
@example([number // 2 for number in range(300)])
def test_no_tree_walks_off_the_right_edge(choices: list[int]) -> None:
    messages = [message(1, None)]
    messages += [
        message(entry, choice % (entry - 1) + 1) for entry, choice in enumerate(choices, start=2)
    ]
    view = WholeView(thread=thread(None), messages=messages)
    rails = [len(row.rails) for row in whole_rows(view) if isinstance(row, MessageRow)]
    assert max(rails) <= 2 * len(messages).bit_length()


@pytest.mark.parametrize("width", [80, None])
def test_a_thread_far_deeper_than_calls_may_be_is_drawn(width: int | None) -> None:
    # 100,000 deep it is drawn by the command: test_cli_pipes.py.
    size = 12_000
    assert sys.getrecursionlimit() < size // 10
    messages = chain(size)
    whole = drawing(WholeView(thread=thread(size), messages=messages), width=width)
    assert ids(whole) == list(range(1, size + 1))
    assert {line.index("#") for line in whole[1:]} == {3}
    branch = drawing(branch_view(thread(size), messages), width=width)
    assert branch == whole


def forks_on_the_way(count: int) -> list[MessageRecord]:
    messages: list[MessageRecord] = []
    for entry in range(1, count + 1):
        messages.append(message(2 * entry - 1, 2 * entry - 3 if entry > 1 else None))
        messages.append(message(2 * entry, 2 * entry - 1))
    return messages


def test_20000_forks_on_the_way_are_drawn() -> None:
    size = 20_000
    lines = drawing(WholeView(thread=thread(None), messages=forks_on_the_way(size)), width=80)
    assert sorted(ids(lines)) == list(range(1, 2 * size + 1))


@pytest.mark.parametrize("leaf", [9_999, 2])
def test_forks_on_the_way_are_drawn_whichever_leaf_is_current(leaf: int) -> None:
    size = 5_000
    view = WholeView(thread=thread(leaf), messages=forks_on_the_way(size))
    assert sorted(ids(drawing(view, width=80))) == list(range(1, 2 * size + 1))
