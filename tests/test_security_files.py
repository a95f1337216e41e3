"""What is no file in place of one, and the modes of all that this program makes."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Final

import pytest

from cli_stores import ALL_VERBS, ARGUMENTS
from stores import read, store_with, to_rollback_mode
from support import (
    STRANGER,
    as_root,
    finish,
    mode,
    new_store,
    run_python,
    start_python,
)

# What is no file, in place of one: an error, and never a wait for good

STRANGE: Final = """
import os, signal, sys
from pathlib import Path
from agentstate.cli.main import main

db, name = Path(sys.argv[1]), sys.argv[2]
place = db.with_name(name)
makers = {
    "pipe": lambda: os.mkfifo(place),
    "unreadable pipe": lambda: os.mkfifo(place, 0o400),
    "folder": place.mkdir,
    "link to a pipe": lambda: (os.mkfifo(db.with_name("pipe")), place.symlink_to("pipe")),
    "link to nothing": lambda: place.symlink_to("nothing"),
    "device": lambda: place.symlink_to("/dev/zero"),
}
for kind, make in makers.items():
    if place.is_dir():
        place.rmdir()
    else:
        place.unlink(missing_ok=True)
    make()
    for words in (
        "threads list", "index list", "index check", "info",
        "threads rename t0 New", "index rebuild", "init",
    ):
        signal.alarm(20)  # the end of a process that waits for good
        print(kind, "|", words, "|", main(["--db", str(db), "--timeout", "0", *words.split()]))
        sys.stdout.flush()
"""


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("state.db", {3, 5, 6}),
        ("state.db-wal", {5}),
        ("state.db-shm", {5}),
        ("state.db-journal", {5}),
        ("session_index.jsonl", {0, 5}),
        ("session_index.jsonl.lock", {0, 5}),
    ],
)
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, name: str, codes: set[int]) -> None:
    db = new_store(tmp_path / "state.db")
    process = start_python(STRANGE, db, name)
    lines = [line.split(" | ") for line in finish(process).splitlines() if " | " in line]
    assert len(lines) == 6 * 7
    seen = {(kind, words): int(code) for kind, words, code in lines}
    for (kind, words), code in seen.items():
        # What a link leads to, and is not there, is made.
        assert code in codes | ({0} if kind == "link to nothing" else set()), (kind, words)


@as_root
def test_a_pipe_that_may_only_be_read_is_not_waited_for(public_folder: Path) -> None:
    """SQLite opens a log to write, and where it may not, to read, which a pipe lets wait."""
    db = to_rollback_mode(store_with(public_folder / "state.db", "one"))
    db.chmod(0o644)
    for suffix in ("-wal", "-journal", "-shm"):
        pipe = db.with_name(f"state.db{suffix}")
        os.mkfifo(pipe)
        pipe.chmod(0o444)
        code = f"import signal; signal.alarm(20)\n{READ_ANYHOW}"
        assert run_python(code, db, user=STRANGER) == "store_unavailable\n"
        pipe.unlink()
    assert read(db) == "one"


READ_ANYHOW: Final = """
import sys
from agentstate import AgentStateError, StateStore
try:
    StateStore.open(sys.argv[1], read_only=True)
except AgentStateError as error:
    print(error.slug)
"""


# Modes

MAKE_ALL: Final = """
import json, os, sys
from pathlib import Path
from agentstate import StateStore
from agentstate.cli.main import main

folder = Path(sys.argv[1])
db = folder / "deep" / "down" / "state.db"
os.umask(int(sys.argv[2], 8))
sys.path.insert(0, sys.argv[3])
from cli_stores import fill

main(["--db", str(db), "init"])
with StateStore.open(db) as store:
    fill(store)
for verb, arguments in json.loads(sys.argv[4]).items():
    code = main(["--db", str(db), *verb.split(), *arguments])
    print(verb, code, file=sys.stderr)
store = StateStore.open(db)
store.threads.ensure("left open")
os._exit(0)
"""


@pytest.mark.parametrize("umask", ["0", "077"])
def test_all_that_any_verb_makes_is_private(tmp_path: Path, umask: str) -> None:
    out = str(tmp_path / "made" / "out")
    more = {
        "backup": [f"{out}/backup/"],
        "recover": [f"{out}/recovered/state.db"],
        "restore": [f"{out}/backup/state.db", "--yes"],
        "demo": [f"{out}/demo"],
        "doctor": ["--fix"],
        "vacuum": [],
    }
    last = {"threads delete", "messages clear", "threads prune", "threads trash empty", "restore"}
    verbs = {verb: more.get(verb, ARGUMENTS.get(verb)) for verb in ALL_VERBS}
    assert [verb for verb, arguments in verbs.items() if arguments is None] == []
    order = sorted(verbs, key=lambda verb: (verb in last, verb != "threads trash empty"))
    arguments = json.dumps({verb: verbs[verb] for verb in order})
    made = tmp_path / "made"
    made.mkdir(0o700)
    run_python(MAKE_ALL, made, umask, Path(__file__).parent, arguments)
    found = {
        str(path.relative_to(made)): stat.S_IMODE(path.lstat().st_mode)
        for path in made.rglob("*")
        if not path.is_dir()
    }
    assert {name for name, bits in found.items() if bits != 0o600} == set()
    folders = [path for path in made.rglob("*") if path.is_dir()]
    assert {path for path in folders if mode(path) != 0o700} == set()
    store = "deep/down/state.db"
    index = "deep/down/session_index.jsonl"
    assert set(found) >= {
        store, f"{store}-wal", f"{store}-shm", index, f"{index}.lock", f"{index}.bak",
        "out/backup/state.db", "out/backup/session_index.jsonl", "out/recovered/state.db",
        "out/demo/state.db",
    }  # fmt: skip
    kept = {name.removeprefix(store).partition("/")[0] for name in found}
    assert {".trash", ".backups"} <= kept
