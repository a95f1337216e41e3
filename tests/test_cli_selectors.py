"""How threads and messages are named: ids, names, starts of ids, words, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agentstate import ThreadMetadata

if TYPE_CHECKING:
    from pathlib import Path

    from cli_support import Cli


@pytest.fixture
def named(cli: Cli, tmp_path: Path) -> Cli:
    """Replace the threads by some whose ids and names get in each other's way."""
    threads = [
        ("aaa-1", "First", 10),
        ("aaa-2", "aaa", 20),
        ("bbb", "aaa-1", 30),
        ("ccc", "@last", 5),
        ("ddd", "id:bbb", 5),
        ("eee", "x~1", 5),
        ("fff", "x@leaf", 5),
        ("ggg", "12", 5),
        ("hhh%", "per%cent_*", 5),
        ("@cwd", "Caf\u00c9", 5),
        ("kkk", "Double", 5),
        ("lll", "DOUBLE", 6),
        ("mmm", "a:b", 5),
    ]
    new = cli.on(tmp_path / "named" / "state.db")
    with new.store() as store:
        for thread_id, name, at in threads:
            store.threads.create(
                ThreadMetadata(id=thread_id, name=name, cwd="/w", created_at=1, updated_at=at)
            )
    return new


@pytest.mark.parametrize(
    ("selector", "thread_id"),
    [
        ("aaa-1", "aaa-1"),  # an id before a name
        ("AAA-1", "bbb"),  # a name, its case aside; ids have one
        ("aaa", "aaa-2"),  # a name before the start of an id
        ("bb", "bbb"),
        ("id:aaa-1", "aaa-1"),
        ("name:aaa-1", "bbb"),
        ("name:FIRST", "aaa-1"),
        ("@last", "bbb"),
        ("id:bbb", "bbb"),
        ("name:@last", "ccc"),
        ("name:id:bbb", "ddd"),
        ("Id:bbb", "ddd"),
        ("id:@cwd", "@cwd"),
        ("x~1", "eee"),
        ("x@leaf", "fff"),
        ("12", "ggg"),
        ("hhh%", "hhh%"),
        ("PER%cent_*", "hhh%"),
        ("a:b", "mmm"),
        ("caf\u00c9", "@cwd"),
    ],
)
def test_a_thread_is_found(named: Cli, selector: str, thread_id: str) -> None:
    assert named("threads", "show", selector, "-o", "id").lines == [thread_id]


@pytest.mark.parametrize(
    "selector",
    ["%", "_", "*", "aaa_", "h%", "caf\u00e9", "id:aaa", "id:First", "name:aaa-"],
)
def test_a_thread_is_not_found(named: Cli, selector: str) -> None:
    rest = selector.removeprefix("id:").removeprefix("name:")
    line = named.fails(3, "threads", "show", selector)
    assert line == f"no thread {rest!r}; see agentstate threads list --all"


@pytest.mark.parametrize("selector", ["", "id:", "name:"])
def test_an_empty_name_is_refused(named: Cli, selector: str) -> None:
    assert named.fails(2, "threads", "show", selector).endswith(" is empty; name one")
    assert named.fails(2, "threads", "delete", selector, "--yes").endswith(" is empty; name one")


def test_several_candidates_are_listed(named: Cli) -> None:
    line = named.fails(4, "threads", "show", "double")
    assert line == "several threads have the name 'double': lll (DOUBLE), kkk (Double)"
    line = named.fails(4, "threads", "show", "aaa-")
    assert line == (
        "several threads have the id that starts with 'aaa-': aaa-1 (First), aaa-2 (aaa)"
    )
    line = named.fails(4, "threads", "ensure", "double")
    assert line == "several threads are named 'double': lll, kkk"


def test_of_many_candidates_some_are_listed(cli: Cli) -> None:
    for number in range(12):
        cli("threads", "create", "--id", f"many-{number:02}", "--cwd", "/w")
    line = cli.fails(4, "threads", "show", "many")
    assert line.count("many-") == 10
    assert line.endswith("many-09, …")


def test_a_name_of_a_page_does_not_fill_the_error(cli: Cli) -> None:
    for number in "12":
        cli("threads", "create", "--id", number, "--cwd", "/w", "--name", "long " * 5000)
    line = cli.fails(4, "threads", "show", "name:" + "long " * 5000)
    assert line.endswith("long…), 2 (" + "long " * 11 + "long…)")


def test_an_unknown_word_says_which_there_are(named: Cli) -> None:
    line = named.fails(2, "threads", "show", "@first")
    assert line == "no word '@first'; @last and @cwd are, and id:@first or name:@first work"


def test_archived_threads_count(cli: Cli) -> None:
    cli("threads", "archive", "t-main")
    for selector in ("t-main", "main", "t-m", "@last"):
        assert cli("threads", "show", selector, "-o", "id").lines == ["t-main"]


def test_the_newest_of_this_folder(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert cli.fails(3, "threads", "show", "@cwd") == f"no thread whose folder is {here} for @cwd"
    cli("threads", "create", "--id", "old")
    cli("threads", "create", "--id", "older", "--cwd", ".")
    cli("threads", "create", "--id", "elsewhere", "--cwd", "..")
    with cli.store() as store:
        store.threads.update("old", updated_at=2_000_000_000)
    assert cli("threads", "show", "@cwd", "-o", "id").lines == ["old"]


def test_there_is_no_newest_of_none(cli: Cli, tmp_path: Path) -> None:
    empty = cli.on(tmp_path / "empty" / "state.db")
    empty("init")
    assert empty.fails(3, "threads", "show", "@last") == "no thread for @last"


# Messages.


@pytest.mark.parametrize(
    ("selector", "message_id"),
    [
        ("1", 1),
        ("0003", 3),
        ("#3", 3),
        ("#0003", 3),
        ("t-main@leaf", 4),
        ("main@leaf", 4),
        ("@last@leaf", 4),
        ("id:t-main@leaf", 4),
        ("name:Main@leaf", 4),
        ("t-main~0", 4),
        ("t-m~1", 1),
        ("@last~1", 1),
        ("name:MAIN~01", 1),
    ],
)
def test_a_message_is_found(cli: Cli, selector: str, message_id: int) -> None:
    assert cli("messages", "show", selector, "-o", "id").lines == [str(message_id)]


def test_names_may_look_like_messages(cli: Cli) -> None:
    cli("threads", "rename", "t-main", "x~1@leaf")
    assert cli("messages", "show", "x~1@leaf@leaf", "-o", "id").lines == ["4"]
    assert cli("messages", "show", "x~1@leaf~1", "-o", "id").lines == ["1"]


@pytest.mark.parametrize(
    "selector",
    [
        "t-main",
        "@leaf",
        "~1",
        "+1",
        "1.0",
        " 1",
        "\u0661",
        "t-main~x",
        "t-main~-1",
        "#",
        "##1",
        "1#",
    ],
)
def test_what_is_no_message(cli: Cli, selector: str) -> None:
    line = cli.fails(2, "messages", "show", selector)
    assert line == f"{selector!r} is no message: give an id, THREAD@leaf or THREAD~N"


def test_the_thread_of_a_message_must_be_there(cli: Cli) -> None:
    assert cli.fails(3, "messages", "show", "nope@leaf").startswith("no thread 'nope'")
    assert cli.fails(3, "messages", "show", "nope~1").startswith("no thread 'nope'")
    assert cli.fails(4, "messages", "checkout", "t-~1").startswith("several threads have the id")
    assert cli.fails(2, "messages", "show", "") == "the message is empty; name one"
