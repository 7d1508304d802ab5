"""Our series as the API holds them: what tells one from another, and the points that are read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from exporter.metrics.catalog import Kind, Metric
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point
from exporter.sinks.otel import RESET_OFFSET
from exporter.windows import EPOCH

Series = Any
"""A ``google.monitoring.v3.TimeSeries``: the messages carry no types."""

Key = tuple[str, str, frozenset[tuple[str, str]]]
"""A series of one fleet: metric type, job and metric labels."""


def key_of_point(prefix: str, point: Point) -> Key:
    """The series to which a point belongs."""
    return f"{prefix}/{point.metric}", point.job, _present(point.labels)


def waves(prefix: str, points: Iterable[Point]) -> list[dict[Key, Point]]:
    """Points in waves of one point per series, each series' oldest first."""
    found: list[dict[Key, Point]] = []
    places: dict[Key, int] = {}
    for point in sorted(points, key=lambda each: each.end):
        key = key_of_point(prefix, point)
        place = places.get(key, 0)
        places[key] = place + 1
        if place == len(found):
            found.append({})
        found[place][key] = point
    return found


def key_of_series(series: Series) -> Key:
    """What tells a series from the others."""
    return series.metric.type, series.resource.labels["job"], _present(series.metric.labels)


def _present(labels: Any) -> frozenset[tuple[str, str]]:
    """Labels with a value: the API does not tell an empty label from one that is absent."""
    return frozenset(item for item in labels.items() if item[1])


def points_of(series: Series, metric: Metric) -> Iterator[Point]:
    """The points of a series, in the order in which they are given."""
    labels = {name: series.metric.labels.get(name, "") for name in metric.labels}
    job = series.resource.labels["job"]
    for point in series.points:
        start = None if metric.kind is Kind.GAUGE else _time(point.interval.start_time) - RESET_OFFSET
        yield Point(metric.name, job, end_of(point), _value(point.value), labels, start)


def end_of(point: Any) -> datetime:
    """When the window or the moment of a point in the API's form ended."""
    return _time(point.interval.end_time)


def _time(stamp: Any) -> datetime:
    return EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)


def _value(value: Any) -> float | Distribution:
    kind = value.WhichOneof("value")
    if kind != "distribution_value":
        return float(getattr(value, kind))
    found = value.distribution_value
    counts = tuple(found.bucket_counts)
    # Empty buckets at the end may be left out. The API keeps the mean of what are whole microseconds: the sum is rounded back.
    counts += (0,) * (len(LATENCY_BOUNDS_S) + 1 - len(counts))
    return Distribution(found.count, round(found.mean * found.count, 6), counts)
