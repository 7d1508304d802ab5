"""From points to an OTLP request and back to its answer; needs the extra ``otlp``, so nothing imports it before it is wanted.

One Resource per job and one metric per name in it, however the points come: a receiver that is given equal ones twice may keep only
the last. There is no scope: it would be one more label of every series where labels are made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from exporter.metrics.catalog import CATALOG, Kind
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point
from exporter.sinks.otel import RESET_OFFSET, task_of
from exporter.windows import EPOCH


@dataclass(frozen=True, slots=True)
class Form:
    """What all points of one sink have in common.

    ``cumulative`` writes counts as cumulatives that reset with each window, for stores that know no deltas but honour start times.
    """

    project: str
    prefix: str
    fleet: str
    locations: Mapping[str, str]
    task_id: str
    cumulative: bool = False


def metric_name(prefix: str, metric: str) -> str:
    """``custom.googleapis.com/pipeline`` and ``exporter/up`` make ``pipeline_exporter_up``, which every store takes unquoted."""
    return "_".join([*prefix.split("/")[1:], *metric.split("/")])


def encode(points: Sequence[Point], form: Form) -> bytes:
    """An ``ExportMetricsServiceRequest`` with all points, in the order in which jobs and metrics first appear."""
    request = ExportMetricsServiceRequest()
    scopes: dict[str, ScopeMetrics] = {}
    metrics: dict[tuple[str, str], Metric] = {}
    for point in points:
        if point.job not in scopes:
            scopes[point.job] = request.resource_metrics.add(resource=_resource(point.job, form)).scope_metrics.add()
        name = point.job, point.metric
        if name not in metrics:
            metrics[name] = _add_metric(scopes[point.job], point.metric, form)
        _add_point(metrics[name], point, RESET_OFFSET if form.cumulative else timedelta(0))
    return request.SerializeToString()


def rejected_of(body: bytes, content_type: str) -> tuple[int, str]:
    """How many points an answer says were refused, and why; raises ``ValueError`` where it is no answer to a request of ours."""
    answer = ExportMetricsServiceResponse()
    try:
        if content_type.startswith("application/json"):
            json_format.Parse(body, answer, ignore_unknown_fields=True)
        else:
            answer.ParseFromString(body)
    except (DecodeError, json_format.ParseError) as error:
        raise ValueError("the answer is no ExportMetricsServiceResponse") from error
    partial = answer.partial_success
    return max(0, partial.rejected_data_points), partial.error_message


def _resource(job: str, form: Form) -> Resource:
    task = task_of(job, form.task_id)
    location = form.locations[job]
    return Resource(
        attributes=_attributes(
            {
                # What becomes the labels of Google's prometheus_target, whatever else stands there.
                "job": job,
                "namespace": form.fleet,
                "location": location,
                "instance": task,
                "gcp.project_id": form.project,
                # The same for everybody else.
                "service.name": job,
                "service.namespace": form.fleet,
                "service.instance.id": task,
                "cloud.region": location,
            }
        )
    )


def _attributes(labels: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in labels.items()]


def _add_metric(scope: ScopeMetrics, name: str, form: Form) -> Metric:
    described = CATALOG[name]
    metric = scope.metrics.add(
        name=metric_name(form.prefix, name), description=described.description, unit=described.unit
    )
    temporality = (
        AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
        if form.cumulative
        else AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    )
    if described.kind is Kind.COUNT:
        metric.sum.aggregation_temporality = temporality
        metric.sum.is_monotonic = True
    elif described.kind is Kind.DISTRIBUTION:
        metric.histogram.aggregation_temporality = temporality
    return metric


def _add_point(metric: Metric, point: Point, offset: timedelta) -> None:
    attributes, end = _attributes(point.labels), _nanoseconds(point.end)
    start = None if point.start is None else _nanoseconds(point.start + offset)
    value = point.value
    if isinstance(value, Distribution):
        # The smallest and the largest value are not known, and so are left out.
        metric.histogram.data_points.add(
            attributes=attributes,
            start_time_unix_nano=start,
            time_unix_nano=end,
            count=value.count,
            sum=value.total,
            bucket_counts=value.bucket_counts,
            explicit_bounds=LATENCY_BOUNDS_S,
        )
    else:
        numbers = metric.gauge.data_points if start is None else metric.sum.data_points
        numbers.add(attributes=attributes, start_time_unix_nano=start, time_unix_nano=end, as_double=float(value))


def _nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000
