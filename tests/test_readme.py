from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[1]
FENCED: Final = re.compile(r"^```(?P<kind>.*)\n(?P<text>(?:.*\n)*?)^```$", re.MULTILINE)


class Block(NamedTuple):
    kind: str
    text: str
    output: str | None
    """What the page says it prints, if it does."""


def blocks(page: str = "README.md") -> list[Block]:
    found = [
        Block(match["kind"], match["text"], None)
        for match in FENCED.finditer((ROOT / page).read_text(encoding="utf-8"))
    ]
    after = [*found[1:], Block("", "", None)]
    return [
        block._replace(output=following.text if following.kind == "text" else None)
        for block, following in zip(found, after, strict=True)
        if block.kind != "text"
    ]


SETUP: Final = [block.text.rstrip("\n") for block in blocks() if block.kind == "sh setup"]
START, *SHELL = (block for block in blocks() if block.kind == "sh")
PYTHON: Final = [
    block
    for page in ("README.md", "docs/library.md")
    for block in blocks(page)
    if block.kind == "python"
]


def bash(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script as a reader would: our program on the PATH, an empty home, no store set."""
    environment = {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(folder),
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 - the reader's bash
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def after_start(script: str) -> str:
    """Return a script that has the tour's store, as every block of the README expects."""
    return f"{{\n{START.text}\n}} >start.out 2>start.err\n{script}"


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder in which the tour has begun, to be copied and not to be changed."""
    folder = tmp_path_factory.mktemp("tour")
    assert bash(after_start('printf %s "$AGENTSTATE_DB" >store.path'), folder).returncode == 0
    return folder


@pytest.fixture
def begun(tour: Path, tmp_path: Path) -> Path:
    """Copy the folder in which the tour has begun."""
    return shutil.copytree(tour, tmp_path / "begun")


def after_begun(script: str, begun: Path) -> str:
    """Return a script that goes on where the tour's first block ended, in a copy of its folder."""
    was = Path((begun / "store.path").read_text())
    store = next(begun.glob(f"*/{was.name}"))
    return f"export AGENTSTATE_DB='{store}'\n{script}"


def assert_as_written(block: Block, done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (0, "")
    if block.output is not None:
        assert done.stdout == block.output


def test_no_block_is_of_a_kind_that_nothing_runs() -> None:
    assert {block.kind for block in blocks()} == {"sh setup", "sh", "python"}


def test_the_tour_begins_with_a_store(tmp_path: Path) -> None:
    done = bash(START.text, tmp_path)
    assert done.returncode == 0
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [
        "demo-lexer",
        "demo-release",
    ]


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.text.partition("\n")[0])
def test_every_command_runs_and_prints_what_is_shown(block: Block, begun: Path) -> None:
    if "jq " in block.text and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    assert_as_written(block, bash(after_begun(block.text, begun), begun))


def test_the_tour_can_begin_again_with_another_store(tmp_path: Path) -> None:
    again = bash(
        after_start(f'first=$AGENTSTATE_DB\n{START.text}[ ! "$first" -ef "$AGENTSTATE_DB" ]'),
        tmp_path,
    )
    assert again.returncode == 0
    assert again.stdout.startswith("demo-lexer\t")
    assert not (tmp_path / "agentstate-demo").exists()


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.text.partition(" as ")[0])
def test_the_python_example_runs_and_prints_what_is_shown(block: Block, begun: Path) -> None:
    (begun / "example.py").write_text(block.text, encoding="utf-8")
    assert_as_written(block, bash(after_begun(f"'{sys.executable}' example.py", begun), begun))


def test_two_commands_of_one_line_set_everything_up() -> None:
    assert len(SETUP) == 2
    assert not any("\n" in command for command in SETUP)


def test_ci_begins_with_the_set_up_commands_as_they_stand() -> None:
    plan = subprocess.run(
        ["bash", ".ci/run", "--plan"],  # noqa: S607 - the reader's bash
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    gates = plan.stdout.splitlines()
    assert [gate.endswith(f": {command}") for gate, command in zip(gates, SETUP, strict=False)] == [
        True,
        True,
    ]
