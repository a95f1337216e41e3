"""What a user types, as a tree of terms; every text with a word in it is a query.

Words stand for their letters anywhere, so `lex` finds "lexer", and a `*` behind a word changes
nothing. Brackets group where they stand outside a word: `foo(bar)` is one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.errors import UsageError
from agentstate.store.search.folding import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DEEPEST: Final = 50
"""Brackets within brackets; those further in are passed over."""
_LEXEME: Final = re.compile(
    r'(?P<minus>-?)(?:(?P<open>\()|"(?P<phrase>[^"]*)"?\*?)|(?P<word>[^\s"]+)'
)


class Term(NamedTuple):
    """A folded text that must be there."""

    text: str


class All(NamedTuple):
    """What must match, each of it."""

    parts: tuple[Node, ...]


class Any(NamedTuple):
    """What must match, any of it."""

    parts: tuple[Node, ...]


class Not(NamedTuple):
    """What must not match."""

    part: Node


Node = Term | All | Any | Not


def parse(query: str) -> Node:
    """Return what a query asks for; raises `UsageError` where there is nothing in it."""
    # What is not Unicode cannot be stored as text, and is shown by this where it was read as such.
    readable = re.sub("[\ud800-\udfff]", "\ufffd", query)
    node = _Parser(readable).parse()
    if node is None:
        raise UsageError("the query has no word in it; give one, or a phrase in quotes")
    return node


def matches(node: Node, text: str) -> bool:
    """Tell whether a folded text has what a query asks for."""
    if isinstance(node, Term):
        return node.text in text
    if isinstance(node, Not):
        return not matches(node.part, text)
    if isinstance(node, All):
        return all(matches(part, text) for part in node.parts)
    return any(matches(part, text) for part in node.parts)


def wanted_terms(node: Node) -> list[str]:
    """Return the terms that speak for a text, each once: those that are not below a NOT."""
    if isinstance(node, Term):
        return [node.text]
    if isinstance(node, Not):
        return []
    return list(dict.fromkeys(term for part in node.parts for term in wanted_terms(part)))


class _Group:
    """What was read between two brackets so far: alternatives, each of parts that must match."""

    def __init__(self, *, negated: bool) -> None:
        self.negated = negated
        self.alternatives: list[list[Node]] = [[]]
        self.negate_next = False
        self.pending = ""
        """An operator whose right side is to come."""

    def add(self, node: Node) -> None:
        if self.pending == "OR":
            self.alternatives.append([])
        self.alternatives[-1].append(Not(node) if self.negate_next else node)
        self.negate_next = False
        self.pending = ""

    def close(self) -> Node | None:
        kept = [_joined(All, parts) for parts in self.alternatives if parts]
        return _joined(Any, kept) if kept else None


class _Parser:
    """Reads a query from left to right, with the open brackets on a stack."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._groups = [_Group(negated=False)]
        self._skipped = 0

    def parse(self) -> Node | None:
        for lexeme in _lexemes(self._query):
            self._take(lexeme)
        while len(self._groups) > 1:
            self._close()
        return self._groups[0].close()

    def _take(self, lexeme: re.Match[str]) -> None:
        group = self._groups[-1]
        if lexeme["open"]:
            self._open(negated=bool(lexeme["minus"]))
        elif lexeme["phrase"] is not None:
            self._add(lexeme["phrase"], negated=bool(lexeme["minus"]))
        elif lexeme["word"] in {"AND", "OR"}:
            # Without a left side it joins nothing.
            group.pending = lexeme["word"] if group.alternatives[-1] else ""
        elif lexeme["word"] == "NOT":
            group.negate_next = not group.negate_next
        else:
            self._take_word(lexeme["word"])

    def _take_word(self, word: str) -> None:
        closing = 0
        if self._depth and word.endswith(")*"):
            word = word[:-1]
        end, spare = len(word), word.count(")") - word.count("(")
        while self._depth > closing < spare and word[end - 1] == ")":
            end -= 1
            closing += 1
        word = word[:end]
        # Two hyphens begin the option of a program, which people look for.
        negated = re.match("-[^-]", word) is not None
        self._add(re.sub(r"(?<=\w)\*$", "", word[negated:]), negated=negated)
        for _ in range(closing):
            self._close()

    @property
    def _depth(self) -> int:
        return len(self._groups) - 1 + self._skipped

    def _add(self, text: str, *, negated: bool) -> None:
        if folded := fold(text):
            term = Term(folded)
            self._groups[-1].add(Not(term) if negated else term)

    def _open(self, *, negated: bool) -> None:
        if len(self._groups) > _DEEPEST:
            self._skipped += 1
        else:
            self._groups.append(_Group(negated=negated))

    def _close(self) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        group = self._groups.pop()
        if (node := group.close()) is not None:
            self._groups[-1].add(Not(node) if group.negated else node)


def _lexemes(query: str) -> Iterator[re.Match[str]]:
    at = 0
    while match := _LEXEME.search(query, at):
        yield match
        at = match.end()


def _joined(kind: type[All | Any], parts: Sequence[Node]) -> Node:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))
