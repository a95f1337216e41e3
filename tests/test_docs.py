from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

import agentstate
from agentstate import StateStore, ThreadListFilters, errors
from agentstate.cli.commands import COMMANDS, Noun
from cli_stores import SESSIONS
from cli_support import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
NAMED_FILE: Final = re.compile(r"`(?:\./)?([\w./-]+\.(?:py|md|toml|svg))`")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
FIELD_ROW: Final = re.compile(r"^\| `(\w+)` \| ([^|]+) \| \d* \| (.*) \|$", re.MULTILINE)


def command_paths(commands: Mapping[str, Noun | str], above: str) -> dict[str, bool]:
    """Return the words of every command, and whether it is a noun."""
    found = {above: True}
    for name, entry in commands.items():
        if isinstance(entry, Noun):
            found |= command_paths(entry.verbs, f"{above} {name}")
        else:
            found[f"{above} {name}"] = False
    return found


COMMAND_PATHS: Final = command_paths(COMMANDS, "agentstate")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands between a heading and the next of its level or above."""
    level = heading.index(" ")
    start = text.index(f"\n{heading}\n") + 1
    following = re.compile(rf"^#{{1,{level}}} ", re.MULTILINE).search(text, start + 1)
    return text[start : following.start() if following else None]


def anchors(path: Path) -> set[str]:
    headings = HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def generate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "docs" / "generate.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Give a folder with all that docs/generate.py writes, and the script itself."""
    for folder in ("docs", "completions"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_what_is_generated_is_what_the_code_says() -> None:
    done = generate(ROOT, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_check_names_what_is_stale_and_changes_nothing(copied: Path) -> None:
    tree = copied / "docs" / "tree.svg"
    tree.write_text("another picture")
    output = copied / "docs" / "output.md"
    output.write_text(
        output.read_text().replace("| `archived_at` | integer", "| `archived_at` | x")
    )
    library = copied / "docs" / "library.md"
    library.write_text(library.read_text().replace("limit: int | None = 500", "limit: int = 9"))
    (copied / "completions" / "agentstate.fish").unlink()
    done = generate(copied, "--check")
    assert done.returncode == 1
    assert [line.split(" ")[0] for line in done.stderr.splitlines()] == [
        "completions/agentstate.fish",
        "docs/tree.svg",
        "docs/output.md",
        "docs/library.md",
    ]
    assert tree.read_text() == "another picture"


def test_one_command_regenerates_everything(copied: Path) -> None:
    shutil.rmtree(copied / "completions")
    (copied / "docs" / "cli.md").unlink()
    library = copied / "docs" / "library.md"
    library.write_text(library.read_text().replace("store.jobs.count() -> int", "another"))
    assert generate(copied).returncode == 0
    for made in ("completions/agentstate.zsh", "docs/cli.md", "docs/library.md"):
        assert (copied / made).read_bytes() == (ROOT / made).read_bytes()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_named_files_exist(path: Path) -> None:
    places = (ROOT, ROOT / "docs", ROOT / "src" / "agentstate")
    for name in NAMED_FILE.findall(path.read_text(encoding="utf-8")):
        assert any((place / name).exists() for place in places), name


@pytest.mark.parametrize("command", COMMAND_PATHS)
def test_every_command_is_described_with_an_example(command: str) -> None:
    described = section(page("cli.md"), f"## {command}")
    assert f"Usage: {command} " in described
    name = command.removeprefix("agentstate").strip()
    if command == "agentstate" or not COMMAND_PATHS[command]:
        assert re.search(rf"Example: .*agentstate .*{name}", described)


def test_every_error_is_documented_with_its_exit_code() -> None:
    rows = section(page("output.md"), "## Exit codes")
    documented = {
        error
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.AgentStateError)
    }
    for error in documented:
        assert f"| {error.exit_code} | `{error.slug}` | `{error.__name__}` |" in rows


@pytest.mark.parametrize("name", sorted(set(agentstate.__all__) - {"__version__"}))
def test_every_public_name_of_the_library_is_described(name: str) -> None:
    value = getattr(agentstate, name)
    library = page("library.md")
    if inspect.isfunction(value):
        assert str(inspect.getdoc(value)) in section(library, f"### {name}")
    elif issubclass(value, errors.AgentStateError):
        assert f"`{name}`" in section(page("output.md"), "## Exit codes")
    elif issubclass(value, StrEnum):
        (row,) = re.findall(rf"^\| `{name}` \|.*$", section(library, "## Enums"), re.MULTILINE)
        assert all(f"`{member}`" in row for member in value)
    elif is_dataclass(value):
        described = section(library, f"### {name}")
        assert re.findall(r"^\| `(\w+)` \|", described, re.MULTILINE) == [
            field.name for field in fields(value)
        ]
    else:
        assert re.search(rf"`{name}`|{name}\.|^### {name}$", library, re.MULTILINE)


@pytest.mark.parametrize("noun", [name for name in vars(StateStore) if not name.startswith("_")])
def test_everything_public_of_the_store_is_described(noun: str, store: StateStore) -> None:
    library = page("library.md")
    if not isinstance(vars(StateStore)[noun], cached_property):
        owner = "StateStore" if noun == "open" else "store"
        assert f"\n### {owner}.{noun}\n" in library
        return
    methods = [name for name in dir(getattr(store, noun)) if not name.startswith("_")]
    assert methods
    for method in methods:
        described = section(library, f"#### store.{noun}.{method}")
        assert f"\nstore.{noun}.{method}(" in described


def test_the_library_page_says_where_a_default_cuts(store: StateStore) -> None:
    def default(method: Callable[..., object]) -> object:
        return inspect.signature(method).parameters["limit"].default

    messages, prefix = store.messages, store.threads.by_prefix
    assert default(messages.branch) == default(messages.newest_ids)
    assert default(store.checkpoints.list) == default(store.jobs.list)
    assert re.findall(r"^\| .+ \| (\d+) \|$", page("library.md"), re.MULTILINE) == [
        str(ThreadListFilters().limit),
        str(default(messages.branch)),
        str(default(store.jobs.list)),
        str(default(prefix)),
    ]


ANSWERS: Final[dict[str, list[str]]] = {
    "Threads": ["threads", "list", "--all"],
    "One thread": ["threads", "show", "t-run"],
    "Dynamic tools": ["threads", "tools", "t-run"],
    "Goals": ["threads", "goal", "t-run", "--objective", "All tests pass"],
    "Messages": ["messages", "list", "t-tree"],
    "Nodes of a tree": ["messages", "tree", "t-tree"],
    "Cleared threads": ["messages", "clear", "t-tree", "--dry-run"],
    "Checkpoints": ["checkpoint", "list", "t-run"],
    "Jobs": ["jobs", "list"],
    "Index entries": ["index", "list"],
    "Index checks": ["index", "check"],
    "Index rebuilds": ["index", "rebuild", "--dry-run"],
    "Index compactions": ["index", "compact"],
    "Imports": ["import", str(SESSIONS)],
    "Imported threads": ["import", str(SESSIONS)],
    "Hits": ["search", "e"],
    "Exported threads": ["export", "t-tree"],
    "Stores": ["info"],
    "Diagnoses": ["doctor"],
    "Findings": ["doctor"],
    "Backups": ["backup", "OUT"],
    "Restorations": ["restore", "OUT", "--yes"],
    "Recoveries": ["recover", "OUT"],
    "Vacuums": ["vacuum"],
    "Deleted threads": ["threads", "trash", "list"],
    "Prunings": ["threads", "prune", "--keep", "1"],
    "Pruned threads": ["threads", "prune", "--keep", "1"],
}
"""For each heading of fields in docs/output.md, a command that answers so."""

BEFORE: Final[dict[str, list[str]]] = {
    "Diagnoses": ["doctor", "--fix"],
    "Findings": ["doctor", "--fix"],
    "Restorations": ["backup", "OUT"],
    "Deleted threads": ["threads", "delete", "t-run", "--yes"],
}
"""What must be done first."""

ROWS_ONLY: Final = {"Findings", "Imported threads", "Pruned threads"}
"""Headings of what is a row, and no answer in JSON by itself."""

JSON_TYPES: Final[dict[str, type]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "number": float,
    "array": list,
    "object": dict,
}


def test_every_kind_of_answer_is_tried() -> None:
    fields = section(page("output.md"), "## Fields")
    assert re.findall(r"^### (.+)$", fields, re.MULTILINE) == list(ANSWERS)


@pytest.mark.parametrize("heading", ANSWERS)
def test_answers_are_as_documented(heading: str, tmp_path: Path) -> None:
    for name in ("state.db", "session_index.jsonl"):
        shutil.copy(ROOT / "tests" / "data" / "v2_rich" / name, tmp_path / name)
    db = tmp_path / "state.db"
    out = str(tmp_path / "out" / "state.db")
    before, command = (
        [out if one == "OUT" else one for one in words]
        for words in (BEFORE.get(heading, []), ANSWERS[heading])
    )
    if before:
        assert run(*before, db=db).code == 0
    output = "jsonl" if heading in ROWS_ONLY else "json"
    done = run(*command, "-o", output, db=db)
    assert done.code == 0, done.stderr
    text = f"[{','.join(done.lines)}]" if heading in ROWS_ONLY else done.text
    found: Any = json.loads(text)
    rows = found if isinstance(found, list) else [found]
    assert rows
    documented = {
        name: kind
        for name, kind, meaning in FIELD_ROW.findall(section(page("output.md"), f"### {heading}"))
        if "Only where `--fields` names it" not in meaning
    }
    for row in rows:
        assert list(row) == list(documented)
        for name, value in row.items():
            assert_type(value, documented[name])


def assert_type(value: object, documented: str) -> None:
    if documented == "any JSON":
        return
    if value is None:
        assert documented.endswith(" or null")
        return
    word = re.split(r"[ :]", documented)[0]
    assert type(value) is JSON_TYPES[word]
    if ": `" in documented and word == "string":
        assert f"`{value}`" in documented
