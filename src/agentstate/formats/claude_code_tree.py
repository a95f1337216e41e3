"""Where each line of a Claude Code file belongs in the tree of its messages.

`parentUuid` must not be taken literally: it runs through lines that are no messages, it names
lines that are not there, and of parallel calls of tools it makes branches. Each line is placed
when it comes, by the lines before it alone, so a file that has grown gives the same tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable


class Told(NamedTuple):
    """What of a message decides where it belongs."""

    native_id: str
    reply: str | None
    """The id of the model's reply that an assistant's line is a part of."""
    calls_tool: bool
    is_result: bool
    """Whether it is what a tool gave."""


class _Branch:
    """A straight run of messages; only at its tip one is added to it."""

    __slots__ = ("length", "talk", "tip")

    def __init__(self) -> None:
        self.length = 0
        self.talk = -1
        """The place of the last message that is neither a tool's call nor its result."""
        self.tip: Node


class Node:
    """A message in its place."""

    __slots__ = ("branch", "native_id", "place", "reply", "uses_tool")

    def __init__(self, told: Told, branch: _Branch) -> None:
        """Put a message at the end of a branch."""
        self.native_id = told.native_id
        self.reply = told.reply
        self.uses_tool = told.calls_tool or told.is_result
        self.branch = branch
        self.place = branch.length
        branch.length += 1
        branch.tip = self
        if not self.uses_tool:
            branch.talk = self.place


class Tree:
    """The lines of a file so far."""

    def __init__(self) -> None:
        """Begin with none."""
        self._standing: dict[str, Node | None] = {}
        """For each line's uuid the message that stands for it: itself, or that before it.

        Of several messages with one uuid it is the last, which is the nearest to what follows.
        """
        self._previous: dict[Hashable, Node | None] = {}

    def __contains__(self, uuid: object) -> bool:
        """Tell whether a line with that uuid came before."""
        return uuid in self._standing

    def above(self, line: dict[str, Any]) -> tuple[Node | None, bool]:
        """Return the message that a line says it follows, and whether it names one in vain.

        Where it does, that is the message before it in the file; None is the root.
        """
        parent = line.get("parentUuid")
        logical = line.get("logicalParentUuid")
        for uuid in (parent, logical):
            if isinstance(uuid, str) and uuid in self._standing:
                return self._standing[uuid], False
        before = self._previous.get(_chain(line))
        in_vain = parent is not None or logical is not None
        if in_vain or "parentUuid" not in line or _goes_on(line):
            return before, in_vain
        return None, False

    def skip(self, line: dict[str, Any], uuid: str) -> bool:
        """Take note of a line that is no message; tell whether it names a parent in vain."""
        node, in_vain = self.above(line)
        self._standing.setdefault(uuid, node)
        return in_vain

    def place(self, line: dict[str, Any], uuid: str, told: Told) -> tuple[str | None, bool]:
        """Place a message; return its parent's native id, and whether it names one in vain."""
        named, in_vain = self.above(line)
        parent = named if named is None else _attached(named, told)
        at_tip = parent is not None and parent.branch.tip is parent
        branch = parent.branch if parent is not None and at_tip else _Branch()
        self._standing[uuid] = self._previous[_chain(line)] = Node(told, branch)
        return (None if parent is None else parent.native_id), in_vain


def _attached(parent: Node, told: Told) -> Node:
    """Return the message below which one belongs that names `parent`: it, or its branch's tip."""
    branch = parent.branch
    if (
        told.is_result
        or (told.reply is not None and told.reply == parent.reply)
        or (parent.uses_tool and branch.talk <= parent.place)
    ):
        return branch.tip
    return parent


def _chain(line: dict[str, Any]) -> Hashable:
    """Return what parts the lines of agents that older versions wrote into one file."""
    if line.get("isSidechain") is not True:
        return None
    agent = line.get("agentId")
    return agent if isinstance(agent, str) else ""


def _goes_on(line: dict[str, Any]) -> bool:
    """Tell whether a line without a parent is no new beginning: history was made shorter there."""
    return line.get("subtype") == "compact_boundary" or line.get("isCompactSummary") is True
