from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

import pytest
from rich.cells import cell_len

from agentstate.jsontext import JsonText
from agentstate.records import SideBranch, ThreadStats
from agentstate.render.theme import blocks, console
from agentstate.render.tree import tree_lines
from agentstate.render.tree_layout import (
    MAX_STUBS,
    BranchView,
    WholeView,
)
from agentstate.render.tree_row import TreeOptions
from trees import (
    HOUR,
    NODE,
    NOW,
    branch_view,
    chain,
    drawing,
    golden,
    ids,
    lexer,
    message,
    stored,
    thread,
)

if TYPE_CHECKING:
    from agentstate.records import JsonValue

GOLDEN: Final[dict[str, dict[str, Any]]] = {
    "20": {"width": 20},
    "40": {"width": 40},
    "80": {"width": 80},
    "120": {"width": 120},
    "200": {"width": 200},
    "pipe": {},
    "ascii_80": {"width": 80, "ascii": True},
    "full_60": {"width": 60, "full": True},
    "full_pipe": {"full": True},
    "user_80": {"width": 80, "roles": ["user"]},
}


# What people look at.


@pytest.mark.parametrize("name", GOLDEN)
def test_branch_looks_as_it_should(name: str) -> None:
    owner, messages = lexer()
    lines = drawing(branch_view(owner, messages), home="/home/u", **GOLDEN[name])
    drawn, expected = golden(f"tree_branch_{name}", lines)
    assert drawn == expected


@pytest.mark.parametrize("name", GOLDEN)
def test_whole_tree_looks_as_it_should(name: str) -> None:
    owner, messages = lexer()
    view = WholeView(thread=owner, messages=messages)
    drawn, expected = golden(f"tree_all_{name}", drawing(view, home="/home/u", **GOLDEN[name]))
    assert drawn == expected


@pytest.mark.parametrize("width", [40, 80, 120, None])
def test_stored_thread_looks_as_it_should(width: int | None) -> None:
    owner, messages = stored("t-tree")
    now = messages[0].created_at + 2 * HOUR
    lines = drawing(branch_view(owner, messages), width=width, now=now, home="/home/u")
    drawn, expected = golden(f"tree_stored_{width or 'pipe'}", lines)
    assert drawn == expected


def test_stored_thread_opened_looks_as_it_should() -> None:
    owner, messages = stored("t-tree")
    view = WholeView(thread=owner, messages=messages)
    lines = drawing(view, width=80, now=messages[0].created_at + 2 * HOUR, home="/home/u")
    drawn, expected = golden("tree_stored_all_80", lines)
    assert drawn == expected
    assert sorted(ids(lines)) == [record.id for record in messages]
    assert len(messages) == 45


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("full", [False, True])
def test_colour_changes_nothing_but_colour(width: int, full: bool) -> None:  # noqa: FBT001 - a parameter
    owner, messages = lexer()
    view = WholeView(thread=owner, messages=messages)
    screen = StringIO()
    rich = console(screen, color="always", width=width)
    for block in blocks(tree_lines(view, TreeOptions(now=NOW, width=width, full=full)), size=7):
        rich.print(block, end="", soft_wrap=True)
    colored = screen.getvalue()
    plain_text = re.sub(r"\x1b\[[\d;]*m", "", colored)
    assert plain_text.splitlines() == drawing(view, width=width, full=full)
    assert colored.count("\x1b[") > 100


def test_leaf_and_active_branch_stand_out_in_colour_and_without() -> None:
    view = WholeView(
        thread=thread(2), messages=[message(1, None), message(2, 1), message(3, 1), message(4, 2)]
    )
    lines = list(tree_lines(view, TreeOptions(now=NOW, width=80)))
    by_id = {}
    for line in lines[1:]:
        text = "".join(span[0] for span in line)
        by_id[int(NODE.match(text)[1])] = (text, {style for span, style in line if span.strip()})  # type: ignore[index] # no match fails the test
    assert by_id[1][0].startswith("●")
    assert by_id[2][0].startswith("◉")
    assert "◀ leaf" in by_id[2][0]
    assert by_id[3][0].startswith("├─○")
    assert by_id[4][0].startswith("└─○")
    assert {"role.user", "text"} <= by_id[1][1]
    assert {"leaf", "leaf.text"} <= by_id[2][1]
    assert "off.user" in by_id[3][1]
    assert not {"text", "leaf.text", "role.user"} & by_id[3][1]


# Views and options.


def test_a_limit_says_how_many_are_earlier() -> None:
    lines = drawing(branch_view(thread(1000), chain(1000), limit=50), width=80)
    assert lines[1] == "│  … 950 earlier"
    assert ids(lines) == list(range(951, 1001))


def test_a_limited_branch_draws_no_stub_of_what_is_earlier() -> None:
    messages = [*chain(5), message(6, 1), message(7, None), message(8, 4)]
    lines = drawing(branch_view(thread(5), messages, limit=2), width=80)
    assert ids(lines) == [4, 8, 5]


def test_a_limit_cuts_the_active_branch_of_the_whole_tree() -> None:
    messages = [*chain(5), message(6, 1), message(7, None), message(8, 4)]
    lines = drawing(WholeView(thread=thread(5), messages=messages, limit=2), width=80)
    assert lines[1] == "│  … 3 earlier"
    assert ids(lines) == [4, 8, 5]


def test_other_branches_are_stubs_with_size_branches_and_newest_leaf() -> None:
    messages = [*chain(3), message(4, 1), message(5, 4), message(6, 4)]
    lines = drawing(branch_view(thread(3), messages), width=80)
    assert re.match(r"├─○  #4 user  message 4 +3 messages in 2 branches, leaf #6  1 h$", lines[2])


def test_only_the_newest_of_many_branches_at_one_message_are_stubs() -> None:
    messages = [message(1, None), *(message(entry, 1) for entry in range(2, 500))]
    lines = drawing(branch_view(thread(2), messages), width=80)
    assert ids(lines) == [1, *range(500 - MAX_STUBS, 500), 2]
    assert lines[2] == f"├─  … {497 - MAX_STUBS} more branches"
    assert len(drawing(WholeView(thread=thread(2), messages=messages), width=80)) == 500


@pytest.mark.parametrize(
    ("depth", "shown", "stubs"),
    [(0, [13, 14, 15, 16, 30, 32, 45], 2), (1, [16, 19, 21, 22, 31], 1), (2, [20, 21, 22], 0)],
)
def test_depth_says_how_many_levels_are_opened(depth: int, shown: list[int], stubs: int) -> None:
    owner, messages = lexer()
    lines = drawing(WholeView(thread=owner, messages=messages, depth=depth), width=120)
    assert set(shown) <= set(ids(lines))
    assert sum("leaf #" in line for line in lines) == stubs


def test_role_filter_hangs_what_is_left_below_the_nearest_message_above() -> None:
    owner, messages = lexer()
    lines = drawing(WholeView(thread=owner, messages=messages), width=80, roles=["user"])
    assert ids(lines) == [13, 15, 20, 22, 31, 36, 45]
    assert " · only user · " in lines[1]
    assert [line[:3] for line in lines if NODE.match(line)] == [
        "●  ",
        "●  ",
        "├─○",
        "├─○",
        "├─○",
        "●  ",
        "◉  ",
    ]


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ({"type": "tool_call", "name": "exec", "args": {"n": 1}}, 'tool_call exec {"n":1}'),
        (JsonText('{"name": "exec", "output": "ok\\nmore"}'), "exec ok"),
        (JsonText('{"type": "reasoning"}'), "reasoning"),
        (JsonText('{"broken'), '{"broken'),
        (JsonText("[" * 200_000), "[["),
        ({"a": 1.10, "ключ": ["語"]}, '{"a":1.1,"ключ":["語"]}'),
        ({"id": "1", "message": {"content": {"parts": [""]}}}, "(empty)"),
        (JsonText('{"type": "assistant", "message": {"content": []}}'), "(empty)"),
        ({"type": "response_item", "payload": {}, "content": ""}, "(empty)"),
        ({"type": "message", "content": "said"}, "message said"),
        (["x", {"y": None}], '["x",{"y":null}]'),
        ("\x1b[2J", '"\\u001b[2J"'),
        ({"type": "\x1b[2J"}, r"\x1b[2J"),
        (0, "0"),
        (None, "(empty)"),
    ],
)
def test_a_message_without_text_shows_its_item(item: JsonValue, shown: str) -> None:
    messages = [message(1, None, " \n\t\r\n ", item=item)]
    for full in (False, True):
        line = drawing(WholeView(thread=thread(1), messages=messages), width=80, full=full)[1]
        assert f"#1 user  {shown}" in line


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("one", "one"),
        ("one\n", "one"),
        ("\n\n  one  \n\n", "one"),
        ("one\ntwo", "one  +1 line"),
        ("\r\none\r\n\r\nthree\r\n", "one  +2 lines"),
        ("x" * 200 + "\ntwo", "x" * 51 + "…"),
        ("y" * 51 + "\ntwo", "y" * 51 + "…"),
        ("y" * 50 + "\ntwo", "y" * 50 + " …"),
    ],
)
def test_first_line_stands_for_the_content(content: str, shown: str) -> None:
    messages = [message(1, None, content), message(2, 1, "w" * 100), message(3, 2)]
    line = drawing(WholeView(thread=thread(3), messages=messages), width=69)[1]
    assert re.fullmatch(r"●  #1 user  (.*?) +1 h", line)[1] == shown  # type: ignore[index] # no match fails the test


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_columns_line_up(width: int) -> None:
    owner, messages = lexer()
    lines = drawing(branch_view(owner, messages), width=width)
    rows = [line for line in lines if NODE.match(line) and line[0] in "●◉"]
    left = [re.match(r"[●◉] +#\d+ +", line) for line in rows]
    assert len({len(found[0]) for found in left if found}) == 1
    if width >= 80:
        assert len({cell_len(line) for line in rows}) == 1


def test_a_header_too_long_for_one_line_takes_two_or_three() -> None:
    owner = thread(1, id="0198c2f4-7a1e-7b60-9d5e-3c1f0a9b2e77", name="A name " * 8)
    view = WholeView(thread=owner, messages=chain(1))
    assert [len(line) <= 70 for line in drawing(view, width=70)[:2]] == [True, True]
    wide, narrow = drawing(view, width=70), drawing(view, width=38)
    assert wide[0].endswith("…  0198c2f4-7a1e-7b60-9d5e-3c1f0a9b2e77")
    assert wide[1].startswith("1 message · ")
    assert narrow[0].endswith("…")
    assert narrow[1] == "0198c2f4-7a1e-7b60-9d5e-3c1f0a9b2e77"


def test_a_thread_without_a_name_goes_by_its_preview_and_then_by_its_id() -> None:
    empty = BranchView(thread=thread(None, name=" "), stats=ThreadStats(), messages=[])
    assert drawing(empty, width=80)[0].startswith("t-1   0 messages · ")
    owner = thread(None, name=None, preview="\n first words\nmore")
    assert drawing(empty._replace(thread=owner), width=80)[0].startswith("first words  t-1   0")


def test_an_empty_thread_says_so() -> None:
    view = BranchView(thread=thread(None), stats=ThreadStats(), messages=[])
    assert drawing(view, width=80)[1:] == ["no messages yet"]
    assert drawing(WholeView(thread=thread(None), messages=[]))[1:] == ["no messages yet"]


def test_a_view_takes_stubs_in_any_order() -> None:
    stubs = [
        SideBranch(message=message(entry, 1), size=1, leaves=1, leaf_id=entry)
        for entry in (4, 2, 3)
    ]
    view = BranchView(
        thread=thread(1), stats=ThreadStats(messages=4), messages=chain(1), stubs=stubs
    )
    lines = drawing(view, width=80)
    assert ids(lines) == [1, 2, 3, 4]
    assert [line[:2] for line in lines[2:]] == ["├─", "├─", "└─"]


# Damage.


def test_no_current_leaf_draws_every_root_and_says_so() -> None:
    messages = [*chain(3), message(4, None)]
    lines = drawing(WholeView(thread=thread(None), messages=messages), width=80)
    assert [line[:3].strip() for line in lines[1:5]] == ["├─○", "○", "○", "○"]
    assert lines[5].startswith("! no current leaf; ")
    stubs = drawing(branch_view(thread(None), messages), width=80)
    assert [line[:3] for line in stubs[1:3]] == ["├─○", "└─○"]
    assert stubs[3] == lines[5]


def test_a_leaf_that_is_not_there_is_named() -> None:
    lines = drawing(WholeView(thread=thread(99), messages=chain(2)), width=80)
    assert ids(lines) == [1, 2]
    assert lines[-1] == "! the current leaf #99 is not a message of this thread"


def test_a_parent_that_is_not_there_makes_a_root_with_a_note() -> None:
    messages = [*chain(2), message(3, 77), message(4, 3)]
    lines = drawing(WholeView(thread=thread(4), messages=messages), width=80)
    assert ids(lines) == [1, 2, 3, 4]
    assert "parent #77 is not in this thread" in lines[3]
    assert lines[4].startswith("◉")


@pytest.mark.parametrize("leaf", [2, 4, 5, 7])
def test_a_cycle_is_listed_and_never_followed(leaf: int) -> None:
    messages = [*chain(2), message(4, 5), message(5, 4), message(6, 5), message(7, 7)]
    lines = drawing(WholeView(thread=thread(leaf), messages=messages), width=80)
    assert ids(lines) == [1, 2, 4, 5, 6, 7]
    assert lines[3] == "! 4 messages in or below a cycle of parents:"
    assert [re.search(r"parent #\d+", line)[0] for line in lines[4:]] == [  # type: ignore[index] # no match fails the test
        "parent #5",
        "parent #4",
        "parent #5",
        "parent #7",
    ]
    assert [ids([line]) for line in lines if "◀ leaf" in line] == [[leaf]]
