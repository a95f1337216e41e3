"""Search: messages by what they say, through an index that is kept beside the store."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from agentstate.reports.search import SearchFilters, SearchHit, SearchResult
from agentstate.store.binding import require_limit
from agentstate.store.search.index import Index, UnusableIndexError, has_fts5
from agentstate.store.search.matching import Matcher, PatternMatcher, QueryMatcher
from agentstate.store.search.place import place_for, remove
from agentstate.store.search.ranking import Match, ranked
from agentstate.store.search.reading import Reader, decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from agentstate.store.context import Context
    from agentstate.store.search.reading import Text

_SHOWN: Final = 200
"""Hits whose texts are read at once."""
_BUDGET: Final = 1_500_000
"""Characters that are read of candidates, before it is enough to have as many hits as are shown."""
_OVERHEAD: Final = 400
"""What reading a message costs, in characters."""
_NO_FTS5: Final = "this Python's SQLite has no FTS5, so every message is read"
_NO_PLACE: Final = (
    "no index can be written beside the store or in the user's cache, so every message is read"
)


class Search:
    """Find messages by what they say."""

    def __init__(self, context: Context, path: Path) -> None:
        """Search the store of `context`, whose file is `path`."""
        self._context = context
        self._db = context.database
        self._path = path

    def find(  # noqa: PLR0913 - each is a choice of its own, and named
        self,
        query: str,
        filters: SearchFilters | None = None,
        *,
        regex: bool = False,
        limit: int | None = 20,
        scan: bool = False,
        progress: Callable[[str, int, int], object] | None = None,
    ) -> SearchResult:
        """Return the best hits of a query, `limit` at most (None: all); see docs/search.md.

        The index is made or brought up to date first, which a store that is only read allows,
        too; `progress` is told what is being done, how far it is and how far it goes. With `scan`
        or `regex` every message is read instead, and so they are where no index can be had. Hits
        are the same either way; those of a regular expression come newest first. Raises
        `UsageError` for a query without a word, and for a pattern that is none or takes too long.
        """
        require_limit(limit)
        matcher: Matcher = PatternMatcher(query) if regex else QueryMatcher(query)
        reader = Reader(self._db, filters or SearchFilters())
        most = None if limit is None else max(limit, matcher.ranked)
        found, why = None, None
        if not scan and not regex:
            found, why = self._look_up(matcher, reader, (most, limit), progress or _say_nothing)
        if found is None:
            found = _gather(matcher, reader.texts(reader.narrowed(None)), most, most)
        matches, complete = found
        best = ranked(matches)[:limit]
        return SearchResult(
            hits=tuple(self._hits(matcher, reader, best)),
            matches=len(matches),
            complete=complete,
            scanned=why,
        )

    def _look_up(
        self,
        matcher: Matcher,
        reader: Reader,
        bounds: tuple[int | None, int | None],
        progress: Callable[[str, int, int], object],
    ) -> tuple[tuple[list[Match], bool] | None, str | None]:
        """Return the matches by the index; or None, and why that cannot be used."""
        if not has_fts5(self._db):
            return None, _NO_FTS5
        why = _NO_PLACE
        for is_last in (False, True):
            if (path := place_for(self._path)) is None:
                break
            try:
                with closing(Index(path, self._context.timeout)) as index:
                    index.update(self._db, self._path, progress)
                    candidates = reader.narrowed(matcher.candidates(index.database))
                    return _gather(matcher, reader.texts(candidates), *bounds), None
            except UnusableIndexError as error:
                why = f"the index cannot be used ({error}), so every message is read"
                if is_last or not error.damaged:
                    break
                with suppress(OSError):  # then the next turn fails as this one did
                    remove(path)
        return None, why

    def _hits(
        self, matcher: Matcher, reader: Reader, best: Sequence[tuple[float, int]]
    ) -> Iterator[SearchHit]:
        """Yield what is shown of each hit that is still there."""
        for start in range(0, len(best), _SHOWN):
            chunk = best[start : start + _SHOWN]
            listed = ", ".join(str(message_id) for _, message_id in chunk)
            rows = self._db.all(
                "SELECT messages.id, messages.thread_id, CAST(threads.title AS BLOB), "
                "CAST(messages.role AS BLOB), messages.created_at, "
                "CAST(messages.content AS BLOB) FROM messages "
                "LEFT JOIN threads ON threads.id = messages.thread_id "
                f"WHERE messages.id IN ({listed})"
            )
            by_id = {row[0]: row for row in rows}
            for score, message_id in chunk:
                if message_id not in by_id:
                    continue
                _, thread_id, name, role, created_at, content = by_id[message_id]
                piece = matcher.snippet(message_id, decoded(content))
                yield SearchHit(
                    message_id=message_id,
                    thread_id=thread_id,
                    thread_name=None if name is None else decoded(name),
                    role=decoded(role),
                    created_at=created_at if isinstance(created_at, int) else 0,
                    snippet=piece.text,
                    matches=piece.matches,
                    on_active_branch=reader.is_active(message_id, thread_id),
                    score=score,
                )


def _gather(
    matcher: Matcher, texts: Iterable[Text], most: int | None, enough: int | None
) -> tuple[list[Match], bool]:
    """Return the first matches, and whether those are all.

    They are `most` of them, or `enough` where most candidates do not match.
    """
    found: list[Match] = []
    spent = 0
    for text in texts:
        spent += len(text.content) + _OVERHEAD
        if (match := matcher.match(text)) is None:
            continue
        if len(found) == most or (enough is not None and len(found) >= enough and spent > _BUDGET):
            return found, False
        found.append(match)
    return found, True


def _say_nothing(_what: str, _done: int, _goal: int) -> None:
    pass
