"""Start-up is what is imported: each run loads what it needs, and help lists all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli_stores import ARGUMENTS, READING
from cli_support import ENVIRON

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"rich", "pydantic", "importlib.metadata", "tempfile", "asyncio", "email", "decimal"}
"""What costs much to load; Typer itself loads uuid and subprocess."""

NOUNS = {
    *("threads", "messages", "checkpoints", "jobs", "index", "fork", "store", "schema", "demo"),
    *("completion", "doctor", "exporting"),
}
"""The modules of the commands, in `agentstate.cli`."""


def loaded(*arguments: str, code: int = 0) -> set[str]:
    """Run the program in a process of its own and return the modules it has loaded at its end."""
    snippet = (
        "import sys\nfrom agentstate.cli.main import main\n"
        f"assert main(sys.argv[1:]) == {code}\n"
        "import json\nprint('MODULES', json.dumps(list(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", snippet, *arguments],
        capture_output=True,
        check=True,
        env={**ENVIRON, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.DEVNULL,
    )
    return set(json.loads(done.stderr.partition(b"MODULES ")[2]))


def nouns(modules: set[str]) -> set[str]:
    return {noun for noun in NOUNS if f"agentstate.cli.{noun}" in modules}


@pytest.mark.parametrize("output", ["json", "jsonl", "tsv", "id", "table"])
def test_a_list_loads_nothing_heavy_and_no_other_noun(filled: Path, output: str) -> None:
    db = str(filled / "state.db")
    modules = loaded("--db", db, "threads", "list", "--all", "-o", output)
    assert HEAVY.isdisjoint(modules)
    assert nouns(modules) == {"threads"}
    assert "agentstate.store.threads" in modules
    for unused in ("store.messages", "store.jobs", "session_index", "validation", "reports"):
        assert f"agentstate.{unused}" not in modules
    assert "agentstate.render.tree" not in modules


@pytest.mark.parametrize("verb", READING)
def test_a_verb_that_reads_loads_its_noun_alone(filled: Path, verb: str) -> None:
    modules = loaded("--db", str(filled / "state.db"), *verb.split(), *ARGUMENTS[verb])
    assert HEAVY.isdisjoint(modules)
    noun = verb.partition(" ")[0]
    noun = {"checkpoint": "checkpoints", "info": "store", "export": "exporting"}.get(noun, noun)
    assert nouns(modules) == {noun}


def test_a_tree_in_a_pipe_needs_no_rich(filled: Path) -> None:
    modules = loaded("--db", str(filled / "state.db"), "messages", "tree", "t-main", "--all")
    assert "agentstate.render.tree" in modules
    assert HEAVY.isdisjoint(modules)


def test_a_tree_in_colour_needs_it(filled: Path) -> None:
    arguments = ("--color", "always", "messages", "tree", "t-main")
    modules = loaded("--db", str(filled / "state.db"), *arguments)
    assert "rich.console" in modules
    assert "pydantic" not in modules


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("threads", "--help"), ("messages", "tree", "--help"), ("--version",)],
)
def test_help_needs_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert HEAVY.isdisjoint(loaded(*arguments))


def test_the_help_of_the_program_loads_no_verbs_of_nouns() -> None:
    assert nouns(loaded("--help")).isdisjoint({"threads", "checkpoints", "jobs", "index"})


def test_the_help_of_a_noun_loads_that_noun() -> None:
    assert nouns(loaded("jobs", "--help")) == {"jobs"}


def test_the_version_needs_no_store() -> None:
    assert "sqlite3" not in loaded("--version")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("threads", "list", "--nope", "-o", "json"), 2),
        (("threads", "list", "--status", "x", "-o", "json"), 2),
        (("threads", "list", "--status", "x"), 2),
        (("nope",), 2),
        (("threads",), 2),
        (("--db", "/nowhere/state.db", "threads", "list", "-o", "json"), 3),
    ],
)
def test_an_error_needs_no_rich(arguments: tuple[str, ...], code: int) -> None:
    assert HEAVY.isdisjoint(loaded(*arguments, code=code))


def test_the_package_itself_loads_next_to_nothing() -> None:
    snippet = "import sys, agentstate; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, check=True, text=True
    )
    modules = set(done.stdout.split())
    assert "agentstate" in modules
    assert not {"typer", "sqlite3", "agentstate.cli", *HEAVY}.intersection(modules)
