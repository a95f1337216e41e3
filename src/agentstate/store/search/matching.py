"""What a search looks for: a query, or a regular expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from agentstate.store.search.candidates import candidates
from agentstate.store.search.folding import fold, on_one_line, places
from agentstate.store.search.query import matches, parse, wanted_terms
from agentstate.store.search.ranking import Match, frequency
from agentstate.store.search.snippets import merged, snippet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.db.port import Database
    from agentstate.store.search.folding import Span
    from agentstate.store.search.reading import Text
    from agentstate.store.search.snippets import Snippet

_MARKED: Final = 50
"""Occurrences of one term that are looked at for a snippet."""


class Matcher(Protocol):
    """What a search looks for."""

    ranked: int
    """How many matches are ranked; 0 where the newest come first."""

    def candidates(self, index: Database) -> Iterator[int] | None:
        """Yield the messages that may match, newest first; None where all of them may."""
        ...

    def match(self, text: Text) -> Match | None:
        """Return what the rank of a message needs; None where it does not match."""
        ...

    def snippet(self, message_id: int, content: str) -> Snippet:
        """Return the piece of a text that shows why it matches."""
        ...


class QueryMatcher:
    """Looks for the terms of a query, whatever their case."""

    ranked = 1000

    def __init__(self, query: str) -> None:
        """Parse; raises `UsageError` for a query without a word."""
        self._node = parse(query)
        self._terms = wanted_terms(self._node)

    def candidates(self, index: Database) -> Iterator[int] | None:
        """Look the terms up."""
        return candidates(index, self._node)

    def match(self, text: Text) -> Match | None:
        """Compare the folded text, and count the terms."""
        folded = fold(text.content)
        if not matches(self._node, folded):
            return None
        frequencies = tuple(frequency(term, folded) for term in self._terms)
        return Match(text.id, text.created_at, len(folded), frequencies)

    def snippet(self, message_id: int, content: str) -> Snippet:  # noqa: ARG002 - see the protocol
        """Show where most of the terms are close to each other."""
        line = on_one_line(content)
        folded = fold(line)
        spans = merged([span for term in self._terms for span in _spans(term, folded)])
        return snippet(line, merged(places(line, folded, spans)))


class PatternMatcher:
    """Looks for a regular expression, in the text as it is stored."""

    ranked = 0

    def __init__(self, text: str) -> None:
        """Compile; raises `UsageError` for what is no regular expression."""
        from agentstate.store.search.patterns import Pattern  # noqa: PLC0415 - few searches have one

        self._pattern = Pattern(text)

    def candidates(self, index: Database) -> None:
        """Leave nothing out: an index knows letters, and no expressions."""

    def match(self, text: Text) -> Match | None:
        """Try the pattern."""
        found = self._pattern.spans(text.id, text.content)
        return Match(text.id, text.created_at, len(text.content), ()) if found else None

    def snippet(self, message_id: int, content: str) -> Snippet:
        """Show the first match."""
        line = re.sub(r"[\s\0]", " ", content)
        return snippet(line, self._pattern.spans(message_id, content))


def _spans(term: str, folded: str) -> Iterator[Span]:
    at = folded.find(term)
    for _ in range(_MARKED):
        if at < 0:
            return
        yield at, at + len(term)
        at = folded.find(term, at + len(term))
