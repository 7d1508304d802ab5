"""The sandbox's BigQuery: its state, and everything that can be done with it; faces translate it to wire protocols."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pyarrow as pa

from exporter.model import TableRef
from exporter.sandbox.bigquery import database, statements
from exporter.sandbox.bigquery.catalog import Catalog, Dataset, Table, View, check_names
from exporter.sandbox.bigquery.errors import ApiError, already_exists, invalid, permission_denied
from exporter.sandbox.bigquery.execution import Execution, cancelled, canonical
from exporter.sandbox.bigquery.jobs import Job, Request, as_record
from exporter.sandbox.bigquery.journal import Journal
from exporter.sandbox.bigquery.sink import Sink
from exporter.sandbox.bigquery.storage import COMMIT, Contents
from exporter.sandbox.bigquery.translation import Context, Translations
from exporter.sandbox.bigquery.types import Column, column, quote, size_sql
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import EXPORTER, Iam
from exporter.sandbox.ports import Row

Field = Column | Mapping[str, Any]

WORKERS = 8
"""Queries that run in DuckDB at the same time."""


class BigQuery:
    """Datasets, tables and jobs of every project; thread-safe.

    It is the ``ports.TableSink`` of the sandbox's Pub/Sub. ``timeline_lag_us`` is how far WRITE_API_TIMELINE lags behind.
    """

    def __init__(self, clock: Clock, faults: Faults, iam: Iam, *, seed: int = 0) -> None:
        self.clock = clock
        self.faults = faults
        self.iam = iam
        self.user = "exporter@sandbox.iam.gserviceaccount.com"
        self.timeline_lag_us = 0
        self.lock = threading.RLock()
        self.database = database.connect()
        self.catalog = Catalog()
        self.journal = Journal(self.database)
        self.translations = Translations()
        self.execution = Execution(self)
        self._sink = Sink(self)
        self._random = random.Random(f"bigquery {seed}")  # noqa: S311 - a simulation, not a secret
        self._hung: set[TableRef] = set()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="bigquery")

    def close(self) -> None:
        """Stop running jobs and let go of the data."""
        for job in self.journal.running():
            self.cancel(job)
        self._workers.shutdown()
        self.database.close()

    # Datasets and tables

    def create_dataset(
        self,
        project: str,
        dataset: str,
        location: str = "US",
        *,
        max_time_travel_hours: int = 168,
        created_us: int | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Dataset:
        """Make a dataset; raises ``ApiError`` where the name is bad or taken."""
        if not 48 <= max_time_travel_hours <= 168:
            raise invalid("maxTimeTravelHours must be between 48 and 168", "maxTimeTravelHours")
        at_us = self.clock.now_us() if created_us is None else created_us
        made = Dataset(project, dataset, canonical(location), at_us, at_us, max_time_travel_hours, dict(properties or {}))
        with self.lock:
            self.catalog.add_dataset(made)
        return made

    def delete_dataset(self, project: str, dataset: str, *, contents: bool = False) -> None:
        """Take a dataset away; raises ``ApiError`` while there is something in it, unless ``contents``."""
        with self.lock:
            found = self.catalog.dataset(project, dataset)
            if found.items and not contents:
                raise ApiError(400, "resourceInUse", f"Dataset {project}:{dataset} is still in use")
            for item in list(found.items.values()):
                self.delete_table(item.ref)
            self.catalog.remove_dataset(project, dataset)

    def create_table(
        self,
        ref: TableRef,
        schema: Sequence[Field],
        *,
        partitioned: str | None = None,
        partition_field: str | None = None,
        created_us: int | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Table:
        """Make a table; ``schema`` are columns or the API's TableFieldSchemas, ``partitioned`` is HOUR, DAY, MONTH or YEAR.

        Raises ``ApiError`` for a bad schema, a missing dataset or a taken name.
        """
        columns = _columns(schema)
        check_names(columns)
        if partitioned not in (None, "HOUR", "DAY", "MONTH", "YEAR"):
            raise invalid(f"Invalid time partitioning type: {partitioned}", "timePartitioning.type")
        at_us = self.clock.now_us() if created_us is None else created_us
        with self.lock:
            self.catalog.dataset(ref.project, ref.dataset)
            if self.catalog.find(ref) is not None:
                raise already_exists("Table", f"{ref.project}:{ref.dataset}.{ref.table}")
            contents = Contents(self.database, columns)
            made = Table(ref, columns, at_us, at_us, contents, partitioned, partition_field, dict(properties or {}))
            self.catalog.add(made)
        return made

    def create_view(
        self, ref: TableRef, sql: str, *, created_us: int | None = None, properties: Mapping[str, Any] | None = None
    ) -> View:
        """Make a view; raises ``ApiError`` where its query is invalid or its name is taken."""
        at_us = self.clock.now_us() if created_us is None else created_us
        with self.lock:
            made = View(ref, sql, self.view_columns(ref, sql), at_us, at_us, dict(properties or {}))
            self.catalog.add(made)
        return made

    def view_columns(self, ref: TableRef, sql: str) -> tuple[Column, ...]:
        """The columns of a view's query; raises ``ApiError`` where it is invalid."""
        location = self.catalog.dataset(ref.project, ref.dataset).location
        context = Context(ref.project, None, location)
        return self.translations.query(sql, context, self.execution.lookup(location)).columns

    def delete_table(self, ref: TableRef) -> None:
        """Take a table or view away; raises ``ApiError`` (notFound)."""
        with self.lock:
            gone = self.catalog.remove(ref)
            self._hung.discard(ref)
        if isinstance(gone, Table):
            gone.contents.drop()

    def table(self, ref: TableRef) -> Table:
        """A regular table; raises ``ApiError`` (notFound, or invalid for a view)."""
        found = self.catalog.item(ref)
        if isinstance(found, View):
            raise invalid(f"{ref.project}:{ref.dataset}.{ref.table} is not allowed for this operation because it is a VIEW.")
        return found

    def add_column(self, ref: TableRef, field: Field) -> None:
        """Add a column, even a REQUIRED one, which Pub/Sub then gives no value: SCHEMA_MISMATCH."""
        added = _columns([field])[0]
        with self.lock:
            table = self.table(ref)
            check_names((*table.columns, added))
            table.contents.add_column(added)
            table.columns = (*table.columns, added)
            table.touch(self.clock.now_us())

    def drop_column(self, ref: TableRef, name: str) -> None:
        """Take a column away; raises ``ApiError`` where there is none."""
        with self.lock:
            table = self.table(ref)
            if all(item.name != name for item in table.columns):
                raise invalid(f"Column not found: {name}")
            table.columns = tuple(item for item in table.columns if item.name != name)
            table.touch(self.clock.now_us())
            table.contents.drop_column(name)

    def set_columns(self, ref: TableRef, schema: Sequence[Field]) -> None:
        """Replace a table's schema as the API lets one: columns may be added and relaxed, not taken away or retyped."""
        wanted = _columns(schema)
        check_names(wanted)
        name = f"{ref.project}:{ref.dataset}.{ref.table}"
        with self.lock:
            table = self.table(ref)
            by_name = {item.name.lower(): item for item in wanted}
            for have in table.columns:
                new = by_name.get(have.name.lower())
                if new is None:
                    raise invalid(f"Provided Schema does not match Table {name}. Field {have.name} is missing in new schema")
                if new.type != have.type:
                    raise invalid(
                        f"Provided Schema does not match Table {name}. Field {have.name} has changed type "
                        f"from {have.type} to {new.type}"
                    )
                if new.mode == "REQUIRED" != have.mode:
                    raise invalid(
                        f"Provided Schema does not match Table {name}. Field {have.name} has changed mode "
                        "from NULLABLE to REQUIRED"
                    )
            known = {item.name.lower() for item in table.columns}
            added = [item for item in wanted if item.name.lower() not in known]
            if any(item.mode == "REQUIRED" for item in added):
                raise invalid(f"Provided Schema does not match Table {name}. Cannot add required fields to an existing schema.")
            for item in added:
                table.contents.add_column(item)
            kept = (replace(by_name[item.name.lower()], name=item.name) for item in table.columns)
            table.columns = (*kept, *added)
            table.touch(self.clock.now_us())

    # Rows

    def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], commit_us: int) -> dict[int, str]:
        """Append rows of a BigQuery subscription; see ``ports.TableSink``."""
        return self._sink.append(table, columns, rows, commit_us)

    def insert(self, ref: TableRef, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Append rows of a load, an INSERT or a streaming insert, in one commit at the clock's time."""
        if rows:
            self.table(ref).contents.append(columns, rows, self.clock.now_us())

    def table_rows(self, ref: TableRef) -> pa.Table:
        """A table's rows for the dump: message_id, publish_time, commit_time, subscription_name, bytes; what it lacks is NULL."""
        table = self.table(ref)
        names = {item.name.lower(): item for item in table.columns}
        commit = quote(COMMIT)

        def pick(name: str, kind: str) -> str:
            known = name in names and names[name].type.duckdb == kind
            return f"{quote(names[name].name) if known else f'CAST(NULL AS {kind})'} AS {name}"

        size = " + ".join(size_sql(quote(item.name), item.type) for item in table.columns) or "0"
        return table.contents.arrow(
            f"SELECT {pick('message_id', 'VARCHAR')}, {pick('publish_time', 'TIMESTAMPTZ')}, "
            f"make_timestamptz({commit}) AS commit_time, {pick('subscription_name', 'VARCHAR')}, "
            f"CAST({size} AS BIGINT) AS bytes FROM {table.contents.name} ORDER BY {commit}, rowid"
        )

    # Jobs

    def new_id(self) -> str:
        """A job id, the same for the same seed and order of calls."""
        with self.lock:
            return f"job_{self._random.getrandbits(128):032x}"

    def start_query(
        self, project: str, request: Request, *, job_id: str | None = None, configuration: Mapping[str, Any] | None = None
    ) -> Job:
        """Start a query job, and return it at once; raises ``ApiError`` where no job can be made."""
        job = self._new_job(project, "QUERY", job_id, request.location, configuration)
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

    def demand(self, permission: str, kind: str, resource: str, shown: str) -> None:
        """Raise ``ApiError`` (accessDenied) where the caller lacks a permission."""
        if not self.iam.allowed(EXPORTER, permission, resource):
            raise permission_denied(kind, shown, permission)


def _columns(schema: Sequence[Field]) -> tuple[Column, ...]:
    return tuple(item if isinstance(item, Column) else column(item) for item in schema)


