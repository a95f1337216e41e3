"""Start-up: our commands against a minimal program on the same typer, in CPU time.

    python bench/startup.py [ROUNDS]

The programs run in turn, so that a busy machine slows all of them alike; the least of each is
compared. Exits 1 above a limit.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROUNDS: Final = 40
MINIMAL: Final = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str = "x") -> None:
    print(name)
@app.command()
def bye(name: str = "x") -> None:
    print(name)
app()
"""
STORE: Final = Path(__file__).parents[1] / "tests" / "data" / "v2_rich" / "state.db"

Program = list[str]


def cpu_time(program: Program, environment: dict[str, str]) -> float:
    """Return the user and system time of one run, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(program, env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - our own
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def least(programs: dict[str, Program], rounds: int) -> dict[str, float]:
    """Return the least CPU time of each program, the programs taking turns."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": ""}
    # Installed programs have their bytecode; a first round, not counted, writes it.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for program in programs.values():
        cpu_time(program, environment)
    found = {name: float("inf") for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            found[name] = min(found[name], cpu_time(program, environment))
    return found


def main(arguments: list[str]) -> int:
    """Measure, print a table, and return 1 where a limit is passed."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        minimal = Path(folder) / "minimal.py"
        minimal.write_text(MINIMAL)
        with_rich = Path(folder) / "with_rich.py"
        with_rich.write_text("import rich.console, rich.segment, rich.style\n" + MINIMAL)
        python = [sys.executable]
        program = str(Path(sys.executable).with_name("agentstate"))
        ours = [program, "--db", str(STORE)]
        found = least(
            {
                "minimal typer": [*python, str(minimal), "hello"],
                "minimal typer and rich": [*python, str(with_rich), "hello"],
                "threads list -o json": [*ours, "threads", "list", "-o", "json"],
                "messages tree, in a pipe": [*ours, "messages", "tree", "t-tree"],
                "messages tree, in colour": [
                    *ours,
                    "--color",
                    "always",
                    "messages",
                    "tree",
                    "t-tree",
                ],
            },
            rounds,
        )
    return report(found)


def report(found: dict[str, float]) -> int:
    """Print what was measured; return 1 where a limit is passed."""
    base = found["minimal typer"]
    rich = found["minimal typer and rich"] - base
    limits = {
        "threads list -o json": 1.25 * base,
        "messages tree, in a pipe": 1.35 * base + rich,
        "messages tree, in colour": 1.35 * base + rich,
    }
    failed = False
    for name, seconds in found.items():
        limit = limits.get(name)
        line = f"{name:26} {seconds * 1000:7.1f} ms  {seconds / base:5.2f} x"
        if limit is not None:
            passed = seconds <= limit
            failed |= not passed
            line += f"  limit {limit / base:5.2f} x  {'ok' if passed else 'TOO SLOW'}"
        print(line)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
