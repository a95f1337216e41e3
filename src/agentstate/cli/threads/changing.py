"""Verbs that change a thread."""

from collections.abc import Callable
from typing import Annotated

import typer

from agentstate.cli import options
from agentstate.cli import thread_columns as columns
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_memory_modes
from agentstate.cli.inputs import utf8
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import find_thread_id, readable
from agentstate.cli.threads.showing import present, show_field
from agentstate.errors import UsageError
from agentstate.render import shapes
from agentstate.store import StateStore


def update(  # noqa: PLR0913 - one parameter for each column
    ctx: typer.Context,
    thread: options.Thread,
    name: columns.Name = None,
    cwd: columns.Cwd = None,
    preview: columns.Preview = None,
    provider: columns.Provider = None,
    status: columns.Status = None,
    source: columns.Source = None,
    rollout_path: columns.RolloutPath = None,
    path: columns.ThreadPath = None,
    cli_version: columns.CliVersion = None,
    sandbox_policy: columns.Sandbox = None,
    approval_mode: columns.Approval = None,
    git_sha: columns.Sha = None,
    git_branch: columns.Branch = None,
    git_origin_url: columns.Origin = None,
    ephemeral: columns.Ephemeral = None,
    output: options.Output = None,
) -> None:
    """Set the named columns of a thread and leave the rest as it is.

    Example: agentstate threads update @last --status completed
    """
    given = columns.given(
        name=name,
        cwd=cwd,
        preview=preview,
        model_provider=provider,
        status=status,
        source=source,
        rollout_path=rollout_path,
        path=path,
        cli_version=cli_version,
        sandbox_policy=sandbox_policy,
        approval_mode=approval_mode,
        git_sha=git_sha,
        git_branch=git_branch,
        git_origin_url=git_origin_url,
        ephemeral=ephemeral,
    )
    if given.get("name") == "":
        given["name"] = None
    if not given:
        raise UsageError("name at least one column to update, such as --status idle")
    _change(ctx, thread, output, lambda store, thread_id: store.threads.update(thread_id, **given))


def rename(
    ctx: typer.Context,
    thread: options.Thread,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name; '' for none.")],
    output: options.Output = None,
) -> None:
    """Give a thread another name.

    Example: agentstate threads rename @last "Fix the lexer"
    """
    new = utf8(name, "the name") or None
    _change(ctx, thread, output, lambda store, thread_id: store.threads.rename(thread_id, new))


def archive(ctx: typer.Context, thread: options.Thread, output: options.Output = None) -> None:
    """Archive a thread: lists leave it out unless asked.

    Example: agentstate threads archive "Fix the lexer"
    """
    _change(ctx, thread, output, lambda store, thread_id: store.threads.archive(thread_id))


def unarchive(ctx: typer.Context, thread: options.Thread, output: options.Output = None) -> None:
    """Take a thread out of the archive.

    Example: agentstate threads unarchive "Fix the lexer"
    """
    _change(ctx, thread, output, lambda store, thread_id: store.threads.unarchive(thread_id))


def _change(
    ctx: typer.Context,
    selector: str,
    output: OutputFormat | None,
    change: Callable[[StateStore, str], None],
) -> None:
    """Change one thread; print it only where `-o` asks for it."""
    answer = Answer(ctx, shapes.THREAD, Wanted(output=output))
    run = invocation(ctx)
    with run.write() as store:
        thread_id = find_thread_id(store, run, selector)
        change(store, thread_id)
        changed = readable(store, thread_id) if output is not None else None
        if changed is not None:
            present(answer, store, changed)


def memory(
    ctx: typer.Context,
    thread: options.Thread,
    mode: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODE]",
            help="The mode to set; none to print it.",
            autocompletion=complete_memory_modes,
        ),
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Remove the mode.")] = False,
    output: options.Output = None,
) -> None:
    """Print a thread's memory mode, or set it.

    Example: agentstate threads memory @last enabled
    """
    if mode is not None and unset:
        raise UsageError("give a MODE or --unset, not both")
    if mode is not None or unset:
        new = None if mode is None else utf8(mode, "the mode")
        _change(
            ctx,
            thread,
            output,
            lambda store, thread_id: store.threads.set_memory_mode(thread_id, new),
        )
        return
    show_field(ctx, thread, "memory_mode", output)
