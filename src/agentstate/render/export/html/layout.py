"""Which branch goes on where: the runs that a page is made of.

A run is a straight line of messages. Where it forks it goes on with one of the answers, along
the branch to read first and elsewhere along the one with most messages below it; the others are
runs of their own inside it. So runs lie in each other no deeper than the logarithm of their
number, which is what allows what walks them to recurse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentstate.render.tree_forest import Forest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentstate.records import MessageRecord
    from agentstate.render.export.conversation import Conversation


class Place(NamedTuple):
    """Where a message stands among those that answer the same one."""

    number: int
    """Counted from 1."""
    total: int
    before: int | None
    """The id of the one before it."""
    after: int | None


class Step(NamedTuple):
    """A message of a run, and the branches that leave there."""

    message: MessageRecord
    place: Place | None
    """None where nothing else answers the same message."""
    branches: Sequence[int]
    """The ids of other answers than the one with which the run goes on."""
    is_end: bool
    """The run goes on with none of them."""


class Layout:
    """The messages of a conversation as runs."""

    def __init__(self, conversation: Conversation) -> None:
        """Link the messages; they are all held as long as this is."""
        self.forest = Forest(list(conversation.messages))
        self.path = [entry for entry in conversation.path if entry in self.forest.messages]
        self.leaf_id = conversation.thread.current_leaf_id
        # Where the branch to read first goes on; None is what lies above the roots.
        self._next = dict(zip([None, *self.path], [*self.path, None], strict=True))
        if not self.path:
            self._next = {}
        self._places: dict[int, Place] = {}

    def roots(self) -> tuple[int | None, Sequence[int]]:
        """Return the first message of the run to read first, and the roots beside it."""
        return self._split(None)

    def run(self, entry: int | None) -> Iterator[Step]:
        """Give the messages of the run that begins at `entry`."""
        while entry is not None:
            onward, branches = self._split(entry)
            yield Step(
                message=self.forest.messages[entry],
                place=self._places.get(entry),
                branches=branches,
                is_end=onward is None,
            )
            entry = onward

    def _split(self, entry: int | None) -> tuple[int | None, Sequence[int]]:
        children = self.forest.children.get(entry, [])
        if entry in self._next:
            onward = self._next[entry]
        else:
            size = self.forest.size
            onward = max(children, key=lambda child: (size[child], child), default=None)
        if len(children) > 1:
            self._note_places(children)
        return onward, [child for child in children if child != onward]

    def _note_places(self, children: Sequence[int]) -> None:
        around = [None, *children, None]
        for number, child in enumerate(children, start=1):
            self._places[child] = Place(
                number, len(children), around[number - 1], around[number + 1]
            )
