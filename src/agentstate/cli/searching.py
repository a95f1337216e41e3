"""`agentstate search`: find messages by what they say, on every branch of every thread."""

import time
from contextlib import ExitStack
from typing import Annotated, Final, Self

import typer

from agentstate import render
from agentstate.cli import completers, options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.inputs import absolute, moment
from agentstate.cli.invocation import Invocation, invocation
from agentstate.cli.progress import Bar
from agentstate.cli.selectors import find_thread_id
from agentstate.errors import UsageError
from agentstate.records import SessionSource
from agentstate.render import report_shapes
from agentstate.reports.search import SearchFilters

_LIMIT: Final = 20


def search(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    query: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY...",
            help='Words, "a phrase", AND, OR, NOT or -word, and (brackets).',
        ),
    ],
    thread: Annotated[
        str | None,
        typer.Option(
            metavar="THREAD",
            help="Only this thread.",
            autocompletion=completers.complete_threads,
        ),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Only messages of this role; may be repeated.",
            autocompletion=completers.complete_roles,
        ),
    ] = None,
    source: Annotated[SessionSource | None, typer.Option(help="Only threads begun so.")] = None,
    cwd: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Only threads of this folder.",
            autocompletion=completers.complete_thread_folders,
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Written then or later, such as 3d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Written then or earlier.")
    ] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Only what is on its thread's active branch.")
    ] = False,
    all_messages: Annotated[
        bool, typer.Option("--all", help="Hidden messages of imported threads, too.")
    ] = False,
    regex: Annotated[
        bool,
        typer.Option("--regex", help="QUERY is a regular expression; every message is read."),
    ] = False,
    scan: Annotated[
        bool, typer.Option("--scan", help="Read every message instead of using the index.")
    ] = False,
    limit: options.Limit = _LIMIT,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """Find messages by what they say, on every branch of every thread, the best first.

    Words stand for their letters anywhere in a message, whatever their case.

    Example: agentstate search '"last token" lexer -test' --role user --since 30d
    """
    answer = Answer(
        ctx, report_shapes.SEARCH, Wanted(output=output, fields=fields, null=null, raw=raw)
    )
    if active and all_messages:
        raise UsageError("--active or --all, not both")
    run = invocation(ctx)
    now = int(time.time())
    folder = None if cwd is None else absolute(cwd)
    begin, end = moment(since, "--since", now), moment(until, "--until", now)
    with run.read() as store:
        filters = SearchFilters(
            thread_id=None if thread is None else find_thread_id(store, run, thread),
            roles=tuple(role or ()),
            source=source,
            cwd=folder,
            since=begin,
            until=end,
            active_only=active,
            include_hidden=all_messages,
        )
        with _Bars(run) as bars:
            found = store.search.find(
                " ".join(query),
                filters,
                regex=regex,
                limit=limit or None,
                scan=scan,
                progress=bars.show,
            )
    if found.scanned is not None:
        run.note(f"{found.scanned}")
    if answer.is_table:
        answer.table(render.search.listing(found.hits, now=now, width=answer.width))
    else:
        answer.rows(vars(hit) for hit in found.hits)
    if not found.hits:
        run.note("nothing was found")
    elif found.complete:
        answer.note_cut(len(found.hits), found.matches)
    elif len(found.hits) == found.matches:
        run.note(f"the newest {found.matches} hits; --limit 0 for all")
    else:
        run.note(
            f"the {len(found.hits)} best of the newest {found.matches} hits, which were ranked; "
            "--limit 0 for all"
        )


class _Bars:
    """A progress bar for each part of the work on the index, none where it is quick."""

    def __init__(self, run: Invocation) -> None:
        self._run = run
        self._bars = ExitStack()
        self._bar: Bar | None = None
        self._what = ""
        self._done = 0

    def show(self, what: str, done: int, goal: int) -> None:
        """Say what is being done, how far it is and how far it goes."""
        if self._bar is None or what != self._what:
            self._bars.close()
            self._bar = self._bars.enter_context(Bar(self._run, what, goal))
            self._what, self._done = what, 0
        self._bar.advance(done - self._done)
        self._done = done

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar off the screen."""
        self._bars.close()
