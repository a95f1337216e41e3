"""Noise in the place of an index, a store, JSON or a selector, and what it may not bring about."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from agentstate import StateStore
from cli_stores import fill
from stress.nursery import call
from stress.soundness import index_of
from support import run_python, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stress.nursery import Outcome

LONGEST: Final = 5.0
"""Seconds that a command may take, whatever it finds."""

Arguments = tuple[str, ...]
Flips = list[tuple[int, int]]

READING: Final[tuple[Arguments, ...]] = (
    ("info",),
    ("threads", "list", "--all"),
    ("threads", "list", "-o", "json"),
    ("threads", "show", "t-main"),
    ("threads", "path", "t-main"),
    ("threads", "tools", "t-main"),
    ("threads", "goal", "t-main"),
    ("messages", "list", "t-main"),
    ("messages", "list", "t-main", "-o", "jsonl"),
    ("messages", "tree", "t-main", "--all"),
    ("messages", "show", "1"),
    ("messages", "leaves", "t-main"),
    ("checkpoint", "list", "t-main"),
    ("checkpoint", "load", "t-main"),
    ("jobs", "list"),
    ("index", "list"),
    ("index", "check"),
    ("index", "path", "Main"),
    ("threads", "trash", "list"),
    ("doctor",),
)
WRITING: Final[tuple[Arguments, ...]] = (
    ("messages", "append", "t-main", "--role", "user", "--content", "x"),
    ("fork", "1", "--content", "x"),
    ("messages", "checkout", "1"),
    ("checkpoint", "save", "t-main", "cp", "--state", "{}"),
    ("threads", "rename", "t-main", "New"),
    ("threads", "archive", "t-main"),
    ("threads", "create", "--id", "t-new"),
    ("threads", "delete", "t-main", "--yes"),
    ("threads", "delete", "t-main", "--yes", "--no-bundle"),
    ("threads", "undelete", "t-gone"),
    ("threads", "prune", "--archived", "--yes"),
    ("jobs", "create", "A job"),
    ("index", "compact"),
    ("index", "rebuild"),
    ("init",),
    ("doctor", "--fix"),
    ("vacuum",),
    ("backup", "{folder}/backup/"),
    ("recover", "{folder}/recovered/state.db"),
)


def judged(db: Path, *arguments: str) -> Outcome:
    """Run a command that must end soon and in a way that was thought of."""
    began = time.monotonic()
    outcome = call(db, *arguments)
    assert time.monotonic() - began < LONGEST, arguments
    assert outcome.code in {0, 2, 3, 4, 5, 6, 7, 130}, (arguments, outcome)
    assert "Traceback" not in outcome.output + outcome.notes
    assert "unexpected" not in outcome.notes, (arguments, outcome)
    return outcome


def assert_reading_changes_nothing(db: Path, commands: Iterable[Arguments]) -> None:
    before = snapshot(db.parent)
    for command in commands:
        judged(db, *command)
        assert snapshot(db.parent) == before, command


def fill_folder(folder: Path) -> Path:
    """Make a store that holds one of everything; return its folder."""
    with StateStore.open(folder / "state.db") as store:
        fill(store)
    return folder


_LEAVE_A_LOG: Final = """
import os, sys
from agentstate import StateStore
store = StateStore.open(sys.argv[1])
for number in range(20):
    store.messages.append("t-main", "user", f"{number} " * 100)
os._exit(0)
"""


def leave_a_log(folder: Path) -> Path:
    """Let a writer be killed whose last messages are in the log."""
    run_python(_LEAVE_A_LOG, folder / "state.db")
    return folder


def _copy(filled: Path, folder: Path) -> Path:
    shutil.copytree(filled, folder / "copy")
    return folder / "copy" / "state.db"


# The session index

_LINE: Final = b'{"thread_id":"t-main","thread_name":"Main","updated_at":1,"rollout_path":null}\n'
_PIECES: Final = (
    b"\n",
    b"{",
    b"}",
    b'"',
    b"\\",
    b"\0",
    b"\xff",
    b"\\ud800",
    b"[" * 1000,
    b"NaN",
    b"1e999",
    b"9" * 400,
    b'{"thread_id":',
    b'"updated_at":1',
    "\N{LINE SEPARATOR}".encode(),
    _LINE[:40],
    _LINE[40:],
)
INDEXES: Final = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from((*_PIECES, _LINE, _LINE)) | st.binary(max_size=8)).map(b"".join),
)
"""Bytes as they come, and bytes that are nearly an index."""


def try_index(filled: Path, content: bytes) -> None:
    """Put any bytes in the index's place: it is read, and written to, and loses no good line."""
    with TemporaryDirectory() as name:
        db = _copy(filled, Path(name))
        db.with_name("session_index.jsonl").write_bytes(content)
        assert_reading_changes_nothing(db, (command for command in READING if "index" in command))
        before = _names(db)
        judged(db, "threads", "create", "--id", "t-new", "--name", "New")
        assert _names(db) == {**before, "t-new": "New"}
        assert judged(db, "index", "compact").code == 0
        assert _names(db) == {**before, "t-new": "New"}
        assert judged(db, "index", "rebuild").code == 0
        assert judged(db, "index", "check").code == 0


def _names(db: Path) -> dict[str, str | None]:
    return {key: entry.thread_name for key, entry in index_of(db).items()}


# The store

_PAGE: Final = 4096
_PLACES: Final = st.builds(
    lambda page, offset: page * _PAGE + offset,
    st.just(0) | st.integers(0, 40),
    # What a page begins with says how the rest is read.
    st.integers(0, 120) | st.integers(0, _PAGE - 1),
)
FLIPS: Final = st.lists(st.tuples(_PLACES, st.integers(1, 255)), min_size=1, max_size=12)
"""Places in a file, taken round its end, and by what the byte there is changed."""


def try_store(filled: Path, file: str, flips: Flips, command: Arguments) -> None:
    """Flip bytes of a store's file: it is read, or refused; then something is written to it."""
    with TemporaryDirectory() as name:
        db = _copy(filled, Path(name))
        damaged = db.with_name(file)
        content = bytearray(damaged.read_bytes())
        for place, change in flips:
            content[place % len(content)] ^= change
        damaged.write_bytes(content)
        assert_reading_changes_nothing(db, READING)
        judged(db, *(part.replace("{folder}", name) for part in command))
        assert_reading_changes_nothing(db, READING[:3])


# Arguments

_WORD: Final = st.text(max_size=20).filter(lambda text: "\0" not in text) | st.sampled_from(
    (
        "",
        "@last",
        "@cwd",
        "@",
        "~",
        "t-main~0",
        "t-main~99999999999999999999",
        "t-main@leaf",
        "t-main@leaf~1",
        "id:",
        "name:",
        "id:t-main",
        "name:Main",
        "9223372036854775808",
        "-1",
        "--",
        "-o",
        "1e5",
        "\u0661",
        "t-",
    )
)
SELECTORS: Final = _WORD
JSONS: Final = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        (
            "[" * 200 + "]" * 200,
            "[" * 100_000,
            '"\\ud800"',
            "1e400",
            "-" * 10,
            "1" * 5000,
            "NaN",
            '{"a":1,"a":2}',
            "\ufeff{}",
            "@",
            "@/",
            "@/dev/null",
            "@/nonexistent",
            '[{"position":0}]',
            '[{"position":0,"name":"n","input_schema":{}}]',
        )
    ),
)

BY_SELECTOR: Final[tuple[Arguments, ...]] = (
    ("threads", "show", "{}"),
    ("threads", "path", "{}"),
    ("messages", "list", "{}"),
    ("messages", "list", "t-main", "--leaf", "{}"),
    ("messages", "tree", "{}"),
    ("messages", "show", "{}"),
    ("messages", "leaves", "{}"),
    ("checkpoint", "load", "{}"),
    ("checkpoint", "load", "t-main", "{}"),
    ("jobs", "show", "{}"),
    ("index", "name", "{}"),
    ("index", "path", "{}"),
    ("threads", "list", "--since", "{}"),
    ("threads", "list", "--name", "{}"),
    ("threads", "list", "--fields", "{}"),
)
BY_JSON: Final[tuple[Arguments, ...]] = (
    ("messages", "append", "t-main", "--role", "user", "--content", "x", "--item", "{}"),
    ("fork", "1", "--content", "x", "--item", "{}"),
    ("checkpoint", "save", "t-main", "cp", "--state", "{}"),
    ("threads", "tools", "t-main", "--set", "{}"),
)


def try_argument(db: Path, command: Arguments, word: str, *, reads: bool) -> None:
    """Put a word in a command's gap; it is one argument, whatever it looks like."""
    arguments = tuple(word if part == "{}" else part for part in command)
    if reads:
        assert_reading_changes_nothing(db, [arguments])
    else:
        judged(db, *arguments)
