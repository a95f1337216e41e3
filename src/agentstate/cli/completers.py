"""What the shell offers for an argument or the value of an option, most of it from the store.

Typer takes each function beside the parameter that it completes. A completion only reads, and
hardly waits for a lock; `agentstate.cli.completing` calls these, and offers nothing where one
fails. What only completion needs is imported when it is called.
"""

import os
import re
from typing import Final

import typer

from agentstate.cli.inputs import current_folder
from agentstate.cli.invocation import ColorChoice, Invocation

Offers = list[tuple[str, str]]
"""Values with their descriptions, which may be empty."""

FILES: Final = "\0files"
FILES_AFTER_AT: Final = "\0files after @"
FOLDERS: Final = "\0folders"
"""In place of a description: what may follow is a path, which the shell knows best."""

_TIMEOUT: Final = 0.1
"""How long to wait for a lock, in seconds."""
_SCANNED: Final = 500
"""How many threads are looked at for the values of a column."""

_SHAPES: Final = {
    "threads": "THREAD",
    "threads list": "THREADS",
    "threads tools": "TOOLS",
    "threads goal": "GOALS",
    "threads prune": "PRUNED",
    "threads trash list": "TRASH",
    "messages": "MESSAGES",
    "messages tree": "TREE",
    "checkpoint": "CHECKPOINTS",
    "jobs": "JOBS",
    "index": "INDEX",
    "index check": "INDEX_CHECK",
    "info": "STORE",
    "import": "IMPORTED",
    "search": "SEARCH",
    "doctor": "FINDINGS",
    "export": "EXPORTED",
}
"""What a command answers in, by its own name or else by its noun's."""


def complete_threads(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer ids, the words, and names that begin so; after `id:` or `name:` only those."""
    from agentstate.cli import offers  # noqa: PLC0415 - see above

    with _run(ctx).read() as store:
        return offers.thread_selectors(store, incomplete)


def complete_thread_ids(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer full ids alone."""
    from agentstate.cli import offers  # noqa: PLC0415 - see above

    with _run(ctx).read() as store:
        return offers.thread_ids(store, incomplete)


def complete_names(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer names of threads."""
    from agentstate.cli import offers  # noqa: PLC0415 - see above

    with _run(ctx).read() as store:
        return offers.names(store, incomplete)


def complete_deleted(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer the threads in the trash: ids, and names that begin so."""
    from agentstate.cli import offers  # noqa: PLC0415 - see above

    with _run(ctx).read() as store:
        return offers.deleted(store, incomplete)


def complete_messages(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer messages, of the thread where one was given."""
    from agentstate.cli import offers  # noqa: PLC0415 - see above

    run = _run(ctx)
    with run.read() as store:
        thread = offers.find(store, run, ctx.params.get("thread"))
        return offers.messages(store, run, thread, incomplete)


def complete_branches(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer the words for a branch, and messages of the thread that was given."""
    from agentstate.cli import offers  # noqa: PLC0415 - see above

    words = [("active", "the active branch"), ("all", "all branches")]
    found = [(word, about) for word, about in words if word.startswith(incomplete)]
    run = _run(ctx)
    with run.read() as store:
        thread = offers.find(store, run, next(iter(ctx.params.get("threads") or ()), None))
        return found + offers.messages(store, run, thread, incomplete)


def complete_leaf(ctx: typer.Context) -> Offers:
    """Offer the leaf of the thread that was given, or `none` where it has none yet."""
    from agentstate.cli import offers  # noqa: PLC0415 - see above

    run = _run(ctx)
    with run.read() as store:
        thread = offers.find(store, run, ctx.params.get("thread"))
        leaf = store.messages.leaf_of(thread.id) if thread else None
        if leaf is not None:
            return offers.described(store, [(str(leaf), leaf)])
    return [("none", "no leaf yet")] if thread else []


def complete_checkpoints(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer checkpoints of the thread that was given, the last saved first."""
    from agentstate.cli import offers  # noqa: PLC0415 - see above
    from agentstate.render.times import ago  # noqa: PLC0415 - see above

    run = _run(ctx)
    with run.read() as store:
        thread = offers.find(store, run, ctx.params.get("thread"))
        times = store.checkpoints.times(thread.id) if thread else {}
        now = store.now
    saved = [(name, f"saved {ago(then, now)}") for name, then in times.items()]
    return [offer for offer in saved if offer[0].startswith(incomplete)][: offers.MOST]


def complete_jobs(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer jobs, the one updated last first."""
    from agentstate.cli import offers  # noqa: PLC0415 - see above

    with _run(ctx).read() as store:
        jobs = [job for job in store.jobs.list(None) if job.id.startswith(incomplete)]
    return [(job.id, f"{offers.line(job.name)} ({job.status})") for job in jobs[: offers.MOST]]


def complete_providers(ctx: typer.Context) -> list[str]:
    """Offer the model providers of recent threads."""
    return _values(ctx, "model_provider")


def complete_git_branches(ctx: typer.Context) -> list[str]:
    """Offer the git branches of recent threads."""
    return _values(ctx, "git_branch")


def complete_thread_folders(ctx: typer.Context) -> list[str]:
    """Offer the folders of recent threads."""
    return _values(ctx, "cwd")


def complete_memory_modes(ctx: typer.Context) -> list[str]:
    """Offer the memory modes of recent threads."""
    return _values(ctx, "memory_mode")


def complete_globs(ctx: typer.Context) -> list[str]:
    """Offer names of recent threads that, as a glob, match themselves."""
    return [name for name in _values(ctx, "name") if not re.search(r"[*?[]", name)]


def complete_roles() -> list[str]:
    """Offer the common roles; any other will do, too."""
    return ["user", "assistant", "system", "developer", "tool"]


def complete_records() -> list[str]:
    """Offer the records that have a JSON Schema, without pydantic, which would make it."""
    from agentstate import records  # noqa: PLC0415 - see above
    from agentstate.record import Record  # noqa: PLC0415 - see above

    stored = vars(records).values()
    return [
        kind.__name__
        for kind in stored
        if isinstance(kind, type)
        and issubclass(kind, Record)
        and hasattr(kind, "__pydantic_config__")
    ]


def complete_fields(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer the fields of a command's answer, also after a comma, each once."""
    from agentstate.render import report_shapes, shapes  # noqa: PLC0415 - see above

    _, _, command = ctx.command_path.partition(" ")
    name = _SHAPES.get(command) or _SHAPES[command.partition(" ")[0]]
    shape = {**vars(shapes), **vars(report_shapes)}[name]
    before, comma, _ = incomplete.rpartition(",")
    left_out = set(before.split(","))
    names = [name for name in shape.fields + shape.extra if name not in left_out]
    return [(f"{before}{comma}{name}", "") for name in names]


def complete_files(incomplete: str) -> Offers:
    """Let the shell offer files."""
    return [(incomplete, FILES)]


def complete_files_after_at(incomplete: str) -> Offers:
    """Let the shell offer files where `@` says that one follows."""
    return [(incomplete, FILES_AFTER_AT)] if incomplete.startswith("@") else []


def complete_folders(incomplete: str) -> Offers:
    """Let the shell offer folders."""
    return [(incomplete, FOLDERS)]


def _run(ctx: typer.Context) -> Invocation:
    """Return the run that is being typed, whose options no shell has expanded yet."""
    db = ctx.find_root().params.get("db")
    return Invocation(
        db=os.path.expanduser(os.path.expandvars(db)) if db else None,  # noqa: PTH111 - Path.expanduser raises for an unknown user
        timeout=_TIMEOUT,
        color=ColorChoice.NEVER,
        quiet=True,
        folder=current_folder,
    )


def _values(ctx: typer.Context, field: str) -> list[str]:
    """Return what recent threads have in a column, each value once."""
    from agentstate.records import ThreadListFilters  # noqa: PLC0415 - see above

    with _run(ctx).read() as store:
        found = store.threads.list(ThreadListFilters(include_archived=True, limit=_SCANNED))
    return [value for value in dict.fromkeys(getattr(thread, field) for thread in found) if value]
