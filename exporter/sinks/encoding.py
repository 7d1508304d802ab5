"""Points as plain protobufs: a third of a cycle's computing went into the eight wrapped messages that the library makes of each."""

from __future__ import annotations

from typing import Any

from google.api.metric_pb2 import MetricDescriptor
from google.cloud.monitoring_v3 import Point
from opentelemetry.sdk.metrics.export import HistogramDataPoint, NumberDataPoint

_NANOS = 1_000_000_000
_PlainPoint: Any = Point.pb()


def to_point(kind: int, data_point: NumberDataPoint | HistogramDataPoint) -> Any:
    """Make what the library's exporter makes of a gauge, a sum or a histogram with explicit bounds, byte for byte."""
    point = _PlainPoint()
    interval, value = point.interval, point.value
    interval.end_time.seconds, interval.end_time.nanos = divmod(data_point.time_unix_nano, _NANOS)
    if kind == MetricDescriptor.CUMULATIVE:
        begin = data_point.start_time_unix_nano or 0
        interval.start_time.seconds, interval.start_time.nanos = divmod(begin, _NANOS)
    if isinstance(data_point, HistogramDataPoint):
        found = value.distribution_value
        found.count = data_point.count
        found.mean = data_point.sum / data_point.count if data_point.count else 0.0
        found.bucket_counts.extend(data_point.bucket_counts)
        found.bucket_options.explicit_buckets.bounds.extend(data_point.explicit_bounds)
    else:
        value.double_value = float(data_point.value)
    return point
