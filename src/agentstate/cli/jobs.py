"""`agentstate jobs`: list, show, create, update and delete the agent's background jobs."""

from typing import Annotated, Any

import typer

from agentstate import render
from agentstate.cli import options
from agentstate.cli.answer import Answer, Wanted
from agentstate.cli.confirm import confirm, refuse_unasked
from agentstate.cli.inputs import utf8
from agentstate.cli.invocation import invocation
from agentstate.cli.options import OutputFormat
from agentstate.cli.selectors import refuse_empty
from agentstate.errors import JobNotFoundError, UsageError
from agentstate.records import JobStateRecord, JobStateStatus
from agentstate.render import shapes
from agentstate.store import StateStore

Status = Annotated[JobStateStatus | None, typer.Option(help="What it is doing.")]
Progress = Annotated[int | None, typer.Option(metavar="N", min=0, max=100, help="Percent done.")]
Detail = Annotated[str | None, typer.Option(metavar="TEXT", help="What it is about.")]


def list_jobs(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    limit: options.Limit = 100,
    output: options.Output = None,
    fields: options.Fields = None,
    null: options.Nul = False,
    raw: options.Raw = False,
) -> None:
    """List jobs, the one updated last first.

    Example: agentstate jobs list -o jsonl
    """
    answer = Answer(ctx, shapes.JOBS, Wanted(output=output, fields=fields, null=null, raw=raw))
    with invocation(ctx).read() as store:
        found = store.jobs.list(limit or None)
        if answer.is_table:
            now = store.now
            answer.table(render.jobs.listing(found, now=now, width=answer.width))
        else:
            answer.rows(vars(job) for job in found)
        # Fewer than the limit is all that can be read, and what was left out is reported.
        if len(found) == limit:
            answer.note_cut(limit, store.jobs.count())


def show(
    ctx: typer.Context,
    job: options.Job,
    output: options.Output = None,
    fields: options.Fields = None,
    raw: options.Raw = False,
) -> None:
    """Show a job.

    Example: agentstate jobs show nightly --fields status
    """
    answer = Answer(ctx, shapes.JOBS, Wanted(output=output, fields=fields, raw=raw))
    refuse_empty(job, "job")
    with invocation(ctx).read() as store:
        _present(answer, store, job)


def _present(answer: Answer, store: StateStore, job_id: str) -> None:
    found = _require(store, job_id)
    if answer.is_table:
        now = store.now
        answer.table(render.jobs.overview(found, now=now, width=answer.width))
    else:
        answer.row(vars(found))


def _require(store: StateStore, job_id: str) -> JobStateRecord:
    found = store.jobs.get(job_id)
    if found is None:
        raise JobNotFoundError(f"no job {job_id!r}; see agentstate jobs list")
    return found


def create(  # noqa: PLR0913 - one parameter for each column
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the job is called.")],
    job_id: Annotated[
        str | None,
        typer.Option("--id", metavar="TEXT", help="Its id; by default a new random one."),
    ] = None,
    status: Status = None,
    progress: Progress = None,
    detail: Detail = None,
    output: options.OutputOfId = None,
) -> None:
    """Create a job and print its id.

    Example: job=$(agentstate jobs create "Index the repository" --status running)
    """
    answer = Answer(ctx, shapes.JOBS, Wanted(output=output or OutputFormat.ID))
    given = _given(name=name, status=status, progress=progress, detail=detail)
    with invocation(ctx).write(create=True) as store:
        now = store.now
        job = JobStateRecord(
            id=store.new_id() if job_id is None else utf8(job_id, "--id"),
            created_at=now,
            updated_at=now,
            **given,
        )
        store.jobs.create(job)
        _present(answer, store, job.id)


def update(  # noqa: PLR0913 - one parameter for each column
    ctx: typer.Context,
    job: options.Job,
    name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the job is called.")
    ] = None,
    status: Status = None,
    progress: Progress = None,
    detail: Detail = None,
    output: options.Output = None,
) -> None:
    """Set the named columns of a job and leave the rest as it is.

    Example: agentstate jobs update nightly --status running --progress 40
    """
    answer = Answer(ctx, shapes.JOBS, Wanted(output=output))
    refuse_empty(job, "job")
    given = _given(name=name, status=status, progress=progress, detail=detail)
    if not given:
        raise UsageError("name at least one column to update, such as --progress 40")
    with invocation(ctx).write() as store:
        store.jobs.update(job, **given)
        if output is not None:
            _present(answer, store, job)


def _given(**columns: Any) -> dict[str, Any]:  # noqa: ANN401 - each column has its own type
    for name, value in columns.items():
        if isinstance(value, str):
            utf8(value, f"--{name}")
    return {name: value for name, value in columns.items() if value is not None}


def delete(
    ctx: typer.Context,
    job: options.Job,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    output: options.Output = None,
) -> None:
    """Delete a job.

    Example: agentstate jobs delete nightly --yes
    """
    # Nothing but its id: one that cannot be read can be deleted, too.
    answer = Answer(ctx, shapes.JOBS, Wanted(output=output or OutputFormat.ID, fields="id"))
    refuse_unasked(yes=yes or dry_run)
    refuse_empty(job, "job")
    run = invocation(ctx)
    with run.read() if dry_run else run.write() as store:
        if not store.jobs.exists(job):
            raise JobNotFoundError(f"no job {job!r}; see agentstate jobs list")
        if not dry_run:
            confirm(f"Delete job {job}?", yes=yes)
            store.jobs.delete(job)
    run.note(f"{'would delete' if dry_run else 'deleted'} job {job}")
    if dry_run or output is not None:
        answer.row({"id": job})
