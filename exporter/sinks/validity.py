"""What makes a point fit to be sent: a mistake in one point must not cost a request, let alone the points beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from exporter.metrics.catalog import CATALOG, Kind, Metric
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point
from exporter.sinks.otel import RESET_OFFSET
from exporter.sinks.refusals import INVALID, INVALID_VALUE, Answer, Verdict

_BUCKETS = len(LATENCY_BOUNDS_S) + 1


def mistake(point: Point, locations: Mapping[str, str]) -> Answer | None:
    """Why a point is rejected, None when it is fit to be sent; ``locations`` names the jobs that have a place to be written to."""
    wrong = _mistake(point, locations)
    if wrong is not None:
        return Answer(Verdict.REJECTED, INVALID, wrong)
    wrong = _value_mistake(point, CATALOG[point.metric])
    return None if wrong is None else Answer(Verdict.REJECTED, INVALID_VALUE, wrong)


def _mistake(point: Point, locations: Mapping[str, str]) -> str | None:
    metric = CATALOG.get(point.metric)
    if metric is None:
        return f"the catalogue has no metric {point.metric!r}"
    if point.job not in locations:
        return f"job {point.job!r} has no location"
    return _label_mistake(point, metric) or _time_mistake(point, metric)


def _label_mistake(point: Point, metric: Metric) -> str | None:
    if point.labels.keys() != set(metric.labels):
        return f"labels {sorted(point.labels)} where the catalogue has {sorted(metric.labels)}"
    for name, value in point.labels.items():
        try:
            value.encode()
        except (AttributeError, UnicodeEncodeError):
            return f"label {name} is no text: {value!r}"
    return None


def _time_mistake(point: Point, metric: Metric) -> str | None:
    if point.end.tzinfo is None or (point.start is not None and point.start.tzinfo is None):
        return "a time without its offset from UTC"
    if metric.kind is Kind.GAUGE:
        return None if point.start is None else "a gauge holds at a moment, and has no start"
    if point.start is None or point.start + RESET_OFFSET >= point.end:
        return "a count covers a window of more than a millisecond"
    return None


def _value_mistake(point: Point, metric: Metric) -> str | None:
    value = point.value
    if isinstance(value, Distribution) is not (metric.kind is Kind.DISTRIBUTION):
        return f"{metric.kind} with a value of type {type(value).__name__}"
    if not isinstance(value, Distribution):
        return None if _is_finite(value) else f"a value of {value}"
    counts = value.bucket_counts
    if len(counts) != _BUCKETS or min(counts) < 0 or sum(counts) != value.count:
        return f"{value.count} values in {len(counts)} buckets that hold {sum(counts)}"
    return None if _is_finite(value.total) else f"a sum of {value.total}"


def _is_finite(number: float) -> bool:
    """Whether a number can be written as a double."""
    try:
        return math.isfinite(number)
    except (OverflowError, TypeError):
        return False
