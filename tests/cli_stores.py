"""The verbs of the command line, and stores on which each of them has something to do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentstate import (
    DynamicToolRecord,
    JobStateRecord,
    JobStateStatus,
    StateStore,
    ThreadGoalRecord,
    ThreadMetadata,
    ThreadStatus,
)
from agentstate.cli.commands import COMMANDS, Noun
from agentstate.cli.demo import StoryClock, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SESSIONS: Final = Path(__file__).parent / "data" / "sessions"
"""Files of other agent programs."""

FORMATS: Final = ("table", "json", "jsonl", "tsv", "id")


def verbs_of(commands: Mapping[str, Noun | str], noun: str = "") -> Iterator[str]:
    """Yield every verb behind its nouns."""
    for name, entry in commands.items():
        if isinstance(entry, str):
            yield f"{noun}{name}"
        else:
            yield from verbs_of(entry.verbs, f"{noun}{name} ")


ALL_VERBS: Final = list(verbs_of(COMMANDS))

ARGUMENTS: Final[dict[str, tuple[str, ...]]] = {
    "threads create": ("--id", "t-new"),
    "threads ensure": ("Main",),
    "threads list": (),
    "threads show": ("t-main",),
    "threads path": ("t-main",),
    "threads update": ("t-main", "--status", "idle"),
    "threads rename": ("t-main", "Other"),
    "threads archive": ("t-main",),
    "threads unarchive": ("t-main",),
    "threads delete": ("t-main", "--yes"),
    "threads undelete": ("t-gone",),
    "threads trash list": (),
    "threads trash empty": ("--yes",),
    "threads prune": ("--archived", "--yes"),
    "threads memory": ("t-main",),
    "threads tools": ("t-main",),
    "threads goal": ("t-main",),
    "messages list": ("t-main",),
    "messages tree": ("t-main",),
    "messages show": ("1",),
    "messages leaves": ("t-main",),
    "messages append": ("t-main", "--role", "user", "--content", "more"),
    "messages checkout": ("1",),
    "messages clear": ("t-main", "--yes"),
    "fork": ("1", "--content", "anew"),
    "import": (str(SESSIONS / "claude-code"),),
    "search": ("fail", "it"),
    "checkpoint save": ("t-main", "cp-new", "--state", "{}"),
    "checkpoint load": ("t-main",),
    "checkpoint list": ("t-main",),
    "checkpoint delete": ("t-main", "cp", "--yes"),
    "jobs list": (),
    "jobs show": ("j-1",),
    "jobs create": ("A job", "--id", "j-new"),
    "jobs update": ("j-1", "--progress", "50"),
    "jobs delete": ("j-1", "--yes"),
    "index list": (),
    "index name": ("t-main",),
    "index path": ("Main",),
    "index check": (),
    "index compact": (),
    "index rebuild": (),
    "export": ("t-main",),
    "init": (),
    "info": (),
    "doctor": (),
    "backup": ("DEMO",),
    "restore": ("BACKUP", "--yes"),
    "recover": ("DEMO",),
    "vacuum": (),
    "schema": ("ThreadMetadata",),
    "completion": ("bash",),
    "demo": ("DEMO",),
}
"""Arguments with which each verb does well on the store of `fill`."""

READING: Final = (
    "threads list",
    "threads show",
    "threads path",
    "threads memory",
    "threads tools",
    "threads goal",
    "threads trash list",
    "messages list",
    "messages tree",
    "messages show",
    "messages leaves",
    "checkpoint load",
    "checkpoint list",
    "jobs list",
    "jobs show",
    "index list",
    "index name",
    "index path",
    "index check",
    "export",
    "info",
    "doctor",
)
"""The verbs that only read the store."""


def fill(store: StateStore) -> None:
    """Put one of everything into a store: a tree with a fork, a checkpoint, a job, and so on."""
    now = store.now
    store.threads.create(
        ThreadMetadata(
            id="t-main",
            name="Main",
            preview="Why does it fail?",
            cwd="/src/app",
            model_provider="acme",
            memory_mode="enabled",
            rollout_path="/logs/main.jsonl",
            git_branch="main",
            created_at=now,
            updated_at=now,
        )
    )
    store.threads.create(
        ThreadMetadata(
            id="t-other",
            cwd="/src/lib",
            created_at=1,
            updated_at=1,
            status=ThreadStatus.ARCHIVED,
            archived=True,
        )
    )
    question = store.messages.append("t-main", "user", "Why does it fail?")
    store.messages.append("t-main", "assistant", "Because\nof a tab:\t.", {"n": 1})
    store.messages.append("t-main", "user", "Fix it")
    store.messages.fork(question, "assistant", "It does not")
    store.checkpoints.save("t-main", "cp", {"n": 1.5})
    store.jobs.create(JobStateRecord(id="j-1", name="Job", created_at=now, updated_at=now))
    store.tools.replace(
        "t-main", [DynamicToolRecord(position=0, name="grep", input_schema={"type": "object"})]
    )
    store.goals.set(
        ThreadGoalRecord(
            thread_id="t-main", goal_id="g-1", objective="Green", created_at=now, updated_at=now
        )
    )
    store.threads.create(
        ThreadMetadata(id="t-gone", name="Gone", cwd="/", created_at=1, updated_at=1)
    )
    store.trash.put("t-gone")


def fill_demo(db: Path) -> None:
    """Make the store of `agentstate demo`, whose times are ages, with one of everything more."""
    clock = StoryClock(time.time())
    with StateStore.open(db, clock=clock) as store:
        tell(store, clock, "/home/user/src/app")
        now = store.now
        store.threads.create(
            ThreadMetadata(
                id="0199a213-81c0-7800-8aa1-bbab2a035a53",
                preview="漢字の名前を持たない、とても長い最初の言葉から始まる会話",
                cwd="/srv/some/where/far/away/from/home/project",
                created_at=now - 90_000,
                updated_at=now - 90_000,
                archived=True,
            )
        )
        store.threads.update(
            "demo-lexer", rollout_path="/logs/lexer.jsonl", git_branch="main", model_provider="acme"
        )
        store.tools.replace(
            "demo-lexer",
            [
                DynamicToolRecord(
                    position=number, name=name, description=f"{name} it " * 20, input_schema={}
                )
                for number, name in enumerate(("grep", "find"))
            ],
        )
        store.checkpoints.save("demo-lexer", "after-fix", {"failing": [], "note": "green " * 30})
        for number, status in enumerate(JobStateStatus):
            store.jobs.upsert(
                JobStateRecord(
                    id=f"job-{status}",
                    name=f"Job number {number}",
                    status=status,
                    progress=None if number == 0 else number * 25,
                    detail="Walk through every file of the repository\nand more",
                    created_at=now - 7200,
                    updated_at=now - 60 * (number + 1) - 20,
                )
            )
