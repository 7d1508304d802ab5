"""Jobs: what was asked, what became of it, and what it cost."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exporter.model import TableRef
from exporter.sandbox.bigquery.errors import ApiError
from exporter.sandbox.bigquery.types import Column


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a finished query, as ``rows.encode_rows`` takes them."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[object]]


@dataclass(slots=True)
class Request:
    """A query as it was asked; ``parameters`` in the API's JSON form."""

    query: str
    location: str | None = None
    parameters: Sequence[Mapping[str, Any]] = ()
    default_dataset: tuple[str, str] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    use_cache: bool = True
    maximum_bytes_billed: int | None = None
    job_timeout_ms: int | None = None
    dry_run: bool = False
    priority: str = "INTERACTIVE"
    destination: TableRef | None = None
    write_disposition: str = "WRITE_EMPTY"


@dataclass(slots=True, eq=False)
class Job:
    """A job; ``state`` is PENDING, RUNNING or DONE, times are microseconds of the sandbox's clock.

    ``optional`` jobs are queries whose caller did not ask for a job; ``done`` is set when the job has ended. Not every job
    ``shows_tables`` that it references: those that the cache answered do not.
    """

    project: str
    id: str
    location: str
    user: str
    kind: str  # QUERY, LOAD or COPY
    created_us: int
    started_us: int
    ended_us: int | None = None
    state: str = "PENDING"
    error: ApiError | None = None
    request: Request | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    query: str | None = None
    parameters: Sequence[Mapping[str, Any]] = ()
    statement_type: str | None = None
    priority: str | None = None
    referenced: Sequence[TableRef] = ()
    destination: TableRef | None = None
    bytes_processed: int = 0
    bytes_billed: int = 0
    slot_ms: int = 0
    cache_hit: bool = False
    shows_tables: bool = True
    affected_rows: int | None = None
    result: Result | None = None
    optional: bool = False
    hung: bool = False
    deadline: float | None = None  # time.monotonic() at which jobTimeoutMs has passed
    deadline_us: int | None = None  # the same by the sandbox's clock
    done: threading.Event = field(default_factory=threading.Event)


def as_row(job: Job, number: int) -> tuple[object, ...]:
    """The job as a row of INFORMATION_SCHEMA.JOBS, in the order of ``JOB_COLUMNS``."""
    is_query = job.kind == "QUERY"
    referenced = [_reference(ref) for ref in job.referenced] if is_query and job.shows_tables else []
    error = job.error
    dml = {"inserted_row_count": job.affected_rows, "deleted_row_count": 0, "updated_row_count": 0}
    return (
        job.created_us,
        job.project,
        number,
        job.user,
        f"user:{job.user}",
        job.id,
        job.kind,
        job.statement_type,
        job.priority,
        job.started_us,
        job.ended_us,
        job.query,
        job.state,
        None,
        job.bytes_processed if job.state == "DONE" else None,
        job.slot_ms if job.state == "DONE" else None,
        {"reason": error.reason, "location": error.where, "debug_info": None, "message": error.message}
        if error
        else None,
        job.cache_hit if is_query else None,
        _reference(job.destination) if job.destination else None,
        referenced,
        [{"key": key, "value": value} for key, value in job.labels.items()],
        job.bytes_billed if job.state == "DONE" else None,
        None,
        None,
        dml if job.affected_rows is not None else None,
        None,
        None,
        {"code": "REQUESTED"},
    )


def _reference(ref: TableRef) -> dict[str, str]:
    return {"project_id": ref.project, "dataset_id": ref.dataset, "table_id": ref.table}


def as_record(job: Job) -> dict[str, Any]:
    """The job as a line of a dump's ``jobs.jsonl``; times are microseconds since the epoch."""
    return {
        "project": job.project,
        "location": job.location,
        "job_id": job.id,
        "user": job.user,
        "job_type": job.kind,
        "statement_type": job.statement_type,
        "state": job.state,
        "query": job.query,
        "parameters": list(job.parameters),
        "labels": dict(job.labels),
        "referenced_tables": [str(ref) for ref in job.referenced],
        "created_us": job.created_us,
        "started_us": job.started_us,
        "ended_us": job.ended_us,
        "slot_ms": job.slot_ms,
        "bytes_processed": job.bytes_processed,
        "bytes_billed": job.bytes_billed,
        "cache_hit": job.cache_hit,
        "error": job.error.proto() if job.error else None,
    }
