"""Jobs: background work of the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentstate.db.port import DuplicateKeyError
from agentstate.errors import (
    BadInputError,
    ConflictError,
    CorruptStoreError,
    JobNotFoundError,
)
from agentstate.records import JobStateRecord, JobStateStatus
from agentstate.store.binding import bind, bind_changes, field_names
from agentstate.store.rows import count, fill, is_sound, read_on

if TYPE_CHECKING:
    from agentstate.db.port import Row
    from agentstate.store.context import Context

_FIELDS: Final = field_names(JobStateRecord)
_COLUMNS: Final = ", ".join(_FIELDS)
_INSERT: Final = (
    f"INSERT INTO jobs({_COLUMNS}) VALUES ({', '.join(f':{field}' for field in _FIELDS)})"
)
_UPDATES: Final = ", ".join(f"{field} = excluded.{field}" for field in _FIELDS[1:])
MAX_PROGRESS: Final = 255
DEFAULT_LIMIT: Final = 100


class Jobs:
    """Create, change, list and delete jobs."""

    def __init__(self, context: Context) -> None:
        """Work on the store of `context`."""
        self._context = context
        self._db = context.database

    def upsert(self, job: JobStateRecord) -> None:
        """Write every column of a job; stands for the Rust program's `upsert_job`."""
        params = _bind(job)
        with self._db.transaction():
            self._db.execute(f"{_INSERT} ON CONFLICT(id) DO UPDATE SET {_UPDATES}", params)

    def create(self, job: JobStateRecord) -> None:
        """Add a job; raises `ConflictError` where its id exists."""
        params = _bind(job)
        try:
            with self._db.transaction():
                self._db.execute(_INSERT, params)
        except DuplicateKeyError as error:
            raise ConflictError(
                f"job {job.id!r} exists; choose another id, or update it"
            ) from error

    def update(self, job_id: str, **columns: Any) -> None:  # noqa: ANN401 - a job's fields
        """Set the named columns only, and bump `updated_at` to now unless it is among them.

        Any status may follow any other. Raises `JobNotFoundError`, `BadInputError`.
        """
        settings, params = bind_changes(JobStateRecord, columns, fixed=("id",))
        _require_progress(columns.get("progress"))
        with self._db.transaction():
            changed = self._db.execute(
                f"UPDATE jobs SET {settings} WHERE id = :job_id",
                {**params, "job_id": job_id, "now": self._context.now()},
            )
            if not changed:
                raise _unknown(job_id)

    def get(self, job_id: str) -> JobStateRecord | None:
        """Return a job; stands for the Rust program's `get_job`.

        Raises `CorruptStoreError` for a row that cannot be read.
        """
        row = self._db.one(f"SELECT {_COLUMNS} FROM jobs WHERE id = :job_id", {"job_id": job_id})
        return _job(row) if row else None

    def list(self, limit: int | None = DEFAULT_LIMIT) -> list[JobStateRecord]:
        """Return jobs, newest `updated_at` first, ties by id (None: all).

        Stands for the Rust program's `list_jobs`. A row that cannot be read is left out and
        reported as an `AgentStateWarning`; the limit counts those that can.
        """
        sql = f"SELECT {_COLUMNS} FROM jobs ORDER BY updated_at DESC, id"
        return read_on(self._db, sql, {}, _job, limit)

    def exists(self, job_id: str) -> bool:
        """Tell whether there is such a job, also one that cannot be read."""
        sql = "SELECT 1 FROM jobs WHERE id = :job_id"
        return self._db.one(sql, {"job_id": job_id}) is not None

    def count(self) -> int:
        """Return how many jobs there are."""
        return count(self._db, "SELECT count(*) FROM jobs")

    def delete(self, job_id: str) -> None:
        """Delete a job; stands for `delete_job`, and raises `JobNotFoundError`."""
        with self._db.transaction():
            if not self._db.execute("DELETE FROM jobs WHERE id = :job_id", {"job_id": job_id}):
                raise _unknown(job_id)


def _bind(job: JobStateRecord) -> dict[str, object]:
    if not job.id:
        raise BadInputError("a job's id must not be empty")
    params = bind(job)
    _require_progress(job.progress)
    return params


def _require_progress(progress: int | None) -> None:
    if progress is not None and not 0 <= progress <= MAX_PROGRESS:
        raise BadInputError(f"progress must be from 0 to {MAX_PROGRESS}, not {progress}")


def _unknown(job_id: str) -> JobNotFoundError:
    return JobNotFoundError(f"no job {job_id!r}; see agentstate jobs list")


_STATUS: Final = {status.value: status for status in JobStateStatus}


def _job(row: Row) -> JobStateRecord:
    """Decode a row of `_COLUMNS`; raises `CorruptStoreError` where its types are wrong."""
    job = fill(JobStateRecord, _FIELDS, row)
    if not is_sound(job):
        raise CorruptStoreError(
            f"job {job.id!r} has a value of the wrong type; see agentstate doctor"
        )
    values = vars(job)
    values["status"] = _STATUS.get(job.status, JobStateStatus.QUEUED)
    if job.progress is not None and not 0 <= job.progress <= MAX_PROGRESS:
        values["progress"] = None
    return job
