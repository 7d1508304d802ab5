from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.cloud.monitoring_v3 import CreateTimeSeriesRequest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.cloud_monitoring import CloudMonitoringMetricsExporter

from exporter.metrics.catalog import CATALOG, EXPORTER_JOB, FLEET_JOB, Kind
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point
from exporter.sinks.encoding import PlainExporter
from exporter.sinks.otel import to_metrics_data
from tests.builders import T0

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.lists(st.integers(0, 2**40), min_size=len(LATENCY_BOUNDS_S) + 1, max_size=len(LATENCY_BOUNDS_S) + 1)
DISTRIBUTIONS = st.builds(
    lambda counts, total: Distribution(sum(counts), total, tuple(counts)), COUNTS, st.floats(0, 1e12)
)
JOBS = ("departures", "arrivals", EXPORTER_JOB, FLEET_JOB)


class Client:
    """Keeps what an exporter sends."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def common_project_path(self, project: str) -> str:
        return f"projects/{project}"

    def create_metric_descriptor(self, request: Any) -> Any:
        return request.metric_descriptor

    def create_time_series(self, request: CreateTimeSeriesRequest) -> None:
        self.sent.append(CreateTimeSeriesRequest.pb(request).SerializeToString(deterministic=True))


@st.composite
def points(draw: st.DrawFn) -> Point:
    metric = CATALOG[draw(st.sampled_from(sorted(CATALOG)))]
    labels: Mapping[str, str] = {name: draw(st.text(max_size=5)) for name in metric.labels}
    end = T0 + timedelta(microseconds=draw(st.integers(0, 10**12)))
    start = None if metric.kind is Kind.GAUGE else end - timedelta(seconds=draw(st.integers(1, 3600)))
    value: float | Distribution = draw(NUMBERS)
    if metric.kind is Kind.DISTRIBUTION:
        value = draw(DISTRIBUTIONS)
    return Point(metric.name, draw(st.sampled_from(JOBS)), end, value, labels, start)


@given(st.lists(points(), max_size=8), st.sampled_from([1, 60]))
def test_what_is_sent_is_byte_for_byte_what_the_library_sends(made: list[Point], times: int) -> None:
    data = to_metrics_data(made * times, fleet="flights", locations=dict.fromkeys(JOBS, "us-central1"), task_id="task")
    sent = []
    for exporter in (CloudMonitoringMetricsExporter, PlainExporter):
        client = Client()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            exporter("p", client, prefix="custom.googleapis.com/pipeline").export(data)  # type: ignore[arg-type]
        sent.append(client.sent)
    assert sent[0] == sent[1]
    assert len(sent[0]) == -(-len(made) * times // 200)
