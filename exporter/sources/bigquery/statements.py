"""Renders the ``.sql`` files: names are validated identifiers in back-quotes, values are query parameters.

A text depends only on which systems it is about, never on the time: so BigQuery, and anybody who reads logs, sees the same statement again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from string import Template
from typing import Any

from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

from exporter.model import LATENCY_BOUNDS_US, System, TableRef, Window
from exporter.snapshots import Table
from exporter.sources.bigquery.runner import Statement

_MIB = 2**20
_LANDING_CAP_PER_TABLE = 1024 * _MIB
_SCHEMA_CAP = 10 * 1024 * _MIB
_LONGEST_JOB = timedelta(hours=30)
"""A query job runs for six hours at most, after up to a day in the queue (quotas page: query and batch query jobs)."""


@dataclass(frozen=True, slots=True)
class LandingRequest:
    """The windows of one system that are to be measured, oldest first and without gaps, and what its table is (None: as it should be)."""

    system: System
    windows: tuple[Window, ...]
    table: Table | None

    @property
    def start(self) -> datetime:
        """Start of the first window."""
        return self.windows[0].start

    @property
    def end(self) -> datetime:
        """End of the last window."""
        return self.windows[-1].end

    def has(self, column: str) -> bool:
        """Whether the table has a column, as far as is known."""
        return self.table is None or column in self.table.columns


@cache
def template(name: str) -> Template:
    """A statement without its comments: they are for readers of the file, and name the placeholders."""
    lines = resources.files("exporter.sources").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return Template("\n".join(line for line in lines if not line.startswith("--")))


def _buckets(expression: str) -> str:
    return ", ".join(f"COUNTIF({expression} = {place})" for place in range(len(LATENCY_BOUNDS_US) + 1))


def quoted(table: TableRef) -> str:
    """A table's whole name in back-quotes; its parts were validated when the configuration was read."""
    return f"`{table}`"


def scalar(name: str, kind: str, value: Any) -> ScalarQueryParameter:
    """A query parameter of one value; ``kind`` is a type of GoogleSQL."""
    return ScalarQueryParameter(name, kind, value)


def _landing_rows(place: int, request: LandingRequest) -> tuple[str, list[Any]]:
    system, columns = request.system, request.system.columns
    lookback = timedelta(seconds=system.duplicate_lookback_s)
    start = request.start - lookback
    if request.table is not None:
        start = max(start, request.table.created)
    parameters: list[Any] = [
        scalar(f"start_{place}", "TIMESTAMP", request.start),
        scalar(f"from_{place}", "TIMESTAMP", min(start, request.end)),
        scalar(f"end_{place}", "TIMESTAMP", request.end),
        scalar(f"window_us_{place}", "INT64", system.window_s * 1_000_000),
        scalar(f"lookback_us_{place}", "INT64", system.duplicate_lookback_s * 1_000_000),
        scalar(f"threshold_us_{place}", "INT64", round(system.objectives.latency_threshold_s * 1_000_000)),
    ]
    of_subscription = ""
    if request.has(columns.subscription_name):
        of_subscription = f"AND `{columns.subscription_name}` IN UNNEST(@subscription_{place})"
        names = [system.subscription, system.subscription.rsplit("/", 1)[-1]]
        parameters.append(ArrayQueryParameter(f"subscription_{place}", "STRING", names))
    measured_by_column = request.table is not None and request.table.kind != "BASE TABLE"
    if measured_by_column and columns.ingest_time is not None:
        relation, commit_time = quoted(system.table), f"`{columns.ingest_time}`"
    else:
        relation = f"APPENDS(TABLE {quoted(system.table)}, @from_{place}, @end_{place})"
        commit_time = "_CHANGE_TIMESTAMP"
    text = template("landing_rows").substitute(
        n=place,
        relation=relation,
        commit_time=commit_time,
        publish_us=f"UNIX_MICROS(`{columns.publish_time}`)"
        if request.has(columns.publish_time)
        else "CAST(NULL AS INT64)",
        message_id=f"`{columns.message_id}`" if request.has(columns.message_id) else "CAST(NULL AS STRING)",
        of_subscription=of_subscription,
    )
    return text.strip(), parameters


def landing(requests: Sequence[LandingRequest]) -> Statement:
    """What landed in the windows of the given systems; ``system_index`` in the answer is the place in ``requests``."""
    texts: list[str] = []
    parameters: list[Any] = [ArrayQueryParameter("bounds_us", "INT64", list(LATENCY_BOUNDS_US))]
    for place, request in enumerate(requests):
        text, own = _landing_rows(place, request)
        texts.append(text)
        parameters += own
    return Statement(
        text=template("landing").substitute(rows="\nUNION ALL\n".join(texts), buckets=_buckets("bucket")),
        parameters=parameters,
        family="landing",
        tables=len({str(request.system.table) for request in requests}),
        bytes_cap=_LANDING_CAP_PER_TABLE * len(requests),
    )


def writers(system: System, start: datetime, end: datetime) -> Statement:
    """Rows that became queryable in a system's table in ``[start, end)``, by the subscription that they name."""
    return Statement(
        text=template("writers").substitute(
            relation=f"APPENDS(TABLE {quoted(system.table)}, @start, @end)",
            subscription_name=f"`{system.columns.subscription_name}`",
        ),
        parameters=[scalar("start", "TIMESTAMP", start), scalar("end", "TIMESTAMP", end)],
        family="landing",
        tables=1,
        bytes_cap=_LANDING_CAP_PER_TABLE,
    )


def _region(location: str) -> str:
    return location.lower()


def _schema_statement(
    name: str, family: str, project: str, location: str, parameters: list[Any], **more: str
) -> Statement:
    return Statement(
        text=template(name).substitute(project=project, region=_region(location), **more),
        parameters=parameters,
        family=family,
        tables=1,
        bytes_cap=_SCHEMA_CAP,
    )


def writes(
    project: str, location: str, tables: Sequence[str], start: datetime, end: datetime, step_s: int
) -> Statement:
    """The write timeline of tables (``dataset.table``) in ``[start, end)``, summed up over steps of ``step_s`` seconds."""
    parameters = [
        scalar("step_s", "INT64", step_s),
        scalar("start", "TIMESTAMP", start),
        scalar("end", "TIMESTAMP", end),
        ArrayQueryParameter("tables", "STRING", list(tables)),
    ]
    return _schema_statement("writes", "landing", project, location, parameters)


def jobs(project: str, location: str, names: Sequence[tuple[str, str]], start: datetime, end: datetime) -> Statement:
    """Query jobs that ended in ``[start, end)``; ``names`` pairs each known name of a table or view with its table, in full."""
    parameters = [
        scalar("created_since", "TIMESTAMP", start - _LONGEST_JOB),
        scalar("start", "TIMESTAMP", start),
        scalar("end", "TIMESTAMP", end),
        ArrayQueryParameter("names", "STRING", [name for name, _ in names]),
        ArrayQueryParameter("tables", "STRING", [table for _, table in names]),
        ArrayQueryParameter("bounds_us", "INT64", list(LATENCY_BOUNDS_US)),
    ]
    return _schema_statement("jobs", "spend", project, location, parameters, buckets=_buckets("finished.bucket"))


def storage(project: str, location: str, tables: Sequence[str]) -> Statement:
    """Bytes stored now in tables (``dataset.table``)."""
    return _schema_statement(
        "storage", "state", project, location, [ArrayQueryParameter("tables", "STRING", list(tables))]
    )


def tables(project: str, location: str, names: Sequence[str]) -> Statement:
    """Type, age and columns of tables (``dataset.table``)."""
    return _schema_statement(
        "tables", "landing", project, location, [ArrayQueryParameter("tables", "STRING", list(names))]
    )
