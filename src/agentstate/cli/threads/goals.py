"""`agentstate threads goal`: what a thread is meant to achieve."""

from typing import Annotated, Any, Final

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.confirm import confirm, refuse_unasked
from agentstate.cli.inputs import utf8
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import find_thread, find_thread_to_destroy
from agentstate.errors import GoalNotFoundError, UsageError
from agentstate.records import ThreadGoalRecord, ThreadGoalStatus
from agentstate.render import shapes
from agentstate.render.text import first_line
from agentstate.store import StateStore

_SHOWN: Final = 60
"""Cells of an objective in a question; it may be a page long."""


def goal(  # noqa: PLR0913 - one parameter for each column
    ctx: typer.Context,
    thread: options.Thread,
    objective: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What is to be achieved.")
    ] = None,
    status: Annotated[ThreadGoalStatus | None, typer.Option(help="Where it stands.")] = None,
    token_budget: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="How many tokens it may use; 0 for no budget."),
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the goal.")] = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    output: options.Output = None,
    fields: options.Fields = None,
    raw: options.Raw = False,
) -> None:
    """Show a thread's goal; set it with --objective, --status or --token-budget.

    Example: agentstate threads goal @last --objective "All tests pass" --token-budget 200000
    """
    answer = Answer(ctx, shapes.GOALS, Wanted(output=output, fields=fields, raw=raw))
    changes = objective is not None or status is not None or token_budget is not None
    if delete and changes:
        raise UsageError("--delete goes alone")
    if delete:
        _delete_goal(ctx, thread, output, yes=yes, dry_run=dry_run)
        return
    if yes or dry_run:
        raise UsageError("--yes and --dry-run go with --delete")
    run = invocation(ctx)
    with run.write() if changes else run.read() as store:
        thread_id = find_thread(store, run, thread).id
        if changes:
            _set_goal(store, thread_id, objective, status, token_budget)
        found = store.goals.get(thread_id)
        if found is None:
            raise GoalNotFoundError(f"thread {thread_id!r} has no goal; set one with --objective")
        if changes and output is None:
            return
        _show_goal(answer, found, store.now)


def _show_goal(answer: Answer, goal: ThreadGoalRecord, now: int) -> None:
    if answer.is_table:
        answer.table(render.threads.goal_details(goal, now=now, width=answer.width))
    else:
        answer.row(vars(goal))


def _set_goal(
    store: StateStore,
    thread_id: str,
    objective: str | None,
    status: ThreadGoalStatus | None,
    token_budget: int | None,
) -> None:
    """Set the named columns only; a goal that is not there yet needs its objective."""
    given: dict[str, Any] = {"objective": objective, "status": status, "token_budget": token_budget}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if objective is not None:
        utf8(objective, "--objective")
    if token_budget == 0:
        changes["token_budget"] = None
    store.goals.change(thread_id, **changes)


def _delete_goal(
    ctx: typer.Context, selector: str, output: OutputFormat | None, *, yes: bool, dry_run: bool
) -> None:
    answer = Answer(ctx, shapes.GOALS, Wanted(output=output or OutputFormat.ID))
    refuse_unasked(yes=yes or dry_run)
    run = invocation(ctx)
    with run.read() if dry_run else run.write() as store:
        thread_id = find_thread_to_destroy(store, run, selector, asks=not yes).id
        found = store.goals.get(thread_id)
        if found is None:
            raise GoalNotFoundError(f"thread {thread_id!r} has no goal")
        what = f"the goal of thread {thread_id} ({first_line(found.objective, _SHOWN)})"
        if not dry_run:
            confirm(f"Delete {what}?", yes=yes)
            store.goals.delete(thread_id)
        run.note(f"{'would delete' if dry_run else 'deleted'} {what}")
        if dry_run or output is not None:
            _show_goal(answer, found, store.now)
