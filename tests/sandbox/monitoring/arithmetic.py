"""Small series for tests of aligners and reducers: times in seconds, values as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.api.distribution_pb2 import Distribution

from exporter.sandbox.monitoring import kinds
from exporter.sandbox.monitoring.grid import Grid
from exporter.sandbox.monitoring.store import Identity, Reading, Sample

SECOND_NS = 1_000_000_000

Points = Sequence[tuple[float, float, Any]]
"""Start, end and value of points, in ascending order."""


def ns(seconds: float) -> int:
    return round(seconds * SECOND_NS)


def gauges(*points: tuple[float, Any]) -> Points:
    """Points of a gauge by end and value."""
    return [(end, end, value) for end, value in points]


def grid(end: float, period: float = 60, start: float = 0) -> Grid:
    return Grid(ns(start), ns(end), ns(period))


def identity(labels: dict[str, str] | None = None, resource: dict[str, str] | None = None) -> Identity:
    return Identity(
        "custom.googleapis.com/m",
        tuple(sorted((labels or {}).items())),
        "generic_task",
        tuple(sorted({"project_id": "p", **(resource or {})}.items())),
    )


def reading(kind: int, value_type: int, points: Points, who: Identity | None = None) -> Reading:
    samples = [Sample(ns(start), ns(end), value) for start, end, value in points]
    return Reading(who or identity(), kind, value_type, samples)


def seconds(samples: Sequence[Sample]) -> list[tuple[float, float, Any]]:
    return [(sample.start_ns / SECOND_NS, sample.end_ns / SECOND_NS, sample.value) for sample in samples]


def distribution(*values: float, bounds: Sequence[float] = (10.0, 20.0, 40.0)) -> Distribution:
    """The distribution of some values, in buckets with inclusive lower bounds."""
    mean = sum(values) / len(values) if values else 0.0
    made = Distribution(
        count=len(values), mean=mean, sum_of_squared_deviation=sum((value - mean) ** 2 for value in values)
    )
    made.bucket_options.explicit_buckets.bounds.extend(bounds)
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[sum(bound <= value for bound in bounds)] += 1
    made.bucket_counts.extend(counts)
    return made


G, D, C = kinds.GAUGE, kinds.DELTA, kinds.CUMULATIVE
BOOL, INT, DOUBLE, STRING, DIST = kinds.BOOL, kinds.INT64, kinds.DOUBLE, kinds.STRING, kinds.DISTRIBUTION
