"""Generated rows as tables hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from exporter.windows import EPOCH
from tests.sql.analyser import Stored
from tests.sql.definitions import Arrival, Job, Measured, Written
from tests.sql.fleets import Pipeline
from tests.sql.schemas import CHANGE_COLUMNS, INFORMATION_SCHEMA

_US = timedelta(microseconds=1)


def us(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - EPOCH) // _US


def moment(microseconds: int | None) -> datetime | None:
    """The time of microseconds since the epoch; None is NULL."""
    return None if microseconds is None else EPOCH + microseconds * _US


def measured(each: Pipeline) -> Measured:
    """How a pipeline is to be measured, in the terms of the definitions."""
    own, names = each.request.system, each.request.system.columns
    mine = frozenset({own.subscription, own.subscription.rsplit("/", 1)[-1]})
    return Measured(
        start_us=us(each.request.start),
        end_us=us(each.request.end),
        window_us=own.window_s * 1_000_000,
        lookback_us=own.duplicate_lookback_s * 1_000_000,
        threshold_us=round(own.objectives.latency_threshold_s * 1_000_000),
        subscriptions=mine if names.subscription_name in each.schema else None,
        has_publish_time=names.publish_time in each.schema,
        has_message_id=names.message_id in each.schema,
    )


def stored(each: Pipeline, arrivals: Sequence[Arrival]) -> Stored:
    """A table with the arrivals: their commit time is in the change columns, or for a view in its column of ingest times."""
    names = each.request.system.columns
    of_view = each.request.table is not None and each.request.table.kind != "BASE TABLE"
    columns = each.schema if of_view else {**each.schema, **CHANGE_COLUMNS}
    committed = names.ingest_time if of_view else "_CHANGE_TIMESTAMP"
    rows = []
    for arrival in arrivals:
        values: dict[str | None, Any] = {
            "data": b"{}",
            names.subscription_name: arrival.subscription,
            names.message_id: arrival.message_id,
            names.publish_time: moment(arrival.publish_us),
            "_CHANGE_TYPE": "INSERT",
            committed: moment(arrival.commit_us),
        }
        rows.append(tuple(values.get(column) for column in columns))
    return Stored(columns, rows)


def copied(text: str, name: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, dict[str, Stored]]:
    """A statement that reads a table with the columns of an INFORMATION_SCHEMA view in the place of the view, and that table."""
    view, copy = f"`acme-data`.`region-us-central1`.INFORMATION_SCHEMA.{name}", f"acme-data.copies.{name.lower()}"
    assert text.count(view) == 1
    columns = INFORMATION_SCHEMA[name].columns
    stored = Stored(columns, [tuple(row.get(column) for column in columns) for row in rows])
    return text.replace(view, f"`{copy}`"), {copy: stored}


def job_rows(listed: Sequence[Job]) -> list[dict[str, Any]]:
    """Jobs as rows of JOBS."""
    return [
        {
            "job_id": job.job_id,
            "creation_time": moment(job.creation_us),
            "start_time": moment(job.start_us),
            "end_time": moment(job.end_us),
            "job_type": job.job_type,
            "statement_type": job.statement_type,
            "state": job.state,
            "error_result": None if job.error is None else (job.error, None, None, "it failed"),
            "total_bytes_processed": job.bytes_processed,
            "total_bytes_billed": job.bytes_billed,
            "total_slot_ms": job.slot_ms,
            "labels": None if job.labels is None else list(job.labels),
            "referenced_tables": None if job.tables is None else [tuple(name.split(".")) for name in job.tables],
        }
        for job in listed
    ]


def write_rows(timeline: Sequence[Written]) -> list[dict[str, Any]]:
    """Minutes as rows of WRITE_API_TIMELINE."""
    return [
        {
            "start_timestamp": moment(row.minute_us),
            "project_id": "acme-data",
            "dataset_id": row.dataset,
            "table_id": row.table,
            "stream_type": row.stream_type,
            "error_code": row.error_code,
            "total_requests": row.requests,
            "total_rows": row.rows,
            "total_input_bytes": row.input_bytes,
        }
        for row in timeline
    ]
