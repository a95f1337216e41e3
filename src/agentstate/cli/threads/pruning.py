"""The verb that deletes old threads."""

import sys
import time
from typing import Annotated

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.confirm import confirm
from agentstate.cli.inputs import age, size
from agentstate.cli.invocation import Invocation, can_ask, invocation, is_interrupted
from agentstate.cli.options import OutputFormat
from agentstate.cli.printing import explain
from agentstate.cli.threads.deleting import NoBundle
from agentstate.errors import AgentStateError, StoreBusyError, StoreUnavailableError, UsageError
from agentstate.render import report_shapes
from agentstate.reports.trash import PrunedThread, PruneReport
from agentstate.store import StateStore
from agentstate.store.pruning import PrunePlan


def prune(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Only what was last updated as long ago, such as 90d."),
    ] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Only archived threads.")] = False,
    keep: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Leave the N newest of all threads.")
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Only until the store holds no more, such as 2GB."),
    ] = None,
    no_bundle: NoBundle = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """Delete the threads that pass every condition given, oldest first, and shrink the file.

    Without a terminal nothing is deleted unless --yes is given. Each thread is kept for 30 days,
    as 'threads delete' keeps it, unless --no-bundle is given.

    Example: agentstate threads prune --archived --older-than 90d --yes
    """
    shape = report_shapes.PRUNING if output is OutputFormat.JSON else report_shapes.PRUNED
    answer = Answer(ctx, shape, Wanted(output=output, fields=fields, null=null, raw=raw))
    if not archived and {older_than, keep, max_size} == {None}:
        raise UsageError("say which threads: --older-than, --archived, --keep or --max-size")
    then = age(older_than, "--older-than", int(time.time()))
    most = size(max_size, "--max-size")
    run = invocation(ctx)
    deletes = not dry_run and (yes or can_ask())
    with run.write() if deletes else run.read() as store:
        plan = store.pruning.plan(older_than=then, archived=archived, keep=keep, max_size=most)
        if plan.excess:
            run.note(render.pruning.beyond(plan.excess))
        if deletes and plan.threads:
            _delete(answer, run, store, plan, yes=yes, bundles=not no_bundle)
            return
        if deletes:
            store.trash.purge()
        report = store.pruning.report(plan, [] if deletes else None)
        _show(answer, report, store.now)
        unasked = "; without a terminal that takes --yes" if plan.threads and not dry_run else ""
        run.note(f"{render.pruning.summary(report)}{unasked}")


def _delete(  # noqa: PLR0913 - the plan, and how it is to be carried out
    answer: Answer, run: Invocation, store: StateStore, plan: PrunePlan, *, yes: bool, bundles: bool
) -> None:
    """Ask, delete, and say what was done, also where it ends before all of it was."""
    shown = answer.is_table and not yes
    if shown:
        _show(answer, store.pruning.report(plan), store.now)
    elif not yes:
        _show_beside(plan, store.now)
    for_good = "" if bundles else " for good"
    confirm(f"Delete {render.pruning.total(plan.threads)}{for_good}?", yes=yes)
    done: list[PrunedThread] = []
    failure: BaseException | None = None
    try:
        for thread in store.pruning.delete(plan, bundles=bundles):
            done.append(thread)
            _stop_if_interrupted(_progress(done, plan))
        _give_back(run, store)
    except KeyboardInterrupt as error:
        failure = error
    except AgentStateError as error:
        failure = type(error)(f"{error}; {_progress(done, plan)}")
        failure.__cause__ = error
    report = store.pruning.report(plan, done)
    if done or failure is None:
        if not shown:
            _show(answer, report, store.now)
        later = "" if failure is None else "; agentstate vacuum shrinks the file"
        run.note(f"{render.pruning.summary(report)}{later}")
    if failure is not None:
        raise failure


def _progress(done: list[PrunedThread], plan: PrunePlan) -> str:
    return render.pruning.progress(len(done), len(plan.threads))


def _stop_if_interrupted(progress: str) -> None:
    if is_interrupted():
        raise KeyboardInterrupt(f"interrupted: {progress}")


def _show_beside(plan: PrunePlan, now: int) -> None:
    """Show on standard error what a question is about; the answer is of another shape.

    That one comes when all is done, for it may be another program's input.
    """
    from agentstate.render import theme  # noqa: PLC0415 - tables only

    width = theme.screen_width(sys.stderr) or theme.UNCUT
    lines = render.pruning.listing(plan.threads, now=now, width=width)
    explain("\n".join(map(theme.plain, lines)))


def _give_back(run: Invocation, store: StateStore) -> None:
    """Shrink the store's file; where that cannot be now, say how it can be later."""
    try:
        store.vacuum()
    except (StoreBusyError, StoreUnavailableError) as error:
        run.note(f"the file did not shrink ({error}); agentstate vacuum does it later")


def _show(answer: Answer, report: PruneReport, now: int) -> None:
    if answer.is_table:
        answer.table(render.pruning.listing(report.threads, now=now, width=answer.width))
    elif answer.format is OutputFormat.JSON:
        answer.row(vars(report))
    else:
        answer.rows(vars(thread) for thread in report.threads)
