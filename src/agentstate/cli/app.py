"""The program: its nouns and commands, and the options that stand before them."""

from typing import Annotated

import typer
from typer.main import get_group

from agentstate.cli.commands import COMMANDS
from agentstate.cli.completers import complete_files
from agentstate.cli.groups import Group
from agentstate.cli.inputs import current_folder
from agentstate.cli.invocation import DEFAULT_TIMEOUT, ColorChoice, Invocation
from agentstate.errors import UsageError


def _print_version(ctx: typer.Context, value: bool) -> None:  # noqa: FBT001 - the signature is Typer's
    if value and not ctx.resilient_parsing:
        from agentstate._version import __version__  # noqa: PLC0415 - only when asked for
        from agentstate.cli.printing import write_line  # noqa: PLC0415 - as above

        write_line(f"agentstate {__version__}")
        raise typer.Exit


def _options(  # noqa: PLR0913 - Typer makes an option of each
    ctx: typer.Context,
    db: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|URL",
            help="The store. Default: $AGENTSTATE_DB, $CODEWHALE_HOME/state.db, "
            "~/.codewhale/state.db, ~/.deepseek/state.db.",
            show_default=False,
            autocompletion=complete_files,
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for a lock.")
    ] = DEFAULT_TIMEOUT,
    color: Annotated[
        ColorChoice, typer.Option(help="Whether to colour what people look at.")
    ] = ColorChoice.AUTO,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print no notes; errors are still printed.")
    ] = False,
    trust_schema: Annotated[
        bool,
        typer.Option(
            "--trust-schema", help="Write a store that has triggers, views or keys of its own."
        ),
    ] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Manage AI-agent conversations kept in a state.db file.

    A THREAD is an id, a name, the start of an id, @last or @cwd; a MESSAGE is an id, THREAD@leaf
    or THREAD~N. In a pipe lists are TSV; -o json, jsonl, tsv, id and table are everywhere.

    Example: agentstate threads list
    """
    if timeout != timeout:  # noqa: PLR0124 - only NaN differs from itself, and no wait would end
        raise UsageError("--timeout takes seconds, not nan")
    ctx.obj = Invocation(
        db=db,
        timeout=timeout,
        color=color,
        quiet=quiet,
        folder=current_folder,
        trust_schema=trust_schema,
    )


def program() -> Group:
    """Return the program as a command that can be run, asked for help, and completed."""
    app = typer.Typer(
        cls=Group,
        context_settings={"help_option_names": ["-h", "--help"]},
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    group = get_group(app)
    if not isinstance(group, Group):
        raise TypeError("Typer made a group of another class")
    return group.add_all(COMMANDS)
