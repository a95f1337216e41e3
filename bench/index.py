"""Session index: looking up one thread in a large file, against parsing every line.

    python bench/index.py

The least of several rounds is compared. Exits 1 above a limit.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate.session_index import SessionIndex

if TYPE_CHECKING:
    from collections.abc import Callable

LINES: Final = 200_000
ROUNDS: Final = 5
NEAR_LIMIT: Final = 0.01
FAR_LIMIT: Final = 0.1
"""Of the time that parsing every line takes."""

ABSENT: Final = str(uuid.UUID(int=0))


def main() -> int:
    """Measure an index with paths as they are on Unix, and one with backslashes in every line."""
    failed = False
    for system, folder in (("unix", "/home/u/.deepseek/sessions/2026"), ("windows", "C:\\u\\2026")):
        with tempfile.TemporaryDirectory() as temporary:
            index = SessionIndex(Path(temporary) / "session_index.jsonl")
            _write(index.path, folder)
            megabytes = index.path.stat().st_size / 1e6
            parse_all = _best(partial(_parse_every_line, index.path), 2)
            _say(f"{system}: {LINES} lines, {megabytes:.1f} MB; parsing all {_ms(parse_all)}")
            for case, thread_id, limit in (
                ("near the end", _id(LINES - 10), NEAR_LIMIT),
                ("in the middle", _id(LINES // 2), FAR_LIMIT),
                ("near the start", _id(10), FAR_LIMIT),
                ("absent", ABSENT, FAR_LIMIT),
                ("absent, short id", "t-1", FAR_LIMIT),
            ):
                expected = None if thread_id in (ABSENT, "t-1") else thread_id
                found = index.entry_of(thread_id)
                if (found and found.thread_id) != expected:
                    raise AssertionError(f"{thread_id} answers {found}")
                lookup = _best(partial(index.entry_of, thread_id), ROUNDS)
                ratio = lookup / parse_all
                verdict = "ok" if ratio <= limit else "ABOVE THE LIMIT"
                failed |= ratio > limit
                _say(f"  {case:17} {_ms(lookup)}  ratio {ratio:.4f}  limit {limit}  {verdict}")
    return int(failed)


def _id(number: int) -> str:
    """Return an id that looks random and is the same in every run."""
    return str(uuid.UUID(int=(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))


def _write(path: Path, folder: str) -> None:
    separator = "\\" if "\\" in folder else "/"
    with path.open("w", encoding="utf-8") as file:
        for number in range(LINES):
            fields = {
                "thread_id": _id(number),
                "thread_name": f"Fix the lexer, part {number}",
                "updated_at": 1_760_000_000 + number,
                "rollout_path": f"{folder}{separator}{_id(number)}.jsonl",
            }
            file.write(json.dumps(fields, separators=(",", ":")) + "\n")


def _parse_every_line(path: Path) -> int:
    latest = {}
    with path.open("rb") as file:
        for line in file:
            fields = json.loads(line)
            latest[fields["thread_id"]] = fields
    return len(latest)


def _best(call: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:8.2f} ms"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
