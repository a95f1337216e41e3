"""`agentstate vacuum`: give free pages back to the file system."""

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.invocation import invocation
from agentstate.render import report_shapes


def vacuum(ctx: typer.Context, output: options.Output = None) -> None:
    """Give the space of what was deleted back to the file system, and say how much it was.

    Example: agentstate vacuum
    """
    answer = Answer(ctx, report_shapes.VACUUM, Wanted(output=output))
    with invocation(ctx).write() as store:
        done = store.vacuum()
    if answer.is_table:
        answer.table(render.backups.vacuumed(done, width=answer.width))
    else:
        answer.row(vars(done))
