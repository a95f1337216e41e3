"""What is offered for a line, as the shells' scripts get it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import pytest

from agentstate import (
    JobStateRecord,
    JobStateStatus,
    StateStore,
    ThreadStatus,
)
from agentstate.cli.commands import COMMANDS, Noun
from agentstate.cli.completing import complete
from agentstate.cli.main import main
from cli_stores import ALL_VERBS, ARGUMENTS
from cli_support import Result, run
from shells import PROGRAMS, environment
from support import NOW, Clock, copy_store, raw, set_version, snapshot, thread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Offered = Callable[..., list[str]]

HIDDEN: Final = ("new\nline", "tab\t", "esc\x1b[31m", "bidi\u202e", "nul\0", "\ufeff")
"""Ids that no line can show as they are."""


@pytest.fixture
def offered(
    store: StateStore, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Offered:
    """Return the answer to fish about the words of a line, in which the store is the test's own."""
    monkeypatch.setenv("AGENTSTATE_DB", str(store.path))

    def answer(*words: str, to: str = "fish") -> list[str]:
        assert complete([to, *words]) == 0
        output, errors = capsysbinary.readouterr()
        assert errors == b""
        return output.decode().splitlines()

    return answer


def values(lines: list[str]) -> list[str]:
    """Return the values alone, once it is sure that values they are."""
    assert lines == [] or lines[0] == "words"
    return [line.partition("\t")[0] for line in lines[1:]]


def fill(store: StateStore) -> None:
    """Make three threads, the first the newest; t-two has a branch beside its active one."""
    for number, (thread_id, name) in enumerate(
        {"t-one": "Fix the lexer", "t-two": "[/nope]", "x": None}.items()
    ):
        store.threads.create(
            thread(
                thread_id,
                name=name,
                preview="Why does\nit?",
                model_provider=f"maker-{number}",
                git_branch="main",
                updated_at=NOW + 9 - number,
            )
        )
    for content in ("one", "two\nmore", "\x1b[31mthree"):
        store.messages.append("t-two", "user", content)
    store.messages.fork(1, "assistant", "four")


def test_every_command_and_verb(offered: Offered) -> None:
    below: list[tuple[tuple[str, ...], Mapping[str, Noun | str]]] = [((), COMMANDS)]
    while below:
        above, commands = below.pop()
        assert values(offered(*above, "")) == list(commands)
        nouns = {name: entry for name, entry in commands.items() if isinstance(entry, Noun)}
        below += [((*above, name), noun.verbs) for name, noun in nouns.items()]
    assert offered("th") == [
        "words",
        "threads\tConversations: create, list, show, change and delete threads.",
    ]
    assert offered("threads", "sh") == [
        "words",
        "show\tShow a thread: its metadata, leaf, counts, checkpoints, goal and tools.",
    ]


def test_formats_and_branches_of_an_export(offered: Offered, store: StateStore) -> None:
    fill(store)
    formats = ["markdown", "html", "json", "jsonl", "openai", "agentstate"]
    assert values(offered("export", "t-two", "--to", "")) == formats
    every = values(offered("export", "t-two", "--branch", ""))
    assert every == ["active", "all", "4", "3", "2", "1"]
    assert values(offered("export", "t-two", "--branch", "al")) == ["all"]
    assert "t-two" in values(offered("export", "t-one", "t-tw"))


def test_nothing_after_what_is_no_command(offered: Offered) -> None:
    assert offered("nope", "") == []
    assert offered("threads", "nope", "") == []
    assert offered("nope") == []
    assert offered("threads", "show", "t-none", "") == []


def test_options_with_their_help(offered: Offered) -> None:
    assert "--quiet\tPrint no notes; errors are still printed." in offered("-")
    lines = offered("threads", "list", "--s")
    assert lines == [
        "words",
        "--status\tOnly this status.",
        "--source\tOnly begun so.",
        "--since\tUpdated then or later, such as 3d.",
        "--sort\tThe order.",
    ]
    assert values(offered("threads", "list", "--sort", "name", "--so")) == ["--source"]


def test_every_verb_has_its_options_completed(offered: Offered) -> None:
    for verb in ALL_VERBS:
        assert {"--output", "-o", "--help"}.issubset(values(offered(*verb.split(), "-"))), verb


def test_values_of_enums(offered: Offered) -> None:
    assert values(offered("threads", "list", "-o", "j")) == ["json", "jsonl"]
    assert values(offered("threads", "list", "--status", "")) == list(ThreadStatus)
    assert values(offered("threads", "list", "--status=r")) == ["--status=running"]
    assert values(offered("--color", "a")) == ["auto", "always"]
    assert values(offered("completion", "")) == ["bash", "zsh", "fish"]
    assert values(offered("messages", "append", "t", "--role", "")) == [
        "user",
        "assistant",
        "system",
        "developer",
        "tool",
    ]


def test_threads(offered: Offered, store: StateStore) -> None:
    fill(store)
    store.threads.archive("x")
    assert offered("threads", "show", "") == [
        "words",
        "t-one\tFix the lexer",
        "t-two\t[/nope]",
        "x\tWhy does (archived)",
        "@last\tthe newest thread",
        "@cwd\tthe newest of this folder",
    ]
    assert values(offered("threads", "show", "t-t")) == ["t-two"]
    assert offered("threads", "show", "Fi") == ["words", "Fix the lexer\tt-one"]
    assert values(offered("threads", "show", "@")) == ["@last", "@cwd"]
    assert values(offered("threads", "show", "id:")) == ["id:t-one", "id:t-two", "id:x"]
    assert offered("threads", "show", "name:") == [
        "words",
        "name:Fix the lexer\tt-one",
        "name:[/nope]\tt-two",
    ]
    assert values(offered("threads", "show", "name:[")) == ["name:[/nope]"]
    assert values(offered("threads", "ensure", "")) == ["Fix the lexer", "[/nope]"]
    assert values(offered("index", "name", "")) == ["t-one", "t-two", "x"]


def test_deleted_threads_the_last_first(offered: Offered, store: StateStore, clock: Clock) -> None:
    fill(store)
    for hidden in HIDDEN:
        store.threads.create(thread(hidden))
        store.trash.put(hidden)
    assert offered("threads", "undelete", "") == []
    clock.now = time.time() - 3 * 86_400 - 600
    store.trash.put("t-one")
    store.threads.create(thread("t-one", name="Fix it again"))
    clock.now += 1
    for thread_id in ("t-one", "t-two"):
        store.trash.put(thread_id)
    assert offered("threads", "undelete", "") == [
        "words",
        "t-two\t[/nope] (deleted 3 d ago)",
        "t-one\tFix it again (deleted 3 d ago)",
    ]
    assert values(offered("threads", "undelete", "t-o")) == ["t-one"]
    assert offered("threads", "undelete", "Fi") == ["words", "Fix it again\tt-one"]
    assert values(offered("threads", "undelete", "id:t-t")) == ["id:t-two"]
    assert values(offered("threads", "undelete", "name:")) == ["name:Fix it again", "name:[/nope]"]


def test_only_what_names_one_thread(offered: Offered, store: StateStore) -> None:
    for thread_id, name in {"a": "same", "b": "SAME", "c": "same too"}.items():
        store.threads.create(thread(thread_id, name=name))
    assert values(offered("threads", "show", "sa")) == ["same too"]


def test_ids_that_would_be_misread_say_that_they_are_ids(
    offered: Offered, store: StateStore
) -> None:
    for thread_id in ("-x", "@x", "id:x", "name:x"):
        store.threads.create(thread(thread_id))
    found = values(offered("threads", "show", ""))
    assert found[:-2] == ["id:-x", "id:@x", "id:id:x", "id:name:x"]
    for selector in found[:-2]:
        assert main(["threads", "show", selector, "-o", "id"]) == 0


def test_what_no_line_can_show_is_not_offered(offered: Offered, store: StateStore) -> None:
    fill(store)
    for hidden in HIDDEN:
        store.threads.upsert(thread(hidden, name=hidden))
        store.jobs.upsert(JobStateRecord(id=hidden, name="j", created_at=1, updated_at=1))
        store.checkpoints.save("t-one", hidden, "1")
    assert values(offered("threads", "show", ""))[:-2] == ["t-one", "t-two", "x"]
    assert values(offered("threads", "show", "name:")) == ["name:Fix the lexer", "name:[/nope]"]
    assert offered("jobs", "show", "") == []
    assert offered("checkpoint", "load", "t-one", "") == []


def test_descriptions_are_one_clean_line(offered: Offered, store: StateStore) -> None:
    name = "\u202e\x1b[31mred\x07 \N{BULLET}\ttab [bold]"
    store.threads.create(thread("t", name=name))
    assert offered("threads", "show", "t") == [
        "words",
        "t\t\\u202e\\x1b[31mred\\x07 \N{BULLET} tab [bold]",
    ]


def test_zsh_gets_colons_and_backslashes_escaped(offered: Offered, store: StateStore) -> None:
    store.threads.create(thread("a:b\\c", name="d:e\\f"))
    assert offered("threads", "show", "a", to="zsh") == ["words", r"a\:b\\c:d\:e\\f"]


def test_the_newest_are_offered(offered: Offered, store: StateStore) -> None:
    for number in range(120):
        store.threads.create(thread(f"t{number}", updated_at=number))
    found = values(offered("threads", "show", ""))[:-2]
    assert found == [f"t{number}" for number in range(119, 19, -1)]
    assert values(offered("threads", "show", "t11")) == [
        f"t{number}" for number in (119, 118, 117, 116, 115, 114, 113, 112, 111, 110, 11)
    ]


def test_messages(offered: Offered, store: StateStore) -> None:
    fill(store)
    store.messages.append("x", "tool", "five")
    every = [
        "words",
        "5\ttool: five",
        "4\tassistant: four",
        "3\tuser: \\x1b[31mthree",
        "2\tuser: two",
        "1\tuser: one",
    ]
    for line in (("fork",), ("messages", "show"), ("messages", "checkout")):
        assert offered(*line, "") == every
    assert values(offered("fork", "3")) == ["3"]
    assert offered("messages", "list", "t-two", "--leaf", "") == [every[0], *every[2:]]
    assert values(offered("messages", "list", "t-two", "--leaf=")) == [
        "--leaf=4",
        "--leaf=3",
        "--leaf=2",
        "--leaf=1",
    ]


def test_messages_named_by_their_thread(offered: Offered, store: StateStore) -> None:
    fill(store)
    assert offered("fork", "t-two~") == ["words", "t-two~0\tassistant: four", "t-two~1\tuser: one"]
    assert values(offered("fork", "[/nope]~1")) == ["[/nope]~1"]
    assert offered("fork", "t-two@") == ["words", "t-two@leaf\tassistant: four"]
    assert offered("fork", "t-two@l") == ["words", "t-two@leaf\tassistant: four"]
    assert values(offered("fork", "t")) == ["t-one@leaf", "t-two@leaf"]
    assert values(offered("fork", "@")) == ["@last@leaf", "@cwd@leaf"]
    assert offered("fork", "t-none~") == []


def test_the_leaf_that_is_expected(offered: Offered, store: StateStore) -> None:
    fill(store)
    line = ("messages", "append", "--role", "user")
    assert offered(*line, "t-two", "--expect-leaf", "") == ["words", "4\tassistant: four"]
    assert offered(*line, "x", "--expect-leaf", "") == ["words", "none\tno leaf yet"]
    assert offered(*line, "t-none", "--expect-leaf", "") == []


def test_checkpoints_of_the_thread_last_saved_first(
    offered: Offered, store: StateStore, clock: Clock
) -> None:
    fill(store)
    clock.now = 0
    for checkpoint_id in ("b", "a", "b2"):
        store.checkpoints.save("t-one", checkpoint_id, "1")
    for verb in ("load", "delete", "save"):
        assert values(offered("checkpoint", verb, "t-one", "")) == ["b2", "a", "b"]
    (_, line) = offered("checkpoint", "load", "Fix the lexer", "b2")
    assert line.startswith("b2\tsaved ")
    assert offered("checkpoint", "load", "t-two", "") == []


def test_jobs(offered: Offered, store: StateStore) -> None:
    for job_id in ("j-1", "j-2"):
        store.jobs.create(
            JobStateRecord(
                id=job_id,
                name="Nightly\nbuild",
                status=JobStateStatus.RUNNING,
                created_at=1,
                updated_at=int(job_id[-1]),
            )
        )
    for verb in ("show", "update", "delete"):
        assert offered("jobs", verb, "") == [
            "words",
            "j-2\tNightly (running)",
            "j-1\tNightly (running)",
        ]


def test_values_of_the_store_s_own_columns(offered: Offered, store: StateStore) -> None:
    fill(store)
    store.threads.set_memory_mode("x", "on")
    assert values(offered("threads", "list", "--provider", "")) == ["maker-0", "maker-1", "maker-2"]
    assert values(offered("threads", "list", "--branch", "")) == ["main"]
    assert values(offered("threads", "list", "--cwd=")) == ["--cwd=/w"]
    assert values(offered("threads", "list", "--name", "")) == ["Fix the lexer"]
    assert values(offered("threads", "create", "--git-branch", "m")) == ["main"]
    assert values(offered("threads", "memory", "x", "")) == ["on"]


def test_fields_are_those_of_the_verb(
    offered: Offered, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    with_fields = [
        verb for verb in ALL_VERBS if "--fields" in values(offered(*verb.split(), "--f"))
    ]
    assert {"threads list", "threads trash list", "threads prune", "info"} < set(with_fields)
    for verb in with_fields:
        path = verb.split()
        assert main([*path, *ARGUMENTS[verb], "--fields", "nope"]) == 2
        error = capsysbinary.readouterr().err.decode()
        valid = error.rstrip("\n").partition("the fields are: ")[2].split(", ")
        assert values(offered(*path, "--fields", "")) == valid
        assert values(offered(*path, f"--fields={valid[1]},")) == [
            f"--fields={valid[1]},{name}" for name in valid if name != valid[1]
        ]


def test_records(offered: Offered, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["schema", "-o", "id"]) == 0
    records = capsysbinary.readouterr().out.decode().split()
    assert values(offered("schema", "")) == records


def test_paths_are_the_shell_s(offered: Offered) -> None:
    assert offered("--db", "") == ["files 0"]
    assert offered("--db=any") == ["files 5"]
    assert offered("fork", "1", "--content-file", "x") == ["files 0"]
    assert offered("checkpoint", "save", "t", "c", "--state", "@x") == ["files 1"]
    assert offered("checkpoint", "save", "t", "c", "--state=@x") == ["files 9"]
    assert offered("checkpoint", "save", "t", "c", "--state", "{") == []
    assert offered("threads", "tools", "t", "--set", "@") == ["files 1"]
    assert offered("messages", "append", "t", "--item", "@") == ["files 1"]
    assert offered("threads", "create", "--cwd", "") == ["folders 0"]
    assert offered("threads", "create", "--rollout-path", "") == ["files 0"]
    assert offered("demo", "") == ["folders 0"]


def test_options_before_the_verb(
    offered: Offered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my home").mkdir()
    with StateStore.open(tmp_path / "my home" / "other.db") as other:
        other.threads.create(thread("only-here"))
    path = str(tmp_path / "my home" / "other.db")
    monkeypatch.setenv("HOME", str(tmp_path / "my home"))
    for before in (
        ("--db", path),
        (f"--db={path}",),
        ("--db", f"sqlite:///{path}"),
        ("--db", "~/other.db"),
        ("--db", "$HOME/other.db"),
        ("--quiet", "--timeout", "3", "--db", path),
        ("--version", "--db", path),
    ):
        assert values(offered(*before, "threads", "show", "o")) == ["only-here"]
    assert offered("threads", "show", "o") == []


def test_after_two_dashes_all_are_arguments(offered: Offered, store: StateStore) -> None:
    store.jobs.create(JobStateRecord(id="-j", name="j", created_at=1, updated_at=1))
    assert offered("jobs", "show", "") == []
    assert values(offered("jobs", "show", "--", "-")) == ["-j"]


def ask(path: Path, *words: str) -> Result:
    """Ask as a script does, in a process of its own."""
    home = {"HOME": str(path.parent)}
    return run("__complete", "fish", "--db", path, *words, environ=home)


def _too_old(folder: Path) -> None:
    copy_store("v0", folder)


def _foreign(folder: Path) -> None:
    with raw(folder / "state.db") as connection:
        connection.execute("CREATE TABLE other(x)")


def _damaged(folder: Path) -> None:
    data = bytearray(copy_store("v2_rich", folder).read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    (folder / "state.db").write_bytes(data)


def _wrong_types(folder: Path) -> None:
    with raw(copy_store("v2_rich", folder)) as connection:
        connection.execute("UPDATE threads SET title = x'ff', created_at = 'then'")
    set_version(folder / "state.db", 2)


BROKEN: Final[dict[str, Callable[[Path], object]]] = {
    "missing": lambda folder: folder,
    "empty": lambda folder: (folder / "state.db").touch(),
    "no database": lambda folder: (folder / "state.db").write_text("nothing\n" * 999),
    "a folder": lambda folder: (folder / "state.db").mkdir(),
    "too old": _too_old,
    "another program's": _foreign,
    "damaged": _damaged,
    "values of wrong types": _wrong_types,
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_store_that_cannot_be_read_offers_nothing(broken: str, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    BROKEN[broken](folder)
    before = snapshot(folder)
    for line in (("threads", "show", "t"), ("fork", "t-tree~"), ("checkpoint", "load", "t", "")):
        done = ask(folder / "state.db", *line)
        assert (done.code, done.stderr) == (0, b"")
        assert "t-" not in done.text
    assert snapshot(folder) == before


def test_a_locked_store_offers_nothing_soon(tmp_path: Path) -> None:
    path = copy_store("v1", tmp_path)
    with raw(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        before = os.times().elapsed
        done = ask(path, "threads", "show", "")
        # The default wait for a lock is 5 s; here it is a tenth of one.
        assert os.times().elapsed - before < 4
    assert done == Result(0, b"", b"")


def test_reading_leaves_no_trace_and_loads_nothing_heavy(tmp_path: Path) -> None:
    path = copy_store("v2_rich", tmp_path)
    before = snapshot(tmp_path)
    line = [str(PROGRAMS / "agentstate"), "__complete", "zsh", "--db", str(path), "threads", "show"]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *line, ""],
        env=environment(tmp_path),
        capture_output=True,
        check=True,
        text=True,
    )
    loaded = {entry.rpartition("|")[2].strip() for entry in done.stderr.splitlines()}
    assert "agentstate.store.threads" in loaded
    assert not {"rich", "rich.cells", "pydantic", "agentstate.cli.main"} & loaded
    assert r"t-cjk:日本語の名前" in done.stdout.splitlines()
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "arguments", [[], ["nope"], ["bash"], ["bash", "9"], ["fish"], ["tcsh", ""]]
)
def test_a_script_of_another_version_gets_no_error(arguments: list[str]) -> None:
    done = subprocess.run(
        [PROGRAMS / "agentstate", "__complete", *arguments], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
