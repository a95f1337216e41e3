"""Jobs: kept, changed column by column, and listed past rows that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agentstate import (
    AgentStateWarning,
    BadInputError,
    ConflictError,
    CorruptStoreError,
    JobNotFoundError,
    JobStateRecord,
    JobStateStatus,
    StateStore,
    UsageError,
)
from support import NOW, raw, rows

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = JobStateRecord(
    id="j",
    name="n\0漢",
    status=JobStateStatus.RUNNING,
    progress=255,
    detail="d",
    created_at=1,
    updated_at=2,
)


def job(job_id: str, **fields: Any) -> JobStateRecord:  # noqa: ANN401 - a job's fields
    return JobStateRecord(**{"id": job_id, "name": "n", "created_at": 1, "updated_at": 1, **fields})


def ids(store: StateStore, limit: int | None = 100) -> str:
    return "".join(one.id for one in store.jobs.list(limit))


@pytest.mark.parametrize("write", ["create", "upsert"])
@pytest.mark.parametrize("status", JobStateStatus)
@pytest.mark.parametrize("progress", [None, 0, 100, 255])
def test_a_job_comes_back_as_it_was_written(
    store: StateStore, write: str, status: JobStateStatus, progress: int | None
) -> None:
    one = job("j", status=status, progress=progress)
    getattr(store.jobs, write)(one)
    assert store.jobs.get("j") == one
    assert store.jobs.list() == [one]


def test_upsert_replaces_every_column_and_create_none(store: StateStore) -> None:
    store.jobs.create(JOB)
    with pytest.raises(ConflictError, match="job 'j' exists") as raised:
        store.jobs.create(job("j"))
    assert raised.value.exit_code == 4
    assert store.jobs.get("j") == JOB
    store.jobs.upsert(job("j"))
    assert store.jobs.get("j") == job("j")


def test_update_sets_the_named_columns_only(store: StateStore) -> None:
    store.jobs.create(JOB)
    with raw(store.path) as agent:
        agent.execute("UPDATE jobs SET detail = 'theirs'")
    store.jobs.update("j", status=JobStateStatus.QUEUED, progress=None)
    assert store.jobs.get("j") == job(
        "j", name="n\0漢", status=JobStateStatus.QUEUED, detail="theirs", updated_at=NOW
    )


def test_update_bumps_the_time_and_never_moves_it_back(store: StateStore) -> None:
    store.jobs.create(job("j", updated_at=NOW + 5))
    store.jobs.update("j", progress=1)
    store.jobs.create(job("k"))
    store.jobs.update("k", updated_at=7)
    assert [one.updated_at for one in store.jobs.list()] == [NOW + 5, 7]


def test_any_status_may_follow_any_other(store: StateStore) -> None:
    store.jobs.create(job("j", status=JobStateStatus.COMPLETED))
    for status in (*JobStateStatus, *reversed(JobStateStatus)):
        store.jobs.update("j", status=status)
        found = store.jobs.get("j")
        assert found is not None
        assert found.status is status


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        ({}, UsageError),
        ({"id": "k"}, UsageError),
        ({"nonsense": 1}, UsageError),
        ({"progress": 256}, BadInputError),
        ({"progress": -1}, BadInputError),
        ({"progress": 1.5}, BadInputError),
        ({"progress": True}, BadInputError),
        ({"progress": "5"}, BadInputError),
        ({"status": "walking"}, BadInputError),
        ({"status": None}, BadInputError),
        ({"name": None}, BadInputError),
        ({"detail": "\udc00"}, BadInputError),
        ({"updated_at": 2**63}, BadInputError),
    ],
)
def test_bad_changes_change_nothing(
    store: StateStore, columns: dict[str, Any], error: type[Exception]
) -> None:
    store.jobs.create(JOB)
    with pytest.raises(error):
        store.jobs.update("j", **columns)
    assert store.jobs.get("j") == JOB
    if error is BadInputError:
        for write in (store.jobs.create, store.jobs.upsert):
            with pytest.raises(error):
                write(JobStateRecord(**{**vars(JOB), "id": "k", **columns}))
    assert ids(store) == "j"


def test_an_empty_id_is_refused(store: StateStore) -> None:
    for write in (store.jobs.create, store.jobs.upsert):
        with pytest.raises(BadInputError, match="id must not be empty"):
            write(job(""))


@pytest.mark.parametrize(
    ("limit", "expected"), [(0, ""), (1, "c"), (3, "cab"), (None, "cabd"), (100, "cabd")]
)
def test_the_newest_come_first_and_ties_by_id(
    store: StateStore, limit: int | None, expected: str
) -> None:
    for job_id, updated_at in (("b", 5), ("a", 5), ("c", 9), ("d", -1)):
        store.jobs.create(job(job_id, updated_at=updated_at))
    assert ids(store, limit) == expected
    assert store.jobs.count() == 4


def test_the_default_limit_is_100_and_none_below_0(store: StateStore) -> None:
    for number in range(101):
        store.jobs.create(job(f"{number:03}"))
    assert len(store.jobs.list()) == 100
    with pytest.raises(BadInputError, match="limit"):
        store.jobs.list(-1)


def test_delete(store: StateStore) -> None:
    store.jobs.create(JOB)
    assert store.jobs.exists("j")
    store.jobs.delete("j")
    assert not store.jobs.exists("j")
    assert store.jobs.get("j") is None


@pytest.mark.parametrize(
    "change",
    [lambda store: store.jobs.update("no", name="x"), lambda store: store.jobs.delete("no")],
)
def test_changing_what_is_not_there_raises(
    store: StateStore, change: Callable[[StateStore], None]
) -> None:
    store.jobs.create(JOB)
    with pytest.raises(JobNotFoundError, match="no job 'no'") as raised:
        change(store)
    assert raised.value.exit_code == 3
    assert store.jobs.list() == [JOB]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("status", "weird", job("j", status=JobStateStatus.QUEUED)),
        ("progress", 256, job("j")),
        ("progress", -1, job("j")),
        ("progress", 2**63 - 1, job("j")),
        ("progress", "77", job("j", progress=77)),  # the column's affinity makes it a number
    ],
)
def test_what_the_rust_program_reads_leniently_is_read_alike(
    store: StateStore, column: str, value: object, expected: JobStateRecord
) -> None:
    store.jobs.create(job("j"))
    with raw(store.path) as agent:
        agent.execute(f"UPDATE jobs SET {column} = ?", (value,))  # noqa: S608 - a test's column
    assert store.jobs.get("j") == expected
    assert store.jobs.list() == [expected]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("progress", "half"),
        ("progress", ""),
        ("progress", 0.5),
        ("progress", b"1"),
        ("created_at", "now"),
        ("updated_at", 1.5),
        ("name", b"n"),
        ("status", b"queued"),
        ("detail", b""),
    ],
)
def test_a_job_that_cannot_be_read_is_left_out_and_reported(
    store: StateStore, column: str, value: object
) -> None:
    for job_id in ("bad", "good"):
        store.jobs.create(job(job_id))
    with raw(store.path) as agent:
        agent.execute(f"UPDATE jobs SET {column} = ? WHERE id = 'bad'", (value,))  # noqa: S608 - a name of the test
    with pytest.warns(AgentStateWarning, match="left out: job 'bad' has a value of the wrong type"):
        assert store.jobs.list() == [job("good")]
    with pytest.raises(CorruptStoreError, match=r"job 'bad'.*doctor"):
        store.jobs.get("bad")
    assert store.jobs.exists("bad")
    whole = {**vars(job("bad", progress=1))}  # so that it can be mended
    del whole["id"]
    store.jobs.update("bad", **whole)
    assert store.jobs.get("bad") == job("bad", progress=1)
    assert rows(store.path, "SELECT count(*) FROM jobs") == [(2,)]


def test_the_limit_counts_jobs_that_can_be_read(store: StateStore) -> None:
    store.jobs.create(job("good"))
    store.jobs.create(job("bad", updated_at=9))
    with raw(store.path) as agent:
        agent.execute("UPDATE jobs SET progress = 'half' WHERE id = 'bad'")
    with pytest.warns(AgentStateWarning, match="left out: job 'bad'"):
        assert ids(store, 1) == "good"
