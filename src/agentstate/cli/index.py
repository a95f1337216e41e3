"""`agentstate index`: look names up in session_index.jsonl, check it, compact it, rebuild it."""

from dataclasses import replace
from typing import Annotated, Final

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_names, complete_thread_ids
from agentstate.cli.invocation import invocation
from agentstate.cli.printing import write_lines
from agentstate.cli.selectors import refuse_empty
from agentstate.errors import CorruptStoreError, NotFoundError
from agentstate.render import report_shapes, shapes
from agentstate.render.text import count, screen_safe

_CORRUPT: Final = CorruptStoreError.exit_code


def list_entries(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    limit: options.Limit = 0,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """List the newest line of each thread, in the order of the file.

    Example: agentstate index list -o json
    """
    answer = Answer(ctx, shapes.INDEX, Wanted(output=output, fields=fields, null=null, raw=raw))
    with invocation(ctx).read() as store:
        entries = store.index.list()
        now = store.now
    found = entries[-limit:] if limit else entries
    if answer.is_table:
        answer.table(render.index.listing(found, now=now, width=answer.width))
    else:
        answer.rows(vars(entry) for entry in found)
    answer.note_cut(len(found), len(entries))


def name(
    ctx: typer.Context,
    thread: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A thread's full id: it need not be in the store.",
            autocompletion=complete_thread_ids,
        ),
    ],
    output: options.Output = None,
    raw: options.Raw = False,
) -> None:
    """Print the name that the index has for a thread id.

    Example: agentstate index name 0199a213-81c0-7800-8aa1-bbab2a035a53
    """
    answer = Answer(ctx, shapes.INDEX, Wanted(output=output, fields="thread_name", raw=raw))
    refuse_empty(thread, "thread")
    with invocation(ctx).read() as store:
        found = store.index.name_of(thread)
    if found is None:
        raise NotFoundError(f"the index has no name for thread {thread!r}")
    answer.row({"thread_id": thread, "thread_name": found})


def path(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A thread's name.", autocompletion=complete_names),
    ],
    output: options.Output = None,
    raw: options.Raw = False,
) -> None:
    """Print the rollout path of the newest thread of that name.

    Example: agentstate index path "Fix the lexer"
    """
    # A path is looked up without its thread, so it stands for itself where ids are asked for.
    shape = replace(shapes.INDEX, id="rollout_path")
    answer = Answer(ctx, shape, Wanted(output=output, fields="rollout_path", raw=raw))
    refuse_empty(name, "name")
    with invocation(ctx).read() as store:
        found = store.index.path_of_name(name)
    if found is None:
        raise NotFoundError(f"the index has no path for the name {name!r}")
    answer.row({"rollout_path": found})


def check(
    ctx: typer.Context,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 6 for differences from the store, too.")
    ] = False,
    output: options.Output = None,
    fields: options.Fields = None,
) -> None:
    """Compare the index with the store; exit 6 when a line cannot be parsed.

    Example: agentstate index check --strict
    """
    answer = Answer(ctx, report_shapes.INDEX_CHECK, Wanted(output=output, fields=fields))
    with invocation(ctx).read() as store:
        found = store.index.check()
    differences = len(found.ghosts) + len(found.drifted) + len(found.missing)
    if answer.is_table or (output is None and fields is None):
        write_lines(screen_safe(line) for line in render.index.check_findings(found))
        write_lines([render.index.check_summary(found)])
    else:
        answer.row({**vars(found), "differences": differences})
    if found.bad_lines or (strict and differences):
        raise typer.Exit(_CORRUPT)


def compact(ctx: typer.Context, output: options.Output = None) -> None:
    """Keep only the newest line of each thread. Lines that cannot be parsed are kept.

    Example: agentstate index compact
    """
    answer = Answer(ctx, report_shapes.INDEX_COMPACTION, Wanted(output=output))
    run = invocation(ctx)
    with run.write() as store:
        done = store.index.compact()
    run.note(
        f"{count(done.lines_before, 'line')} became {done.lines_after}, "
        f"{count(done.bytes_before, 'byte')} became {done.bytes_after}"
    )
    if output is not None:
        answer.row(vars(done))


def rebuild(
    ctx: typer.Context,
    dry_run: options.DryRun = False,
    output: options.Output = None,
) -> None:
    """Write the index anew from the store, one line a thread; the old file stays as .bak.

    Example: agentstate index rebuild --dry-run
    """
    answer = Answer(ctx, report_shapes.INDEX_REBUILD, Wanted(output=output))
    run = invocation(ctx)
    with run.read() if dry_run else run.write() as store:
        done = store.index.rebuild(dry_run=dry_run)
    if output is not None and not answer.is_table:
        answer.row(vars(done))
        return
    write_lines(screen_safe(line) for line in render.index.rebuild_differences(done))
    run.note(
        f"{'would write' if dry_run else 'wrote'} {count(done.entries, 'line')}"
        + (f"; the old file is {done.backup}" if done.backup else "")
    )
