"""The verb that deletes a thread."""

from typing import Annotated

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.confirm import confirm, refuse_unasked
from agentstate.cli.inputs import home_folder
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import described, find_thread_id_to_destroy
from agentstate.records import ThreadMetadata, ThreadStats
from agentstate.render import shapes
from agentstate.render.text import count

NoBundle = Annotated[
    bool, typer.Option("--no-bundle", help="Keep nothing that could bring it back.")
]


def delete(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    thread: options.Thread,
    no_bundle: NoBundle = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    output: options.Output = None,
) -> None:
    """Delete a thread with its messages, checkpoints, tools and goal.

    For 30 days 'agentstate threads undelete' brings it back, unless --no-bundle is given.

    Example: agentstate threads delete t-old --yes
    """
    answer = Answer(ctx, shapes.THREAD, Wanted(output=output or OutputFormat.ID))
    refuse_unasked(yes=yes or dry_run)
    run = invocation(ctx)
    with run.read() if dry_run else run.write() as store:
        thread_id, found = find_thread_id_to_destroy(store, run, thread, asks=not yes)
        size = store.threads.stats([thread_id])[thread_id]
        name = described(found) if found else f"{thread_id}, which cannot be read,"
        what = f"thread {name} with {count(size.messages, 'message')}"
        if dry_run:
            run.note(f"would delete {what}")
        else:
            confirm(f"Delete {what}{' for good' if no_bundle else ''}?", yes=yes)
            if no_bundle:
                store.threads.delete(thread_id)
                store.trash.purge()
            else:
                store.trash.put(thread_id)
            back = "" if no_bundle else f"; {_undo(thread_id)} brings it back"
            run.note(f"deleted thread {thread_id}{back}")
        if answer.format is OutputFormat.ID and dry_run:
            answer.row({"id": thread_id})
        elif found and (dry_run or output is not None):
            _show_deleted(answer, found, size, store.now)


def _undo(thread_id: str) -> str:
    """Return the command that brings a deleted thread back, as it can be typed."""
    import shlex  # noqa: PLC0415 - only for one line at the end

    selector = f"id:{thread_id}" if thread_id.startswith(("-", "id:", "name:")) else thread_id
    return f"agentstate threads undelete {shlex.quote(selector)}"


def _show_deleted(answer: Answer, thread: ThreadMetadata, size: ThreadStats, now: int) -> None:
    if answer.is_table:
        # The id is not shortened: to delete it, it must be given in full.
        answer.table(
            render.threads.listing(
                [thread], {thread.id: size}, {}, now=now, home=home_folder(), width=answer.width
            )
        )
    else:
        answer.row({**vars(thread), **vars(size)})
