"""`agentstate doctor`: look a store over, and mend it."""

from typing import Annotated

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.invocation import Invocation, hold_interrupts, invocation
from agentstate.cli.options import OutputFormat
from agentstate.errors import CorruptStoreError
from agentstate.render import report_shapes
from agentstate.reports.doctor import DoctorReport


def doctor(
    ctx: typer.Context,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended, after a backup.")
    ] = False,
    dry_run: options.DryRun = False,
    output: options.Output = None,
    fields: options.Fields = None,
) -> None:
    """Look for damage in the file, the tree and the index.

    Exit 6 while an error or a warning is left; with notes alone a store is healthy.

    Example: agentstate doctor --fix
    """
    whole = output is OutputFormat.JSON
    shape = report_shapes.DIAGNOSIS if whole else report_shapes.FINDINGS
    answer = Answer(ctx, shape, Wanted(output=output, fields=fields))
    run = invocation(ctx)
    report = _report(run, fix=fix and not dry_run)
    if report.backup is not None:
        run.note(f"the store as it was is kept in {report.backup}")
    elif fix and not dry_run and not report.healthy:
        run.note(render.doctor.untouched(report))
    if whole:
        answer.row(vars(report))
    elif answer.is_table:
        answer.table(render.doctor.diagnosis(report, width=answer.width))
    else:
        answer.rows(vars(finding) for finding in report.findings)
    if not report.healthy:
        raise typer.Exit(CorruptStoreError.exit_code)


def _report(run: Invocation, *, fix: bool) -> DoctorReport:
    from agentstate.store import doctor as doctors  # noqa: PLC0415 - help needs no store

    if fix:
        return doctors.repair(
            run.location,
            timeout=run.timeout,
            trust_schema=run.trust_schema,
            before_commit=hold_interrupts,
        )
    return doctors.examine(run.location, timeout=run.timeout, trust_schema=run.trust_schema)
