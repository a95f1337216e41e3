"""The HTML page as text: what stands in it, once, and that nothing in it can act."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate import blocks
from agentstate.jsontext import JsonText
from agentstate.render.export.conversation import Conversation, Entry
from agentstate.render.export.html import index_page, page
from agentstate.render.tree_forest import Forest
from agentstate.reports.imports import ImportRecord
from examples import examples
from trees import chain, golden, lexer, message, thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentstate.records import MessageRecord

VOID: Final = {"meta", "link", "input", "br", "hr", "img"}

OURS: Final = {
    *("html", "head", "meta", "title", "style", "script", "body", "header", "nav", "main", "div"),
    *("article", "details", "summary", "dialog", "button", "input", "output", "a", "span", "b"),
    *("p", "pre", "code", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "ul", "li", "dl", "dt", "dd"),
    *("kbd", "mark", "small", "time", "table", "thead", "tbody", "tr", "th", "td", "blockquote"),
    *("em", "strong", "s", "hr", "br"),
}
"""Every element that a page may have."""

ATTRIBUTES: Final = {
    *("id", "class", "href", "title", "dir", "role", "for", "type", "name", "content", "charset"),
    *("lang", "datetime", "target", "rel", "tabindex", "hidden", "open", "disabled", "start"),
    *("placeholder", "autocomplete", "spellcheck", "http-equiv", "data-hint", "data-language"),
}
"""Every attribute that they may have; besides `aria-…`."""

MARKUP: Final = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><b style=color:red>&amp;"


class Page(HTMLParser):
    """A page taken apart, which fails where it is not well formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.outline: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        if tag not in VOID:
            self.stack.append(tag)
        label = tag + "".join(f".{name}" for name in found.get("class", "").split())
        label += f"#{found['id']}" if "id" in found else ""
        hint = f" ({found['data-hint']})" if found.get("data-hint") else ""
        depth = len(self.stack) + (tag in VOID)
        self.outline.append("  " * (depth - 3) + label + hint)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        tag = self.stack[-1] if self.stack else ""
        self.texts.append((tag, data))
        if tag not in {"style", "script"} and data.strip():
            indent = "  " * (len(self.stack) - 2)
            self.outline += [f"{indent}| {one}" for one in data.strip("\n").split("\n")]

    def named(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag == name]

    def text(self) -> str:
        return "".join(text for tag, text in self.texts if tag not in {"style", "script"})


def conversation(
    messages: Sequence[MessageRecord],
    leaf: int | None = None,
    hidden: Sequence[int] = (),
    **columns: Any,  # noqa: ANN401 - of the thread
) -> Conversation:
    return Conversation(
        thread=thread(leaf, **columns),
        messages=messages,
        path=Forest(messages).path_to(leaf),
        hidden=frozenset(hidden),
    )


def read(made: Conversation) -> Page:
    return Page("".join(page(made)))


def articles(read_page: Page) -> list[str]:
    return [attributes["id"] for attributes in read_page.named("article")]


def said(content: str, role: str = "assistant") -> Page:
    return read(conversation([message(1, None, content, role=role)], 1))


def assert_inert(read_page: Page) -> None:
    """Check that every element and attribute is one of ours, and where links lead."""
    for tag, attributes in read_page.tags:
        assert tag in OURS
        for name in attributes:
            assert name in ATTRIBUTES or name.startswith("aria-"), (tag, name)
        assert "src" not in attributes
        href = attributes.get("href", "#m1")
        assert re.match(r"#|https?://|mailto:", href), href
        if not href.startswith("#"):
            assert attributes["rel"] == "noopener noreferrer"
    assert len(read_page.named("script")) == 1
    assert len(read_page.named("style")) == 1


def test_a_conversation_is_a_page_with_every_message_once() -> None:
    owner, messages = lexer()
    made = Conversation(thread=owner, messages=messages, path=Forest(messages).path_to(45))
    found = read(made)
    assert sorted(articles(found)) == sorted(f"m{record.id}" for record in messages)
    assert_inert(found)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)


def test_a_small_page_has_this_outline() -> None:
    call = blocks.tool_call("exec", '{"cmd": "pytest -q"}')
    records = [
        message(1, None, "Fix it", created_at=1_800_000_000),
        message(2, 1, "Another way", role="assistant", created_at=1_800_000_060),
        message(3, 2, "Too slow", created_at=1_800_000_120),
        message(4, 1, blocks.join([blocks.thinking("Hm."), "**Done.**", call]), role="assistant"),
        message(5, 4, "2 failed\n31 passed", role="tool"),
        message(6, 5, "Be brief.", role="system"),
        message(7, 6, "Thanks", created_at=1_800_090_000),
    ]
    found = read(conversation(records, 7, hidden=[6]))
    start = next(at for at, one in enumerate(found.outline) if "div.columns" in one)
    end = next(at for at, one in enumerate(found.outline) if "dialog" in one)
    shown, written = golden("export/page", found.outline[start:end])
    assert shown == written


def test_the_policy_names_the_script_and_the_style_by_their_hashes() -> None:
    for text in ("".join(page(conversation(chain(2), 2))), "".join(index_page([]))):
        found = Page(text)
        (policy,) = [tag["content"] for tag in found.named("meta") if "http-equiv" in tag]
        for tag in ("script", "style"):
            body = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
            assert body is not None
            digest = base64.b64encode(hashlib.sha256(body[1].encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}'" in policy
        assert policy.startswith("default-src 'none'; ")
        assert policy.endswith("base-uri 'none'; form-action 'none'")
        assert "unsafe" not in policy
        # Nothing before the policy could slip past it.
        before = text[: text.index("Content-Security-Policy")]
        assert re.findall(r"<(\w+)", before) == ["html", "head", "meta", "meta"]


def test_a_page_refers_to_nothing_outside() -> None:
    text = "".join(page(conversation([message(1, None, "see https://example.org/a")], 1)))
    # The address of the link, its text, and what the outline says of the message.
    assert re.findall(r"[a-z]+://[^\"<]*", text) == ["https://example.org/a"] * 3
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize("role", ["assistant", "user", "tool", "system", MARKUP])
def test_markup_is_shown_as_it_is_wherever_it_stands(role: str) -> None:
    content = blocks.join(
        [
            MARKUP,
            blocks.thinking(MARKUP),
            blocks.tool_call(MARKUP, MARKUP),
            blocks.tool_call("t", '{"<img src=x>": "<svg onload=alert(1)>"}'),
            blocks.image(MARKUP, 7),
            blocks.other(MARKUP, MARKUP),
            f"```<b>\n{MARKUP}\n```",
            f"[a](javascript:alert(1)) [b](data:text/html,x) ![c](http://x/y.png) <{MARKUP}>",
        ]
    )
    columns = dict.fromkeys(
        ("id", "name", "preview", "cwd", "git_branch", "git_sha", "model_provider", "cli_version"),
        MARKUP,
    )
    record = message(1, None, content, role=role)
    empty = message(2, 1, "", role=role, item=JsonText('{"type": "<script>alert(2)</script>"}'))
    origin = ImportRecord(
        thread_id="t",
        format=MARKUP,
        session_id=MARKUP,
        source_path=MARKUP,
        parent_session_id=MARKUP,
        relation=MARKUP,
        imported_at=1,
    )
    for hidden in (frozenset[int](), frozenset({1})):
        made = Conversation(
            thread=thread(2, **columns),
            messages=[record, empty],
            path=[1, 2],
            hidden=hidden,
            origin=origin,
        )
        found = read(made)
        assert_inert(found)
        assert found.text().count("<script>alert(1)</script>") >= 20
        assert "<svg onload=alert(1)>" in found.text()


@given(st.text(), st.sampled_from(["user", "assistant", "tool", "system", "x"]), st.booleans())
@settings(max_examples=examples(80))
def test_no_text_breaks_a_page(text: str, role: str, folded: bool) -> None:  # noqa: FBT001 - drawn
    content = blocks.thinking(text) if folded else text
    assert_inert(read(conversation([message(1, None, content, role=role)], 1, name=text, cwd=text)))


_MARKDOWN: Final = st.lists(
    st.sampled_from(
        [
            *("<b>", "[", "](", ")", "*", "**", "`", "```", "\n", "\n\n", "> ", "- ", "1. ", "#"),
            *("| a ", "|-|", "javascript:", "http://x", "&#x202e;", "&lt;", "![", "<", ">", '"'),
            *("\t", "    ", "\\", "mailto:a@b", "[r]: ", "' onload='", "<http://a>", "word "),
        ]
    ),
    max_size=30,
).map("".join)


@given(_MARKDOWN)
@settings(max_examples=examples(60))
def test_no_markdown_breaks_a_page(text: str) -> None:
    found = said(text)
    assert_inert(found)
    assert not re.search("[\u202a-\u202e]", found.text())


def test_a_role_is_one_line_and_not_a_long_one() -> None:
    found = [
        read(conversation([message(1, None, "a", role=role)], 1)).texts
        for role in ("r" * 200, "a\nb", "", "Tool")
    ]
    roles = [next(text for tag, text in texts if tag == "h2") for texts in found]
    assert roles == ["R" + "r" * 58 + "…", "A", "?", "Tool"]


def test_hidden_characters_are_shown_and_spaces_stay() -> None:
    text = "a\u202eb\x00c\x1b[1m\ud800\x9b\r\n\tindented &#x202e; 👩\u200d👧"
    for role in ("user", "assistant", "tool"):
        shown = said(text, role).text()
        assert "a\\u202eb\\x00c\\x1b[1m\\ud800\\x9b" in shown
        assert "&#x202e;" in shown
        assert "👩\u200d👧" in shown
        "".join(page(conversation([message(1, None, text, role=role)], 1))).encode()
    assert "\n\tindented" in said(text, "tool").text()


def test_markdown_of_a_model_is_drawn_and_that_of_a_person_is_not() -> None:
    text = "# Title\n\n**bold** `code`\n\n|a|b|\n|-:|:-:|\n|1|2|\n\n```py\nx\n```"
    drawn = {tag for tag, _ in said(text).tags}
    assert {"h1", "strong", "code", "table", "pre"} <= drawn
    assert [cell["class"] for cell in said(text).named("td")] == ["right", "center"]
    typed = said(text, "user")
    assert not {"strong", "table"} & {tag for tag, _ in typed.tags}
    assert "**bold**" in typed.text()
    assert [block.get("data-language") for block in typed.named("pre")] == ["py"]


def test_links_lead_to_the_web_and_pictures_are_links() -> None:
    text = (
        "[a](https://example.org/?a=1&b=2) ![picture](http://example.org/p.png) <me@example.org> "
        "https://example.org/bare. [no](file:///etc/passwd) [no](./x) [no](//example.org)"
    )
    links = [tag["href"] for tag in said(text).named("a") if tag.get("href", "#")[0] != "#"]
    assert links == [
        "https://example.org/?a=1&b=2",
        "http://example.org/p.png",
        "mailto:me@example.org",
        "https://example.org/bare",
    ]
    nowhere = said("[words]() and ![picture]()")
    assert [tag for tag in nowhere.named("a") if not tag["href"]] == []
    assert "words and picture" in nowhere.text()


def test_arguments_of_a_tool_are_told_apart_and_none_is_changed() -> None:
    found = said(blocks.tool_call("exec", '{"cmd": "ls\\n-l", "n": 1.5}')).text()
    assert "cmd" in found
    assert "ls\n-l" in found
    for odd in ('{"a": 1, "a": 2}', '{"a": 1.10}', '{"a": 1e999}', '{"a": [', "[1, 2]", "{}"):
        assert odd in said(blocks.tool_call("exec", odd)).text()


def test_what_is_long_and_odd_takes_no_time_worth_mention() -> None:
    deep = 50_000
    for text in (
        *("[" * deep, "> " * deep, "*a " * deep, "```\n" * deep, "\n" * deep + "a", "`" * deep),
        *("[thinking] a\n\n" * (deep // 10), " " * deep, "https://" * deep, "~~~\n" * deep),
    ):
        drawn = "".join(page(conversation([message(1, None, text, role="assistant")], 1)))
        assert drawn.count("<article") == 1


def test_a_fork_says_where_one_stands_and_leads_to_its_neighbours() -> None:
    records = [message(1, None), message(2, 1), message(3, 1), message(4, 1)]
    text = "".join(page(conversation(records, 3)))
    assert re.findall(r'class="place">(\d/\d)', text) == ["1/3", "3/3", "2/3"]
    middle = text[text.index('id="m3"') :]
    assert 'class="before" href="#m2"' in middle
    assert 'class="after" href="#m4"' in middle


def test_one_answer_below_the_end_of_a_branch_is_one_way_on() -> None:
    records = [message(1, None), message(2, 1), message(3, 2)]
    assert "<small>1 way on</small>" in "".join(page(conversation(records, 2)))
    fork = [*records, message(4, 2)]
    assert "<small>2 ways on</small>" in "".join(page(conversation(fork, 2)))


@pytest.mark.parametrize(("file", "rows"), [("/logs/s.jsonl", 1), ("/logs/old.jsonl", 2)])
def test_a_path_is_shown_once(file: str, rows: int) -> None:
    origin = ImportRecord(
        thread_id="t",
        format="codex",
        session_id="s",
        source_path=file,
        parent_session_id=None,
        relation=None,
        imported_at=1,
    )
    made = conversation([message(1, None)], 1, rollout_path="/logs/s.jsonl")
    text = "".join(page(replace(made, origin=origin)))
    assert len(re.findall(r"<dd>/logs/\w+\.jsonl</dd>", text)) == rows


def test_more_than_one_root_and_a_leaf_that_is_answered() -> None:
    records = [message(1, None), message(2, 1), message(3, None), message(4, 3), message(5, 4)]
    found = read(conversation(records, 4))
    assert articles(found) == ["m1", "m2", "m3", "m4", "m5"]
    assert "branches end" in {tag.get("class") for tag in found.named("div")}
    assert len(found.named("mark")) == 1


def test_a_conversation_without_a_leaf_or_without_messages() -> None:
    assert articles(read(conversation([message(1, None), message(2, 1)]))) == ["m1", "m2"]
    assert "No messages yet." in read(conversation([])).text()


def test_a_conversation_of_a_great_depth_nests_little() -> None:
    ends = [message(10_000 + number, number, "other") for number in range(1, 3001, 10)]
    text = "".join(page(conversation([*chain(3000), *ends], 3000)))
    deepest = depth = 0
    for sign in re.findall(r"<(/?)div", text):
        depth += -1 if sign else 1
        deepest = max(deepest, depth)
    assert deepest < 10


def test_an_index_lists_its_files_with_safe_addresses() -> None:
    entries = [
        Entry(file="a b#?.html", thread=thread(None, name=MARKUP, cwd=MARKUP), messages=2),
        Entry(file="javascript:alert(1)", thread=thread(None, name=None, preview=""), messages=1),
    ]
    found = Page("".join(index_page(entries)))
    assert [tag["href"] for tag in found.named("a")] == [
        "#conversations",
        "./a%20b%23%3F.html",
        "./javascript%3Aalert%281%29",
    ]
    assert found.text().count("<script>alert(1)</script>") == 2
    assert "t-1" in found.text()
