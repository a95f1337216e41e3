"""Verbs that only read."""

import time
from collections.abc import Collection, Sequence
from typing import Annotated, Any

import typer

from agentstate import render
from agentstate.cli import completers, options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.inputs import absolute, home_folder, moment
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import find_thread
from agentstate.errors import NotFoundError
from agentstate.records import (
    SessionSource,
    ThreadListFilters,
    ThreadMetadata,
    ThreadSort,
    ThreadStatus,
)
from agentstate.render import shapes
from agentstate.store import StateStore


def list_threads(  # noqa: PLR0913 - one parameter for each filter
    ctx: typer.Context,
    all_threads: Annotated[bool, typer.Option("--all", help="Archived threads too.")] = False,
    archived: Annotated[bool, typer.Option("--archived", help="Archived threads only.")] = False,
    status: Annotated[ThreadStatus | None, typer.Option(help="Only this status.")] = None,
    source: Annotated[SessionSource | None, typer.Option(help="Only begun so.")] = None,
    provider: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Only this model provider.",
            autocompletion=completers.complete_providers,
        ),
    ] = None,
    cwd: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Only of this folder.",
            autocompletion=completers.complete_thread_folders,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="GLOB",
            help="Only names like this, such as 'fix*'.",
            autocompletion=completers.complete_globs,
        ),
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Only this git branch.",
            autocompletion=completers.complete_git_branches,
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Updated then or later, such as 3d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Updated then or earlier.")
    ] = None,
    limit: options.Limit = 50,
    sort: Annotated[ThreadSort, typer.Option(help="The order.")] = ThreadSort.UPDATED,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """List threads, the newest first.

    Example: agentstate threads list --since 3d --status running -o id
    """
    answer = Answer(ctx, shapes.THREADS, Wanted(output=output, fields=fields, null=null, raw=raw))
    now = int(time.time())
    filters = ThreadListFilters(
        include_archived=all_threads,
        archived_only=archived,
        status=status,
        source=source,
        model_provider=provider,
        cwd=None if cwd is None else absolute(cwd),
        name=name,
        git_branch=branch,
        since=moment(since, "--since", now),
        until=moment(until, "--until", now),
        limit=limit or None,
        sort=sort,
    )
    with invocation(ctx).read() as store, store.snapshot():
        found = store.threads.list(filters)
        _show_list(answer, store, found, now)
        if limit:
            total = store.threads.count(filters)
            answer.note_cut(min(limit, total), total)


def _show_list(
    answer: Answer, store: StateStore, found: Sequence[ThreadMetadata], now: int
) -> None:
    sized = answer.is_table or bool({"messages", "branches"}.intersection(answer.fields))
    stats = store.threads.stats([thread.id for thread in found]) if sized else {}
    if answer.is_table:
        short = render.threads.shortened(store.threads.ids())
        answer.table(
            render.threads.listing(
                found, stats, short, now=now, home=home_folder(), width=answer.width
            )
        )
    elif sized:
        answer.rows({**vars(thread), **vars(stats[thread.id])} for thread in found)
    else:
        answer.rows(vars(thread) for thread in found)


def show(
    ctx: typer.Context,
    thread: options.Thread,
    output: options.Output = None,
    fields: options.Fields = None,
    raw: options.Raw = False,
) -> None:
    """Show a thread: its metadata, leaf, counts, checkpoints, goal and tools.

    Example: agentstate threads show @last --fields status
    """
    answer = Answer(ctx, shapes.THREAD, Wanted(output=output, fields=fields, raw=raw, whole=True))
    run = invocation(ctx)
    with run.read() as store:
        present(answer, store, find_thread(store, run, thread))


def present(answer: Answer, store: StateStore, thread: ThreadMetadata) -> None:
    """Show one thread in whatever shape is wanted."""
    if not answer.is_table:
        answer.row({**vars(thread), **_parts(store, thread.id, answer.fields)})
        return
    with store.snapshot():
        leaf = thread.current_leaf_id
        answer.table(
            render.threads.overview(
                thread,
                store.threads.stats([thread.id])[thread.id],
                leaf=store.messages.get(leaf, raw_json=True) if leaf else None,
                checkpoints=store.checkpoints.count(thread.id),
                goal=store.goals.get(thread.id),
                tools=store.tools.list(thread.id, raw_json=True),
                imported=store.imports.get(thread.id),
                now=store.now,
                width=answer.width,
            )
        )


def _parts(store: StateStore, thread_id: str, fields: Collection[str]) -> dict[str, Any]:
    """Return what belongs to a thread, as far as these fields ask for it."""
    found: dict[str, Any] = {}
    with store.snapshot():
        if not {"messages", "branches"}.isdisjoint(fields):
            found |= vars(store.threads.stats([thread_id])[thread_id])
        if "checkpoints" in fields:
            found["checkpoints"] = store.checkpoints.count(thread_id)
        if "goal" in fields:
            found["goal"] = store.goals.get(thread_id)
        if "tools" in fields:
            found["tools"] = store.tools.list(thread_id, raw_json=True)
        if "imported" in fields:
            found["imported"] = store.imports.get(thread_id)
    return found


def path(
    ctx: typer.Context,
    thread: options.Thread,
    output: options.Output = None,
    raw: options.Raw = False,
) -> None:
    """Print the path of a thread's rollout file.

    Example: less "$(agentstate threads path @last)"
    """
    show_field(ctx, thread, "rollout_path", output, raw=raw)


def show_field(
    ctx: typer.Context,
    selector: str,
    field: str,
    output: OutputFormat | None,
    *,
    raw: bool = False,
) -> None:
    """Print one field of a thread; raises `NotFoundError` where it has none."""
    answer = Answer(ctx, shapes.THREAD, Wanted(output=output, fields=field, raw=raw))
    run = invocation(ctx)
    with run.read() as store:
        thread = find_thread(store, run, selector)
    if getattr(thread, field) is None:
        raise NotFoundError(f"thread {thread.id!r} has no {field.replace('_', ' ')}")
    answer.row(vars(thread))
