from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from agentstate.render.svg import svg
from agentstate.render.tree import tree_lines
from agentstate.render.tree_layout import WholeView
from agentstate.render.tree_row import TreeOptions
from trees import NOW, branch_view, lexer, message, thread


def picture() -> str:
    owner, messages = lexer()
    lines = tree_lines(branch_view(owner, messages), TreeOptions(now=NOW, width=100))
    return svg(lines, title='agentstate messages tree "Fix the lexer"')


def test_a_picture_is_the_same_every_time() -> None:
    assert picture() == picture()


def test_a_picture_shows_every_line_and_fetches_nothing() -> None:
    text = picture()
    root = ET.fromstring(text)  # noqa: S314 - our own text
    shown = " ".join(root.itertext()).replace("\xa0", " ")
    for words in ("Fix the lexer", "◀ leaf", "7 messages in 2 branches, leaf #22", "修正しました"):
        assert words in shown
    assert re.findall(r"https?://[^\s\"')<]*", text) == ["http://www.w3.org/2000/svg"]
    assert "@font-face" not in text
    assert "@import" not in text


def test_wide_letters_get_two_cells_in_a_picture() -> None:
    view = WholeView(thread=thread(1), messages=[message(1, None, "語語語語🙂&")])
    text = svg(tree_lines(view, TreeOptions(now=NOW, width=80)), title="wide")
    root = ET.fromstring(text)  # noqa: S314 - our own text
    (found,) = [
        node for node in root.iter("{http://www.w3.org/2000/svg}text") if "語" in (node.text or "")
    ]
    assert (found.text or "").rstrip("\xa0") == "語語語語🙂&"
    assert float(found.attrib["textLength"]) == round(12.2 * 11, 4)


def test_a_picture_shows_a_title_as_it_is() -> None:
    text = svg([], title="[bold]<a> & \x1b")
    root = ET.fromstring(text)  # noqa: S314 - our own text
    assert "[bold]<a> & \\x1b" in "".join(root.itertext()).replace("\xa0", " ")
