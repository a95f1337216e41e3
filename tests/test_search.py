from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentstate import AgentStateWarning, SessionSource, StateStore, UsageError
from agentstate.reports.search import SearchFilters
from agentstate.store.search.folding import fold
from agentstate.store.search.patterns import Pattern
from agentstate.store.search.query import All, Not, Term, parse
from examples import examples
from support import Clock, raw, thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.store.search.query import Node

WORDS: Final = (
    *(
        "lexer",
        "parser",
        "the",
        "then",
        "a",
        "I",
        "Go",
        "C++",
        "数据",
        "数据库",
        "据",
        "é",
        "STRASSE",
    ),
    *("straße", "end\nof", "x" * 50, "'\"*", "-v", "\U0001f600", "\ufffe", "\0"),
)
TEXTS: Final = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
TERMS: Final = st.sampled_from([*WORDS, "exer", "r t", "th", "数", "e", "zz", "zzz", "+", "end of"])


def _quoted(term: str) -> str:
    return '"' + term.replace('"', "") + '"'


QUERIES: Final = st.recursive(
    TERMS.map(_quoted),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} OR {two[1]})"),
        inner.map(lambda one: f"NOT {one}"),
    ),
    max_leaves=5,
)


def holds(node: Node, text: str) -> bool:
    """Tell by the letters alone what a query is about; the model of the search."""
    if isinstance(node, Term):
        return re.search(re.escape(node.text), fold(text)) is not None
    if isinstance(node, Not):
        return not holds(node.part, text)
    found = [holds(part, text) for part in node.parts]
    return all(found) if isinstance(node, All) else any(found)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateStore]:
    """Give a store to whose thread every example adds its messages."""
    path = tmp_path_factory.mktemp("library") / "state.db"
    with StateStore.open(path, clock=Clock()) as store:
        yield store


@given(st.lists(TEXTS, max_size=5), st.lists(QUERIES, min_size=1, max_size=3))
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_found_is_what_holds(
    library: StateStore, texts: list[str], queries: list[str]
) -> None:
    thread_id = library.new_id()
    library.threads.create(thread(thread_id))
    for text in texts:
        library.messages.append(thread_id, "user", text)
    everything = [(one.id, one.content) for one in library.messages.all(thread_id)]
    filters = SearchFilters(thread_id=thread_id)
    for query in queries:
        try:
            node = parse(query)
        except UsageError:
            continue
        expected = {message_id for message_id, text in everything if holds(node, text)}
        found = library.search.find(query, filters, limit=None)
        assert {hit.message_id for hit in found.hits} == expected
        assert (found.matches, found.complete, found.scanned) == (len(expected), True, None)
        whole = library.search.find(query, limit=None)
        assert whole == library.search.find(query, limit=None, scan=True)


@given(st.text(max_size=30))
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_a_wrong_query(library: StateStore, text: str) -> None:
    try:
        found = library.search.find(text, limit=3)
    except UsageError as error:
        assert "no word" in str(error)  # noqa: PT017 - there is no other
    else:
        assert found.scanned is None


def ids(store: StateStore, query: str, *, scan: bool = False, regex: bool = False) -> list[int]:
    return [hit.message_id for hit in store.search.find(query, scan=scan, regex=regex).hits]


@pytest.fixture
def found(store: StateStore) -> StateStore:
    """Fill a store: thread t forks below 1, so 2 is off its branch; thread u is archived."""
    store.threads.create(thread("t", name="Lexer", source=SessionSource.INTERACTIVE, cwd="/a"))
    store.threads.create(thread("u", cwd="/b", archived=True))
    store.messages.append("t", "user", "Why does the lexer drop the last token?")
    store.messages.append("t", "assistant", "The lexer stops early.\n\tIt drops\r\nthe last one.")
    store.messages.fork(1, "assistant", "concatenate the cat; a lexer")
    store.messages.append("u", "user", "我们的数据库在哪里 cat")
    return store


def test_a_hit_says_where_and_why(found: StateStore) -> None:
    (hit,) = found.search.find("drops the last").hits
    assert (hit.message_id, hit.thread_id, hit.thread_name) == (2, "t", "Lexer")
    assert (hit.role, hit.on_active_branch) == ("assistant", False)
    assert hit.snippet == "The lexer stops early. It drops the last one."
    (first, last), *_ = hit.matches
    assert hit.snippet[first:last] == "The"
    (phrase,) = found.search.find('"DROPS THE LAST"').hits
    assert [phrase.snippet[first:last] for first, last in phrase.matches] == ["drops the last"]
    assert ids(found, "token") == [1]
    assert found.search.find("token").hits[0].on_active_branch


@pytest.mark.parametrize("term", ["数据", "数据库", "库", "我", "里", "在哪", "哪里"])
def test_chinese_words_are_found_however_short(found: StateStore, term: str) -> None:
    (hit,) = found.search.find(term).hits
    assert [hit.snippet[first:last] for first, last in hit.matches] == [term]
    assert ids(found, term, scan=True) == [4]
    assert ids(found, f"cat {term}") == [4]
    assert ids(found, f"cat -{term}") == [3]


def test_whole_words_and_short_texts_come_first(store: StateStore) -> None:
    store.threads.create(thread())
    for text in ("cat", "a cat " + "among others " * 30, "concatenate", "cat and cat"):
        store.messages.append("t", "user", text)
    assert ids(store, "cat") == [4, 1, 3, 2]
    assert ids(store, "others OR cat")[0] == 2
    scores = [hit.score for hit in store.search.find("cat").hits]
    assert scores == sorted(scores, reverse=True)


def test_equal_hits_come_newest_first(store: StateStore, clock: Clock) -> None:
    store.threads.create(thread())
    for _ in range(3):
        store.messages.append("t", "user", "same words")
        clock.now += 1
    assert ids(store, "words") == [3, 2, 1]
    result = store.search.find("words", limit=2)
    assert (len(result.hits), result.matches, result.complete) == (2, 3, True)
    assert len(store.search.find("words", limit=0).hits) == 0


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (SearchFilters(thread_id="t"), {1, 2, 3}),
        (SearchFilters(thread_id="nobody"), set()),
        (SearchFilters(roles=("user",)), {1, 4}),
        (SearchFilters(roles=("user", "assistant")), {1, 2, 3, 4}),
        (SearchFilters(source=SessionSource.INTERACTIVE), {1, 2, 3}),
        (SearchFilters(source=SessionSource.UNKNOWN), {4}),
        (SearchFilters(cwd="/b"), {4}),
        (SearchFilters(active_only=True), {1, 3, 4}),
        (SearchFilters(since=1_800_000_001), set()),
        (SearchFilters(since=1_800_000_000, until=1_800_000_000), {1, 2, 3, 4}),
        (SearchFilters(until=1_799_999_999), set()),
    ],
)
def test_filters_leave_out_what_they_say(
    found: StateStore, filters: SearchFilters, expected: set[int]
) -> None:
    for query in ("lexer OR cat", "e", "-zebra"):
        kept = expected if query != "e" else expected - {4}
        for scan in (False, True):
            result = found.search.find(query, filters, scan=scan)
            assert {hit.message_id for hit in result.hits} == kept
    assert {hit.message_id for hit in found.search.find(".", filters, regex=True).hits} == expected


def test_hidden_messages_are_left_out_unless_asked_for(found: StateStore) -> None:
    with raw(found.path) as connection:
        connection.execute(
            "CREATE TABLE agentstate_imported_messages (message_id INTEGER PRIMARY KEY NOT NULL, "
            "thread_id TEXT NOT NULL, native_id TEXT NOT NULL, hidden INTEGER NOT NULL DEFAULT 0, "
            "position INTEGER NOT NULL DEFAULT 0)"
        )
        connection.execute(
            "INSERT INTO agentstate_imported_messages "
            "VALUES (1, 't', 'x', 1, 0), (2, 't', 'y', 0, 1)"
        )
    assert set(ids(found, "lexer")) == {2, 3}
    shown = found.search.find("lexer", SearchFilters(include_hidden=True)).hits
    assert {hit.message_id for hit in shown} == {1, 2, 3}


def test_a_branch_that_is_damaged_is_searched_all_the_same(found: StateStore) -> None:
    with raw(found.path) as connection:
        connection.execute("UPDATE messages SET parent_entry_id = 3 WHERE id = 1")
        connection.execute("UPDATE threads SET current_leaf_id = 77 WHERE id = 'u'")
        connection.execute(
            "UPDATE messages SET content = CAST(X'6c65786572ff' AS TEXT) WHERE id = 2"
        )
        connection.execute("UPDATE messages SET content = X'6c65786572' WHERE id = 4")
    hits = {hit.message_id: hit for hit in found.search.find("lexer").hits}
    assert {key: hit.on_active_branch for key, hit in hits.items()} == {
        1: True,
        2: False,
        3: True,
        4: False,
    }
    assert hits[2].snippet == "lexer\ufffd"


@pytest.mark.parametrize("text", ["an extreme", "an extreme " + "x" * (1 << 20)])
def test_a_message_may_have_any_id(store: StateStore, text: str) -> None:
    store.threads.create(thread())
    extremes = (-(2**63), 1 - 2**63, -5, 0, 7, 2**63 - 1)
    with raw(store.path) as connection:
        connection.executemany(
            "INSERT INTO messages (id, thread_id, role, content, created_at) "
            "VALUES (?, 't', 'user', ?, 1)",
            [(message_id, text) for message_id in extremes],
        )
        connection.execute("UPDATE threads SET current_leaf_id = ?", extremes[:1])
    for query in ("extreme", "an", "NOT other"):
        for _ in range(2):
            found = store.search.find(query)
            assert {hit.message_id for hit in found.hits} == set(extremes)
            assert (found.complete, found.scanned) == (True, None)
            assert found == store.search.find(query, scan=True)
    assert ids(store, "^an", regex=True) == sorted(extremes, reverse=True)
    (active,) = store.search.find("extreme", SearchFilters(active_only=True)).hits
    assert (active.message_id, active.on_active_branch) == (-(2**63), True)


def test_an_extreme_id_that_comes_later_is_noticed(store: StateStore) -> None:
    store.threads.create(thread())
    store.messages.append("t", "user", "first words")
    assert ids(store, "words") == [1]
    with raw(store.path) as connection:
        connection.execute(
            "INSERT INTO messages (id, thread_id, role, content, created_at) "
            "VALUES (?, 't', 'user', 'least words', 0)",
            (-(2**63),),
        )
    assert ids(store, "words") == [1, -(2**63)]


def test_of_a_common_word_the_newest_are_ranked(store: StateStore) -> None:
    store.threads.create(thread())
    with raw(store.path) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO messages (thread_id, role, content, created_at) VALUES ('t', 'u', ?, 1)",
            [("common",), *[(f"common word {number}",) for number in range(1200)]],
        )
        connection.execute("COMMIT")
    result = store.search.find("common")
    assert (result.matches, result.complete) == (1000, False)
    assert 1 not in {hit.message_id for hit in result.hits}
    everything = store.search.find("common", limit=None)
    assert (everything.matches, everything.complete, len(everything.hits)) == (1201, True, 1201)
    assert everything.hits[0].message_id == 1
    assert len(store.search.find("common", limit=1100).hits) == 1100
    assert store.search.find("common", scan=True) == result


def test_regular_expressions_find_the_newest_first(found: StateStore) -> None:
    result = found.search.find(r"l[a-z]xer\b", regex=True)
    assert [hit.message_id for hit in result.hits] == [3, 2, 1]
    assert result.hits[1].snippet.startswith("The lexer stops early.  It drops")
    assert result.hits[1].matches == ((4, 9),)
    assert ids(found, "LEXER", regex=True) == []
    assert ids(found, r"(?i)LEXER.*\n\tIt", regex=True) == [2]
    newest = found.search.find("lexer", regex=True, limit=1)
    assert ([hit.message_id for hit in newest.hits], newest.complete) == ([3], False)


@pytest.mark.parametrize("pattern", ["(", "*", r"\1", "(?P<", "a{9999999999999}"])
def test_what_is_no_regular_expression_is_refused(found: StateStore, pattern: str) -> None:
    with pytest.raises(UsageError, match="is no regular expression"):
        found.search.find(pattern, regex=True)


def test_a_message_on_which_a_pattern_takes_too_long_is_left_out(found: StateStore) -> None:
    for text in ("a" * 40, "found aaab"):
        found.messages.append("t", "user", text)
    with pytest.warns(AgentStateWarning, match="message 5 is left out: the pattern takes more"):
        result = found.search.find("(a+)+b", regex=True)
    assert [hit.message_id for hit in result.hits] == [6]


def test_a_pattern_that_takes_too_long_again_and_again_is_given_up() -> None:
    pattern = Pattern("(a+)+b", seconds=0.05)
    for number in (1, 2):
        with pytest.warns(AgentStateWarning, match=f"message {number} is left out"):
            assert pattern.spans(number, "a" * 40) == []
    assert pattern.spans(3, "aab") == [(0, 3)]
    with pytest.raises(UsageError, match=r"takes more than 0\.05 s on each of 3 messages"):
        pattern.spans(4, "a" * 40)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
