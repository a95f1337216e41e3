from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agentstate import MessageRecord, blocks
from agentstate.render.export.conversation import Conversation, Entry, arrange
from agentstate.render.export.markdown import index_page, page
from agentstate.render.export.markdown_text import contained, fenced, inline
from agentstate.reports.imports import ImportRecord
from examples import examples
from support import NOW, thread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from markdown_it.token import Token

GOLDEN: Final = Path(__file__).parent / "golden" / "export"
READER: Final = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
"""A reader of Markdown that lets HTML through, as the most careless would."""

MARKS: Final = "``` ~~~ ```` ` `` > # ## --- === | <script> </details> <!-- <b x \\ ] [ ( : &lt; *"
PIECES: Final = st.sampled_from(
    [
        *MARKS.split(" "),
        *("\n", "\n\n", "    ", "  ", "\t", "- ", "1. ", "10. ", "\r", "\xa0", "\u2028", "\x0b"),
        *("| - |", "![a](http://x)", "[a](javascript:x)", "[a](", "](", "<http://x>", "$$"),
        *("[x]: /url", "[^1]: ", "```|x\n|-|-|\n", "~~~ a|b\n-|-\n", "\n|-|-|\n", "|"),
    ]
)
CONTENTS: Final = st.one_of(st.text(), st.lists(PIECES, max_size=22).map("".join))


def message(
    number: int, role: str, content: str, parent: int | None = None, item: str | None = None
) -> MessageRecord:
    return MessageRecord(
        id=number,
        thread_id="t",
        role=role,
        content=content,
        item=item,
        created_at=NOW + number,
        parent_entry_id=parent,
    )


def conversation(*messages: MessageRecord, path: Iterable[int] | None = None) -> Conversation:
    ids = [one.id for one in messages] if path is None else list(path)
    return Conversation(thread=thread(name="A *name*"), messages=messages, path=ids)


def chain(*contents: str, role: str = "user") -> Conversation:
    messages = [
        message(number, role, content, number - 1 or None)
        for number, content in enumerate(contents, start=1)
    ]
    return conversation(*messages)


def text(made: Iterator[str]) -> str:
    return "".join(made)


def tokens(markdown: str, env: dict[str, object] | None = None) -> list[Token]:
    found: list[Token] = []
    waiting = list(reversed(READER.parse(markdown, {} if env is None else env)))
    while waiting:
        token = waiting.pop()
        found.append(token)
        waiting += reversed(token.children or [])
    return found


def headings(markdown: str) -> list[tuple[str, str]]:
    """Return the headings of the document's own levels, with their texts."""
    found = READER.parse(markdown)
    return [
        (token.tag, found[place + 1].content)
        for place, token in enumerate(found)
        if token.type == "heading_open" and token.tag in {"h1", "h2"}
    ]


def html_of(markdown: str) -> list[str]:
    return [one.content for one in tokens(markdown) if one.type in {"html_block", "html_inline"}]


@pytest.fixture
def talk() -> list[MessageRecord]:
    """Give a tree: 1 - 2 - 3 - 4 - 9 is read first, 5 - 6 leaves at 2, 7 at 6, 8 is a root."""
    call = blocks.tool_call("grep", '{"pattern": "```"}')
    return [
        message(1, "user", "# Why?\n\nIt says `<b>`:\n\n```\n<script>"),
        message(2, "assistant", blocks.join([blocks.thinking("Hm.\n\nWell."), "I look.", call]), 1),
        message(3, "tool", "lexer.py:7: ```\n</details>\nmore", 2),
        message(4, "assistant", "Because of <that>:\n\n- one\n- two\n\n![x](http://e.example)", 3),
        message(5, "assistant", "Another way", 2),
        message(6, "user", "Go on", 5),
        message(7, "assistant", "Third", 5),
        message(8, "user", "Once more"),
        message(9, "user", "", 4),
    ]


def check(name: str, seen: str) -> None:
    path = GOLDEN / name
    if os.environ.get("AGENTSTATE_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(seen, encoding="utf-8")
    assert seen == path.read_text(encoding="utf-8")


def test_a_branch(talk: list[MessageRecord]) -> None:
    branch = [one for one in talk if one.id in {1, 2, 3, 4, 9}]
    origin = ImportRecord(
        thread_id="t",
        format="codex",
        session_id="s|1",
        source_path="/logs/s.jsonl",
        parent_session_id=None,
        relation=None,
        imported_at=NOW,
    )
    made = Conversation(
        thread=thread(name="Why <it> | fails", git_branch="main", model_provider="acme"),
        messages=branch,
        path=[1, 2, 3, 4, 9],
        hidden=frozenset({1}),
        origin=origin,
    )
    check("branch.md", text(page(made)))


def test_a_tree(talk: list[MessageRecord]) -> None:
    made = conversation(*talk, path=[1, 2, 3, 4, 9])
    seen = text(page(made))
    check("tree.md", seen)
    assert [level for level, _ in headings(seen)].count("h1") == 1 + len(["5", "7", "8"])
    for number in range(1, 10):
        assert seen.count(f'<a id="m{number}"></a>') == 1
    places = [str(one.attrGet("href")) for one in tokens(seen) if one.type == "link_open"]
    for place in [place[1:] for place in places if place.startswith("#")]:
        assert f'<a id="{place}"></a>' in seen


def test_a_tree_without_an_active_branch(talk: list[MessageRecord]) -> None:
    seen = text(page(conversation(*talk, path=[])))
    assert all(f'<a id="m{number}"></a>' in seen for number in range(1, 10))


def test_a_thread_without_messages() -> None:
    assert text(page(conversation())).startswith("# A \\*name\\*\n\n| Thread | t |\n")


def test_an_index() -> None:
    entries = [
        Entry(file="a-1.md", thread=thread(name="A [x](y) | <b>"), messages=2),
        Entry(file="b-2.md", thread=thread("u", preview="First\nwords", cwd="/w|x"), messages=0),
    ]
    check("index.md", text(index_page(entries)))


def test_code_stays_as_it_is() -> None:
    for code in (
        "```html\n<b>\n# no heading\n```",
        "~~~~\n```\n<b>\n~~~~",
        "Use `<b>` and ``a ` <i>``.",
        "text\n\n    <b> ![x](y)\n\n    [a]: b",
        "1. Do:\n   ```sh\n   cat <file\n   ```\n2. Done",
        "10. Do:\n\n    ```sh\n    cat <file\n    ```",
    ):
        assert contained(code) == code


def test_formatting_stays() -> None:
    plain = "*a* **b** [c](https://example.com/x?y#z) [d](docs/x.md)\n\n| a | b |\n| --- | --- |\n"
    assert contained(plain) == plain


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("```\nopen", "```\nopen\n```"),
        ("- x\n  ```\n  open\nout <b>", "- x\n  ```\n  open\n  ```\nout &lt;b>"),
        ("# one\n###### six", "### one\n###### six"),
        ("over\n===\n\nunder\n---", "over\n\\===\n\nunder\n\\---"),
        ("![x](http://e.example/pixel)", "&#33;[x](http://e.example/pixel)"),
        ("[x](javascript:alert)", "[x]\\(javascript:alert)"),
        ("[x](\njavascript:alert)", "[x]\\(\njavascript:alert)"),
        ("[user]: http://e.example", "[user]\\: http://e.example"),
        ("a ` b\nc ` <script>", "a ` b\nc ` &lt;script>"),
        ("```|x\n|-|-|\n<img src=x>", "\\```|x\n|-|-|\n&lt;img src=x>"),
        ("~~~ a|b\n-|-\n</details>", "\\~~~ a|b\n-|-\n&lt;/details>"),
        ("- x\n\n  ```a|b\n  -|-\n# H", "- x\n\n  \\```a|b\n  -|-\n### H"),
        ("a\x1b[31m\u202eb\x00", "a\\x1b[31m\\u202eb\\x00"),
    ],
)
def test_what_reaches_beyond_a_message_is_escaped(content: str, expected: str) -> None:
    assert contained(content) == expected


@settings(max_examples=examples(100))
@given(CONTENTS)
@example("[## <script>:_ ````<http://x>]:````a\nb")
def test_no_content_gets_out_of_its_message(content: str) -> None:
    env: dict[str, object] = {}
    markdown = f"## A\n\n{contained(content)}\n\n## B\n"
    found = tokens(markdown, env)
    assert headings(markdown) == [("h2", "A"), ("h2", "B")]
    assert {one.type for one in found}.isdisjoint({"html_block", "html_inline", "image"})
    assert not env.get("references")
    hrefs = [str(one.attrGet("href")) for one in found if one.type == "link_open"]
    assert not [href for href in hrefs if href.startswith("javascript")]


@settings(max_examples=examples(50))
@given(st.lists(CONTENTS, min_size=1, max_size=3), st.sampled_from(["user", "assistant", "tool"]))
def test_a_document_has_the_parts_it_is_made_of(contents: list[str], role: str) -> None:
    seen = text(page(chain(*contents, role=role)))
    folds = [one.strip() for one in html_of(seen)]
    opened = sum(one.startswith("<details>\n<summary>") for one in folds)
    assert folds.count("</details>") == opened
    assert len(folds) == 2 * opened
    assert all(one.count("<") == 3 for one in folds if one != "</details>")
    marks = [*(name for _, name in headings(seen)[1:]), *(one for one in folds if " · " in one)]
    assert len(marks) >= len(contents)
    assert headings(seen)[0] == ("h1", "A \\*name\\*")


@settings(max_examples=examples(50))
@given(CONTENTS)
def test_a_block_of_code_holds_any_text(content: str) -> None:
    fence, after = READER.parse(f"{fenced(content)}\n\n## B")[:2]
    assert (fence.type, after.type) == ("fence", "heading_open")


@settings(max_examples=examples(50))
@given(CONTENTS)
def test_a_line_of_any_text_is_only_text(content: str) -> None:
    found = tokens(f"| a | {inline(content, 40)} | b |\n| --- | --- | --- |\n")
    assert {one.type for one in found}.isdisjoint({"html_inline", "link_open", "code_inline"})
    assert [one.content for one in found if one.type == "inline"][::2] == ["a", "b"]


def test_hostile_text_takes_little_time() -> None:
    began = time.perf_counter()
    for piece in ("`", "](", "> ", "- ", "[", "![", "` `` ", "# ", "<", "\n", "1. ", "   ```\n"):
        contained(piece * (50_000 // len(piece)))
    assert time.perf_counter() - began < 5


def test_messages_are_put_below_what_is_left_of_their_branch() -> None:
    messages = [
        message(1, "user", "a", 3),
        message(2, "user", "b", 1),
        message(3, "user", "c"),
        message(4, "user", "d", 2),
        message(5, "user", "e", 99),
        message(6, "user", "f", 7),
        message(7, "user", "g", 6),
    ]
    assert [(one.id, one.parent_entry_id) for one in arrange(messages, {2})] == [
        (3, None),
        (1, 3),
        (4, 1),
        (5, None),
        (7, None),
        (6, 7),
    ]
