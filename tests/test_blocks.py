from __future__ import annotations

from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentstate import blocks
from agentstate.blocks import Block, BlockKind
from examples import examples

MARKS: Final = ("[thinking]", "[tool call: x]", "[image: image/png]", "[other: a b]", "[text]")
PIECES: Final = st.sampled_from([*MARKS, "\n", "\n\n", " ", "a", '{"b": [1]}', "]", "[", ": "])
CONTENTS: Final = st.one_of(st.text(), st.lists(PIECES).map("".join))
WORDS: Final = st.text(alphabet="ab \n\r{}\u2028", min_size=1)


def kinds(content: str) -> list[tuple[str, str, str]]:
    return [(block.kind.value, block.title, block.text) for block in blocks.split(content)]


def test_a_message_is_taken_apart_as_it_was_put_together() -> None:
    content = blocks.join(
        [
            blocks.thinking("First this.\n\nThen that."),
            "I shall look.\n\nNow.",
            blocks.tool_call("grep", '{\n\n  "pattern": "x"\n}'),
            blocks.tool_call("shell", "ls\n\n\nls -l"),
            "",
            blocks.image("image/png", 12),
            blocks.other("document"),
            "Done.",
        ]
    )
    assert kinds(content) == [
        ("thinking", "", "First this.\n\nThen that."),
        ("text", "", "I shall look.\n\nNow."),
        ("tool call", "grep", '{\n\n  "pattern": "x"\n}'),
        ("tool call", "shell", "ls\n\n\nls -l"),
        ("image", "image/png", "12 bytes"),
        ("other", "document", ""),
        ("text", "", "Done."),
    ]


def test_a_block_ends_at_an_empty_line_and_what_follows_is_text() -> None:
    assert kinds('[tool call: grep] {"a": 1}\n\nFound it.\n\nTwice.') == [
        ("tool call", "grep", '{"a": 1}'),
        ("text", "", "Found it.\n\nTwice."),
    ]


@pytest.mark.parametrize(
    "content", ["see [thinking] here", "a\n[thinking] b", "[thinking", "[tool call"]
)
def test_a_mark_stands_at_the_start_of_a_paragraph(content: str) -> None:
    assert kinds(content) == [("text", "", content)]


@pytest.mark.parametrize(("name", "title"), [("a]b", "a)b"), ("a\nb\t c", "a b c"), (" ", "?")])
def test_a_name_stays_on_the_line_of_its_mark(name: str, title: str) -> None:
    assert kinds(blocks.tool_call(name, "{}")) == [("tool call", title, "{}")]


def test_no_text_is_one_empty_block() -> None:
    assert blocks.split("") == [Block(BlockKind.TEXT, "", "", "")]


@settings(max_examples=examples(100))
@given(CONTENTS)
def test_blocks_hold_all_of_a_text(content: str) -> None:
    assert "\n\n".join(block.source for block in blocks.split(content)) == content


@settings(max_examples=examples(100))
@given(WORDS, WORDS, WORDS)
@example("a\n \na", "said", "b\n\n  \nb")
def test_parts_of_any_text_stay_apart(thought: str, said: str, arguments: str) -> None:
    said = said.strip()
    content = blocks.join([blocks.thinking(thought), said, blocks.tool_call("t", arguments)])
    expected = [("thinking", "", thought.strip())]
    expected += [("text", "", said)] if said else []
    assert kinds(content) == [*expected, ("tool call", "t", arguments.strip())]


def test_many_marks_take_little_time() -> None:
    content = "\n\n".join(['[tool call: x] {"a": [[['] * 20_000)
    assert len(blocks.split(content)) == 20_000
