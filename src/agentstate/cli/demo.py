"""`agentstate demo`: a small store to play with."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_folders
from agentstate.cli.inputs import absolute, current_folder
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.config import STORE_NAME
from agentstate.errors import ConflictError
from agentstate.records import (
    JobStateRecord,
    JobStateStatus,
    SessionSource,
    ThreadMetadata,
    ThreadStatus,
)
from agentstate.render import report_shapes
from agentstate.store import StateStore

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE

# Each message with its age in minutes, its role and its text.
_RELEASE: Final = (
    (1560, "user", "What changed since 1.3?"),
    (1559, "assistant", "Faster start-up, and a tree of branches."),
)
_LEXER: Final = (
    (175, "user", "Why does the lexer drop the last token?"),
    (174, "assistant", "peek() returns None at the end: the loop stops one step early."),
    (170, "user", "Fix it"),
)
_SENTINEL: Final = (
    (165, "assistant", "Rewrote the loop with a sentinel"),
    (164, "tool", "pytest: 2 failed, 40 passed"),
    (163, "assistant", "The sentinel breaks nested strings; another way is needed."),
)
_GENERATOR: Final = (
    (95, "assistant", "Made the lexer a generator"),
    (94, "tool", "pytest: 5 failed, 37 passed"),
)
_TOKEN: Final = (
    (45, "assistant", 'Done: added an explicit end token.\n\n    END = Token(kind="end")'),
    (12, "user", "Run the tests again"),
    (0, "tool", "pytest: 42 passed"),
)


class StoryClock:
    """A clock that goes with a story: it stands where the last thing told happened."""

    def __init__(self, now: float) -> None:
        """Begin at the end of the story, in Unix seconds."""
        self._now = now
        self.age = 0
        """How long ago, in seconds."""

    def __call__(self) -> float:
        """Return the time in the story."""
        return self._now - self.age


def demo(
    ctx: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="[DIR]",
            help="A folder for it, which must not hold a store.",
            autocompletion=complete_folders,
        ),
    ] = Path("agentstate-demo"),
    output: options.OutputOfPath = None,
) -> None:
    """Make a small store to play with, and print its path.

    Example: agentstate --db "$(agentstate demo)" messages tree @last
    """
    answer = Answer(ctx, report_shapes.STORE, Wanted(output=output or OutputFormat.ID))
    run = invocation(ctx)
    path = Path(absolute(str(folder)), STORE_NAME)
    if os.path.lexists(path):
        raise ConflictError(f"{path} exists; name another folder")
    clock = StoryClock(time.time())
    with StateStore.open(path, timeout=run.timeout, clock=clock) as store:
        tell(store, clock, current_folder())
        info = store.info()
    if answer.is_table:
        answer.table(render.store.overview(info, width=answer.width))
    else:
        answer.row(vars(info))
    run.note(f"try: agentstate --db {path} messages tree @last")


def tell(store: StateStore, clock: StoryClock, cwd: str) -> None:
    """Make two threads, one that is done and one that forks twice, and a job."""
    done, running = ThreadStatus.COMPLETED, ThreadStatus.RUNNING
    clock.age = 26 * _HOUR
    _create(store, "demo-release", "Write the release notes", done, cwd)
    _append(store, clock, "demo-release", _RELEASE)
    clock.age = 3 * _HOUR
    _create(store, "demo-lexer", "Fix the lexer", running, cwd)
    store.goals.change("demo-lexer", objective="All tests pass")
    question = _append(store, clock, "demo-lexer", _LEXER)
    store.checkpoints.save("demo-lexer", "before-fix", {"failing": ["test_last_token"]})
    for answer in (_SENTINEL, _GENERATOR, _TOKEN):
        store.messages.checkout("demo-lexer", question)
        _append(store, clock, "demo-lexer", answer)
    store.jobs.create(
        JobStateRecord(
            id="demo-index",
            name="Index the repository",
            status=JobStateStatus.RUNNING,
            progress=40,
            created_at=store.now - _HOUR,
            updated_at=store.now,
        )
    )


def _create(store: StateStore, thread_id: str, name: str, status: ThreadStatus, cwd: str) -> None:
    now = store.now
    thread = ThreadMetadata(
        id=thread_id,
        name=name,
        status=status,
        source=SessionSource.INTERACTIVE,
        preview=name,
        cwd=cwd,
        created_at=now,
        updated_at=now,
    )
    store.threads.create(thread)


def _append(
    store: StateStore, clock: StoryClock, thread_id: str, told: Iterable[tuple[int, str, str]]
) -> int:
    """Append messages, each when it was said, and return the last one's id."""
    last = 0
    for minutes, role, content in told:
        clock.age = minutes * _MINUTE
        last = store.messages.append(thread_id, role, content)
    return last
