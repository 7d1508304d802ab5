"""What the commands print for machines: the JSON contract of ``--json`` (docs/json.md)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from exporter.checking import Assessment
from exporter.errors import UsageError
from exporter.model import CycleReport, SystemSummary, Window
from exporter.reporting import Report, WindowRow

_APIS = ("bigquery", "monitoring_read", "monitoring_write", "pubsub")


def rfc3339(moment: datetime) -> str:
    """Write a time in UTC with Z, to the second where it is whole, else to the microsecond."""
    spec = "seconds" if moment.microsecond == 0 else "microseconds"
    return moment.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def _window(window: Window | None) -> list[str] | None:
    return None if window is None else [rfc3339(window.start), rfc3339(window.end)]


def system(summary: SystemSummary) -> dict[str, Any]:
    """One system of the fleet; None is no value."""
    return {
        "id": summary.id,
        "tier": summary.tier.value,
        "health": summary.health,
        "collected": summary.collected,
        "windows": {
            "landing": _window(summary.landing),
            "delivery": _window(summary.delivery),
            "spend": _window(summary.spend),
        },
        "messages": {
            "published": summary.published,
            "delivered": summary.delivered,
            "duplicate": summary.duplicate,
            "dead_lettered": summary.dead_lettered,
            "rejected": summary.rejected,
        },
        "latency_s": {"p50": summary.latency_p50_s, "p95": summary.latency_p95_s, "p99": summary.latency_p99_s},
        "on_time_ratio": summary.on_time_ratio,
        "error_ratio": summary.error_ratio,
        "error_basis": summary.error_basis,
        "loss_ratio": summary.loss_ratio,
        "unaccounted_messages": summary.unaccounted_messages,
        "cost_per_message_usd": summary.cost_per_message_usd,
        "ingest_cost_per_message_usd": summary.ingest_cost_per_message_usd,
        "data_age_s": summary.data_age_s,
        "backlog_messages": summary.backlog_messages,
        "backlog_age_s": summary.backlog_age_s,
        "problem": summary.problem,
    }


def calls_by_api(calls: Mapping[tuple[str, str, str], int]) -> dict[str, int]:
    """Sum up calls by API: the four of Google's are always named, a sink's own where it was called."""
    sums = dict.fromkeys(_APIS, 0)
    for (api, _, _), number in calls.items():
        sums[api] = sums.get(api, 0) + number
    return sums


def cycle(report: CycleReport) -> dict[str, Any]:
    """One cycle: every system, and what the cycle itself did."""
    ends = [summary.landing.end for summary in report.systems if summary.landing is not None]
    return {
        "window_end": rfc3339(max(ends)) if ends else None,
        "systems": [system(summary) for summary in report.systems],
        "cycle": {
            "duration_s": report.duration_s,
            "cpu_s": report.cpu_s,
            "windows": report.windows,
            "windows_expired": report.windows_expired,
            "calls": calls_by_api(report.calls),
            "points": {
                "written": report.written,
                "already_written": report.already_written,
                "rejected": len(report.rejected) + len(report.retryable),
            },
            "bytes_billed": report.bytes_billed,
            "failures": [
                {
                    "source": failure.source,
                    "system": failure.system,
                    "reason": failure.reason,
                    "message": failure.message,
                }
                for failure in report.failures
            ],
            "rejected": [
                {"type": refusal.point.metric, "system": refusal.point.job, "code": refusal.code}
                for refusal in (*report.rejected, *report.retryable)
            ],
        },
    }


def succeeded(report: CycleReport) -> bool:
    """Whether every point was stored, and every failure is explained by the problem of a system."""
    unexplained: Sequence[object] = [failure for failure in report.failures if failure.system is None]
    return not report.rejected and not report.retryable and not unexplained


def assessments(found: Sequence[Assessment]) -> dict[str, Any]:
    """What ``check`` found, system by system."""
    known = [each.usd_per_month for each in found if each.usd_per_month is not None]
    return {
        "systems": [
            {
                "id": each.system.id,
                "measurable": each.level.value,
                "findings": [
                    {"level": finding.level.value, "what": finding.what, "remedy": finding.remedy or None}
                    for finding in each.findings
                ],
                "landing_bytes_per_month": each.bytes_per_month,
                "landing_usd_per_month": each.usd_per_month,
            }
            for each in found
        ],
        "landing_usd_per_month": sum(known) if known else None,
    }


def report_rows(measured: Report) -> list[dict[str, Any]]:
    """A report as flat rows, one per system and window; None is no value."""
    return [_report_row(row) for row in measured.rows]


def _report_row(row: WindowRow) -> dict[str, Any]:
    landing, delivery, cost = row.landing, row.delivery, row.cost
    quantiles = {} if landing is None else {name: value / 1_000_000 for name, value in landing.quantiles_us}
    return {
        "system": row.system,
        "start": rfc3339(row.window.start),
        "end": rfc3339(row.window.end),
        "published": None if delivery is None else delivery.published,
        "delivered": None if landing is None else landing.delivered,
        "duplicate": None if landing is None else landing.duplicate,
        "dead_lettered": None if delivery is None else delivery.dead_lettered,
        "rejected": None if delivery is None else delivery.rejected,
        "latency_p50_s": quantiles.get("0.5"),
        "latency_p95_s": quantiles.get("0.95"),
        "latency_p99_s": quantiles.get("0.99"),
        "within_threshold": None if landing is None or not landing.measurable else landing.within_threshold,
        "error_ratio": row.error_ratio,
        "backlog_messages": None if delivery is None else delivery.backlog_messages,
        "hour_cost_usd": None if cost is None or not cost.complete else sum(cost.components.values()),
    }


def report(measured: Report) -> dict[str, Any]:
    """A report with its rows, and the points that a cycle writes for these windows."""
    return {
        "rows": report_rows(measured),
        "notes": list(measured.notes),
        "points": [
            {
                "family": step.family.value,
                "metric": point.metric,
                "system": point.job,
                "labels": dict(point.labels),
                "start": None if point.start is None else rfc3339(point.start),
                "end": rfc3339(point.end),
                "value": point.value
                if isinstance(point.value, float)
                else {
                    "count": point.value.count,
                    "sum": point.value.total,
                    "bucket_counts": list(point.value.bucket_counts),
                },
            }
            for step in measured.steps
            for point in step.points
        ],
    }


def write_csv(rows: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """Write rows as CSV with a header; no value is an empty field."""
    if rows:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows as a Parquet file; raises ``UsageError`` without pyarrow."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError("--parquet needs pyarrow: install the extra `sandbox`, or use --csv") from error
    parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
