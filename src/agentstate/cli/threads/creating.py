"""Verbs that make a thread."""

from typing import Annotated

import typer

from agentstate.cli import options
from agentstate.cli import thread_columns as columns
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_names
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import refuse_empty
from agentstate.cli.threads.showing import present
from agentstate.records import ThreadMetadata
from agentstate.render import shapes


def create(  # noqa: PLR0913 - one parameter for each column
    ctx: typer.Context,
    thread_id: Annotated[
        str | None,
        typer.Option("--id", metavar="TEXT", help="Its id; by default a new random one."),
    ] = None,
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
    output: options.OutputOfId = None,
) -> None:
    """Create a thread and print its id. Its folder is the current one unless --cwd names it.

    Example: agentstate threads create --name "Fix the lexer" --cwd ~/src/app
    """
    answer = Answer(ctx, shapes.THREAD, Wanted(output=output or OutputFormat.ID))
    given = columns.given(
        name=name,
        cwd=cwd or ".",
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
    with invocation(ctx).write(create=True) as store:
        now = store.now
        thread = ThreadMetadata(
            id=store.new_id() if thread_id is None else thread_id,
            created_at=now,
            updated_at=now,
            **given,
        )
        store.threads.create(thread)
        present(answer, store, thread)


def ensure(  # noqa: PLR0913 - one parameter for each column
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="The thread's name.", autocompletion=complete_names),
    ],
    cwd: columns.Cwd = None,
    preview: columns.Preview = None,
    provider: columns.Provider = None,
    source: columns.Source = None,
    output: options.OutputOfId = None,
) -> None:
    """Find the thread of that name, or create it with these columns, and print its id.

    Example: t=$(agentstate threads ensure nightly --cwd ~/src/app)
    """
    answer = Answer(ctx, shapes.THREAD, Wanted(output=output or OutputFormat.ID))
    refuse_empty(name, "name")
    given = columns.given(
        name=name, cwd=cwd or ".", preview=preview, model_provider=provider, source=source
    )
    with invocation(ctx).write(create=True) as store:
        present(answer, store, store.threads.ensure(**given))
