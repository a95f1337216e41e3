"""Which lines a tree of messages is drawn with, and in which order: its shape, not its look.

A straight run of messages stays at one indent. Where it forks, the other branches come first,
one level deeper, and the run goes on below them: along the active branch, and elsewhere along
the child with most messages under it, so that no drawing is deeper than the logarithm of its
size. Nothing here recurses: a thread may be 100,000 messages deep. Named tuples, because
they cost a tenth of a dataclass at start-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.records import SideBranch, ThreadStats
from agentstate.render.text import count
from agentstate.render.tree_forest import Forest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from agentstate.records import MessageRecord, ThreadMetadata

MAX_STUBS: Final = 20
"""Stubs shown at one fork point of the active branch, the newest; others are counted."""

TEE: Final = "├─"
CORNER: Final = "└─"
RAIL: Final = "│ "
BLANK: Final = "  "


class BranchView(NamedTuple):
    """The active branch, with the other branches as stubs."""

    thread: ThreadMetadata
    stats: ThreadStats
    messages: Sequence[MessageRecord]
    """The end of the active branch, the message nearest the root first."""
    earlier: int = 0
    """How many messages of the branch come before those."""
    stubs: Sequence[SideBranch] = ()
    """Branches that leave at one of `messages`, and other roots; those elsewhere are not drawn."""
    hidden: Collection[int] = frozenset()
    """The thread's messages that are not drawn."""
    earlier_hidden: int = 0
    """How many of the earlier messages are among those."""


class WholeView(NamedTuple):
    """Every message of a thread, with the branches opened."""

    thread: ThreadMetadata
    messages: Sequence[MessageRecord]
    """In the order of their ids."""
    depth: int | None = None
    """How many levels of branches are opened; deeper ones are stubs. None opens all, 0 none."""
    limit: int | None = None
    """How many messages of the active branch are drawn, the last ones; None draws all."""

    @property
    def stats(self) -> ThreadStats:
        """Count the messages and the branches."""
        parents = {message.parent_entry_id for message in self.messages}
        branches = sum(message.id not in parents for message in self.messages)
        return ThreadStats(messages=len(self.messages), branches=branches)


class MessageRow(NamedTuple):
    """The line of a message, or of a branch that stays closed."""

    message: MessageRecord
    rails: str = ""
    """What is drawn left of the node."""
    below: str = BLANK
    """What is drawn under rails and node, where the message takes more lines."""
    active: bool = False
    leaf: bool = False
    """It is the thread's current leaf."""
    stub: SideBranch | None = None
    note: str = ""


class RemarkRow(NamedTuple):
    """A line that says something about the tree."""

    text: str
    rails: str = ""
    warning: bool = False


Row = MessageRow | RemarkRow


def branch_rows(view: BranchView, roles: Collection[str] = ()) -> Iterator[Row]:
    """Give the rows of the active branch; with `roles`, only its messages in those roles.

    Stubs hang where their branch leaves, or at the last message shown before that.
    """
    shown = [
        message
        for message in view.messages
        if (not roles or message.role in roles) and message.id not in view.hidden
    ]
    hanging = _stubs_by_anchor(view, {message.id for message in shown})
    if earlier := view.earlier - view.earlier_hidden:
        yield RemarkRow(text=f"… {earlier} earlier", rails=RAIL)
    yield from _stub_rows(hanging.get(None, []), is_end=not shown)
    for message in shown:
        is_end = message is shown[-1]
        stubs = hanging.get(message.id, [])
        yield MessageRow(
            message=message,
            below=BLANK if is_end and not stubs else RAIL,
            active=True,
            leaf=message.id == view.thread.current_leaf_id,
        )
        yield from _stub_rows(stubs, is_end=is_end)
    leaf_id = view.thread.current_leaf_id
    if leaf_id is None and view.stats.messages:
        yield NO_LEAF
    if leaf_id in view.hidden:
        yield RemarkRow(text=f"the current leaf #{leaf_id} is hidden; --all shows it")


def whole_rows(view: WholeView, roles: Collection[str] = ()) -> Iterator[Row]:
    """Give the rows of every message, each once; with `roles`, of the messages in those roles.

    What damage cut off is drawn too: a message whose parent is not there as a root, and what
    hangs in a cycle of parents below a line that says so.
    """
    forest = Forest(view.messages)
    yield from _Walk(view, forest, roles).rows()
    leaf_id = view.thread.current_leaf_id
    cyclic = [message for message in forest.unreachable if not roles or message.role in roles]
    if cyclic:
        text = f"{count(len(cyclic), 'message')} in or below a cycle of parents:"
        yield RemarkRow(text=text, warning=True)
    for message in cyclic:
        note = f"parent #{message.parent_entry_id}"
        yield MessageRow(message=message, leaf=message.id == leaf_id, note=note)
    if view.messages and leaf_id is None:
        yield NO_LEAF
    elif leaf_id is not None and leaf_id not in forest.messages:
        text = f"the current leaf #{leaf_id} is not a message of this thread"
        yield RemarkRow(text=text, warning=True)


NO_LEAF: Final = RemarkRow(
    text="no current leaf; `agentstate messages checkout MESSAGE` sets one", warning=True
)


class _Walk:
    """The way through a forest that a drawing takes, with a stack of its own."""

    def __init__(self, view: WholeView, forest: Forest, roles: Collection[str]) -> None:
        self._forest = forest
        self._children = forest.children_shown(roles)
        self._leaf_id = view.thread.current_leaf_id
        self._depth = view.depth
        path = forest.path_to(self._leaf_id)
        active = [entry for entry in path if not roles or forest.messages[entry].role in roles]
        self._active = set(active)
        # Where the active branch goes on; None is what lies above the roots.
        self._next = dict(zip([None, *active], [*active, None], strict=True)) if active else {}
        self._cut = max(len(active) - view.limit, 0) if view.limit is not None else 0
        self._first = active[self._cut] if self._cut < len(active) else None
        # What is still to be drawn: id, rails, how it hangs there, level. The end comes first.
        self._stack: list[tuple[int, str, str, int]] = []

    def rows(self) -> Iterator[Row]:
        if self._cut:
            yield RemarkRow(text=f"… {self._cut} earlier", rails=RAIL)
            if self._first is not None:
                self._stack.append((self._first, "", "", 0))
        else:
            self._push_children(None, "", 0)
        while self._stack:
            yield self._row(*self._stack.pop())

    def _row(self, entry: int, rails: str, hook: str, level: int) -> MessageRow:
        message = self._forest.messages[entry]
        if self._depth is not None and level > self._depth:
            return MessageRow(message=message, rails=rails + hook, stub=self._stub(message))
        run = rails + {TEE: RAIL, CORNER: BLANK, "": ""}[hook]
        self._push_children(entry, run, level)
        is_orphan = message.parent_entry_id is not None and self._forest.parent(message) is None
        return MessageRow(
            message=message,
            rails=rails + hook,
            below=run + (RAIL if entry in self._children else BLANK),
            active=entry in self._active,
            leaf=entry == self._leaf_id,
            note=f"parent #{message.parent_entry_id} is not in this thread" if is_orphan else "",
        )

    def _push_children(self, entry: int | None, run: str, level: int) -> None:
        children = self._children.get(entry, [])
        onward = self._onward(entry, children)
        if onward is not None:
            self._stack.append((onward, run, "", level))
        branches = [child for child in children if child != onward]
        for child in reversed(branches):
            is_end = onward is None and child == branches[-1]
            self._stack.append((child, run, CORNER if is_end else TEE, level + 1))

    def _onward(self, entry: int | None, children: list[int]) -> int | None:
        if entry in self._next:
            return self._next[entry]
        return max(children, key=lambda child: (self._forest.size[child], child), default=None)

    def _stub(self, message: MessageRecord) -> SideBranch:
        return SideBranch(
            message=message,
            size=self._forest.size[message.id],
            leaves=self._forest.leaves[message.id],
            leaf_id=self._forest.newest_leaf[message.id],
        )


def _stubs_by_anchor(
    view: BranchView, shown: Collection[int]
) -> dict[int | None, list[SideBranch]]:
    """Return the stubs under the message each is drawn below; None is above the first."""
    anchors: dict[int | None, int | None] = {}
    anchor: int | None = None
    if not view.earlier:
        anchors[None] = None
    for message in view.messages:
        anchor = message.id if message.id in shown else anchor
        anchors[message.id] = anchor
    stubs: dict[int | None, list[SideBranch]] = {}
    for stub in sorted(view.stubs, key=lambda stub: stub.message.id):
        parent = stub.message.parent_entry_id
        if parent in anchors:
            stubs.setdefault(anchors[parent], []).append(stub)
    return stubs


def _stub_rows(stubs: list[SideBranch], *, is_end: bool) -> Iterator[Row]:
    hidden = len(stubs) - MAX_STUBS
    if hidden > 0:
        yield RemarkRow(text=f"… {count(hidden, 'more branch')}", rails=f"{TEE} ")
    newest = stubs[-MAX_STUBS:]
    for stub in newest:
        rails = CORNER if is_end and stub is newest[-1] else TEE
        yield MessageRow(message=stub.message, rails=rails, stub=stub)
