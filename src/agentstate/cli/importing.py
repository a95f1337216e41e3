"""`agentstate import`: conversations of other agent programs, brought into the store."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.completers import complete_files
from agentstate.cli.inputs import home_folder, moment, utf8
from agentstate.cli.invocation import (
    Invocation,
    invocation,
    is_interrupted,
    release_interrupts,
)
from agentstate.cli.options import OutputFormat
from agentstate.cli.printing import is_screen
from agentstate.cli.progress import Bar
from agentstate.errors import (
    AgentStateError,
    BadInputError,
    ConflictError,
    StoreNotFoundError,
    UsageError,
)
from agentstate.filesystem import size_of
from agentstate.formats.files import Found, files_of
from agentstate.formats.files import discover as discover_files
from agentstate.formats.registry import FORMATS
from agentstate.formats.source import HEAD, Source
from agentstate.render import report_shapes
from agentstate.render.text import count
from agentstate.reports.imports import ImportedFile
from agentstate.store.imports.files import (
    ALL_FORMATS,
    BUNDLE,
    ImportChoices,
    Target,
    import_sources,
    is_bundle,
    is_known,
    report_of,
    sessions_in,
)
from agentstate.store.imports.nowhere import Closed, Nowhere

_AUTO: Final = "auto"


def complete_formats(incomplete: str) -> list[tuple[str, str]]:
    """Offer the formats."""
    return [(name, "") for name in (_AUTO, *ALL_FORMATS) if name.startswith(incomplete)]


def import_(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...",
            help="Files, folders, patterns, or - for standard input.",
            autocompletion=complete_files,
            show_default=False,
        ),
    ] = None,
    discover: Annotated[
        bool, typer.Option("--discover", help="All known places on this machine.")
    ] = False,
    format_name: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help=f"{_AUTO}, or one of {', '.join(ALL_FORMATS)}.",
            autocompletion=complete_formats,
        ),
    ] = _AUTO,
    name: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The thread's name, where the source holds one session."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only sessions that changed since, such as 30d."),
    ] = None,
    remap_path: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW",
            help="Put NEW for OLD where a path begins so; may be repeated.",
        ),
    ] = None,
    keep_images: Annotated[
        bool, typer.Option("--keep-images", help="Keep large images in the records.")
    ] = False,
    new_ids: Annotated[
        bool, typer.Option("--new-ids", help="Give what a bundle holds new ids.")
    ] = False,
    dry_run: options.DryRun = False,
    output: options.OutputOfIds = None,
    fields: options.Fields = None,
    null: options.Nul = False,
) -> None:
    """Import conversations of other agent programs as trees; again adds only what is new.

    Prints the id of each thread.

    Example: agentstate import ~/.claude/projects --since 30d
    """
    shown = output or (None if null or fields or is_screen() else OutputFormat.ID)
    shape = report_shapes.IMPORT if shown is OutputFormat.JSON else report_shapes.IMPORTED
    answer = Answer(ctx, shape, Wanted(output=shown, fields=fields, null=null))
    run = invocation(ctx)
    choices = ImportChoices(
        format=_format(format_name),
        name=None if name is None else utf8(name, "--name"),
        since=moment(since, "--since", int(time.time())),
        remap=tuple(map(_remap, remap_path or ())),
        keep_images=keep_images,
        new_ids=new_ids,
        dry_run=dry_run,
    )
    if bool(paths) == discover:
        both = ", not both" if discover else ""
        raise UsageError(f"give PATHs, or --discover for all known places{both}")
    found = list(_discovered(run, choices) if discover else _named(paths or [], choices))
    named = {str(one.path) for one in found if one.named}
    files: list[ImportedFile] = []
    with ExitStack() as stack:
        sources = [_source(one, choices, stack) for one in found]
        if name is not None:
            _require_one_session(sources, choices)
        try:
            for file in _import(run, sources, choices):
                if file.path in named or _is_told(file):
                    files.append(file)  # noqa: PERF401 - what has come is told where it ends early
        except (AgentStateError, KeyboardInterrupt):
            if files:
                _report(answer, run, files, dry_run=dry_run)
            raise
    _report(answer, run, files, dry_run=dry_run)
    if conflicts := [file for file in files if file.conflict]:
        raise ConflictError(f"{count(len(conflicts), 'bundle')} met what is there already")
    if failed := [file for file in files if file.error is not None and file.path in named]:
        raise BadInputError(f"nothing came of {count(len(failed), 'file')}: {failed[0].path}")


def _is_told(file: ImportedFile) -> bool:
    """Tell whether a file of a folder is reported: others there are of other programs."""
    told = file.error is None or file.unread or file.notes
    return bool(told) or file.format == BUNDLE


def _format(name: str) -> str | None:
    if name == _AUTO:
        return None
    if name not in ALL_FORMATS:
        known = ", ".join((_AUTO, *ALL_FORMATS))
        raise UsageError(f"there is no format {name!r}; there are {known}")
    return name


def _remap(given: str) -> tuple[str, str]:
    old, sign, new = given.partition("=")
    if not sign or not old or not new:
        raise UsageError(f"--remap-path takes OLD=NEW, not {given!r}")
    return utf8(old, "--remap-path"), utf8(new, "--remap-path")


def _named(paths: list[str], choices: ImportChoices) -> Iterator[Found]:
    """Yield the files that are to be read; `-` is standard input."""
    names = [choices.format] if choices.format in FORMATS else FORMATS
    for path in paths:
        if not path:
            raise UsageError("a PATH is empty; . is the current folder")
    return files_of(paths, names)


def _discovered(run: Invocation, choices: ImportChoices) -> Iterator[Found]:
    """List the files of all known places, then yield them."""
    if choices.format == BUNDLE:
        raise UsageError("bundles have no known place; give PATHs")
    names = [choices.format] if choices.format else FORMATS
    places = discover_files(os.environ, Path(home_folder()), names)
    for line in render.imports.places(
        {name: [size_of(path) for path in paths] for name, paths in places.items()}
    ):
        run.note(line)
    if not places:
        run.note("nothing was found in the places that are known")
    return (Found(path, named=False) for paths in places.values() for path in paths)


def _source(found: Found, choices: ImportChoices, stack: ExitStack) -> Source:
    """Return a file as a source; what can be read only once is kept in a temporary file."""
    name = str(found.path)
    try:
        if name == "-":
            return _kept("-", sys.stdin.buffer, choices, stack)
        if found.path.exists() and not found.path.is_file():
            with found.path.open("rb") as pipe:
                return _kept(name, pipe, choices, stack)
        return Source.of_file(found.path)
    except OSError:
        # Whoever opens it meets the error again, and says so.
        return Source(name, lambda: found.path.open("rb", buffering=0), 0)


def _kept(name: str, pipe: BinaryIO, choices: ImportChoices, stack: ExitStack) -> Source:
    import shutil  # noqa: PLC0415 - a pipe only
    import tempfile  # noqa: PLC0415 - as above

    kept = stack.enter_context(tempfile.NamedTemporaryFile())  # noqa: SIM115 - the stack closes it
    path = Path(kept.name)
    source = Source(name, lambda: path.open("rb", buffering=0), int(time.time()))
    kept.write(pipe.read(HEAD))
    kept.flush()
    # What is of no known format is not read to its end, which may never come.
    if is_known(source, choices):
        shutil.copyfileobj(pipe, kept)
        kept.flush()
    return source


def _require_one_session(sources: list[Source], choices: ImportChoices) -> None:
    """Refuse `--name` for several sessions, which cannot all be called so."""
    number = 0
    for source in sources:
        with suppress(OSError):
            if is_bundle(source, choices):
                raise UsageError("--name is not for bundles; threads rename names a thread")
        number += sessions_in(source, choices)
        if number > 1:
            raise UsageError("--name is for one session, and there are several")


def _import(
    run: Invocation, sources: list[Source], choices: ImportChoices
) -> Iterator[ImportedFile]:
    """Yield what came of each source, while a bar shows how far it is."""
    if not any(is_known(source, choices) for source in sources):
        # No store is made for them; each says what is the matter with it.
        yield from import_sources(Closed(), sources, choices)
        return
    sizes = [source.size for source in sources]
    with (
        _imports(run, dry_run=choices.dry_run) as imports,
        Bar(run, "Importing", sum(sizes)) as bar,
    ):
        shares = [_Share(bar, size) for size in sizes]
        for source, share in zip(sources, shares, strict=True):
            source.watch = share.advance
        done = import_sources(imports, sources, choices, _between_transactions)
        for share, file in zip(shares, done, strict=True):
            share.advance(share.left)
            yield file


class _Share:
    """What a source is of the whole work, however often it is read, and whether to its end."""

    def __init__(self, bar: Bar, size: int) -> None:
        self._bar = bar
        self.left = size

    def advance(self, amount: int) -> None:
        """Say that so many bytes have been read."""
        amount = min(amount, self.left)
        self.left -= amount
        self._bar.advance(amount)


def _between_transactions() -> None:
    """Stop where an interruption was held while a transaction was committed."""
    stops = is_interrupted()
    release_interrupts()
    if stops:
        raise KeyboardInterrupt


@contextmanager
def _imports(run: Invocation, *, dry_run: bool) -> Iterator[Target]:
    """Open the store; a dry run reads it, and goes without one that is not there."""
    if not dry_run:
        with run.write(create=True) as store:
            yield store.imports
        return
    try:
        store = run.read()
    except StoreNotFoundError:
        yield Nowhere()
        return
    with store:
        yield store.imports


def _report(answer: Answer, run: Invocation, files: list[ImportedFile], *, dry_run: bool) -> None:
    """Say what was done: an answer, and what was the matter."""
    report = report_of(files, dry_run=dry_run)
    if answer.is_table:
        answer.table(render.imports.listing(report, width=answer.width))
    elif answer.format is OutputFormat.JSON:
        answer.row(vars(report))
    else:
        answer.rows(
            {"path": file.path, "format": file.format, **vars(thread)}
            for file in files
            for thread in file.threads
        )
    for file in files:
        for line in render.imports.notes(file):
            run.note(line)
    run.note(render.imports.summary(report) if files else "nothing to import was found")
