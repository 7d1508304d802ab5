"""Time series as they come over the wire, as frozen values: points oldest first, distributions as counts over their bounds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from exporter.console.series.model import Series, Value

Kind = Literal["gauge", "delta", "cumulative"]
ValueType = Literal["bool", "int64", "double", "string", "distribution"]

_KINDS: dict[int, Kind] = {1: "gauge", 2: "delta", 3: "cumulative"}
_TYPES: dict[int, ValueType] = {1: "bool", 2: "int64", 3: "double", 4: "string", 5: "distribution"}
"""Numbers of ``google.api.MetricDescriptor.MetricKind`` and ``ValueType``."""

_MOST_BUCKETS = 1000
"""A distribution with more is shown by its count and mean alone; the API allows 200 (https://cloud.google.com/monitoring/quotas)."""

Identity = tuple[str, tuple[tuple[str, str], ...], str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class Gathered:
    """Series that are being put together from pages: one may go on on the next page."""

    unit: str = ""
    points: int = 0
    _heads: dict[Identity, Any] = field(default_factory=dict)
    _points: dict[Identity, list[Any]] = field(default_factory=dict)

    def add(self, page: Any) -> None:
        """Take in one page of an answer, a plain ``ListTimeSeriesResponse``."""
        self.unit = page.unit or self.unit
        for series in page.time_series:
            key = _identity(series)
            self._heads.setdefault(key, series)
            self._points.setdefault(key, []).extend(series.points)
            self.points += len(series.points)

    def series(self) -> list[Series]:
        """Everything so far, in the order in which it came; series of kinds that nobody can draw are left out."""
        found = (_series(head, self._points[key], self.unit) for key, head in self._heads.items())
        return [each for each in found if each is not None]


def _identity(series: Any) -> Identity:
    metric, resource = series.metric, series.resource
    return metric.type, _sorted(metric.labels), resource.type, _sorted(resource.labels)


def _sorted(labels: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _series(head: Any, newest_first: Sequence[Any], unit: str) -> Series | None:
    kind, value_type = _KINDS.get(head.metric_kind), _TYPES.get(head.value_type)
    if kind is None or value_type is None:
        return None
    points = newest_first[::-1]
    common: dict[str, Any] = {
        "metric_type": head.metric.type,
        "metric_labels": dict(head.metric.labels),
        "resource_type": head.resource.type,
        "resource_labels": dict(head.resource.labels),
        "kind": kind,
        "value_type": value_type,
        "unit": unit or head.unit,
    }
    gauge = kind == "gauge"
    if value_type == "distribution":
        return _distributions(common, points, gauge=gauge)
    name = f"{value_type}_value"
    kept = [(point, getattr(point.value, name)) for point in points]
    if value_type == "double":
        # A chart has no place for what is no number, and JSON no word.
        kept = [(point, value) for point, value in kept if math.isfinite(value)]
    starts, ends = _times((point for point, _ in kept), gauge=gauge)
    return Series(
        **common,
        starts_s=starts,
        ends_s=ends,
        values=tuple(value for _, value in kept),
    )


def _times(points: Iterable[Any], *, gauge: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Starts and ends of points; a gauge has no stretch of time."""
    intervals = [point.interval for point in points]
    ends = tuple(_seconds(interval.end_time) for interval in intervals)
    return ends if gauge else tuple(_seconds(interval.start_time) for interval in intervals), ends


def _seconds(stamp: Any) -> float:
    nanos = stamp.nanos
    return float(stamp.seconds + nanos / 1e9) if nanos else float(stamp.seconds)


def _distributions(common: dict[str, Any], points: Sequence[Any], *, gauge: bool) -> Series:
    values = [point.value.distribution_value for point in points]
    histograms = [_histogram(value) for value in values]
    shared = _shared([bounds for bounds, _ in histograms])
    counts: tuple[Value, ...] = tuple(_coarser(bounds, own, shared) for bounds, own in histograms)
    starts, ends = _times(points, gauge=gauge)
    return Series(
        **common,
        starts_s=starts,
        ends_s=ends,
        values=counts,
        bounds=shared,
        means=tuple(value.mean for value in values),
    )


def _histogram(value: Any) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Bounds and counts of a distribution; without buckets there are no bounds, and one count of everything.

    Empty buckets at the end may be left out on the wire (comment of ``google.api.Distribution.bucket_counts``).
    """
    bounds = _bounds(value.bucket_options)
    counts = tuple(value.bucket_counts)
    if not bounds or (not counts and value.count) or len(counts) > len(bounds) + 1:
        return (), (value.count,)
    return bounds, counts + (0,) * (len(bounds) + 1 - len(counts))


def _bounds(options: Any) -> tuple[float, ...]:
    """Bounds between buckets, ascending; none where they are not given or make no sense."""
    which = options.WhichOneof("options")
    if which is None:
        return ()
    if which == "explicit_buckets":
        found = tuple(options.explicit_buckets.bounds)
    else:
        found = _regular(which, getattr(options, which))
    sound = len(found) <= _MOST_BUCKETS and all(map(math.isfinite, found))
    return found if sound and all(low < high for low, high in pairwise(found)) else ()


def _regular(which: str, buckets: Any) -> tuple[float, ...]:
    if buckets.num_finite_buckets > _MOST_BUCKETS:
        return ()
    places = range(buckets.num_finite_buckets + 1)
    if which == "linear_buckets":
        return tuple(buckets.offset + buckets.width * place for place in places)
    try:
        return tuple(buckets.scale * buckets.growth_factor**place for place in places)
    except OverflowError:
        return ()


def _shared(every: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """The bounds that all points have in common: only by them can points with other buckets be compared."""
    kinds = set(every)
    if len(kinds) <= 1:
        return every[0] if every else ()
    return tuple(sorted(set.intersection(*(set(bounds) for bounds in kinds))))


def _coarser(bounds: tuple[float, ...], counts: tuple[int, ...], shared: tuple[float, ...]) -> tuple[int, ...]:
    if bounds == shared:
        return counts
    found = [0] * (len(shared) + 1)
    kept = set(shared)
    place = 0
    for index, count in enumerate(counts):
        found[place] += count
        place += index < len(bounds) and bounds[index] in kept
    return tuple(found)
