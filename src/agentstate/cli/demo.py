"""`agentstate demo`: a small store to play with."""

from pathlib import Path
from typing import Annotated, Final

import typer

from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.config import STORE_NAME
from agentstate.errors import ConflictError
from agentstate.records import SessionSource, ThreadGoalRecord, ThreadMetadata, ThreadStatus
from agentstate.render import store as shown
from agentstate.store import StateStore

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE

_LEXER: Final = (
    ("user", "Why does the lexer drop the last token?"),
    ("assistant", "Because peek() returns None at the end and the loop stops one step early."),
    ("user", "Fix it"),
)
_SENTINEL: Final = (
    ("assistant", "Rewrote the loop with a sentinel"),
    ("tool", "pytest: 2 failed, 40 passed"),
    ("assistant", "The sentinel breaks nested strings; another way is needed."),
)
_TOKEN: Final = (
    ("assistant", "Done: added an explicit end token."),
    ("user", "Run the tests again"),
    ("tool", "pytest: 42 passed"),
)


def demo(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="A folder for it, which must not hold a store.")
    ] = Path("agentstate-demo"),
    output: options.Output = None,
) -> None:
    """Make a small store to play with, and print its path.

    Example: agentstate --db "$(agentstate demo)" messages tree @last
    """
    answer = Answer(ctx, shown.SHAPE, Wanted(output=output or OutputFormat.ID))
    run = invocation(ctx)
    path = folder.absolute() / STORE_NAME
    if path.exists():
        raise ConflictError(f"{path} exists; name another folder")
    with StateStore.open(path, timeout=run.timeout) as store:
        _fill(store)
        info = store.info()
    if answer.is_table:
        answer.table(lambda: shown.overview(info, width=answer.width))
    else:
        answer.row(vars(info))
    run.note(f"try: agentstate --db {path} messages tree @last")


def _fill(store: StateStore) -> None:
    """Make two threads: one that forks, and one that is done."""
    now = store.now
    for thread_id, name, status, age in (
        ("demo-release", "Write the release notes", ThreadStatus.COMPLETED, 26 * _HOUR),
        ("demo-lexer", "Fix the lexer", ThreadStatus.RUNNING, 3 * _HOUR),
    ):
        store.threads.create(
            ThreadMetadata(
                id=thread_id,
                name=name,
                status=status,
                source=SessionSource.INTERACTIVE,
                preview=name,
                cwd=str(Path.cwd()),
                created_at=now - age,
                updated_at=now - age,
            )
        )
    store.messages.append("demo-release", "user", "What changed since 1.3?")
    store.messages.append("demo-release", "assistant", "Faster start-up, and a tree of branches.")
    for role, content in _LEXER:
        question = store.messages.append("demo-lexer", role, content)
    for role, content in _SENTINEL:
        store.messages.append("demo-lexer", role, content)
    (role, content), *rest = _TOKEN
    store.messages.fork(question, role, content)
    for role, content in rest:
        store.messages.append("demo-lexer", role, content)
    store.checkpoints.save("demo-lexer", "before-fix", {"failing": ["test_last_token"]})
    store.goals.set(
        ThreadGoalRecord(
            thread_id="demo-lexer",
            goal_id="demo-goal",
            objective="All tests pass",
            created_at=now - 3 * _HOUR,
            updated_at=now,
        )
    )
