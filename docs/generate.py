"""Regenerate what is generated: the shells' scripts, and what docs/ says of the code.

python docs/generate.py            write what has changed
python docs/generate.py --check    write nothing; exit 1, naming what is stale
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import reference
import tables

from agentstate import StateStore
from agentstate.cli import shell_scripts
from agentstate.cli.app import program
from agentstate.cli.completion import Shell
from agentstate.cli.demo import StoryClock, tell
from agentstate.cli.groups import Group
from agentstate.cli.messages.tree import branch_view
from agentstate.render.svg import svg
from agentstate.render.tree import tree_lines
from agentstate.render.tree_row import TreeOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer._click import Command, Context

ROOT: Final = Path(__file__).resolve().parents[1]

HELP_WIDTH: Final = 80
PICTURE_WIDTH: Final = 92
PICTURE_TIME: Final = 1_800_000_000
"""The time at which the picture is taken, in Unix seconds."""
HOME: Final = "/home/you"


def main(arguments: list[str]) -> int:
    """Write or check every generated file; return the exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: python docs/generate.py [--check]", file=sys.stderr)
        return 2
    stale = [path for path, text in generated() if not _holds(ROOT / path, text)]
    if arguments:
        for path in stale:
            print(f"{path} is stale; run python docs/generate.py", file=sys.stderr)
        return 1 if stale else 0
    for path, text in generated():
        if path in stale:
            (ROOT / path).parent.mkdir(exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    return 0


def generated() -> Iterator[tuple[str, str]]:
    """Yield each generated file: its path in the project, and what it should hold."""
    for shell in Shell:
        yield f"completions/agentstate.{shell}", shell_scripts.script(shell)
    yield "docs/cli.md", command_reference()
    yield "docs/tree.svg", picture()
    for path, fill in (
        ("docs/output.md", tables.fill_output),
        ("docs/doctor.md", tables.fill_doctor),
        ("docs/library.md", reference.fill_library),
    ):
        yield path, fill((ROOT / path).read_text(encoding="utf-8"))


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def command_reference() -> str:
    """Return docs/cli.md: what `--help` says of every command."""
    root = program()
    context = root.make_context("agentstate", [], resilient_parsing=True, terminal_width=HELP_WIDTH)
    pages = list(_pages(root, context))
    lines = [
        "# Every command",
        "",
        "This page is what `--help` says of each, written by `docs/generate.py`. What the answers",
        "look like is in [output.md](output.md).",
        "",
        "| command | what it does |",
        "| --- | --- |",
    ]
    for path, command, _ in pages:
        summary = command.get_short_help_str(limit=200).replace("|", "\\|")
        lines.append(f"| [`{path}`](#{path.replace(' ', '-')}) | {summary} |")
    for path, _, help_text in pages:
        lines += ["", f"## {path}", "", "```text", help_text, "```"]
    return "\n".join(lines) + "\n"


def _pages(command: Command, context: Context) -> Iterator[tuple[str, Command, str]]:
    """Yield a command's path, the command, and its help; then those below it."""
    yield context.command_path, command, command.get_help(context).rstrip()
    if isinstance(command, Group):
        for name in command.list_commands(context):
            below = command.lazy[name]
            yield from _pages(
                below,
                below.make_context(
                    name, [], parent=context, resilient_parsing=True, terminal_width=HELP_WIDTH
                ),
            )


def picture() -> str:
    """Return docs/tree.svg: the tree of the demo store, as a terminal shows it."""
    clock = StoryClock(PICTURE_TIME)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        with StateStore.open(path, clock=clock) as store:
            tell(store, clock, f"{HOME}/src/app")
        with StateStore.open(path, read_only=True) as store:
            (thread, *_) = store.threads.list()
            view = branch_view(store, thread, limit=50)
    options = TreeOptions(now=PICTURE_TIME, width=PICTURE_WIDTH, home=HOME)
    return svg(tree_lines(view, options), title="agentstate messages tree @last")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
