"""The page of a conversation, piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.render import times
from agentstate.render.export.conversation import title_of
from agentstate.render.export.html.document import BUTTONS, opening
from agentstate.render.export.html.escaping import line, start
from agentstate.render.export.html.layout import Layout
from agentstate.render.export.html.message import article, gist, role_class
from agentstate.render.export.html.outline import Outline
from agentstate.render.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentstate.render.export.conversation import Conversation

_SEGMENT: Final = 50
"""Messages that a browser lays out together, or not at all while they are out of sight."""

_DAY: Final = 24 * 3600
_CELLS: Final = 100

_KEYS: Final = (
    ("j k", "next and previous message"),
    ("[ ]", "the branch before and after, where it forks"),
    ("l", "back to the current leaf"),
    ("/", "search"),
    ("n p", "next and previous match"),
    ("f", "only messages that match"),
    ("e", "open or close what is folded in this message"),
    ("E", "open or close all that is folded"),
    ("o", "outline"),
    ("t", "light or dark"),
    ("?", "this list"),
)

_TOOLS: Final = f"""\
<div class="search needs-script" role="search">
<input id="query" type="search" placeholder="Search ( / )" aria-label="Search the conversation" \
autocomplete="off" spellcheck="false">
<output id="matches" for="query"></output>
<button id="previous" title="Previous match (p)" aria-label="Previous match" disabled>↑</button>
<button id="next" title="Next match (n)" aria-label="Next match" disabled>↓</button>
<button id="filter" title="Only messages that match (f)" aria-pressed="false" disabled>Filter\
</button>
</div>
<button id="leaf" class="needs-script" title="Back to the current leaf (l)" hidden>Current leaf\
</button>
<button id="folds" class="needs-script" title="Open or close all that is folded (E)" \
aria-pressed="false"><span aria-hidden="true">⊞</span><span class="words">Unfold</span></button>
{BUTTONS}\
<button id="help" class="needs-script" title="Keys (?)" aria-label="Keys">?</button>
"""


def page(conversation: Conversation) -> Iterator[str]:
    """Give the page of a conversation, every message of it once.

    It shows the branch to read first. Without its script the others are folded where they
    leave; with it they are chosen there.
    """
    thread = conversation.thread
    layout = Layout(conversation)
    yield opening(title_of(thread), "common.js", "page.js", "search.js", "start.js")
    yield (
        '<body>\n<a class="skip" href="#conversation">Skip to the conversation</a>\n'
        '<header class="bar">\n<button id="open-outline" class="needs-script" '
        'title="Outline (o)" aria-label="Outline" aria-controls="outline">☰</button>\n'
        f"<h1>{line(title_of(thread))}</h1>\n{_TOOLS}</header>\n"
        '<div class="columns">\n<nav aria-label="Outline">\n<details id="outline" open>'
        f"<summary>{count(len(layout.forest.messages), 'message')}, {_branches(layout)}</summary>\n"
    )
    yield from Outline(layout, conversation.hidden).html()
    yield '</details>\n</nav>\n<main id="conversation" tabindex="-1">\n'
    yield _about(conversation)
    yield from _Runs(layout, conversation.hidden).html()
    yield f"</main>\n</div>\n{_KEYS_SHOWN}"
    yield '<div id="status" role="status" aria-live="polite"></div>\n</body>\n</html>\n'


class _Runs:
    """The messages, each run in an element of its own."""

    def __init__(self, layout: Layout, hidden: frozenset[int]) -> None:
        self._layout = layout
        self._hidden = hidden

    def html(self) -> Iterator[str]:
        first, roots = self._layout.roots()
        if first is None and not roots:
            yield '<p class="note">No messages yet.</p>\n'
            return
        yield '<div class="run">'
        yield from self._branches(roots, is_end=first is None)
        yield from self._segments(first)
        yield "</div>\n"

    def _segments(self, entry: int | None) -> Iterator[str]:
        inside = 0
        day = None
        for step in self._layout.run(entry):
            message = step.message
            yield "" if inside else '<div class="segment">'
            yield article(
                message,
                step.place,
                hidden=message.id in self._hidden,
                leaf=message.id == self._layout.leaf_id,
                dated=message.created_at // _DAY != day,
            )
            day = message.created_at // _DAY
            inside = (inside + 1) % _SEGMENT
            if step.branches or step.is_end:
                inside = 0
            yield "" if inside else "</div>"
            yield from self._branches(step.branches, is_end=step.is_end)

    def _branches(self, branches: Sequence[int], *, is_end: bool) -> Iterator[str]:
        if not branches:
            return
        yield f'<div class="branches{" end" if is_end else ""}">'
        for entry in branches:
            yield f'<details class="branch"><summary>{self._summary(entry)}</summary>'
            yield '<div class="run">'
            yield from self._segments(entry)
            yield "</div></details>"
        yield "</div>"

    def _summary(self, entry: int) -> str:
        forest = self._layout.forest
        message = forest.messages[entry]
        size = count(forest.size[entry], "message")
        ends = f", {count(forest.leaves[entry], 'end')}" if forest.leaves[entry] > 1 else ""
        return (
            f'<b class="{role_class(message.role)}">Another branch</b> '
            f"<span>{gist(message, _CELLS)}</span> <small>{size}{ends}</small>"
        )


def _branches(layout: Layout) -> str:
    return count(
        sum(layout.forest.leaves[entry] for entry in layout.forest.children.get(None, ())), "branch"
    )


def _about(conversation: Conversation) -> str:
    """Return what is known of a thread, folded below a line with the most of it."""
    thread, origin = conversation.thread, conversation.origin
    shown = len(conversation.messages)
    whole = shown + conversation.elsewhere
    facts = {
        "Thread": thread.id,
        "Messages": f"{shown} of {whole}, one branch" if whole > shown else None,
        "Folder": thread.cwd,
        "Git branch": thread.git_branch,
        "Commit": thread.git_sha,
        "Repository": thread.git_origin_url,
        "Provider": thread.model_provider,
        "Program version": thread.cli_version,
        "Status": thread.status,
        "Log": thread.rollout_path,
        "Imported from": origin and origin.format,
        "Session": origin and origin.session_id,
        "File": origin and origin.source_path != thread.rollout_path and origin.source_path,
        "Came from": origin and origin.parent_session_id,
        "As": origin and origin.relation,
    }
    rows = [f"<dt>{name}</dt><dd>{line(value)}</dd>" for name, value in facts.items() if value]
    moments = {"Created": thread.created_at, "Updated": thread.updated_at}
    rows += [f"<dt>{name}</dt><dd>{_moment(value)}</dd>" for name, value in moments.items()]
    short = " · ".join(
        filter(
            None,
            [
                start(thread.cwd, 60),
                line(thread.git_branch or ""),
                times.iso(thread.updated_at)[:16].replace("T", " "),
            ],
        )
    )
    return f'<details class="about"><summary>{short}</summary><dl>{"".join(rows)}</dl></details>\n'


def _moment(seconds: int) -> str:
    return line(times.iso(seconds).replace("T", " ").replace("Z", " UTC"))


_KEYS_SHOWN: Final = (
    '<dialog id="keys" aria-labelledby="keys-title"><h2 id="keys-title">Keys</h2>\n<dl>'
    + "".join(
        f"<dt>{' '.join(f'<kbd>{key}</kbd>' for key in keys.split())}</dt><dd>{what}</dd>\n"
        for keys, what in _KEYS
    )
    + '</dl>\n<button id="close-keys">Close</button></dialog>\n'
)
