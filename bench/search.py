"""Search in a store of 1,000,000 messages: the first build, warm queries, and 100 new messages.

And the same number of messages in one thread.

    python bench/search.py [MESSAGES [ROUNDS]]

Queries are runs of the program in CPU time, beside a program that only starts: what a query costs
is what it takes more than `index list` of an empty store. All take turns, and the least of each
is compared. Exits 1 above a limit.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import tempfile
import time
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from startup import least

from agentstate import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MESSAGES: Final = 1_000_000
ROUNDS: Final = 5
LIMIT: Final = 0.150
"""Seconds that a query may take beyond start-up."""
NEW_LIMIT: Final = 0.100
"""Seconds that bringing 100 new messages up to date may take beyond a query without them."""
NEW: Final = 100

COMMON: Final = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "I",
    "this",
    "are",
    "or",
    "his",
    "from",
    "at",
    "which",
    "but",
    "have",
    "an",
    "had",
    "they",
    "you",
    "were",
    "their",
    "one",
    "all",
    "we",
    "can",
    "her",
    "has",
    "there",
    "been",
    "if",
    "more",
    "when",
    "will",
    "would",
    "who",
    "so",
    "no",
    "function",
    "return",
    "error",
    "file",
    "test",
    "class",
    "import",
    "value",
    "parser",
    "lexer",
    "token",
    "none",
    "true",
]
SYLLABLES: Final = [
    "ing",
    "er",
    "a",
    "ly",
    "ed",
    "i",
    "es",
    "re",
    "tion",
    "in",
    "e",
    "con",
    "y",
    "ter",
    "ex",
    "al",
    "de",
    "com",
    "o",
    "di",
    "en",
    "an",
    "ty",
    "ry",
    "u",
    "ti",
    "ri",
    "be",
    "per",
    "to",
    "pro",
    "ac",
    "ad",
    "ar",
    "ers",
    "ment",
    "or",
    "tions",
    "ble",
    "der",
    "ma",
    "na",
    "si",
    "un",
    "at",
    "dis",
    "ca",
    "cal",
    "man",
    "ap",
    "po",
    "sion",
    "vi",
    "el",
    "est",
    "la",
    "lar",
]
VOCABULARY: Final = 30_000
HAN: Final = [chr(0x4E00 + number) for number in range(3000)]
CHINESE: Final = 0.03
"""The share of messages in Chinese letters."""
RARE: Final = "zxqvutterly"
"""A word of three messages."""

QUERIES: Final = {
    "a rare word": (RARE,),
    "no such word": ("zxqvnowhere",),
    "a common word": ("the",),
    "two words": ("function", "return"),
    "a phrase": ('"function the"',),
    "a phrase of common words": ('"the of and"',),
    "one of two words": ("lexer", "OR", RARE),
    "a word without another": ("parser", "NOT", "lexer"),
    "a common word without another": ("the", "NOT", "of"),
    "two Chinese letters": (HAN[0] + HAN[3],),
    "one Chinese letter": (HAN[0],),
    "two letters": ("th",),
    "a common word of one role": ("function", "--role", "user"),
    "a common word of one thread": ("the", "--thread", "t7"),
    "a common word, active branch": ("function", "--active"),
    "a common word, old messages": ("function", "--until", "1700300000"),
}
IN_ONE_THREAD: Final = {
    "a rare word, old messages, too": (RARE,),
    "a rare word, active branch": (RARE, "--active"),
    "a common word, active branch": ("the", "--active"),
    "a common word of the thread": ("the", "--thread", "t0"),
}


def texts(count: int, chance: random.Random) -> Iterator[str]:
    """Yield messages as long and as often repeated in their words as people's and tools' are."""
    words = [
        *COMMON,
        *(
            "".join(chance.choices(SYLLABLES, k=chance.choice((2, 2, 3, 3, 4))))
            for _ in range(VOCABULARY)
        ),
    ]
    by_word = list(accumulate(1 / (place + 2) for place in range(len(words))))
    by_letter = list(accumulate(1 / (place + 10) for place in range(len(HAN))))
    rare = {count // 5, count // 2, count - 10}
    for number in range(count):
        length = int(min(max(chance.lognormvariate(3.4, 1.2), 2), 3000))
        if number in rare:
            yield f"{RARE} is what nobody says"
        elif chance.random() < CHINESE:
            yield "".join(chance.choices(HAN, cum_weights=by_letter, k=2 * length))
        else:
            yield " ".join(chance.choices(words, cum_weights=by_word, k=length))


def fill(path: Path, count: int, each: int = 500) -> int:
    """Make a store of threads with about `each` messages; return the bytes of all texts."""
    StateStore.open(path).close()
    chance = random.Random(7)  # noqa: S311 - the same store each time
    leaves: dict[str, int] = {}
    size = 0

    def rows() -> Iterator[tuple[Any, ...]]:
        nonlocal size
        for number, text in enumerate(texts(count, chance), start=1):
            thread_id = f"t{chance.randrange(max(0, number // each - 5), number // each + 1)}"
            role = ("user", "assistant", "tool")[number % 3]
            size += len(text.encode())
            yield number, thread_id, role, text, 1_700_000_000 + number * 30, leaves.get(thread_id)
            leaves[thread_id] = number

    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(
            "INSERT INTO messages(id, thread_id, role, content, created_at, parent_entry_id) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            rows(),
        )
        connection.executemany(
            "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, updated_at, "
            "status, cwd, cli_version, source, title, current_leaf_id) "
            "VALUES (?, '', 0, 'p', 1, 1, 'idle', '/w', '1', 'cli', ?, ?)",
            ((thread_id, f"Talk {thread_id}", leaf) for thread_id, leaf in leaves.items()),
        )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return size


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds and the CPU seconds that an action takes."""
    began, used = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - began, time.process_time() - used


def find(path: Path, query: str = RARE) -> None:
    """Search in this process, in a store that is opened for it."""
    with StateStore.open(path, read_only=True) as store:
        if store.search.find(query).scanned is not None:
            raise AssertionError("the index was not used")


def update(path: Path) -> float:
    """Return how much longer a search takes after 100 new messages, in seconds."""
    added, known = [], []
    for number in range(5):
        with StateStore.open(path) as store:
            for _ in range(NEW):
                store.messages.append("t7", "user", f"What is new, number {number}. " * 8)
        added.append(timed(lambda: find(path))[0])
        known.append(timed(lambda: find(path))[0])
    return min(added) - min(known)


def main(arguments: list[str]) -> int:
    """Measure, print what came of it, and return 1 where a limit is passed."""
    count = int(arguments[0]) if arguments else MESSAGES
    rounds = int(arguments[1]) if len(arguments) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        size = fill(path, count)
        build, used = timed(lambda: find(path))
        index = path.with_name("state.db.search").stat().st_size
        print(
            f"{count:,} messages of {size / 1e6:.0f} MB: index of {index / 1e6:.0f} MB "
            f"({index / size:.2f} x) in {build:.1f} s ({used:.1f} s of CPU time)"
        )
        failed = queries(path, QUERIES, rounds)
        new = update(path)
        failed |= new > NEW_LIMIT
        print(f"{NEW} new messages {new * 1000:21.1f} ms  {verdict(new <= NEW_LIMIT)}")
        path.unlink()
        path.with_name("state.db.search").unlink()
        fill(path, count, count + 1)
        find(path)
        print("In one thread")
        failed |= queries(path, IN_ONE_THREAD, rounds)
    return int(failed)


def queries(path: Path, wanted: Mapping[str, tuple[str, ...]], rounds: int) -> bool:
    """Measure the queries; return whether one takes too long."""
    empty = path.with_name("empty.db")
    StateStore.open(empty).close()
    program = str(Path(sys.executable).with_name("agentstate"))
    os.environ["XDG_CACHE_HOME"] = str(path.parent)
    runs = {"start-up": [program, "--db", str(empty), "index", "list"]}
    runs |= {
        name: [program, "--quiet", "--db", str(path), "search", *words]
        for name, words in wanted.items()
    }
    found = least(runs, rounds)
    base = found.pop("start-up")
    print(f"start-up {base * 1000:25.1f} ms")
    for name, seconds in found.items():
        more = seconds - base
        print(f"{name:30} + {more * 1000:6.1f} ms  {verdict(more <= LIMIT)}")
    return any(seconds - base > LIMIT for seconds in found.values())


def verdict(passed: bool) -> str:  # noqa: FBT001 - what it says
    """Return how a line ends."""
    return "ok" if passed else "TOO SLOW"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
