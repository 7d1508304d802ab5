"""The exporter of OpenTelemetry, with hand-built data, through the genuine client."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from opentelemetry.exporter.cloud_monitoring import CloudMonitoringMetricsExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from exporter.sandbox.faults import Fault
from tests.sandbox.monitoring.cloud import NAME, NOW, PROJECT, Cloud, aggregation, of_type

MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
PREFIX = "custom.googleapis.com/pipeline"


def nanos(moment: datetime) -> int:
    return round(moment.timestamp() * 1000) * 1_000_000


def number(value: float, end: datetime, start: datetime | None = None, **labels: str) -> NumberDataPoint:
    return NumberDataPoint(labels, nanos(start or end), nanos(end), value)


def gauge(name: str, *points: NumberDataPoint) -> Metric:
    return Metric(name, "", "s", Gauge(points))


def counter(name: str, *points: NumberDataPoint) -> Metric:
    return Metric(name, "", "{message}", Sum(points, AggregationTemporality.DELTA, is_monotonic=True))


def histogram(
    name: str, end: datetime, start: datetime, bounds: Sequence[float], counts: Sequence[int], total: float
) -> Metric:
    point = HistogramDataPoint({}, nanos(start), nanos(end), sum(counts), total, counts, bounds, 0.0, 0.0)
    return Metric(name, "", "s", Histogram([point], AggregationTemporality.DELTA))


def data(*metrics: Metric, job: str = "departures", location: str = "us-central1") -> MetricsData:
    resource = Resource(
        {
            "service.name": job,
            "service.namespace": "flights",
            "service.instance.id": "pipeline",
            "cloud.availability_zone": location,
        }
    )
    scope = ScopeMetrics(InstrumentationScope("exporter"), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


@pytest.fixture
def exporter(cloud: Cloud) -> CloudMonitoringMetricsExporter:
    with pytest.warns(DeprecationWarning, match="CloudMonitoringMetricsExporter is deprecated"):
        return CloudMonitoringMetricsExporter(project_id=PROJECT, client=cloud.client, prefix=PREFIX)


def test_windows_arrive_as_cumulatives_that_reset(cloud: Cloud, exporter: CloudMonitoringMetricsExporter) -> None:
    for n, value in enumerate((10.0, 0.0, 7.0)):
        start = NOW + (n - 3) * MINUTE
        sent = data(
            counter("messages", number(value, start + MINUTE, start + MILLISECOND, outcome="published")),
            gauge("data_age", number(3.5 + n, start + MINUTE)),
            histogram("latency", start + MINUTE, start + MILLISECOND, [1.0, 5.0], [4, 5, 1], 21.5),
        )
        assert exporter.export(sent) is MetricExportResult.SUCCESS
    (counted,) = cloud.read(
        of_type(f"{PREFIX}/messages"), start=NOW - 3 * MINUTE, end=NOW, aggregation=aggregation("ALIGN_DELTA")
    )
    assert [point.value.double_value for point in counted.points] == [7.0, 0.0, 10.0]
    assert counted.resource.type == "generic_task"
    assert dict(counted.resource.labels) == {
        "project_id": PROJECT,
        "location": "us-central1",
        "namespace": "flights",
        "job": "departures",
        "task_id": "pipeline",
    }
    (age,) = cloud.read(of_type(f"{PREFIX}/data_age"))
    assert [point.value.double_value for point in age.points] == [5.5, 4.5, 3.5]
    (late,) = cloud.read(of_type(f"{PREFIX}/latency"))
    value = late.points[0].value.distribution_value
    assert (list(value.bucket_counts), value.count, value.mean) == ([4, 5, 1], 10, 2.15)
    descriptor = cloud.client.get_metric_descriptor(name=f"{NAME}/metricDescriptors/{PREFIX}/messages")
    assert (descriptor.metric_kind, descriptor.value_type, descriptor.unit) == (3, 3, "{message}")


def test_sending_a_window_again_proves_that_it_was_stored(
    cloud: Cloud, exporter: CloudMonitoringMetricsExporter
) -> None:
    sent = data(counter("messages", number(10.0, NOW, NOW - MINUTE + MILLISECOND)))
    assert exporter.export(sent) is MetricExportResult.SUCCESS
    assert exporter.export(sent) is MetricExportResult.FAILURE
    assert cloud.faults.calls()["monitoring", "CreateTimeSeries", "INVALID_ARGUMENT"] == 1
    assert cloud.monitoring.points_stored == 1


def test_the_location_of_a_dataset_is_no_location_of_a_metric(
    cloud: Cloud, exporter: CloudMonitoringMetricsExporter
) -> None:
    sent = gauge("data_age", number(1.0, NOW))
    assert exporter.export(data(sent, location="US")) is MetricExportResult.FAILURE
    assert exporter.export(data(sent, location="us-central1")) is MetricExportResult.SUCCESS


def test_labels_are_those_of_the_first_batch(cloud: Cloud, exporter: CloudMonitoringMetricsExporter) -> None:
    assert exporter.export(data(gauge("data_age", number(1.0, NOW, zone="a")))) is MetricExportResult.SUCCESS
    later = data(gauge("data_age", number(1.0, NOW + MINUTE, zone="a", shard="1")))
    assert exporter.export(later) is MetricExportResult.FAILURE


def test_more_than_200_series_come_in_several_calls(cloud: Cloud, exporter: CloudMonitoringMetricsExporter) -> None:
    sent = data(gauge("data_age", *(number(1.0, NOW, shard=str(n)) for n in range(450))))
    assert exporter.export(sent) is MetricExportResult.SUCCESS
    assert cloud.faults.calls()["monitoring", "CreateTimeSeries", "OK"] == 3
    assert cloud.monitoring.points_stored == 450


def test_the_first_batch_that_fails_takes_the_rest_along(
    cloud: Cloud, exporter: CloudMonitoringMetricsExporter
) -> None:
    cloud.faults.add(Fault("monitoring", "CreateTimeSeries", status="UNAVAILABLE", count=1))
    sent = data(gauge("data_age", *(number(1.0, NOW, shard=str(n)) for n in range(450))))
    assert exporter.export(sent) is MetricExportResult.FAILURE
    assert cloud.monitoring.points_stored == 0
