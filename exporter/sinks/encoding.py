"""The OpenTelemetry exporter with plain protobufs: most of a cycle's computing went into the wrapped messages that it makes of each point.

The same series, byte for byte, in the same batches, through the same client: tests hold both against each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from google.api.metric_pb2 import MetricDescriptor
from google.cloud.monitoring_v3 import TimeSeries
from opentelemetry.exporter.cloud_monitoring import CloudMonitoringMetricsExporter
from opentelemetry.resourcedetector.gcp_resource_detector._mapping import get_monitored_resource
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
)

_NANOS = 1_000_000_000
_PlainSeries: Any = TimeSeries.pb()

with warnings.catch_warnings():
    # Deprecated upstream in favour of OTLP; docs/adr/0005 says why it is used all the same.
    warnings.simplefilter("ignore", DeprecationWarning)

    class PlainExporter(CloudMonitoringMetricsExporter):
        """Writes gauges, sums and histograms with explicit bounds, whose attributes are text with keys fit for labels: what ours are."""

        def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> MetricExportResult:  # noqa: ARG002
            """Write all points; the client is to say what became of them."""
            series = [each for resource in metrics_data.resource_metrics for each in self._series(resource)]
            self._batch_write(series)
            return MetricExportResult.SUCCESS

        def _series(self, resource: ResourceMetrics) -> Iterator[Any]:
            monitored = get_monitored_resource(resource.resource)
            assert monitored is not None
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    template = self._described(metric)
                    template.resource.type = monitored.type
                    template.resource.labels.update(monitored.labels)
                    for data_point in metric.data.data_points:
                        series = _PlainSeries()
                        series.CopyFrom(template)
                        series.metric.labels.update(data_point.attributes)
                        _fill(series, data_point)
                        yield series

        def _described(self, metric: Metric) -> Any:
            descriptor = self._get_metric_descriptor(metric)
            assert descriptor is not None
            template = _PlainSeries()
            template.metric.type = descriptor.type
            template.metric_kind = descriptor.metric_kind
            template.unit = descriptor.unit
            return template


def _fill(series: Any, data_point: Any) -> None:
    point = series.points.add()
    interval, value = point.interval, point.value
    interval.end_time.seconds, interval.end_time.nanos = divmod(data_point.time_unix_nano, _NANOS)
    if series.metric_kind == MetricDescriptor.CUMULATIVE:
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
