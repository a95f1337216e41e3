"""`agentstate export`: conversations as documents."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_branches, complete_files, complete_threads
from agentstate.cli.conversations import Exporter, Wish
from agentstate.cli.document_formats import FOR_PEOPLE, OF_LINES, DocumentFormat
from agentstate.cli.export_files import Writer
from agentstate.cli.inputs import absolute, read_text
from agentstate.cli.invocation import Invocation, invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.printing import is_screen, write_lines
from agentstate.cli.progress import Bar
from agentstate.cli.redacting import Redacting, summary
from agentstate.cli.selectors import find_message_of, find_thread_id, refuse_empty
from agentstate.errors import CorruptStoreError, UsageError
from agentstate.render import report_shapes
from agentstate.render.text import count, json_screen_safe, screen_safe
from agentstate.store import StateStore

_ACTIVE: Final = "active"
_ALL: Final = "all"
_ONE_BRANCH: Final = frozenset({DocumentFormat.MARKDOWN, DocumentFormat.OPENAI})
"""Formats that hold the active branch unless they are told otherwise; the others hold all."""


def export(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    threads: Annotated[
        list[str],
        typer.Argument(
            metavar="THREAD...",
            help="Ids, names, or whatever else names a thread; - reads them from standard input.",
            autocompletion=complete_threads,
        ),
    ],
    to: Annotated[
        DocumentFormat, typer.Option("--to", help="What to make of each.")
    ] = DocumentFormat.MARKDOWN,
    branch: Annotated[
        str | None,
        typer.Option(
            metavar="active|all|MESSAGE",
            help="Which branch: the active one, all, or the one that ends at a message. "
            "Default: active for markdown and openai, all for the others.",
            show_default=False,
            autocompletion=complete_branches,
        ),
    ] = None,
    hidden: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Hidden messages, too: what a program told its model. "
            "json, jsonl and agentstate always hold them.",
        ),
    ] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "-O",
            "--out",
            metavar="FILE|FOLDER/",
            help="Where to write, - for standard output; several threads go into a folder, "
            "with an index page.",
            autocompletion=complete_files,
        ),
    ] = None,
    redact: Annotated[
        bool,
        typer.Option(
            "--redact",
            help="Replace keys, tokens, e-mail addresses and home folders by marks; "
            "needs the extra agentstate[redact].",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    output: options.OutputOfExport = None,
    fields: options.Fields = None,
) -> None:
    """Write conversations as documents, to standard output or to files.

    With -O the paths of the documents are printed; with -o more about them or, without -O,
    the documents themselves as fields.

    Example: agentstate export @last --to html -O talk.html
    """
    if out == "-":
        out = None
    is_plain = output is None and fields is None
    wanted = Wanted(output=output, fields=fields)
    if is_plain and out is not None:
        wanted = Wanted(output=OutputFormat.TSV, fields="path")
    answer = Answer(ctx, report_shapes.EXPORTED, wanted)
    if out is not None:
        refuse_empty(out, "path of -O")
    run = invocation(ctx)
    redacting = Redacting(wanted=redact)
    with run.read() as store:
        ids = list(dict.fromkeys(find_thread_id(store, run, one) for one in _given(threads)))
        wish = _wish(store, run, ids, to, branch, hidden=hidden)
        exporter = Exporter(store, run, wish, redacting)
        writer = Writer(store, exporter, redacting, force=force)
        if not ids:
            run.note("no thread was named; nothing was exported")
        elif out is not None:
            _write(writer, ids, out, answer, run)
        elif is_plain:
            _print(store, exporter, ids)
        else:
            answer.rows(vars(writer.told(thread_id)) for thread_id in ids)
    if redact:
        run.note(summary(redacting.counts))


def _given(threads: Sequence[str]) -> Iterator[str]:
    """Yield selectors; `-` stands for those that standard input has, one a line."""
    for selector in threads:
        if selector == "-":
            yield from filter(None, read_text("-").split("\n"))
        else:
            yield selector


def _wish(  # noqa: PLR0913 - what the options say
    store: StateStore,
    run: Invocation,
    ids: Sequence[str],
    to: DocumentFormat,
    branch: str | None,
    *,
    hidden: bool,
) -> Wish:
    """Return which document the options ask for; raises `UsageError` where they contradict."""
    if branch is not None and branch != _ALL and to is DocumentFormat.AGENTSTATE:
        raise UsageError("a bundle holds all of a thread: --branch does not go with it")
    leaf = None
    if branch not in {None, _ACTIVE, _ALL}:
        if len(ids) != 1:
            raise UsageError("--branch MESSAGE goes with one thread; active and all with any")
        leaf = find_message_of(store, run, ids[0], str(branch))
    is_whole = to not in _ONE_BRANCH if branch is None else branch == _ALL
    for_machines = to not in FOR_PEOPLE and to is not DocumentFormat.OPENAI
    return Wish(format=to, whole=is_whole, leaf=leaf, hidden=hidden or for_machines)


def _print(store: StateStore, exporter: Exporter, ids: Sequence[str]) -> None:
    """Write documents to standard output, several only where they may follow one another."""
    if len(ids) > 1 and exporter.format not in OF_LINES:
        raise UsageError(
            f"{len(ids)} threads need a folder: -O FOLDER/ (only jsonl and openai go without)"
        )
    text_safe = partial(screen_safe, keep_newlines=True)
    safe: Callable[[str], str] = text_safe if exporter.format in FOR_PEOPLE else json_screen_safe
    for thread_id in ids:
        with store.snapshot():
            pieces = exporter.document(exporter.thread(thread_id)).pieces
            write_lines(map(safe, pieces) if is_screen() else pieces, end="")


def _write(writer: Writer, ids: Sequence[str], out: str, answer: Answer, run: Invocation) -> None:
    """Write documents to where `-O` says, and report them."""
    path = Path(absolute(out))
    failures: Sequence[CorruptStoreError] = ()
    if len(ids) > 1 or out.endswith("/") or path.is_dir():
        with Bar(run, "Exporting", len(ids)) as bar:
            done, failures = writer.many(ids, path, bar.advance)
    else:
        done = [writer.one(ids[0], path)]
    answer.rows(vars(one) for one in done)
    messages = sum(one.messages for one in done)
    run.note(f"exported {count(len(done), 'thread')} with {count(messages, 'message')}")
    if failures:
        raise CorruptStoreError(
            f"{len(failures)} of {len(ids)} threads were not exported; the first: {failures[0]}"
        )
