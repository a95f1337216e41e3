# ruff: noqa: RUF001 - letters that look alike are what is compared here

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from agentstate import UsageError
from agentstate.store.search.folding import fold, on_one_line, places
from agentstate.store.search.query import All, Any, Not, Term, matches, parse
from agentstate.store.search.snippets import merged, snippet
from examples import examples

if TYPE_CHECKING:
    from agentstate.store.search.query import Node

A, B, C = Term("a"), Term("b"), Term("c")

QUERIES: Final[dict[str, Node]] = {
    "a": A,
    "A": A,
    "a b": All((A, B)),
    "a AND b": All((A, B)),
    "a OR b": Any((A, B)),
    "a or b": All((A, Term("or"), B)),
    "a b OR c": Any((All((A, B)), C)),
    "a (b OR c)": All((A, Any((B, C)))),
    "a NOT b": All((A, Not(B))),
    "a AND NOT b": All((A, Not(B))),
    "a -b": All((A, Not(B))),
    "-a": Not(A),
    "a -(b OR c)": All((A, Not(Any((B, C))))),
    "NOT (a b)": Not(All((A, B))),
    "NOT NOT a": A,
    '"a b"': Term("a b"),
    '"a  B\n c"': Term("a b c"),
    '-"a b" c': All((Not(Term("a b")), C)),
    '"OR"': Term("or"),
    "a*": A,
    '"a b"*': Term("a b"),
    "(a OR b)* c": All((Any((A, B)), C)),
    "**a**": Term("**a**"),
    "f(x)": Term("f(x)"),
    "(f(x) b)": All((Term("f(x)"), B)),
    "a)": Term("a)"),
    "--all": Term("--all"),
    "-": Term("-"),
    'a"b c"': All((A, Term("b c"))),
    # What joins nothing is passed over, and what is not closed goes on to the end.
    "AND a": A,
    "a OR": A,
    "a OR OR b": Any((A, B)),
    "((a": A,
    "a () b": All((A, B)),
    '"a b': Term("a b"),
    "ﬁn ＡＢＣ": All((Term("fin"), Term("abc"))),
    "\ud800": Term("\ufffd"),
}
EMPTY: Final = ("", " ", "NOT", "AND OR", "()", '""', '"  "', "-()", "\0")


@pytest.mark.parametrize("query", QUERIES)
def test_what_a_query_asks_for(query: str) -> None:
    assert parse(query) == QUERIES[query]


@pytest.mark.parametrize("query", EMPTY)
def test_a_query_without_a_word_is_refused(query: str) -> None:
    with pytest.raises(UsageError, match="the query has no word in it"):
        parse(query)


def test_brackets_that_go_too_deep_are_passed_over() -> None:
    depth = 20_000
    assert sys.getrecursionlimit() < depth // 10
    assert parse("(" * depth + "a" + ")" * depth) == A
    deep = parse("-(" * 31 + "a")
    assert (matches(deep, "a"), matches(deep, "b")) == (False, True)


LETTERS: Final = st.text(
    st.one_of(
        st.sampled_from('aAbßſİıΣςσé\u0301ﬁ½´ ゙が가ᄀ\u1161\u11a8ｶﾞ漢字\0\n\t\u3000-"()*'),
        st.characters(),
    ),
    max_size=30,
)


@given(st.one_of(LETTERS, st.text('ab -"()*ANDORNOT ', max_size=40)))
@settings(max_examples=examples(80))
def test_any_text_is_a_query_or_has_no_word(text: str) -> None:
    try:
        node = parse(text)
    except UsageError as error:
        assert str(error).startswith("the query has no word")  # noqa: PT017 - the only one there is
    else:
        assert matches(node, fold(text)) in {True, False}


@given(LETTERS)
@example("a´b ´c")
@settings(max_examples=examples(80))
def test_folding_is_that_of_unicode_on_one_line(text: str) -> None:
    text = "".join(letter for letter in text if not "\ud800" <= letter <= "\udfff")
    expected = unicodedata.normalize(
        "NFKC", unicodedata.normalize("NFKC", " ".join(text.replace("\0", " ").split())).casefold()
    )
    plain = expected.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    assert fold(text) == " ".join(plain.split())
    assert fold(on_one_line(text)) == fold(text)
    assert fold(text) == " ".join(filter(None, map(fold, on_one_line(text).split(" "))))


@given(LETTERS, st.integers(0, 30), st.integers(1, 10))
@settings(max_examples=examples(120))
def test_what_is_marked_is_what_was_found(text: str, start: int, length: int) -> None:
    line = on_one_line(text)
    folded = fold(line)
    term = folded[start : start + length].strip(" ")
    assume(term)
    begin = folded.find(term)
    ((first, last),) = places(line, folded, [(begin, begin + len(term))])
    # A letter may melt with others, and then all of them are marked.
    assert term in fold(line[first:last])
    assert 0 <= first < last <= len(line)


@pytest.mark.parametrize(
    ("text", "term", "marked"),
    [
        ("Straße", "strasse", "Straße"),
        ("a e\u0301 b", "\u00e9", "e\u0301"),
        ("x ＡＢＣ", "bc", "ＢＣ"),
        ("ﬁre", "i", "ﬁ"),
        ("ｶﾞ", "ガ", "ｶﾞ"),
        ("가 각", "각", "각"),
        ("ßß drop\n  the", "drop the", "drop the"),
        ("ΣΟΦΟΣ", "σοφοσ", "ΣΟΦΟΣ"),
    ],
)
def test_letters_that_differ_are_found_and_marked(text: str, term: str, marked: str) -> None:
    line = on_one_line(text)
    begin = fold(line).index(fold(term))
    ((first, last),) = places(line, fold(line), [(begin, begin + len(fold(term)))])
    assert line[first:last] == marked


def test_a_snippet_is_where_the_terms_are_close_together() -> None:
    line = "cat " + "- " * 200 + "cat dog cat " + "- " * 200
    spans = [(0, 3)] + [(at, at + 3) for at in (404, 408, 412)]
    piece = snippet(line, spans)
    assert piece.text.startswith("…- - ")
    assert piece.text.endswith("…")
    assert [piece.text[begin:end] for begin, end in piece.matches] == ["cat", "dog", "cat"]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 9)), max_size=8))
def test_marks_lie_in_the_snippet_in_order(spans: list[tuple[int, int]]) -> None:
    line = "".join(chr(97 + at % 26) for at in range(510))
    places_in_line = merged([(at, at + length) for at, length in spans])
    piece = snippet(line, places_in_line)
    flat = [at for match in piece.matches for at in match]
    assert flat == sorted(flat)
    assert bool(piece.matches) == bool(spans)
    assert all(piece.text[begin:end] in line for begin, end in piece.matches)
