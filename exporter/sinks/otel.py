"""From points to OpenTelemetry's ``MetricsData``: one Resource per job, which becomes a ``generic_task``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from exporter.metrics.catalog import CATALOG, EXPORTER_JOB, FLEET_JOB, SYSTEM_TASK, Kind
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point
from exporter.windows import EPOCH

RESET_OFFSET = timedelta(milliseconds=1)
"""Cumulatives that reset each window must start at least this long after the end of the window before."""

_SCOPE = InstrumentationScope("exporter")
_CUMULATIVE = AggregationTemporality.CUMULATIVE


def to_metrics_data(points: Sequence[Point], *, fleet: str, locations: Mapping[str, str], task_id: str) -> MetricsData:
    """Group points by job and metric, in the order in which they are given."""
    jobs: dict[str, dict[str, list[Point]]] = {}
    for point in points:
        jobs.setdefault(point.job, {}).setdefault(point.metric, []).append(point)
    return MetricsData(
        [
            ResourceMetrics(
                resource=_resource(job, fleet, locations[job], task_id),
                scope_metrics=[
                    ScopeMetrics(_SCOPE, [_metric(name, own) for name, own in metrics.items()], schema_url="")
                ],
                schema_url="",
            )
            for job, metrics in jobs.items()
        ]
    )


def task_of(job: str, task_id: str) -> str:
    """Resource label ``task_id`` of a job: the exporter's and the fleet's series carry the task that wrote them."""
    return task_id if job in (EXPORTER_JOB, FLEET_JOB) else SYSTEM_TASK


def _resource(job: str, fleet: str, location: str, task_id: str) -> Resource:
    return Resource(
        {
            "service.name": job,
            "service.namespace": fleet,
            "service.instance.id": task_of(job, task_id),
            "cloud.region": location,
        }
    )


def _metric(name: str, points: Sequence[Point]) -> Metric:
    described = CATALOG[name]
    data: Gauge | Sum | Histogram
    if described.kind is Kind.GAUGE:
        data = Gauge([_number(point) for point in points])
    elif described.kind is Kind.COUNT:
        data = Sum([_number(point) for point in points], _CUMULATIVE, is_monotonic=True)
    else:
        data = Histogram([_histogram(point) for point in points], _CUMULATIVE)
    return Metric(name, described.description, described.unit, data)


def _nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def _start(point: Point) -> int:
    return _nanoseconds(point.end if point.start is None else point.start + RESET_OFFSET)


def _number(point: Point) -> NumberDataPoint:
    if isinstance(point.value, Distribution):
        raise TypeError(f"{point.metric} is no distribution")
    return NumberDataPoint(point.labels, _start(point), _nanoseconds(point.end), float(point.value))


def _histogram(point: Point) -> HistogramDataPoint:
    if not isinstance(point.value, Distribution):
        raise TypeError(f"{point.metric} is a distribution")
    value = point.value
    return HistogramDataPoint(
        attributes=point.labels,
        start_time_unix_nano=_start(point),
        time_unix_nano=_nanoseconds(point.end),
        count=value.count,
        sum=value.total,
        bucket_counts=value.bucket_counts,
        explicit_bounds=LATENCY_BOUNDS_S,
        min=0.0,
        max=0.0,
    )
