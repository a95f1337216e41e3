"""Verbs for what was deleted: bring it back, list it, remove it for good."""

import os
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_deleted, complete_files
from agentstate.cli.confirm import confirm, refuse_unasked
from agentstate.cli.inputs import absolute, moment
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import readable, refuse_empty
from agentstate.cli.threads.showing import present
from agentstate.errors import AmbiguousError, ThreadNotFoundError
from agentstate.render import report_shapes, shapes
from agentstate.render.sizes import size
from agentstate.render.text import count, first_line
from agentstate.reports import TrashEntry
from agentstate.store import StateStore

_CANDIDATES: Final = 10
_NAME: Final = 60
"""How many an error lists, and cells of a name in it."""


def undelete(
    ctx: typer.Context,
    thread: Annotated[
        str,
        typer.Argument(
            metavar="THREAD",
            help="A deleted thread's id, its name, the start of its id, id:X or name:X.",
            autocompletion=complete_deleted,
        ),
    ],
    bundle: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Which of its bundles, as 'threads trash list' has it. Default: the last.",
            autocompletion=complete_files,
        ),
    ] = None,
    output: options.Output = None,
) -> None:
    """Bring a deleted thread back, all of it as it was, and print its id.

    Example: agentstate threads undelete t-old
    """
    answer = Answer(ctx, shapes.THREAD, Wanted(output=output or OutputFormat.ID))
    path = None if bundle is None else os.path.realpath(absolute(bundle))
    with invocation(ctx).write() as store:
        found = [entry for entry in store.trash.list() if path in {None, entry.path}]
        thread_id = store.trash.restore(_find(found, thread))
        restored = readable(store, thread_id)
        if answer.format is OutputFormat.ID or restored is None:
            answer.row({"id": thread_id})
        else:
            present(answer, store, restored)


def _find(entries: Sequence[TrashEntry], selector: str) -> TrashEntry:
    """Return what a selector names: by id, by name, by the start of an id; the last deleted."""
    refuse_empty(selector, "thread")
    kind, _, rest = selector.partition(":")
    if kind == "id":
        found = [entry for entry in entries if entry.id == rest]
    elif kind == "name":
        found = [entry for entry in entries if _is_named(entry, rest)]
    else:
        found = (
            [entry for entry in entries if entry.id == selector]
            or [entry for entry in entries if _is_named(entry, selector)]
            or [entry for entry in entries if entry.id.startswith(selector)]
        )
    if not found:
        raise ThreadNotFoundError(
            f"no deleted thread {selector!r}; see agentstate threads trash list"
        )
    candidates: dict[str, str | None] = {}
    for entry in found:
        candidates.setdefault(entry.id, entry.name)
    if len(candidates) > 1:
        listed = ", ".join(
            f"{thread_id} ({first_line(name, _NAME)})" if name else thread_id
            for thread_id, name in list(candidates.items())[:_CANDIDATES]
        )
        more = ", …" if len(candidates) > _CANDIDATES else ""
        raise AmbiguousError(f"several deleted threads are {selector!r}: {listed}{more}")
    return found[0]


def _is_named(entry: TrashEntry, name: str) -> bool:
    """Compare names without ASCII case; bytes know no other."""
    return entry.name is not None and _folded(entry.name) == _folded(name)


def _folded(name: str) -> bytes:
    return name.encode(errors="surrogatepass").lower()


def list_trash(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    limit: options.Limit = 0,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """List the deleted threads that can be brought back, the last deleted first.

    Example: agentstate threads trash list
    """
    wanted = Wanted(output=output, fields=fields, null=null, raw=raw)
    answer = Answer(ctx, report_shapes.TRASH, wanted)
    with invocation(ctx).read() as store:
        entries = store.trash.list()
        found = entries[: limit or None]
        _show(answer, store, found)
    answer.note_cut(len(found), len(entries))


def empty(
    ctx: typer.Context,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Only what was deleted as long ago, such as 7d."),
    ] = None,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    output: options.Output = None,
) -> None:
    """Remove deleted threads for good; nothing brings them back then.

    Example: agentstate threads trash empty --older-than 7d --yes
    """
    answer = Answer(ctx, report_shapes.TRASH, Wanted(output=output))
    refuse_unasked(yes=yes or dry_run)
    run = invocation(ctx)
    with run.read() if dry_run else run.write() as store:
        then = moment(older_than, "--older-than", store.now)
        found = [entry for entry in store.trash.list() if then is None or entry.deleted_at <= then]
        if dry_run:
            run.note(f"would remove {_total(found)} for good")
        else:
            confirm(f"Remove {_total(found)} for good?", yes=yes)
            found = list(store.trash.empty(then))
            run.note(f"removed {_total(found)} for good")
        if dry_run or output is not None:
            _show(answer, store, found)


def _total(entries: Sequence[TrashEntry]) -> str:
    taken = size(sum(entry.size for entry in entries))
    return f"{count(len(entries), 'deleted thread')} ({taken})"


def _show(answer: Answer, store: StateStore, entries: Sequence[TrashEntry]) -> None:
    if answer.is_table:
        answer.table(render.trash.listing(entries, now=store.now, width=answer.width))
    else:
        answer.rows(vars(entry) for entry in entries)
