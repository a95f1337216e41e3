"""`agentstate init` and `agentstate info`: the store as a whole."""

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.render import report_shapes


def init(ctx: typer.Context, output: options.OutputOfPath = None) -> None:
    """Create the store, or migrate an old one, and print its path.

    Example: agentstate --db ./state.db init
    """
    answer = Answer(ctx, report_shapes.STORE, Wanted(output=output or OutputFormat.ID))
    with invocation(ctx).write(create=True) as store:
        info = store.info()
    if answer.is_table:
        answer.table(render.store.overview(info, width=answer.width))
    else:
        answer.row(vars(info))


def info(ctx: typer.Context, output: options.Output = None, fields: options.Fields = None) -> None:
    """Say where the store is and which rule chose it; its version, counts and sizes.

    Example: agentstate info --fields path
    """
    answer = Answer(ctx, report_shapes.STORE, Wanted(output=output, fields=fields))
    with invocation(ctx).read() as store:
        about = store.info()
    if answer.is_table:
        answer.table(render.store.overview(about, width=answer.width))
    else:
        answer.row(vars(about))
