"""What happened in the sandbox's BigQuery, for INFORMATION_SCHEMA and for the dump: jobs, writes, storage snapshots."""

# ruff: noqa: S608 - the SQL is made of names of our own; what callers send goes in as parameters

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

import duckdb

from exporter.model import TableRef
from exporter.sandbox.bigquery.information_schema import JOB_COLUMNS, SCHEMA_VIEWS
from exporter.sandbox.bigquery.jobs import Job, as_row
from exporter.sandbox.bigquery.storage import Contents, temporary
from exporter.sandbox.bigquery.types import STRING, Column, quote
from exporter.sandbox.conduct import Conduct
from exporter.sandbox.iam import project_number

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
HISTORY_US = 180 * DAY_US
"""How long JOBS and WRITE_API_TIMELINE remember."""

RESULTS = 2_000
"""Queries whose rows can still be had; the real API keeps them for a day."""

_LOCATION = Column("location", STRING)
_TIMELINE_COLUMNS = SCHEMA_VIEWS["WRITE_API_TIMELINE"].columns


class Journal:
    """All jobs and all writes, buffered in Python and put into DuckDB when they are asked for; thread-safe."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._lock = threading.Lock()
        self._jobs: list[Job] = []
        self._by_key: dict[tuple[str, str], Job] = {}
        self._running: dict[tuple[str, str], Job] = {}
        self._ended: list[Job] = []
        self._with_results: deque[Job] = deque()
        self._stored_jobs = Contents(database, (*JOB_COLUMNS, _LOCATION))
        self._writes: dict[tuple[TableRef, str, str, int, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        self._stored_writes = Contents(database, (*_TIMELINE_COLUMNS, _LOCATION))
        self._snapshots: list[dict[str, Any]] = []

    # Jobs

    def add(self, job: Job) -> None:
        """Note a job; one that has ended already is history."""
        key = (job.project, job.id)
        with self._lock:
            self._jobs.append(job)
            self._by_key[key] = job
            if job.state == "DONE":
                self._ended.append(job)
            else:
                self._running[key] = job

    def end(self, job: Job) -> None:
        """Note that a job has ended; the rows of the ``RESULTS``-th last query before it are let go."""
        with self._lock:
            self._running.pop((job.project, job.id), None)
            self._ended.append(job)
            if job.result is not None:
                self._with_results.append(job)
            if len(self._with_results) > RESULTS:
                self._with_results.popleft().result = None

    def find(self, project: str, job_id: str) -> Job | None:
        """A job by its id."""
        with self._lock:
            return self._by_key.get((project, job_id))

    def jobs(self) -> list[Job]:
        """All jobs in order of creation."""
        with self._lock:
            return list(self._jobs)

    def running(self) -> list[Job]:
        """The jobs that have not ended."""
        with self._lock:
            return list(self._running.values())

    def jobs_view(
        self,
        cursor: duckdb.DuckDBPyConnection,
        name: str,
        project: str,
        location: str,
        now_us: int,
        conduct: Conduct,
    ) -> None:
        """Make INFORMATION_SCHEMA.JOBS of a project and location a temporary view of the cursor."""
        with self._lock:
            ended, self._ended = self._ended, []
            live = [job for job in self._running.values() if (job.project, job.location) == (project, location)]
            names = [column.name for column in self._stored_jobs.columns]
            if ended:
                rows = [(*as_row(job, project_number(job.project)), job.location.lower()) for job in ended]
                self._stored_jobs.append(names, rows, now_us)
            self._stored_jobs.flush()
        shown = {} if conduct.jobs_have_labels else {"labels": "labels[1:0] AS labels"}
        listed = ", ".join(shown.get(column.name, quote(column.name)) for column in JOB_COLUMNS)
        where = f"project_id = {_text(project)} AND location = {_text(location.lower())}"
        sql = f"SELECT {listed} FROM {self._stored_jobs.name} WHERE {where} AND creation_time >= make_timestamptz({now_us - HISTORY_US})"
        delay_us = round(conduct.jobs_delay_s * 1_000_000)
        if delay_us:
            sql += f" AND end_time <= make_timestamptz({now_us - delay_us})"
        elif live:
            temporary(cursor, f"{name}_live", JOB_COLUMNS, [as_row(job, project_number(project)) for job in live])
            sql += f" UNION ALL SELECT {listed} FROM {name}_live"
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")

    # Writes through the Storage Write API

    def wrote(
        self,
        ref: TableRef,
        location: str,
        at_us: int,
        error_code: str,
        rows: int,
        size: int,
        stream_type: str = "DEFAULT",
    ) -> None:
        """Note one append request, of the default stream unless it is said otherwise."""
        key = (ref, location.lower(), stream_type, at_us - at_us % MINUTE_US, error_code)
        with self._lock:
            entry = self._writes[key]
            entry[0] += 1
            entry[1] += rows
            entry[2] += size

    def timeline_view(
        self, cursor: duckdb.DuckDBPyConnection, name: str, project: str, location: str, until_us: int
    ) -> None:
        """Make INFORMATION_SCHEMA.WRITE_API_TIMELINE of a project and location, up to a time, a temporary view of the cursor."""
        with self._lock:
            writes, self._writes = self._writes, defaultdict(lambda: [0, 0, 0])
            rows = [
                (ref.project, project_number(ref.project), ref.dataset, ref.table, stream, minute, code, *sums, place)
                for (ref, place, stream, minute, code), sums in writes.items()
            ]
            if rows:
                self._stored_writes.append([column.name for column in self._stored_writes.columns], rows, until_us)
            self._stored_writes.flush()
        keys = ", ".join(quote(column.name) for column in _TIMELINE_COLUMNS[:-3])
        sums = ", ".join(f"CAST(sum({column.name}) AS BIGINT) AS {column.name}" for column in _TIMELINE_COLUMNS[-3:])
        cursor.execute(
            f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {keys}, {sums} FROM {self._stored_writes.name} "
            f"WHERE project_id = {_text(project)} AND location = {_text(location.lower())} "
            f"AND start_timestamp >= make_timestamptz({until_us - HISTORY_US}) "
            f"AND start_timestamp < make_timestamptz({until_us}) GROUP BY ALL"
        )

    # Storage

    def served(self, at_us: int, ref: TableRef, source: str, rows: int, active: int, long_term: int) -> None:
        """Note a storage figure that was given out."""
        with self._lock:
            self._snapshots.append(
                {
                    "at_us": at_us,
                    "table": str(ref),
                    "source": source,
                    "rows": rows,
                    "active_logical_bytes": active,
                    "long_term_logical_bytes": long_term,
                }
            )

    def snapshots(self) -> Iterator[dict[str, Any]]:
        """Every storage figure that was given out, oldest first."""
        with self._lock:
            yield from list(self._snapshots)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
