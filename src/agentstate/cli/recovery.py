"""`agentstate recover`: what can be read of a damaged store, in a fresh one."""

from typing import Annotated

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_files
from agentstate.cli.inputs import destination
from agentstate.cli.invocation import hold_interrupts, invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.printing import is_screen
from agentstate.cli.selectors import refuse_empty
from agentstate.errors import CorruptStoreError
from agentstate.render import report_shapes


def recover(
    ctx: typer.Context,
    out: Annotated[
        str,
        typer.Argument(
            metavar="OUT",
            help="The store to make, which must not exist, or its folder: one that exists, or a "
            "path that ends in /.",
            autocompletion=complete_files,
        ),
    ],
    output: options.OutputOfRecovery = None,
) -> None:
    """Save what can be read of a damaged store into a fresh one; exit 6 where rows are lost.

    The damaged store is only read, and stays as it is; stop the program that uses it first.

    Example: agentstate --db ./state.db recover ./rescued/
    """
    from agentstate.store.recovery import recover as save  # noqa: PLC0415 - help needs no store

    wanted = output if output or is_screen() else OutputFormat.ID
    answer = Answer(ctx, report_shapes.RECOVERY, Wanted(output=wanted))
    refuse_empty(out, "new store's path")
    run = invocation(ctx)
    done = save(run.location, destination(out), before_commit=hold_interrupts)
    if answer.is_table:
        answer.table(render.recovery.overview(done, width=answer.width))
    else:
        answer.row(vars(done))
        for line in render.recovery.tables(done):
            run.note(line)
    run.note(f"{render.recovery.summary(done)}; next: agentstate --db {done.path} doctor --fix")
    if done.index_path is None:
        run.note(f"there is no session index; agentstate --db {done.path} index rebuild makes it")
    if done.lost:
        raise typer.Exit(CorruptStoreError.exit_code)
