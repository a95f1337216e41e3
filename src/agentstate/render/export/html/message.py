"""A message as an article: who, when, and what was said; what was thought and called is folded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from agentstate.blocks import Block, BlockKind, split
from agentstate.render import times
from agentstate.render.export.html.escaping import line, lines, start, visible
from agentstate.render.export.html.markdown import formatted, plain
from agentstate.render.item_line import EMPTY, item_line
from agentstate.render.text import count, is_blank, lines_below
from agentstate.render.theme import ROLES

if TYPE_CHECKING:
    from agentstate.records import JsonValue, MessageRecord
    from agentstate.render.export.html.layout import Place

_SUMMARY: Final = 90
"""Characters of what is folded that its summary shows."""

_ROLE: Final = 60
"""Cells of a role, which is one word but for another program's."""

_SIGNS: Final = "#>*-` \t\r\n"
"""What formats the start of a text."""

_BEFORE: Final = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"
_AFTER: Final = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"

_INSTRUCTIONS: Final = ("system", "developer")
_SHORT: Final = 600
"""Instructions up to so many characters are shown, longer ones are folded."""

_LARGEST: Final = 100_000
"""Longer arguments are shown as they are: taking them apart would not make them readable."""


def article(
    message: MessageRecord, place: Place | None, *, hidden: bool, leaf: bool, dated: bool
) -> str:
    """Return a message; `dated` shows the day beside the hour."""
    role = role_class(message.role)
    classes = f"{role} aside" if hidden else role
    return (
        f'<article id="m{message.id}" class="{classes}"><header>'
        f"<h2>{start(message.role.capitalize(), _ROLE) or '?'}</h2>"
        f'<a class="anchor" href="#m{message.id}">#{message.id}</a>'
        f"{_time(message.created_at, dated=dated)}"
        f"{'<mark>current leaf</mark>' if leaf else ''}"
        f"{siblings(place) if place else ''}"
        f'</header><div class="body">{_body(message, hidden=hidden)}</div></article>\n'
    )


def role_class(role: str) -> str:
    """Return the name of the style of a role."""
    return role if role in ROLES else "other"


def gist(message: MessageRecord, cells: int) -> str:
    """Return what a message says in one line, escaped."""
    block = split(message.content[:4096])[0]
    if block.kind is BlockKind.TEXT:
        text = block.text if not is_blank(block.text) else item_line(message.item)
    else:
        text = f"{block.kind} {block.title} {block.text}"
    return start(text.lstrip(_SIGNS), cells) or EMPTY


def siblings(place: Place) -> str:
    """Return where a message stands among the answers, with links to those beside it."""
    return (
        f'<span class="siblings" role="group" aria-label="Branches">'
        f"{_sibling(place.before, 'before', _BEFORE)}"
        f'<span class="place">{place.number}/{place.total}</span>'
        f"{_sibling(place.after, 'after', _AFTER)}</span>"
    )


def _sibling(entry: int | None, which: str, sign: str) -> str:
    if entry is None:
        return f'<a class="{which}" aria-disabled="true">{sign}</a>'
    return f'<a class="{which}" href="#m{entry}" aria-label="The branch {which}">{sign}</a>'


def _time(seconds: int, *, dated: bool) -> str:
    iso = times.iso(seconds)
    if not iso.endswith("Z"):
        return f"<time>{line(iso)}</time>"
    date, _, clock = iso.partition("T")
    shown = f"{date} {clock[:5]}" if dated else clock[:5]
    return f'<time datetime="{iso}" title="{date} {clock[:8]} UTC">{shown}</time>'


def _body(message: MessageRecord, *, hidden: bool) -> str:
    content = message.content
    if is_blank(content):
        return _item(message.item)
    if message.role == "tool":
        return _output(content)
    blocks = split(content)
    drawn = "".join(_block(block, message.role) for block in blocks)
    if hidden or (message.role in _INSTRUCTIONS and len(content) > _SHORT):
        what = "Hidden" if hidden else "Instructions"
        return _folded("instructions", what, gist(message, _SUMMARY), drawn, lines_below(content))
    return drawn


def _block(block: Block, role: str) -> str:
    if block.kind is BlockKind.TEXT:
        return formatted(block.text) if role == "assistant" else plain(block.text)
    if block.kind is BlockKind.THINKING:
        inner = formatted(block.text)
        return _folded("thinking", "Thinking", start(block.text, _SUMMARY), inner)
    if block.kind is BlockKind.TOOL_CALL:
        return _call(block)
    label = f"{block.kind.capitalize()}: {block.title}" if block.title else block.kind.capitalize()
    if not block.text or block.kind is BlockKind.IMAGE:
        return f'<p class="note">{line(f"{label} {block.text}".rstrip())}</p>'
    return _folded("other", line(label), start(block.text, _SUMMARY), _pre(block.text))


def _call(block: Block) -> str:
    """Return a call of a tool: each of its arguments by itself, where it has a few of them."""
    arguments = _arguments(block.text)
    if arguments is None:
        hint, inner = start(block.text, _SUMMARY), _pre(block.text)
    else:
        first = next((value for value in arguments.values() if isinstance(value, str)), "")
        hint = start(first, _SUMMARY)
        rows = [f"<dt>{line(name)}</dt><dd>{_value(arguments[name])}</dd>" for name in arguments]
        inner = f"<dl>{''.join(rows)}</dl>"
    return _folded("call", line(block.title) or "?", hint, inner)


def _arguments(text: str) -> dict[str, JsonValue] | None:
    """Return the members of a JSON object; None where it is none, or would not come out as it is.

    Names that stand twice and numbers that would be written otherwise stay in the text as it is.
    """
    if len(text) > _LARGEST or not text.startswith("{"):
        return None
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_float=_exact)
    except (ValueError, RecursionError):
        return None
    return value or None


def _exact(text: str) -> float:
    number = float(text)
    if repr(number) != text:
        raise ValueError("another number would be shown")
    return number


def _members(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands twice")
    return members


def _value(value: JsonValue) -> str:
    return _pre(value if isinstance(value, str) else _json(value))


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _output(content: str) -> str:
    more = lines_below(content)
    return _folded("result", "Result", start(content, _SUMMARY), _pre(content), more)


def _item(item: JsonValue) -> str:
    """Return what a message without text is about."""
    text = item_line(item)
    if not text:
        return f'<p class="note">{EMPTY}</p>'
    return _folded("other", "Record", start(text, _SUMMARY), _pre(text))


def _folded(kind: str, label: str, hint: str, inner: str, more: int = 0) -> str:
    """Return what is shown when it is opened; `label`, `hint` and `inner` are HTML already.

    The hint is an attribute, which a style shows: a search would find the same words twice.
    """
    rest = f" <small>+{count(more, 'line')}</small>" if more else ""
    return (
        f'<details class="{kind}"><summary data-hint="{hint}"><b>{label}</b>{rest}</summary>'
        f"{inner}</details>"
    )


def _pre(text: str) -> str:
    return f"<pre><code>{lines(visible(text))}</code></pre>"
