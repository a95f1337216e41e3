"""`agentstate backup` and `agentstate restore`: the whole store, kept and brought back."""

from typing import Annotated

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_files
from agentstate.cli.confirm import confirm, refuse_unasked
from agentstate.cli.inputs import destination
from agentstate.cli.invocation import hold_interrupts, invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import refuse_empty
from agentstate.render import report_shapes


def backup(
    ctx: typer.Context,
    out: Annotated[
        str,
        typer.Argument(
            metavar="OUT",
            help="The file to make, or its folder: one that exists, or a path that ends in /.",
            autocompletion=complete_files,
        ),
    ],
    compact: Annotated[bool, typer.Option("--compact", help="Leave free pages out.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a backup that is there.")] = False,
    output: options.OutputOfPath = None,
) -> None:
    """Copy the store and its index while others go on writing, and verify the copy.

    Example: agentstate backup ~/backups/monday/
    """
    from agentstate.store.backups import back_up  # noqa: PLC0415 - help needs no store

    answer = Answer(ctx, report_shapes.BACKUP, Wanted(output=output or OutputFormat.ID))
    refuse_empty(out, "backup's path")
    run = invocation(ctx)
    done = back_up(
        run.location, destination(out), compact=compact, overwrite=force, timeout=run.timeout
    )
    if answer.is_table:
        answer.table(render.backups.made(done, width=answer.width))
    else:
        answer.row(vars(done))
    run.note(f"{render.backups.what_is_in(done)} backed up and verified")


def restore(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM",
            help="The backup: its file, or the folder it is in.",
            autocompletion=complete_files,
        ),
    ],
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    output: options.OutputOfPath = None,
) -> None:
    """Replace the store by a backup, which is verified first; the old store is kept.

    Example: agentstate restore ~/backups/monday --yes
    """
    from agentstate.store import NEWEST_VERSION  # noqa: PLC0415 - help needs no store
    from agentstate.store.restoring import prepared  # noqa: PLC0415 - as above

    answer = Answer(ctx, report_shapes.RESTORATION, Wanted(output=output or OutputFormat.ID))
    refuse_empty(source, "backup's path")
    refuse_unasked(yes=yes or dry_run)
    run = invocation(ctx)
    with prepared(
        run.location, source, timeout=run.timeout, trust_schema=run.trust_schema
    ) as restoration:
        report = restoration.report
        what = f"{report.path} by {report.source}, which has {render.backups.what_is_in(report)}"
        if (dry_run or not yes) and (users := restoration.used_by()):
            run.note(f"{report.path} is open in {users}: end it first")
        if dry_run:
            run.note(f"would replace {what}")
        else:
            confirm(f"Replace {what}?", yes=yes)
            report = restoration.carry_out(hold_interrupts)
    if answer.is_table:
        answer.table(render.backups.restored(report, width=answer.width))
    else:
        answer.row(vars(report))
    if report.replaced is not None:
        run.note(f"what was there before is kept as {report.replaced}")
    if report.schema_version < NEWEST_VERSION and not dry_run:
        run.note(f"it is at version {report.schema_version}; the next write migrates it")
