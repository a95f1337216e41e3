"""What a model wrote, drawn as the Markdown it is; and plain text, with its code set off.

HTML in the text stays text. Links lead to web and mail addresses only, and a picture is a link:
nothing is loaded.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Final

from agentstate.render.export.html.escaping import lines, link, visible, with_links

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import OptionsDict

_LONGEST: Final = 20_000
"""Longer texts are shown plain: the worst take half a second for that many characters."""

_MARKED: Final = re.compile(
    r"[*_`~#>|\[\\<]|^[ \t]*(?:[-+]|\d+[.)])\s|^ {4}|^\t|^[=-]+[ \t]*$", re.MULTILINE
)
"""What text without formatting does not have."""

_SCHEMES: Final = ("http://", "https://", "mailto:")
_LANGUAGE: Final = re.compile(r"[\w+#.-]{1,30}", re.ASCII)
_FENCE: Final = re.compile(
    r"^ {0,3}(`{3,}|~{3,})([^`\n]*)\n(.*?)(?:^ {0,3}\1[`~]*[ \t]*$\n?|\Z)",
    re.MULTILINE | re.DOTALL,
)


def formatted(text: str) -> str:
    """Return Markdown as HTML."""
    if len(text) > _LONGEST or not _MARKED.search(text):
        return plain(text)
    try:
        # Escapes in the text may stand for hidden characters: they become visible here.
        return visible(_parser().render(visible(text)))
    except RecursionError:
        return plain(text)


def plain(text: str) -> str:
    """Return text as it is, with what stands between fences as code."""
    text = visible(text).strip("\n")
    pieces = []
    done = 0
    for match in _FENCE.finditer(text):
        pieces += [_paragraph(text[done : match.start()]), code(match[3], match[2])]
        done = match.end()
    return "".join([*pieces, _paragraph(text[done:])])


def code(text: str, info: str = "") -> str:
    """Return a block of code that is `visible` already; `info` may begin with its language."""
    language = _LANGUAGE.match(info.strip())
    label = f' data-language="{language.group()}"' if language else ""
    return f"<pre{label}><code>{lines(text)}</code></pre>"


def _paragraph(text: str) -> str:
    text = text.strip("\n")
    return f'<p class="plain" dir="auto">{with_links(text)}</p>' if text.strip() else ""


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - costs start-up time

    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable(["table", "strikethrough"])
    # Without entities nothing hidden can be spelled, and what was written is what is shown.
    parser.disable(["html_block", "html_inline", "entity"])
    parser.validateLink = _is_outward  # type: ignore[method-assign] # the way its manual names
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
    return parser


def _is_outward(url: str) -> bool:
    return url.lower().startswith(_SCHEMES)


def _text(
    _self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    content = tokens[index].content
    return escape(content) if env.get("in_link") else with_links(content)


def _link_open(
    _self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    url = str(tokens[index].attrs["href"])
    env["in_link"] = bool(url)
    return link(url) if url else ""


def _link_close(
    _self: RendererHTML,
    _tokens: Sequence[Token],
    _index: int,
    _options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    was_in_link, env["in_link"] = env["in_link"], False
    return "</a>" if was_in_link else ""


def _image(
    _self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    token = tokens[index]
    words, url = escape(token.content or "picture"), str(token.attrs["src"])
    return words if env.get("in_link") or not url else f"{link(url)}{words}</a>"


def _fence(
    _self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    _env: MutableMapping[str, Any],
) -> str:
    return code(tokens[index].content, tokens[index].info)


def _open_tag(
    _self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    _env: MutableMapping[str, Any],
) -> str:
    """Give a cell its alignment as a class: the policy of the page refuses styles in tags."""
    token = tokens[index]
    side = str(token.attrs.get("style", "")).rpartition(":")[2]
    return f'<{token.tag} class="{side}">' if side else f"<{token.tag}>"


def _paragraph_open(
    _self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    _env: MutableMapping[str, Any],
) -> str:
    return "" if tokens[index].hidden else '<p dir="auto">'


_RULES: Final = {
    "text": _text,
    "link_open": _link_open,
    "link_close": _link_close,
    "image": _image,
    "fence": _fence,
    "code_block": _fence,
    "th_open": _open_tag,
    "td_open": _open_tag,
    "paragraph_open": _paragraph_open,
}
