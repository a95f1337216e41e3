from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import StateStore
from cli_support import ENVIRON, FORBIDDEN, PROGRAM, golden, run, without_color
from support import raw

if TYPE_CHECKING:
    from cli_support import Cli

ESC: Final = "\x1b]0;owned\x07"


def test_hits_are_lines_in_a_pipe(cli: Cli) -> None:
    found = cli("search", "fail")
    assert [cells[:4] + cells[5:] for cells in found.cells] == [
        ["1", "t-main", "Main", "user", "true", "Why does it fail?"]
    ]
    assert cli("search", "tab", "--fields", "snippet,matches").cells == [
        ["Because of a tab: .", "[[13, 16]]"]
    ]
    assert cli("search", "it", "-o", "id").lines == ["3", "4", "1"]
    assert cli("search", "it", "-o", "id", "-0").stdout == b"3\x004\x001\x00"
    nothing = cli("search", "nothing like it")
    assert (nothing.stdout, nothing.notes) == (b"", ["nothing was found"])
    assert cli("-q", "search", "nothing like it").notes == []
    assert cli("search", "nothing like it", "-o", "json").json == []


def test_json_has_the_match_by_its_place(cli: Cli) -> None:
    (hit,) = cli("search", "does", "NOT", "why", "-o", "json").json
    (first, last), *_ = hit["matches"]
    assert hit["snippet"][first:last] == "does"
    assert (hit["message_id"], hit["thread_id"], hit["on_active_branch"]) == (4, "t-main", True)
    assert hit["score"] > 0


def test_options_leave_out_what_they_say(cli: Cli) -> None:
    def found(*options: str) -> list[str]:
        return sorted(cli("search", "it OR tab", "-o", "id", *options).lines)

    assert found() == ["1", "2", "3", "4"]
    assert found("--thread", "main") == ["1", "2", "3", "4"]
    assert found("--thread", "t-other") == []
    assert found("--role", "user") == ["1", "3"]
    assert found("--role", "user", "--role", "assistant") == ["1", "2", "3", "4"]
    assert found("--active") == ["1", "4"]
    assert found("--cwd", "/src/app/") == ["1", "2", "3", "4"]
    assert found("--cwd", "/src") == []
    assert found("--source", "unknown") == ["1", "2", "3", "4"]
    assert found("--since", "1d") == ["1", "2", "3", "4"]
    assert found("--until", "1d") == []
    assert found("--scan") == ["1", "2", "3", "4"]
    assert found("--regex") == []


def test_what_cannot_be_meant_is_refused(cli: Cli) -> None:
    assert (
        cli.fails(2, "search", "") == "the query has no word in it; give one, or a phrase in quotes"
    )
    assert cli.fails(2, "search", "(", "--regex").startswith("'(' is no regular expression")
    assert cli.fails(2, "search", "x", "--active", "--all") == "--active or --all, not both"
    assert cli.fails(3, "search", "x", "--thread", "nobody").startswith("no thread 'nobody'")
    assert cli.fails(2, "search", "x", "--fields", "nothing").startswith("no field 'nothing'")
    assert cli.fails(2, "search", "x", "--since", "later").startswith("--since takes")


@pytest.mark.parametrize(
    ("words", "option", "word"),
    [
        (("-test",), "-t", "-test"),
        (("lint", "-cached", "--role", "user"), "-c", "-cached"),
        (("lint", "-quick"), "-q", "-quick"),
        (("lint", "--dry-run"), "--dry-run", "--dry-run"),
        (("lint", "-x\x1b[2J\ny"), "-x", r"-x\x1b[2J"),
    ],
)
def test_a_word_that_looks_like_an_option_is_explained(
    cli: Cli, words: tuple[str, ...], option: str, word: str
) -> None:
    how = f"for words that begin with - write agentstate search -- … {word}"
    assert cli.fails(2, "search", *words) == f"no such option: {option}; {how}"


def test_an_option_that_is_none_is_not_taken_for_a_word(cli: Cli) -> None:
    assert "--thread" in cli.fails(2, "search", "lint", "--thred", "x")
    assert cli.fails(2, "search", "lint", "-q").startswith("-q goes before the command")
    assert cli.fails(2, "threads", "list", "-test") == "No such option: -t"


def test_a_limit_that_cuts_says_so(cli: Cli) -> None:
    assert cli("search", "it", "--limit", "2").notes == ["2 of 3 hits; --limit 0 for all"]
    assert cli("search", "it", "--limit", "0").notes == []
    with raw(cli.db) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO messages (thread_id, role, content, created_at) "
            "VALUES ('t-main', 'u', ?, 1)",
            [(f"common {number}",) for number in range(1001)],
        )
        connection.execute("COMMIT")
    assert cli("search", "common", "-o", "id").notes == [
        "the 20 best of the newest 1000 hits, which were ranked; --limit 0 for all"
    ]
    for number, options in ((1000, ("--limit", "1000")), (20, ("--regex",))):
        assert cli("search", "common", "-o", "id", *options).notes == [
            f"the newest {number} hits; --limit 0 for all"
        ]
    assert len(cli("search", "common", "-o", "id", "--limit", "0").lines) == 1001


def test_why_there_is_no_index_is_said(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.db.with_name("state.db.search").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cli.db))
    found = cli("search", "fail", "-o", "id")
    assert found.lines == ["1"]
    assert found.notes == [
        "no index can be written beside the store or in the user's cache, so every message is read"
    ]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_hits_on_a_terminal(demo: Cli, width: int) -> None:
    seen = demo.screen("search", "the lexer OR 漢字 OR token", width=width)
    text, expected = golden(f"search_{width}", type(seen)(seen.code, without_color(seen.stdout)))
    assert text == expected
    assert all(len(line) <= width for line in text.splitlines())


def test_what_was_found_is_highlighted(demo: Cli) -> None:
    text = demo.screen("search", "generator").text
    assert "Made the lexer a \x1b[1;38;5;197mgenerator\x1b[0m\n" in text


def test_hostile_text_does_not_reach_a_terminal(cli: Cli) -> None:
    with cli.store() as store:
        store.messages.append("t-main", f"us{ESC}er", f"before {ESC} [red]found{ESC}\u202eit[/red]")
    for shape in ((), ("-o", "json"), ("--regex",)):
        seen = without_color(cli.screen("search", "found", *shape).stdout).decode()
        assert "found" in seen
        assert FORBIDDEN.search(seen.replace("\n", "")) is None
    assert ESC in cli("search", "found", "--raw", "-o", "tsv").text


@pytest.mark.parametrize(
    "query", ['"', "(", "a AND", '" OR "', "NEAR(a b)", "content:a", "^a", "'; --", "*"]
)
def test_no_query_is_an_error_of_the_index(cli: Cli, query: str) -> None:
    result = cli.run("search", "--", query)
    assert result.code in {0, 2}
    assert all("no word in it" in note or note == "nothing was found" for note in result.notes)


def test_what_was_found_goes_on_in_a_pipe(cli: Cli) -> None:
    program = shlex.join([*PROGRAM, "--db", str(cli.db)])

    def pipe(command: str) -> str:
        line = f"{program} search tab -o id --limit 1 | xargs {program} {command}"
        done = subprocess.run(
            ["/bin/sh", "-c", line], env=ENVIRON, capture_output=True, check=True, text=True
        )
        return done.stdout

    assert "#2 assistant  Because" in pipe("messages tree --at").replace(
        "  assistant", " assistant"
    )
    assert pipe("fork --content 'And now?'").strip() == "5"
    pipe("messages checkout")
    with StateStore.open(cli.db, read_only=True) as store:
        thread = store.threads.get("t-main")
        assert thread is not None
        assert thread.current_leaf_id == 2
        assert [one.parent_entry_id for one in store.messages.all("t-main") if one.id == 5] == [2]


def test_the_tree_at_a_message_is_its_branch(cli: Cli) -> None:
    def nodes(*options: str) -> list[tuple[int, bool, bool]]:
        found = cli("messages", "tree", "t-main", "-o", "json", *options).json
        return [(one["id"], one["on_active_branch"], one["is_current_leaf"]) for one in found]

    assert nodes() == [(1, True, False), (4, True, True)]
    assert nodes("--at", "1") == [(1, True, False), (4, True, True)]
    assert nodes("--at", "2") == [(1, True, False), (2, False, False), (3, False, False)]
    assert nodes("--at", "3", "--limit", "1") == nodes("--at", "2")
    drawn = cli("messages", "tree", "t-main", "--at", "2").lines
    assert [line.split()[1] for line in drawn[1:]] == ["#1", "#4", "#2", "#3"]
    assert cli.fails(3, "messages", "tree", "t-other", "--at", "2").startswith("message 2 is of")
    assert cli.fails(2, "messages", "tree", "t-main", "--at", "2", "--all").startswith(
        "--at is for"
    )


def test_a_build_takes_no_longer_words_than_it_should(cli: Cli) -> None:
    done = run("search", "fail", "-o", "id", db=cli.db)
    assert (done.code, done.lines, done.notes) == (0, ["1"], [])
