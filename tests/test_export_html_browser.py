"""The HTML page in a real browser: what it does when used, and what it never does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from agentstate import blocks
from agentstate.render.export.conversation import Conversation, Entry
from agentstate.render.export.html import index_page, page
from agentstate.render.tree_forest import Forest
from browser import CHROMIUM, Browser, browser
from trees import lexer, message, thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser import Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

SHOWN: Final = """
    [...document.querySelectorAll("article")]
        .filter((article) => article.checkVisibility())
        .map((article) => Number(article.id.slice(1)))
"""
"""A script that gives the messages that can be seen."""

ACTIVE: Final = [13, 14, 15, 32, 33, 34, 35, 36, 40, 41, 42, 45]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the pages that are looked at."""
    made = tmp_path_factory.mktemp("pages")
    owner, messages = lexer()
    talk = Conversation(thread=owner, messages=messages, path=Forest(messages).path_to(45))
    _write(made / "talk.html", talk)
    _write(made / "hostile.html", _hostile())
    names = ["Fix the lexer", "<script>window.marker = 1</script>"]
    entries = [
        Entry(file="talk.html", thread=thread(None, name=name), messages=1) for name in names
    ]
    (made / "index.html").write_text("".join(index_page(entries)), encoding="utf-8")
    return made


def _write(path: Path, conversation: Conversation) -> None:
    path.write_text("".join(page(conversation)), encoding="utf-8")


def _hostile() -> Conversation:
    attack = (
        "<script>window.marker = 1; alert(1)</script>"
        '<img src="https://example.org/x" onerror="window.marker = 1">'
        "<svg/onload=window.marker=1><style>body { display: none }</style>"
        "\"'><iframe srcdoc='<script>parent.marker = 1</script>'></iframe>"
        "<base href=https://example.org/><meta http-equiv=refresh content='0;https://example.org'>"
        "</script><script>window.marker = 1</script></style></title></article></details>"
    )
    links = (
        "[a](javascript:window.marker=1) ![b](https://example.org/b.png) "
        "[c](data:text/html,<script>1</script>) <javascript:window.marker=1>"
    )
    content = blocks.join(
        [
            attack,
            links,
            f"```{attack}\n{attack}\n```",
            blocks.thinking(attack + links),
            blocks.tool_call(attack, attack),
            blocks.tool_call("exec", '{"<img src=x onerror=window.marker=1>": "<svg onload=1>"}'),
        ]
    )
    roles = ("assistant", "user", "tool", "system", attack)
    records = [
        message(number, number - 1 or None, content, role=role)
        for number, role in enumerate(roles, start=1)
    ]
    records.append(message(6, 2, content))
    columns = dict.fromkeys(("id", "name", "preview", "cwd", "git_branch", "cli_version"), attack)
    owner = thread(5, **columns)
    return Conversation(thread=owner, messages=records, path=[1, 2, 3, 4, 5], hidden=frozenset({4}))


@pytest.fixture
def talk(chromium: Browser, folder: Path) -> Page:
    opened = chromium.page()
    opened.open(folder / "talk.html")
    return opened


def test_what_is_planted_in_a_page_does_not_run(chromium: Browser, folder: Path) -> None:
    for name in ("hostile.html", "index.html"):
        opened = chromium.page()
        opened.open(folder / name)
        opened.run("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")
        opened.press("j", "k", "]", "?", "Escape", "/")
        opened.run("new Promise((go) => requestAnimationFrame(() => setTimeout(go)))")
        assert opened.run("typeof window.marker") == "undefined"
        assert opened.run("document.scripts.length") == 1
        foreign = "img, iframe, svg, base, object, embed, link, form, [style], [onload], [onerror]"
        assert opened.run(f"document.querySelectorAll('{foreign}').length") == 0
        assert opened.run("getComputedStyle(document.body).display") != "none"
        assert opened.requests() == [(folder / name).as_uri()]
        assert opened.complaints() == []


def test_the_policy_stops_what_escaping_would_miss(chromium: Browser, folder: Path) -> None:
    """Put markup into a page behind the back of what escapes it."""
    attack = (
        "<script>window.marker = 1</script><img src=https://example.org/x onerror=window.marker=1>"
        "<a id=planted href='javascript:window.marker=1'>x</a><p style='color: red'>"
    )
    text = (folder / "talk.html").read_text(encoding="utf-8")
    path = folder / "broken.html"
    path.write_text(text.replace("Fix it", attack), encoding="utf-8")
    opened = chromium.page()
    opened.open(path)
    opened.click("#planted")
    opened.run("new Promise((go) => setTimeout(go))")
    assert opened.run("typeof window.marker") == "undefined"
    assert opened.requests() == [path.as_uri()]
    complaints = "".join(opened.complaints())
    for directive in ("script-src", "style-src", "default-src"):
        assert directive in complaints


def test_branches_are_chosen_where_they_leave(talk: Page) -> None:
    assert talk.run(SHOWN) == ACTIVE
    talk.click("#m32 .before")
    assert talk.run(SHOWN) == [13, 14, 15, 30, 31]
    assert talk.run("location.hash") == "#m30"
    assert talk.run("byId('status').textContent") == "Branch 2 of 3"
    talk.press("[")
    assert talk.run(SHOWN) == [13, 14, 15, 16, 17, 18, 19, 20, 21]
    on = "[...document.querySelectorAll('#outline .on > a')].map((link) => link.hash)"
    assert talk.run(on) == ["#m13", "#m15", "#m16", "#m19", "#m20", "#m21"]
    talk.click("#outline a[href='#m22']")
    assert talk.run(SHOWN) == [13, 14, 15, 16, 17, 18, 19, 22]
    assert talk.run("document.activeElement.id") == "m22"
    talk.run("history.back()")
    talk.wait("location.hash === '#m16'")
    assert not talk.run("byId('leaf').hidden")
    talk.press("l")
    assert talk.run(SHOWN) == ACTIVE
    assert talk.run("document.activeElement.id") == "m45"
    assert talk.complaints() == []


def test_an_address_shows_its_message(chromium: Browser, folder: Path) -> None:
    opened = chromium.page()
    opened.open(folder / "talk.html", "#m31")
    assert opened.run(SHOWN) == [13, 14, 15, 30, 31]


def test_keys_walk_through_the_messages(talk: Page) -> None:
    here = "document.activeElement.id"
    walked = []
    for _ in range(6):
        talk.press("j")
        walked.append(talk.run(here))
    assert walked == ["m13", "m14", "m15", "m32", "m33", "m34"]
    talk.press("k", "k")
    assert talk.run(here) == "m32"
    talk.press("[", "j")
    assert talk.run(here) == "m31"
    talk.press("j", "k", "k")
    assert talk.run(here) == "m15"
    talk.press("?")
    assert talk.run("byId('keys').open")
    talk.press("Escape")
    assert not talk.run("byId('keys').open")
    talk.press("l", "E")
    folds = "[...document.querySelectorAll('main > .run > .segment details')]"
    talk.wait(f"{folds}.every((fold) => fold.open)")
    assert talk.complaints() == []


def test_search_finds_in_every_branch_and_goes_there(talk: Page) -> None:
    talk.press("/")
    talk.call("Input.insertText", text="the  SENTINEL leaks")
    talk.wait("byId('matches').value === '1 found'")
    talk.press("Enter")
    assert talk.run("byId('matches').value") == "1 of 1"
    assert talk.run("document.activeElement.id") == "query"
    assert 19 in talk.run(SHOWN)
    assert talk.run("[...CSS.highlights.get('match')].join()") == "The sentinel leaks"
    talk.run("byId('query').value = ''")
    talk.call("Input.insertText", text="passed")
    talk.wait("byId('matches').value === '2 found'")
    talk.press("Escape", "n", "n")
    assert talk.run("byId('matches').value") == "2 of 2"
    assert talk.run("document.activeElement.id") == "m34"
    assert talk.run("document.querySelector('#m34 details').open")
    talk.press("p", "f")
    assert talk.run("document.activeElement.id") == "m18"
    assert talk.run(SHOWN) == [18]
    talk.press("f", "/")
    talk.run("byId('query').select()")
    talk.call("Input.insertText", text="[.*] nowhere")
    talk.wait("byId('matches').value === '0 found'")
    assert talk.run("byId('next').disabled")
    assert talk.complaints() == []


def test_the_theme_follows_the_system_until_it_is_chosen(talk: Page) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    talk.prefer("dark")
    dark = talk.run(background)
    talk.prefer("light")
    light = talk.run(background)
    assert dark != light
    talk.press("t")
    assert talk.run(background) == dark
    talk.call("Page.reload")
    talk.browser.wait_for("Page.loadEventFired", talk.session)
    talk.wait("document.readyState === 'complete'")
    assert talk.run(background) == dark
    talk.click("#theme")
    assert talk.run(background) == light
    assert talk.complaints() == []


def test_without_scripts_the_branch_is_shown_and_the_others_can_be_opened(
    chromium: Browser, folder: Path
) -> None:
    opened = chromium.page(scripts=False)
    opened.open(folder / "talk.html")
    assert opened.run(SHOWN) == ACTIVE
    buttons = "[...document.querySelectorAll('button, input')].some((one) => one.checkVisibility())"
    assert not opened.run(buttons)
    branches = (
        "[...document.querySelectorAll('.branch > summary')].filter((one) => one.checkVisibility())"
    )
    assert opened.run(f"{branches}.length") == 2
    assert opened.complaints() == []


def test_a_narrow_screen_needs_no_sideways_scrolling(chromium: Browser, folder: Path) -> None:
    opened = chromium.page(width=360, height=700)
    opened.open(folder / "talk.html")
    assert opened.run("document.documentElement.scrollWidth") <= 360
    outline = "byId('outline').checkVisibility()"
    assert not opened.run(outline)
    opened.click("#open-outline")
    assert opened.run(outline)
    opened.click("#outline a[href='#m31']")
    assert not opened.run(outline)
    assert opened.run(SHOWN) == [13, 14, 15, 30, 31]


def test_an_index_is_filtered(chromium: Browser, folder: Path) -> None:
    opened = chromium.page()
    opened.open(folder / "index.html")
    opened.press("/")
    opened.call("Input.insertText", text="LEXER fix")
    assert opened.run("byId('matches').value") == "1 of 2"
    assert opened.complaints() == []


def test_no_word_is_too_long_for_a_page(chromium: Browser, tmp_path: Path) -> None:
    long = "Longest" * 60
    content = blocks.join([long, blocks.thinking(long), blocks.tool_call(long, long)])
    roles = ("critic" * 10, "c" * 40, long, "assistant", "user", "tool")
    records = [
        message(number, number - 1 or None, content, role=role)
        for number, role in enumerate(roles, start=1)
    ]
    records.append(message(7, 1, content, role=long))
    columns = dict.fromkeys(("name", "cwd", "git_branch", "git_sha", "cli_version"), long)
    made = Conversation(thread=thread(6, **columns), messages=records, path=[1, 2, 3, 4, 5, 6])
    _write(tmp_path / "long.html", made)
    entry = Entry(file="long.html", thread=thread(6, **columns), messages=7)
    (tmp_path / "list.html").write_text("".join(index_page([entry])), encoding="utf-8")
    for width in (390, 1280):
        for name in ("long.html", "list.html"):
            opened = chromium.page(width=width)
            opened.open(tmp_path / name)
            opened.run("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")
            assert opened.run("document.documentElement.scrollWidth") <= width
