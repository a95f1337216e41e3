"""`agentstate checkpoint`: save, load, list and delete states of a thread."""

from typing import Annotated

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_files_after_at
from agentstate.cli.confirm import confirm, refuse_unasked
from agentstate.cli.inputs import json_text, utf8
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.printing import write_text
from agentstate.cli.selectors import find_thread, find_thread_to_destroy, refuse_empty
from agentstate.errors import CheckpointNotFoundError
from agentstate.records import CheckpointRecord
from agentstate.render import shapes
from agentstate.render.text import json_screen_safe
from agentstate.store import StateStore


def save(
    ctx: typer.Context,
    thread: options.Thread,
    checkpoint_id: options.Checkpoint,
    state: Annotated[
        str,
        typer.Option(
            "--state",
            metavar="JSON|@FILE|-",
            help="The state, kept as it is.",
            autocompletion=complete_files_after_at,
        ),
    ],
    output: options.OutputOfId = None,
) -> None:
    """Save a state under an id, in place of one that has it, and print the id.

    Example: agentstate checkpoint save @last before-refactor --state @state.json
    """
    text = json_text(state, "--state")
    answer = Answer(ctx, shapes.CHECKPOINTS, Wanted(output=output or OutputFormat.ID))
    run = invocation(ctx)
    with run.write() as store:
        thread_id = find_thread(store, run, thread).id
        store.checkpoints.save(thread_id, utf8(checkpoint_id, "the checkpoint's id"), text)
        saved = store.checkpoints.load(thread_id, checkpoint_id, raw_json=True)
        if saved is not None:
            _present(answer, store, saved)


def load(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    thread: options.Thread,
    checkpoint_id: options.LatestCheckpoint = None,
    output: options.Output = None,
    fields: options.Fields = None,
    raw: options.Raw = False,
) -> None:
    """Print a checkpoint's state exactly as it was saved; without an id, the one saved last.

    Example: agentstate checkpoint load @last > state.json
    """
    answer = Answer(ctx, shapes.CHECKPOINTS, Wanted(output=output, fields=fields, raw=raw))
    if checkpoint_id is not None:
        refuse_empty(checkpoint_id, "checkpoint")
    run = invocation(ctx)
    with run.read() as store:
        thread_id = find_thread(store, run, thread).id
        found = store.checkpoints.load(thread_id, checkpoint_id, raw_json=True)
        if found is None:
            which = "no checkpoint" if checkpoint_id is None else f"no checkpoint {checkpoint_id!r}"
            raise CheckpointNotFoundError(f"{which} in thread {thread_id!r}")
        if output is None and fields is None:
            # The text is JSON, so on a terminal only what JSON leaves raw needs an escape.
            write_text(json_screen_safe(found.state) if answer.screen else found.state)
        else:
            _present(answer, store, found)


def _present(answer: Answer, store: StateStore, found: CheckpointRecord) -> None:
    if answer.is_table:
        now = store.now
        answer.table(render.checkpoints.listing([found], now=now, width=answer.width))
    else:
        answer.row(vars(found))


def list_checkpoints(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    thread: options.Thread,
    limit: options.Limit = 100,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """List a thread's checkpoints, the one saved last first.

    Example: agentstate checkpoint list @last
    """
    answer = Answer(
        ctx, shapes.CHECKPOINTS, Wanted(output=output, fields=fields, null=null, raw=raw)
    )
    run = invocation(ctx)
    with run.read() as store:
        thread_id = find_thread(store, run, thread).id
        found = store.checkpoints.list(thread_id, limit or None, raw_json=True)
        if answer.is_table:
            now = store.now
            answer.table(render.checkpoints.listing(found, now=now, width=answer.width))
        else:
            answer.rows(vars(one) for one in found)
        if limit and len(found) == limit:
            answer.note_cut(len(found), store.checkpoints.count(thread_id))


def delete(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    thread: options.Thread,
    checkpoint_id: options.Checkpoint,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    output: options.Output = None,
) -> None:
    """Delete a checkpoint.

    Example: agentstate checkpoint delete t-main before-refactor --yes
    """
    answer = Answer(
        ctx,
        shapes.CHECKPOINTS,
        # Nothing of its state: one that cannot be read can be deleted, too.
        Wanted(output=output or OutputFormat.ID, fields="thread_id,checkpoint_id"),
    )
    refuse_unasked(yes=yes or dry_run)
    refuse_empty(checkpoint_id, "checkpoint")
    run = invocation(ctx)
    with run.read() if dry_run else run.write() as store:
        thread_id = find_thread_to_destroy(store, run, thread, asks=not yes).id
        what = f"checkpoint {checkpoint_id!r} of thread {thread_id}"
        if not store.checkpoints.exists(thread_id, checkpoint_id):
            raise CheckpointNotFoundError(
                f"no checkpoint {checkpoint_id!r} in thread {thread_id!r}"
            )
        if not dry_run:
            confirm(f"Delete {what}?", yes=yes)
            store.checkpoints.delete(thread_id, checkpoint_id)
        run.note(f"{'would delete' if dry_run else 'deleted'} {what}")
    if dry_run or output is not None:
        answer.row({"thread_id": thread_id, "checkpoint_id": checkpoint_id})
