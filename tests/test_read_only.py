"""Every verb that only reads leaves all as it was: names, bytes and times of every file."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from agentstate import StateStore
from agentstate.cli.app import program
from cli_stores import ALL_VERBS, ARGUMENTS, READING, SESSIONS, fill
from stores import index_of_log, log_of, to_rollback_mode
from support import OWNER, STRANGER, finish, give, run_python, snapshot, start_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

NO_STORE: Final = {"schema", "completion"}
READING_TOO: Final = {
    "backup": ("OUT/backup/state.db",),
    "recover": ("OUT/recovered/state.db",),
    "threads prune": ("--older-than", "1s"),
    "search": ("fail",),
}
"""Verbs that write elsewhere, or nothing when they are run like this, or an index of their own."""
SEARCH_INDEX: Final = "state.db.search"
"""What `search` alone may write, where its user may."""
WRITING: Final = {
    "threads create",
    "threads ensure",
    "threads update",
    "threads rename",
    "threads archive",
    "threads unarchive",
    "threads undelete",
    "messages append",
    "messages checkout",
    "fork",
    "checkpoint save",
    "jobs create",
    "jobs update",
    "index compact",
    "init",
    "vacuum",
    "demo",
}
"""Verbs that cannot be asked what they would do."""
MORE_ARGUMENTS: Final = {
    "restore": ("FROM",),
    "import": ("OUT/sessions",),
    "doctor": ("--fix",),
    "threads goal": ("t-main", "--delete"),
}
LINES: Final = (
    ("threads", "show", ""),
    ("threads", "undelete", ""),
    ("messages", "show", ""),
    ("checkpoint", "load", "t-main", ""),
    ("jobs", "show", ""),
    ("threads", "list", "--provider", ""),
    ("threads", "list", "--fields", ""),
)
"""Lines that the shells complete from the store."""


def dry_verbs() -> Iterator[str]:
    """Yield the verbs that take --dry-run."""
    root = program()
    for verb in ALL_VERBS:
        command: Any = root
        with command.make_context("agentstate", [], resilient_parsing=True) as context:
            for word in verb.split():
                command = command.get_command(context, word)
        if any("--dry-run" in parameter.opts for parameter in command.params):
            yield verb


DRY: Final = tuple(dry_verbs())
COMMANDS: Final[list[list[str]]] = [
    *([*verb.split(), *ARGUMENTS[verb]] for verb in READING),
    *([*verb.split(), *arguments] for verb, arguments in READING_TOO.items()),
    *(
        [
            *verb.split(),
            *(one for one in MORE_ARGUMENTS.get(verb, ARGUMENTS.get(verb, ())) if one != "--yes"),
            "--dry-run",
        ]
        for verb in DRY
    ),
    *(["__complete", "zsh", "agentstate", *line] for line in LINES),
    ["__complete", "fish", "agentstate", *LINES[0]],
]


def test_every_verb_is_known_to_read_or_to_write() -> None:
    """A new verb belongs into one of these lists, and a reading one is proven below."""
    reading = {*READING, *READING_TOO, *DRY}
    assert reading | WRITING | NO_STORE == set(ALL_VERBS)
    assert not reading & (WRITING | NO_STORE)
    destroying = {"threads delete", "messages clear", "checkpoint delete", "jobs delete"}
    destroying |= {"threads trash empty", "threads prune", "index rebuild", "restore", "doctor"}
    assert destroying <= set(DRY)


# Runs as root first, on a store of its own, so that all is loaded: another user may not be able
# to read this interpreter's files. Then each case is a child, of its user.
READ_ALL: Final = """
import gc, json, os, sys
from pathlib import Path
from agentstate.cli.completing import complete
from agentstate.cli.main import main

def state(folder):
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        moves = path == folder or path.name.endswith("-shm")
        found[str(path)] = None if moves else (status.st_size, status.st_mtime_ns, status.st_mode)
    return found

def run(command, case):
    os.environ["XDG_CACHE_HOME"] = case["out"] + "/cache"
    places = {"OUT": case["out"], "FROM": case["from"]}
    words = ["/".join(places.get(part, part) for part in word.split("/")) for word in command]
    if words[0] == "__complete":
        return complete([*words[1:3], "--db", case["db"], *words[3:]])
    return main(["--db", case["db"], *words])

def run_all(case):
    folder = Path(case["db"]).parent
    before = state(folder)
    for command in commands:
        code = run(command, case)
        print(code, *command, file=report, flush=True)
        after = state(folder)
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        if command[0] == "search":
            before = after
            changed.discard(str(folder / "state.db.search"))
        if changed:
            print("changed by", *command, changed, file=sys.stderr)
            os._exit(1)

report = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
commands, (warm_up, *cases) = json.load(sys.stdin)
run_all(warm_up)
gc.collect()
gc.freeze()
for case in cases:
    print("CASE", case["name"], file=report, flush=True)
    if not (child := os.fork()):
        if case["user"]:
            os.setgroups([])
            os.setgid(case["user"])
            os.setuid(case["user"])
        run_all(case)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, case
"""


class Case(NamedTuple):
    """A folder with a store, and who reads it."""

    name: str
    folder: Path
    user: int

    def as_json(self) -> dict[str, object]:
        places = {"db": "store/state.db", "out": "out", "from": "from/state.db"}
        paths = {key: str(self.folder / place) for key, place in places.items()}
        return {"name": self.name, "user": self.user, **paths}


def make_clean(db: Path) -> None:
    with StateStore.open(db) as store:
        fill(store)


def make_killed(db: Path) -> None:
    """Leave a log, as a killed process does."""
    make_clean(db)
    code = """
import os, sys
from agentstate import StateStore
store = StateStore.open(sys.argv[1])
store.messages.append("t-main", "user", "in the log")
store.threads.rename("t-main", "Main")
os._exit(0)
"""
    run_python(code, db)
    assert log_of(db).stat().st_size
    assert index_of_log(db).exists()


def make_copied(db: Path) -> None:
    """Leave a log without its index, as in a copy of what a killed process left."""
    make_killed(db)
    index_of_log(db).unlink()


def make_rollback(db: Path) -> None:
    make_clean(db)
    to_rollback_mode(db)


STATES: Final = {
    "clean": make_clean,
    "killed": make_killed,
    "copied": make_copied,
    "rollback": make_rollback,
}
MODES: Final = {"writable": (0o666, 0o777), "file": (0o444, 0o777), "folder": (0o666, 0o555)}
"""What is unwritable, by the modes of the files and of the folder."""


def prepare(folder: Path, model: Path, name: str, user: int) -> Case:
    """Copy a store for one who reads it."""
    here = folder / f"{name}-{user}"
    shutil.copytree(model, here / "store")
    shutil.copytree(SESSIONS, here / "out" / "sessions")
    shutil.copytree(model, here / "from")
    for suffix in ("-wal", "-shm"):
        (here / "from" / f"state.db{suffix}").unlink(missing_ok=True)
    owner = user or os.geteuid()
    give(here, OWNER if owner == STRANGER else owner)
    os.chown(here / "out", owner, owner)
    files, store = MODES[name]
    for path in here.rglob("*"):
        if path.is_file():
            path.chmod(files)
    (here / "store").chmod(store)
    (here / "store" / "state.db.trash").chmod(0o755)
    return Case(f"{name} {user}", here, user)


def read_all(cases: list[Case]) -> dict[Case, list[tuple[str, int]]]:
    """Run all that reads in each case but the first, which warms up; return the exit codes."""
    before = [snapshot_below(case.folder / "store") for case in cases]
    process = start_python(READ_ALL)
    given = json.dumps([COMMANDS, [case.as_json() for case in cases]])
    assert process.stdin is not None
    process.stdin.write(given)
    process.stdin.flush()
    output = finish(process)
    assert [snapshot_below(case.folder / "store") for case in cases] == before
    found: dict[Case, list[tuple[str, int]]] = {}
    by_name = {case.name: case for case in cases}
    runs: list[tuple[str, int]] = []
    for line in output.splitlines():
        if line.startswith("CASE "):
            runs = found[by_name[line.removeprefix("CASE ")]] = []
        else:
            code, command = line.split(" ", 1)
            runs.append((command, int(code)))
    return found


def snapshot_below(folder: Path) -> list[dict[str, tuple[bytes, int, int]]]:
    found = [snapshot(one) for one in (folder, *folder.rglob("*")) if one.is_dir()]
    return [{name: one[name] for name in one if name != SEARCH_INDEX} for one in found]


def may_write(case: Case) -> bool:
    return case.user == 0 or case.name.startswith("writable")


@pytest.mark.parametrize("state", STATES)
def test_every_reading_verb_leaves_all_as_it_was(public_folder: Path, state: str) -> None:
    model = public_folder / "model"
    model.mkdir()
    STATES[state](model / "state.db")
    me = os.geteuid()
    cases = [prepare(public_folder, model, "writable", me)]
    if me:
        cases += [prepare(public_folder, model, name, me) for name in ("file", "folder")]
    else:
        cases += [
            prepare(public_folder, model, name, user)
            for user in (OWNER, STRANGER)
            for name in MODES
        ]
    for case, runs in read_all(cases).items():
        assert len(runs) == len(COMMANDS)
        for command, code in runs:
            expected = {0}
            if command.startswith("doctor"):
                expected = {0, 6}  # it finds what is amiss with the modes
            elif case.user == STRANGER and command.startswith("threads trash"):
                expected = {5}  # that of another user
            elif command.startswith("restore"):
                expected = {0} if may_write(case) else {5}  # as it would be without --dry-run
            assert code in expected, (case, command)
