from __future__ import annotations

from google.api.metric_pb2 import MetricDescriptor
from google.cloud.monitoring_v3 import Point
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.cloud_monitoring import CloudMonitoringMetricsExporter
from opentelemetry.sdk.metrics.export import HistogramDataPoint, NumberDataPoint

from exporter.model import LATENCY_BOUNDS_S
from exporter.sinks.encoding import to_point

NANOS = st.integers(1, 4 * 10**18)
KINDS = st.sampled_from([MetricDescriptor.GAUGE, MetricDescriptor.CUMULATIVE])
NUMBERS = st.builds(NumberDataPoint, st.just({}), NANOS, NANOS, st.floats(allow_nan=False, allow_infinity=False))
HISTOGRAMS = st.builds(
    lambda start, end, counts, total: HistogramDataPoint(
        {}, start, end, sum(counts), total, counts, LATENCY_BOUNDS_S, 0.0, 0.0
    ),
    NANOS,
    NANOS,
    st.lists(st.integers(0, 2**40), min_size=len(LATENCY_BOUNDS_S) + 1, max_size=len(LATENCY_BOUNDS_S) + 1),
    st.floats(0, 1e12),
)


@given(KINDS, NUMBERS | HISTOGRAMS)
def test_points_are_byte_for_byte_those_of_the_library(kind: int, point: NumberDataPoint | HistogramDataPoint) -> None:
    expected = Point.pb(CloudMonitoringMetricsExporter._to_point(kind, point)).SerializeToString(deterministic=True)
    assert to_point(kind, point).SerializeToString(deterministic=True) == expected
