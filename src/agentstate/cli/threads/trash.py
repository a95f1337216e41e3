"""Verbs for what was deleted: bring it back, list it, remove it for good."""

import os
import time
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_deleted, complete_files
from agentstate.cli.confirm import confirm, refuse_unasked
from agentstate.cli.inputs import absolute, age, home_folder
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import ambiguous, described, readable, refuse_empty
from agentstate.cli.threads.showing import present
from agentstate.errors import ThreadNotFoundError, UsageError
from agentstate.render import report_shapes, shapes
from agentstate.render.text import first_line
from agentstate.render.times import to_the_second
from agentstate.reports.trash import TrashEntry
from agentstate.store import StateStore

_FOLDER: Final = 60
"""Cells of a folder in an error, which is one line."""


def undelete(
    ctx: typer.Context,
    thread: Annotated[
        str | None,
        typer.Argument(
            metavar="THREAD",
            help="A deleted thread's id, its name, the start of its id, id:X or name:X.",
            show_default=False,
            autocompletion=complete_deleted,
        ),
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Its bundle, as 'threads trash list' has it. Default: the thread's last.",
            autocompletion=complete_files,
        ),
    ] = None,
    output: options.OutputOfId = None,
) -> None:
    """Bring a deleted thread back, all of it as it was, and print its id.

    Example: agentstate threads undelete t-old
    """
    answer = Answer(ctx, shapes.THREAD, Wanted(output=output or OutputFormat.ID))
    if thread is not None:
        refuse_empty(thread, "thread")
    elif bundle is None:
        raise UsageError("say which: THREAD, or --bundle PATH")
    path = None if bundle is None else os.path.realpath(absolute(bundle))
    with invocation(ctx).write() as store:
        entries = store.trash.list()
        entry = _find(entries, thread or "") if path is None else _at(path, entries, thread)
        thread_id = store.trash.restore(entry)
        restored = readable(store, thread_id)
        if answer.format is OutputFormat.ID or restored is None:
            answer.row({"id": thread_id})
        else:
            present(answer, store, restored)


def _at(path: str, entries: Sequence[TrashEntry], selector: str | None) -> TrashEntry:
    """Return what the trash has at a path; where a thread is named, too, it must be that one."""
    for entry in entries:
        if entry.path == path:
            if selector is not None and not _named([entry], selector):
                raise ThreadNotFoundError(
                    f"{path} is the bundle of {described(entry)}, not of {selector!r}"
                )
            return entry
    raise ThreadNotFoundError(
        f"{path} is no bundle of this store's trash; see agentstate threads trash list"
    )


def _find(entries: Sequence[TrashEntry], selector: str) -> TrashEntry:
    """Return what a selector names, of one id the last deleted."""
    found = _named(entries, selector)
    if not found:
        raise ThreadNotFoundError(
            f"no deleted thread {selector!r}; see agentstate threads trash list"
        )
    newest: dict[str, TrashEntry] = {}
    for entry in found:
        newest.setdefault(entry.id, entry)
    if len(newest) > 1:
        raise ambiguous(f"deleted threads are {selector!r}", map(_candidate, newest.values()))
    return found[0]


def _named(entries: Sequence[TrashEntry], selector: str) -> Sequence[TrashEntry]:
    """Return what a selector may mean: by id, by name, by the start of an id."""
    kind, _, rest = selector.partition(":")
    if kind == "id":
        return [entry for entry in entries if entry.id == rest]
    if kind == "name":
        return [entry for entry in entries if _is_named(entry, rest)]
    return (
        [entry for entry in entries if entry.id == selector]
        or [entry for entry in entries if _is_named(entry, selector)]
        or [entry for entry in entries if entry.id.startswith(selector)]
    )


def _candidate(entry: TrashEntry) -> str:
    """Return what tells a deleted thread from others of its name, for an error."""
    folder = "" if entry.cwd is None else f" in {first_line(entry.cwd, _FOLDER)}"
    return f"{described(entry)} deleted {to_the_second(entry.deleted_at)}{folder}"


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
    then = age(older_than, "--older-than", int(time.time()))
    run = invocation(ctx)
    with run.read() if dry_run else run.write() as store:
        found = [entry for entry in store.trash.list() if then is None or entry.deleted_at <= then]
        what = render.trash.total(found, len(store.trash.broken(then)))
        if not what:
            run.note("nothing to remove")
        elif dry_run:
            run.note(f"would remove {what} for good")
        else:
            confirm(f"Remove {what} for good?", yes=yes)
            found = list(store.trash.empty(then))
            run.note(f"removed {what} for good")
        if dry_run or output is not None:
            _show(answer, store, found)


def _show(answer: Answer, store: StateStore, entries: Sequence[TrashEntry]) -> None:
    if answer.is_table:
        home = home_folder()
        answer.table(render.trash.listing(entries, now=store.now, home=home, width=answer.width))
    else:
        answer.rows(vars(entry) for entry in entries)
