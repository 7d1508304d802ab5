"""The sandbox's BigQuery: its state, and everything that can be done with it; faces translate it to wire protocols."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from exporter.model import TableRef
from exporter.sandbox.bigquery import copying, loading, statements
from exporter.sandbox.bigquery.errors import ApiError, already_exists
from exporter.sandbox.bigquery.execution import cancelled, canonical
from exporter.sandbox.bigquery.jobs import Job, Request, as_record
from exporter.sandbox.bigquery.store import Store
from exporter.sandbox.clock import Clock
from exporter.sandbox.conduct import InForce
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import EXPORTER, Iam

WORKERS = 8
"""Queries that run in DuckDB at the same time."""


REQUESTS = 10_000
"""Request ids that are remembered; the real API remembers them for a quarter of an hour."""


class BigQuery(Store):
    """Datasets, tables and jobs of every project; thread-safe."""

    def __init__(
        self, clock: Clock, faults: Faults, iam: Iam, *, seed: int = 0, conduct: InForce | None = None
    ) -> None:
        super().__init__(clock, faults, iam, conduct)
        self._random = random.Random(f"bigquery {seed}")  # noqa: S311 - a simulation, not a secret
        self._requests: dict[tuple[str, str], Job] = {}
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="bigquery")

    def close(self) -> None:
        """Stop running jobs and let go of the data."""
        for job in self.journal.running():
            self.cancel(job)
        self._workers.shutdown()
        self.database.close()

    def new_id(self) -> str:
        """A job id, the same for the same seed and order of calls."""
        with self.lock:
            return f"job_{self._random.getrandbits(128):032x}"

    def start_query(
        self,
        project: str,
        request: Request,
        *,
        job_id: str | None = None,
        configuration: Mapping[str, Any] | None = None,
    ) -> Job:
        """Start a query job, and return it at once; raises ``ApiError`` where no job can be made."""
        location = self.execution.locate(project, request, self.clock.now_us())
        job = self._new_job(project, "QUERY", job_id, location, configuration)
        job.request, job.query, job.parameters = request, request.query, request.parameters
        job.labels, job.priority = request.labels, request.priority
        if request.job_timeout_ms:
            job.deadline = time.monotonic() + request.job_timeout_ms / 1000
            job.deadline_us = job.created_us + request.job_timeout_ms * 1000
        self.journal.add(job)
        self._workers.submit(self._run, job)
        return job

    def _new_job(
        self, project: str, kind: str, job_id: str | None, location: str | None, configuration: Mapping[str, Any] | None
    ) -> Job:
        if not self.iam.allowed(EXPORTER, "bigquery.jobs.create", project):
            raise ApiError(
                403,
                "accessDenied",
                f"Access Denied: Project {project}: User does not have bigquery.jobs.create permission in project {project}.",
            )
        identity = job_id or self.new_id()
        if self.journal.find(project, identity) is not None:
            raise already_exists("Job", f"{project}:{canonical(location or 'US')}.{identity}")
        now_us = self.clock.now_us()
        job = Job(project, identity, canonical(location or "US"), self.user, kind, now_us, now_us, state="RUNNING")
        job.configuration = configuration or {}
        return job

    def dry_run(self, project: str, request: Request) -> Job:
        """What a query would do; raises ``ApiError``. The job is of no record."""
        now_us = self.clock.now_us()
        job = Job(project, "", canonical(request.location or "US"), self.user, "QUERY", now_us, now_us, state="DONE")
        job.request, job.query, job.labels = request, request.query, request.labels
        statements.describe(self, job)
        return job

    def load(
        self,
        project: str,
        reference: Mapping[str, Any],
        sent: Mapping[str, Any],
        config: Mapping[str, Any],
        data: bytes | None,
    ) -> Job:
        """Carry out a load job over uploaded data; raises ``ApiError`` where no job can be made."""
        return self._at_once(project, "LOAD", reference, sent, lambda job: loading.load(self, job, config, data))

    def copy(
        self, project: str, reference: Mapping[str, Any], sent: Mapping[str, Any], config: Mapping[str, Any]
    ) -> Job:
        """Carry out a copy job; raises ``ApiError`` where no job can be made."""
        return self._at_once(project, "COPY", reference, sent, lambda job: copying.copy(self, job, config))

    def _at_once(
        self,
        project: str,
        kind: str,
        reference: Mapping[str, Any],
        sent: Mapping[str, Any],
        work: Callable[[Job], None],
    ) -> Job:
        job = self._new_job(project, kind, reference.get("jobId"), reference.get("location"), sent)
        job.labels = sent.get("labels") or {}
        self.journal.add(job)
        try:
            work(job)
        except ApiError as error:
            self.finish(job, error)
        else:
            self.finish(job, None)
        return job

    def requested(self, project: str, request_id: str) -> Job | None:
        """The job that an earlier jobs.query with the same request id started."""
        with self.lock:
            return self._requests.get((project, request_id))

    def remember(self, project: str, request_id: str, job: Job) -> None:
        """Note the request id of a job, so that a repeated request starts no second one."""
        with self.lock:
            self._requests[project, request_id] = job
            while len(self._requests) > REQUESTS:
                self._requests.pop(next(iter(self._requests)))

    def _run(self, job: Job) -> None:
        try:
            statements.run(self, job)
        except ApiError as error:
            self.finish(job, error)
        except Exception as error:
            self.finish(job, ApiError(500, "internalError", f"An internal error occurred: {error!r}"))
            raise
        else:
            if not job.hung:
                self.finish(job, None)

    def finish(self, job: Job, error: ApiError | None) -> None:
        """End a job, once."""
        with self.lock:
            if job.state == "DONE":
                return
            job.state = "DONE"
            job.error = error
            job.ended_us = max(job.started_us, self.clock.now_us())
            if error is not None:
                job.bytes_billed, job.slot_ms, job.result = 0, 0, None
        self.journal.end(job)
        job.done.set()

    def wait(self, job: Job, timeout_s: float) -> bool:
        """Wait for a job's end, or for its own time-out; True when it has ended."""
        until = time.monotonic() + timeout_s
        while not job.done.is_set():
            now = time.monotonic()
            self._expire(job)
            if now >= until:
                break
            step = until - now if job.deadline is None else max(0.0, min(until, job.deadline) - now) + 0.001
            job.done.wait(step)
        return job.done.is_set()

    def _expire(self, job: Job) -> None:
        late = job.deadline is not None and time.monotonic() >= job.deadline
        late = late or (job.deadline_us is not None and self.clock.now_us() >= job.deadline_us)
        if late and job.hung and job.request is not None:
            self.finish(job, cancelled(f"Job timed out after {(job.request.job_timeout_ms or 0) / 1000:g}s"))

    def find_job(self, project: str, job_id: str) -> Job | None:
        """A job by its id, as it is now."""
        job = self.journal.find(project, job_id)
        if job is not None:
            self._expire(job)
        return job

    def cancel(self, job: Job) -> None:
        """Stop a job that has not ended."""
        self.execution.interrupt(job)
        self.finish(job, cancelled("User requested cancellation"))

    def hang(self, ref: TableRef) -> None:
        """From now on, queries that touch the table run until they are cancelled or time out."""
        self._hung.add(ref)

    def release(self, ref: TableRef) -> None:
        """Undo :meth:`hang`; queries that hang go on hanging."""
        self._hung.discard(ref)

    def hangs(self, refs: Sequence[TableRef]) -> bool:
        """Whether a query over these tables would hang."""
        return any(ref in self._hung for ref in refs)

    def record_job(
        self,
        project: str,
        location: str,
        user: str,
        created_us: int,
        *,
        referenced: Sequence[TableRef] = (),
        query: str = "",
        duration_ms: int = 1_000,
        bytes_processed: int = 0,
        bytes_billed: int | None = None,
        slot_ms: int = 0,
        error: tuple[str, str] | None = None,
        cache_hit: bool = False,
        labels: Mapping[str, str] | None = None,
        statement_type: str = "SELECT",
        job_id: str | None = None,
    ) -> None:
        """Note a query of somebody else, as if it had run; ``error`` is its reason and message.

        Without ``bytes_billed`` it is 10 MiB or more per table, and nothing for an error or a cache hit.
        """
        if bytes_billed is None:
            bytes_billed = 0 if error or cache_hit else max(10 * len(referenced), -(-bytes_processed // 2**20)) * 2**20
        job = Job(project, job_id or self.new_id(), canonical(location), user, "QUERY", created_us, created_us)
        job.ended_us, job.state, job.query = created_us + duration_ms * 1000, "DONE", query
        job.statement_type, job.priority, job.labels = statement_type, "INTERACTIVE", dict(labels or {})
        job.referenced, job.cache_hit, job.slot_ms = tuple(referenced), cache_hit, slot_ms
        job.shows_tables = not cache_hit
        job.bytes_processed, job.bytes_billed = bytes_processed, bytes_billed
        job.error = ApiError(400, *error) if error else None
        job.done.set()
        self.journal.add(job)

    def jobs(self) -> Iterator[dict[str, Any]]:
        """Every job for the dump; ``jobs.as_record`` names the fields."""
        return (as_record(job) for job in self.journal.jobs())

    def storage_snapshots(self) -> Iterator[dict[str, Any]]:
        """Every storage figure that TABLE_STORAGE and tables.get gave out, for the dump."""
        return self.journal.snapshots()
