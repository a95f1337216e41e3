"""The tree of a conversation at the side of its page: prompts, forks and the ends of branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.render.export.html.message import gist, role_class
from agentstate.render.text import count

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from agentstate.render.export.html.layout import Layout, Step

_MOST_PROMPTS: Final = 2000
"""With more of them only forks and the beginnings and ends of branches are listed."""

_CELLS: Final = 60


class Outline:
    """A list of links to messages, in which a branch is a list of its own."""

    def __init__(self, layout: Layout, hidden: Collection[int]) -> None:
        """Look at how many prompts there are; `hidden` are none."""
        self._layout = layout
        prompts = {
            message.id
            for message in layout.forest.messages.values()
            if message.role == "user" and message.id not in hidden
        }
        self._prompts = prompts if len(prompts) <= _MOST_PROMPTS else frozenset[int]()

    def html(self) -> Iterator[str]:
        """Give the list; what is on the branch to read first has the class `on`."""
        first, roots = self._layout.roots()
        for root in roots:
            yield from self._branch(root)
        if first is not None:
            yield "<ol>"
            yield from self._run(first, " on")
            yield "</ol>"

    def _branch(self, entry: int) -> Iterator[str]:
        yield '<ol class="branch">'
        yield from self._run(entry, "")
        yield "</ol>"

    def _run(self, entry: int, state: str) -> Iterator[str]:
        left_out = 0
        for step in self._layout.run(entry):
            number = step.message.id
            if number == entry or number in self._prompts or step.branches or step.is_end:
                first = " first" if number == entry else ""
                yield self._item(step, state + first, left_out)
                for branch in step.branches:
                    yield from self._branch(branch)
                yield "</li>\n"
                left_out = 0
            else:
                left_out += 1

    def _item(self, step: Step, state: str, left_out: int) -> str:
        message = step.message
        is_leaf = message.id == self._layout.leaf_id
        last = step.is_end and not step.branches
        kinds = f"{role_class(message.role)}{state}{' last' if last else ''}"
        if is_leaf:
            kinds += " leaf"
        notes = f"<small>+{left_out}</small>" if left_out else ""
        if is_leaf:
            notes += "<small>current leaf</small>"
        if step.branches:
            ways = len(step.branches) + (not step.is_end)
            notes += f"<small>{count(ways, 'way')} on</small>"
        text = gist(message, _CELLS)
        return f'<li class="{kinds}"><a href="#m{message.id}"><span>{text}</span>{notes}</a>'
