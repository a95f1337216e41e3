"""The commands that faults strike, and the stores they find. A new verb is one entry in a table."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate import StateStore
from cli_stores import fill
from old_stores import old_store
from stress import files
from stress.faults import (
    Command,
    in_migrations,
    in_one_step,
    thread_by_thread,
)
from stress.nursery import Outcome, run_command
from support import DATA, Clock, thread

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

    from stress.faults import State
    from stress.nursery import Nursery

_LONG_AGO: Final = 1000


class _Case(NamedTuple):
    """A command: what it finds, and what may come of it."""

    make: Callable[[Path], object]
    arguments: tuple[str, ...]
    is_between: Callable[[State, State, State], bool] = in_one_step
    refusals: Container[int] = (5,)
    may_lose_ids: bool = False


def _filled(folder: Path) -> None:
    """Make a store that holds one of everything, and an index with lines to spare."""
    with StateStore.open(folder / "state.db", clock=Clock(_LONG_AGO)) as store:
        fill(store)
        store.threads.rename("t-main", "Before")
        store.threads.rename("t-main", "Main")


def _trashed(folder: Path) -> None:
    _filled(folder)
    with StateStore.open(folder / "state.db", clock=Clock(_LONG_AGO)) as store:
        store.trash.put("t-main")


def _several(folder: Path) -> None:
    with StateStore.open(folder / "state.db", clock=Clock(_LONG_AGO)) as store:
        for number in range(3):
            store.threads.create(thread(f"t{number}", name="Old"))
            store.messages.append(f"t{number}", "user", "one")
            store.messages.append(f"t{number}", "user", "two")


def _with_copy(folder: Path) -> None:
    """Make a store, and a backup of an older state."""
    _several(folder)
    (folder / "copy").mkdir()
    for name in ("state.db", "session_index.jsonl"):
        shutil.copyfile(folder / name, folder / "copy" / name)
    with StateStore.open(folder / "state.db", clock=Clock(_LONG_AGO)) as store:
        store.threads.rename("t1", "New")
        for _ in range(30):
            store.messages.append("t1", "user", "more " * 300)


def _with_free_pages(folder: Path) -> None:
    _with_copy(folder)
    with StateStore.open(folder / "state.db", clock=Clock(_LONG_AGO)) as store:
        store.messages.clear("t1")


def _with_bundle(folder: Path) -> None:
    """Make a store, and a bundle of a thread that it does not have."""
    _filled(folder)
    (folder / "copy").mkdir()
    with StateStore.open(folder / "state.db", clock=Clock(_LONG_AGO)) as store:
        with (folder / "copy" / "t.ndjson").open("wb") as file:
            file.writelines(store.bundle("t-main"))
        store.threads.delete("t-main")


def _nothing(_: Path) -> None:
    """Leave a folder without a store."""


def _version_0(folder: Path) -> None:
    old_store("v0", folder)


_SESSION: Final = str(next((DATA / "sessions" / "claude-code").rglob("*.jsonl")))
_APPEND: Final = ("--role", "user", "--content", "more " * 2000)

STRUCK: Final[dict[str, _Case]] = {
    "append": _Case(_filled, ("messages", "append", "t-main", *_APPEND)),
    "fork": _Case(_filled, ("fork", "1", "--content", "anew")),
    "checkpoint save": _Case(_filled, ("checkpoint", "save", "t-main", "cp-new", "--state", "{}")),
    "threads create": _Case(_filled, ("threads", "create", "--id", "t-new", "--name", "New")),
    "threads rename": _Case(_filled, ("threads", "rename", "t-main", "New")),
    "threads archive": _Case(_filled, ("threads", "archive", "t-main")),
    "threads delete": _Case(_filled, ("threads", "delete", "t-main", "--yes")),
    # A bundle that cannot be read is passed over, with a warning; then no thread is found.
    "threads undelete": _Case(_trashed, ("threads", "undelete", "t-main"), refusals=(3, 5)),
    "threads prune": _Case(
        _several, ("threads", "prune", "--older-than", "1d", "--yes"), thread_by_thread
    ),
    "index compact": _Case(_filled, ("index", "compact")),
    "index rebuild": _Case(_filled, ("index", "rebuild")),
    "init": _Case(_nothing, ("init",), in_migrations),
    "migration": _Case(_version_0, ("init",), in_migrations),
    "migration and append": _Case(
        _version_0, ("messages", "append", "@last", *_APPEND), in_migrations
    ),
    "backup": _Case(_filled, ("backup", "{folder}/copy/")),
    "backup over another": _Case(_with_copy, ("backup", "{folder}/copy", "--force")),
    "compact backup": _Case(_with_copy, ("backup", "{folder}/copy", "--force", "--compact")),
    "restore": _Case(_with_copy, ("restore", "{folder}/copy", "--yes"), may_lose_ids=True),
    "vacuum": _Case(_with_free_pages, ("vacuum",)),
    "doctor --fix": _Case(
        lambda folder: files.damaged(folder / "state.db"),
        ("doctor", "--fix"),
        refusals=(5, 6),
    ),
    # A source that cannot be read gives nothing (7).
    "import": _Case(_filled, ("-q", "import", _SESSION), refusals=(5, 7)),
    "import of a bundle": _Case(
        _with_bundle, ("-q", "import", "{folder}/copy/t.ndjson"), refusals=(5, 7)
    ),
    "recover": _Case(_filled, ("recover", "{folder}/copy/state.db")),
}


def struck(folder: Path, nursery: Nursery) -> dict[str, Command]:
    """Make the stores that the commands find, and those that they come to undisturbed."""
    made = {}
    for name, case in STRUCK.items():
        before, after = folder / f"{name} before", folder / f"{name} after"
        before.mkdir()
        case.make(before)
        shutil.copytree(before, after)
        command = Command(
            case.arguments, before, after, case.is_between, case.refusals, case.may_lose_ids
        )
        (answer,) = nursery.run(run_command, *command.on(after))
        assert Outcome(*answer).code == 0, answer
        made[name] = command
    return made
