"""No stored text is obeyed by a terminal, in any verb and any shape of its answer."""

from __future__ import annotations

from typing import Any

import pytest

from agentstate import (
    DynamicToolRecord,
    JobStateRecord,
    StateStore,
    ThreadGoalRecord,
    ThreadMetadata,
)
from cli_stores import ARGUMENTS, FORMATS, READING
from cli_support import FORBIDDEN, Cli, finish, on_screen, spawn, without_color

EVIL = (
    "\x1b[41;5mX\x1b]0;title\x07\x9b35m\x85\u202eabc\u2066\x7f"
    "[bold]m[/bold][/nope]\r\b:tada:\u200b\ufeff"
)
"""Codes that a terminal obeys, hidden letters, and rich's markup."""


@pytest.fixture
def evil(cli: Cli) -> Cli:
    """Replace the store by one whose every text is hostile."""
    now = 1_700_000_000
    with cli.store() as store:
        # Every field of text, also those to come.
        kinds = ThreadMetadata.__annotations__
        texts = [name for name, kind in kinds.items() if kind in {"str", "str | None"}]
        fields: dict[str, Any] = {name: f"{name}{EVIL}\n\0more" for name in texts}
        times = {"created_at": now, "updated_at": now}
        store.threads.create(ThreadMetadata(**{**fields, **times, "id": f"evil{EVIL}"}))
        spoil(store, now)
    return cli


def spoil(store: StateStore, now: int) -> None:
    evil = f"evil{EVIL}"
    for role in ("user", f"role{EVIL}"):
        store.messages.append(evil, role, f"{EVIL}\n\0second", {"type": EVIL, EVIL: EVIL})
    store.messages.append(evil, "tool", "", {"type": "call", "name": EVIL, "arguments": EVIL})
    store.messages.fork(5, f"role{EVIL}", f"\n{EVIL}")
    store.checkpoints.save(evil, f"cp{EVIL}", {EVIL: EVIL})
    store.jobs.create(
        JobStateRecord(
            id=f"job{EVIL}", name=EVIL, detail=f"{EVIL}\nmore", created_at=now, updated_at=now
        )
    )
    store.tools.replace(
        evil, [DynamicToolRecord(position=1, name=EVIL, description=EVIL, input_schema={EVIL: 1})]
    )
    store.goals.set(
        ThreadGoalRecord(
            thread_id=evil, goal_id=EVIL, objective=f"{EVIL}\n", created_at=now, updated_at=now
        )
    )
    store.index.append(f"ghost{EVIL}", EVIL, now, EVIL)


def evil_arguments(verb: str) -> list[str]:
    """Return the verb with the hostile thread, message or job in place of the good one."""
    others = {"t-main": f"evil{EVIL}", "1": "5", "j-1": f"job{EVIL}", "Main": f"name{EVIL}"}
    others["cp"] = f"cp{EVIL}"
    return [*verb.split(), *(others.get(one, one) for one in ARGUMENTS[verb])]


SHOWING = [verb for verb in READING if verb != "index path"]
CHANGING = {
    "threads update": (),
    "threads rename": (),
    "threads delete": (),
    "messages append": (),
    "messages checkout": (),
    "fork": (),
    "checkpoint delete": (),
    "jobs update": (),
    "jobs delete": (),
    "index rebuild": ("--dry-run",),
}


@pytest.mark.parametrize("verb", [*SHOWING, *CHANGING])
@pytest.mark.parametrize("color", ["never", "always"])
def test_no_stored_text_is_obeyed_by_the_screen(evil: Cli, verb: str, color: str) -> None:
    for output in FORMATS if verb in SHOWING else ("table", "json"):
        arguments = [*evil_arguments(verb), *CHANGING.get(verb, ())]
        result = on_screen(["--db", str(evil.db), "--color", color, *arguments, "-o", output])
        finds = 6 if verb == "doctor" else 0  # the index has a thread that is nowhere else
        assert result.code == finds or (result.code == 3 and "delete" in verb and output == "json")
        seen = result.stdout
        assert color == "always" or b"\x1b" not in seen
        assert b"\x1b[41;5m" not in seen
        if output == "tsv":
            seen = seen.replace(b"\t", b" ")
        for text in (without_color(seen), result.stderr):
            assert FORBIDDEN.search(text.decode()) is None


@pytest.mark.parametrize("verb", ["messages tree", "messages list", "threads list"])
def test_markup_is_shown_as_it_is(evil: Cli, verb: str) -> None:
    seen = without_color(evil.screen(*evil_arguments(verb), width=250).stdout)
    assert b"[bold]m[/bold][/nope]" in seen
    assert b":tada:" in seen


def test_a_tree_of_hostile_text_fits_the_screen(evil: Cli) -> None:
    for more in ((), ("--all",), ("--full",), ("--ascii",)):
        seen = evil.screen("messages", "tree", f"evil{EVIL}", *more, width=40)
        assert all(len(line) <= 40 for line in without_color(seen.stdout).decode().splitlines())


def test_json_on_a_screen_means_the_same(evil: Cli) -> None:
    for arguments in (
        ("messages", "show", "5"),
        ("threads", "show", f"evil{EVIL}"),
        ("checkpoint", "load", f"evil{EVIL}"),
    ):
        seen = evil.screen(*arguments, "-o", "json")
        assert seen.json == evil(*arguments, "-o", "json").json
    state = evil.screen("checkpoint", "load", f"evil{EVIL}").json
    assert state == {EVIL: EVIL}


def test_raw_alone_is_raw(evil: Cli) -> None:
    seen = evil.screen("messages", "show", "5", "--fields", "content", "-o", "tsv", "--raw")
    assert b"\x1b[41;5mX" in seen.stdout
    assert b"\x1b[41;5mX" in evil.screen("messages", "show", "5", "--raw").stdout
    ids = evil.screen("threads", "list", "-0")
    assert b"\x1b" not in ids.stdout
    assert b"\x1b[41;5mX" in evil.screen("threads", "list", "-0", "--raw").stdout


@pytest.mark.parametrize(
    ("arguments", "question"),
    [
        (("threads", "delete", f"evil{EVIL}"), "Delete thread evil"),
        (("threads", "goal", f"evil{EVIL}", "--delete"), "Delete the goal of thread evil"),
        (("checkpoint", "delete", f"evil{EVIL}", f"cp{EVIL}"), "Delete checkpoint 'cp"),
        (("jobs", "delete", f"job{EVIL}"), "Delete job job"),
    ],
)
def test_a_question_about_hostile_text_is_harmless(
    evil: Cli, arguments: tuple[str, ...], question: str
) -> None:
    terminal = spawn(*arguments, db=evil.db, environ={"NO_COLOR": "1"}, width=400)
    terminal.expect_exact("? [y/N] ")
    assert terminal.before.decode().startswith(question)
    assert FORBIDDEN.search(terminal.before.decode()) is None
    terminal.send("n\r")
    assert finish(terminal).code == 130


def test_several_hostile_candidates_are_listed_harmlessly(evil: Cli) -> None:
    with evil.store() as store:
        store.threads.create(
            ThreadMetadata(id=f"evil{EVIL}2", name=EVIL, cwd="/", created_at=1, updated_at=1)
        )
    line = evil.fails(4, "threads", "show", "evil\x1b[41")
    assert line.isprintable()
    assert "evil\\x1b[41;5m" in line
