"""Which messages may match, by the index: none that does is missing, others may be among them.

The index knows which three letters a text holds one after another, its trigrams, and not where.
So a term is looked up as the trigrams that cover it, and whoever asks compares the text itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.store.search.query import All, Node, Not, Term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.db.port import Database

_GRAM: Final = 3
_TERMS: Final = 40
"""Trigrams of one term that are looked up; as many narrow it down."""
_PARTS: Final = 200
"""Parts of an AND or an OR that are looked up. An OR of more may be anywhere."""
_COMPLETIONS: Final = 1000
"""Trigrams that begin with a short term and are looked up, as one OR."""
_FEW: Final = 20_000
"""Occurrences of those in messages, beyond which they are not even counted."""
_LISTED: Final = 100_000
"""Occurrences that are listed. Of a term with more of them the next message is near."""
_BEYOND: Final = "\U0010ffff" * 2
"""No trigram that begins with a term sorts behind the term with this."""


def candidates(index: Database, node: Node) -> Iterator[int] | None:
    """Yield the ids of messages that may match, newest first; None where all of them may."""
    match = _match(index, node)
    if match is not None:
        sql = "SELECT rowid FROM grams WHERE grams MATCH :match ORDER BY rowid DESC"
        return (row[0] for row in index.stream(sql, {"match": match}))
    listed = _listed(index, node)
    return None if listed is None else iter(sorted(listed, reverse=True))


def _match(index: Database, node: Node) -> str | None:
    """Return what to look up in the index; None where that would leave nothing out."""
    if isinstance(node, Term):
        return _of_term(index, node.text)
    if isinstance(node, Not):
        return None
    every = isinstance(node, All)
    if len(node.parts) > _PARTS and not every:
        return None
    found = [_match(index, part) for part in node.parts[:_PARTS]]
    known = [part for part in found if part is not None]
    if not known or (len(known) < len(found) and not every):
        return None
    return _combined(known, "AND" if every else "OR")


def _of_term(index: Database, term: str) -> str | None:
    if len(term) < _GRAM:
        grams = _completions(index, term)
        return None if grams is None else _combined([_quoted(gram) for gram in grams], "OR")
    # Every third one covers all letters, and the last one those that are left.
    starts = [*range(0, len(term) - _GRAM, _GRAM), len(term) - _GRAM]
    covering = dict.fromkeys(term[at : at + _GRAM] for at in starts)
    return _combined([_quoted(gram) for gram in list(covering)[:_TERMS]], "AND")


def _completions(index: Database, term: str) -> list[str] | None:
    """Return the trigrams that begin with a term of one or two letters; None for too many."""
    sql = (
        "SELECT term, count(*) FROM (SELECT term FROM occurrences "
        "WHERE term >= :term AND term < :beyond LIMIT :most) GROUP BY term"
    )
    rows = index.all(sql, _range(term, _FEW))
    if len(rows) > _COMPLETIONS or sum(times for _, times in rows) > _FEW:
        return None
    # A term that is nowhere is looked up as itself, which is no trigram.
    return [gram for gram, _ in rows] or [term.ljust(_GRAM, "\N{REPLACEMENT CHARACTER}")]


def _listed(index: Database, node: Node) -> set[int] | None:
    """Return the messages with a short term that has too many completions for one OR."""
    if isinstance(node, Term):
        return _with_short_term(index, node.text) if len(node.text) < _GRAM else None
    if isinstance(node, Not) or len(node.parts) > _PARTS:
        return None
    found = [_listed(index, part) for part in node.parts]
    known = [part for part in found if part is not None]
    if isinstance(node, All):
        return set.intersection(*known) if known else None
    return set().union(*known) if len(known) == len(found) else None


def _with_short_term(index: Database, term: str) -> set[int] | None:
    sql = "SELECT doc FROM occurrences WHERE term >= :term AND term < :beyond LIMIT :most"
    rows = index.all(sql, _range(term, _LISTED))
    return None if len(rows) > _LISTED else {doc for (doc,) in rows}


def _range(term: str, most: int) -> dict[str, object]:
    """Return the parameters that bound a term's trigrams, and one more than `most`."""
    return {"term": term, "beyond": term + _BEYOND, "most": most + 1}


def _quoted(gram: str) -> str:
    return '"' + gram.replace('"', '""') + '"'


def _combined(parts: list[str], operator: str) -> str:
    """Join parts two by two, so that the expression is not deeper than FTS5 takes."""
    while len(parts) > 1:
        joined = [
            f"({left} {operator} {right})"
            for left, right in zip(parts[::2], parts[1::2], strict=False)
        ]
        parts = joined + parts[len(parts) & ~1 :]
    return parts[0]
