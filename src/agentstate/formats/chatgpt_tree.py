"""The tree of a conversation in ChatGPT: its nodes, and the order in which they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentstate.formats.arrays import Piece


class Node:
    """A node of the tree, which may have no message."""

    __slots__ = ("children", "is_damaged", "message", "parent", "piece")

    def __init__(self, piece: Piece, sound: Callable[[str], str]) -> None:
        """Take a node apart; `sound` makes text such that it can be kept."""
        value = piece.value if isinstance(piece.value, dict) else {}
        message, parent, children = value.get("message"), value.get("parent"), value.get("children")
        self.piece = piece
        self.message: dict[str, Any] | None = message if isinstance(message, dict) else None
        self.parent = sound(parent) if isinstance(parent, str) else None
        listed = children if isinstance(children, list) else []
        self.children = [sound(one) for one in listed if isinstance(one, str)]
        self.is_damaged = value is not piece.value or message is not self.message


class Place(NamedTuple):
    """A node, and where it stands in the tree."""

    native_id: str
    node: Node
    parent: str | None
    """The node with a message that it is below; None for a root."""
    is_lost: bool
    """Whether it should be below a node that is not there, or is below itself."""


class Tree:
    """The nodes of one conversation; each is told once, and each after the one it is below."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        """Take the nodes, by their ids."""
        self.nodes = nodes
        self._parents = self._linked()

    def places(self) -> Iterator[Place]:
        """Yield all nodes, from each root downwards, siblings as their parent has them."""
        children = self._children()
        roots = [one for one, parent in self._parents.items() if parent is None]
        told: set[str] = set()
        for root in roots:
            is_lost = self.nodes[root].parent is not None
            yield from self._below(root, children, told, is_lost=is_lost)
        for one in self.nodes:
            if one not in told:
                yield from self._below(self._in_cycle(one), children, told, is_lost=True)

    def message_at(self, node: object) -> str | None:
        """Return a node, or the nearest one above it, that has a message."""
        at = node if isinstance(node, str) and node in self.nodes else None
        passed: set[str] = set()
        while at is not None and at not in passed and self.nodes[at].message is None:
            passed.add(at)
            at = self._parents[at]
        return None if at in passed else at

    def fingerprint(self) -> int:
        """Return what tells this tree from another one in the same file."""
        return hash(tuple((native, node.piece.text) for native, node in self.nodes.items()))

    def _linked(self) -> dict[str, str | None]:
        """Return the parent of each node, which its parent may know better than itself."""
        listed: dict[str, str] = {}
        for native, node in self.nodes.items():
            for child in node.children:
                listed.setdefault(child, native)
        return {
            native: node.parent if node.parent in self.nodes else listed.get(native)
            for native, node in self.nodes.items()
        }

    def _children(self) -> dict[str, list[str]]:
        found: dict[str, dict[str, None]] = {}
        for native, node in self.nodes.items():
            mine = (one for one in node.children if self._parents.get(one) == native)
            found[native] = dict.fromkeys(mine)
        for native, parent in self._parents.items():
            if parent is not None:
                found[parent].setdefault(native)
        return {native: list(below) for native, below in found.items()}

    def _below(
        self, root: str, children: dict[str, list[str]], told: set[str], *, is_lost: bool
    ) -> Iterator[Place]:
        waiting: list[tuple[str, str | None]] = [(root, None)]
        while waiting:
            native, parent = waiting.pop()
            if native in told:
                continue
            told.add(native)
            node = self.nodes[native]
            yield Place(native, node, parent, is_lost and native == root)
            nearest = parent if node.message is None else native
            waiting.extend((one, nearest) for one in reversed(children[native]))

    def _in_cycle(self, node: str) -> str:
        """Return a node of the cycle that a node is in or below."""
        passed: set[str] = set()
        at = node
        while at not in passed:
            passed.add(at)
            at = self._parents[at] or at
        return at
