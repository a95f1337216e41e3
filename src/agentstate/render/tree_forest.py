"""The messages of a thread as a forest that can be walked, also where its links are damaged.

Nothing here recurses and everything is linear: a thread may be 100,000 messages deep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from agentstate.records import MessageRecord


class Forest:
    """Parents, children and sizes of a thread's messages.

    A message whose parent is not among them counts as a root. What no root leads to, because
    its parents go round in a circle, is `unreachable` and has no size.
    """

    def __init__(self, messages: Sequence[MessageRecord]) -> None:
        """Link `messages`, which come in the order of their ids."""
        self.messages = {message.id: message for message in messages}
        self.children: dict[int | None, list[int]] = {}
        for message in messages:
            self.children.setdefault(self.parent(message), []).append(message.id)
        self._order = self._parents_first()
        self.size = dict.fromkeys(self._order, 1)
        """How many messages are in the branch that starts at an id."""
        self.leaves = {entry: int(entry not in self.children) for entry in self._order}
        self.newest_leaf = {entry: entry for entry in self._order if self.leaves[entry]}
        self._add_up()
        self.unreachable = [message for message in messages if message.id not in self.size]

    def parent(self, message: MessageRecord) -> int | None:
        """Return the id of the parent, None for a root and for a parent that is not there."""
        parent = message.parent_entry_id
        return parent if parent in self.messages else None

    def path_to(self, entry: int | None) -> list[int]:
        """Return the ids from a root to `entry`; none if it is not there or not reachable."""
        path: list[int] = []
        while entry is not None and entry in self.size:
            path.append(entry)
            entry = self.parent(self.messages[entry])
        path.reverse()
        return path

    def children_shown(self, roles: Collection[str]) -> Mapping[int | None, list[int]]:
        """Return the children that are left when only `roles` are shown; all without `roles`.

        A message that is not shown hands its children to the nearest one above that is.
        """
        if not roles:
            return self.children
        anchor: dict[int | None, int | None] = {None: None}
        shown: dict[int | None, list[int]] = {}
        for entry in self._order:
            message = self.messages[entry]
            above = anchor[self.parent(message)]
            anchor[entry] = entry if message.role in roles else above
            if message.role in roles:
                shown.setdefault(above, []).append(entry)
        for children in shown.values():
            children.sort()
        return shown

    def _parents_first(self) -> list[int]:
        order = list(self.children.get(None, ()))
        for entry in order:
            order.extend(self.children.get(entry, ()))
        return order

    def _add_up(self) -> None:
        for entry in reversed(self._order):
            parent = self.parent(self.messages[entry])
            if parent is None:
                continue
            self.size[parent] += self.size[entry]
            self.leaves[parent] += self.leaves[entry]
            newest = self.newest_leaf[entry]
            self.newest_leaf[parent] = max(self.newest_leaf.get(parent, newest), newest)


def tree_nodes(
    messages: Sequence[MessageRecord],
    branch_ids: Collection[int],
    current_leaf_id: int | None,
    *,
    earlier: int = 0,
    answered: Collection[int] = (),
) -> Iterator[dict[str, Any]]:
    """Give each message as the object that `-o json` shows, in the order given.

    `branch_ids` are the messages of the active branch (a set, or it is slow). Where `messages`
    are only the end of that branch, `earlier` says how many come before the first, and
    `answered` which of them something answers that is not among them.
    `depth` is the distance from the root, None where a cycle or a missing parent hides it.
    """
    depths = _depths(messages, earlier)
    parents = {message.parent_entry_id for message in messages}
    for message in messages:
        yield {
            "id": message.id,
            "parent_entry_id": message.parent_entry_id,
            "role": message.role,
            "content": message.content,
            "created_at": message.created_at,
            "depth": depths[message.id],
            "on_active_branch": message.id in branch_ids,
            "is_leaf": message.id not in parents and message.id not in answered,
            "is_current_leaf": message.id == current_leaf_id,
        }


def _depths(messages: Sequence[MessageRecord], earlier: int) -> dict[int, int | None]:
    parents = {message.id: message.parent_entry_id for message in messages}
    depths: dict[int, int | None] = {}
    if earlier and messages:
        depths[messages[0].id] = earlier
    for start in parents:
        trail: list[int] = []
        entry: int | None = start
        while entry in parents and entry not in depths:
            # A cycle that comes back here finds this, and stays without a depth.
            depths[entry] = None
            trail.append(entry)
            entry = parents[entry]
        depth = -1 if entry is None else depths.get(entry)
        for member in reversed(trail):
            depth = None if depth is None else depth + 1
            depths[member] = depth
    return depths
