"""Cloud Monitoring: Pub/Sub's own metrics of all systems, one ListTimeSeries per metric type and project."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any

from google.api_core import exceptions
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, MetricServiceClient, TimeInterval

from exporter.calls import FAILURES, OnCall, call_error, canonical_code
from exporter.errors import Permanent, SourceError, Transient
from exporter.model import System
from exporter.snapshots import Readings

_PREFIX = "pubsub.googleapis.com/"
_PAGE_SIZE = 100_000
_IDS_PER_FILTER = 100

DEFAULT_DELAY = timedelta(seconds=300)
"""Sample period and ingest delay of the slowest metric that is read, where the descriptors cannot be (metric lists of Pub/Sub)."""


Taker = Callable[[Readings, Any], None]


def _sizes(readings: Readings, series: Any) -> None:
    for point in series.points:
        value = point.value.distribution_value
        readings.sizes.append((point.interval.end_time.seconds, value.count, round(value.mean * value.count)))


def _counts(series: Any) -> Iterator[tuple[int, int]]:
    return ((point.interval.end_time.seconds, point.value.int64_value) for point in series.points)


def _sent(readings: Readings, series: Any) -> None:
    if series.metric.labels["response_code"] == "success":
        readings.requests += _counts(series)


def _rejected(readings: Readings, series: Any) -> None:
    if series.metric.labels["response_code"] != "success":
        readings.rejected += _counts(series)


def _attempts(readings: Readings, series: Any) -> None:
    labels = series.metric.labels
    result = "ok" if labels["response_class"] == "ack" else "error"
    readings.attempts += ((end, result, labels["response_code"], count) for end, count in _counts(series))


_METRICS: Mapping[str, tuple[str, Taker]] = {
    "topic/message_sizes": ("topic_id", _sizes),
    "topic/send_request_count": ("topic_id", _sent),
    "topic/send_message_operation_count": ("topic_id", _rejected),
    "subscription/push_request_count": ("subscription_id", _attempts),
    "subscription/dead_letter_message_count": ("subscription_id", lambda r, s: r.dead_lettered.extend(_counts(s))),
    "subscription/num_undelivered_messages": ("subscription_id", lambda r, s: r.backlog.extend(_counts(s))),
    "subscription/backlog_bytes": ("subscription_id", lambda r, s: r.backlog_bytes.extend(_counts(s))),
    "subscription/oldest_unacked_message_age": ("subscription_id", lambda r, s: r.oldest_age.extend(_counts(s))),
}
"""What is read: the resource label that names the topic or subscription, and where the samples go."""


class MonitoringSource:
    """Reads Pub/Sub's metrics through one client; ``timeout_s`` bounds each call."""

    def __init__(self, client: MetricServiceClient, pool: Executor, on_call: OnCall, timeout_s: float) -> None:
        self._client = client
        self._pool = pool
        self._on_call = on_call
        self._timeout_s = timeout_s

    def delay(self, project: str) -> timedelta:
        """When a sample period's values are certainly there, after its end; raises ``SourceError``."""
        request = {
            "name": f"projects/{project}",
            "filter": f'metric.type = starts_with("{_PREFIX}")',
        }
        longest = timedelta(0)
        try:
            for page in self._client.list_metric_descriptors(
                request=request, timeout=self._timeout_s, retry=None
            ).pages:
                self._on_call("monitoring_read", "ListMetricDescriptors", "OK")
                for descriptor in page.metric_descriptors:
                    if descriptor.type.removeprefix(_PREFIX) in _METRICS:
                        metadata = descriptor.metadata
                        longest = max(longest, _length(metadata.sample_period) + _length(metadata.ingest_delay))
        except FAILURES as failure:
            raise self._failed("ListMetricDescriptors", call_error(failure)) from failure
        return longest or DEFAULT_DELAY

    def read(self, systems: Sequence[System], start: datetime, end: datetime) -> dict[str, Readings]:
        """Samples of systems whose period ended in ``(start, end]``, all metrics at once; raises ``SourceError``."""
        readings = {system.id: Readings() for system in systems}
        tasks = [
            self._pool.submit(self._read_metric, metric, project, owners, start, end)
            for metric, (label, _) in _METRICS.items()
            for project, owners in _owners(systems, label).items()
        ]
        for task in tasks:
            metric, owners, pages = task.result()
            label, take = _METRICS[metric]
            for page in pages:
                for series in page.time_series:
                    for system_id in owners.get(series.resource.labels[label], ()):
                        take(readings[system_id], series)
        for own in readings.values():
            _sort(own)
        return readings

    def _read_metric(
        self, metric: str, project: str, owners: Mapping[str, Sequence[str]], start: datetime, end: datetime
    ) -> tuple[str, Mapping[str, Sequence[str]], list[Any]]:
        label, _ = _METRICS[metric]
        ids = sorted(owners)
        pages: list[Any] = []
        for first in range(0, len(ids), _IDS_PER_FILTER):
            chosen = ", ".join(f'"{item}"' for item in ids[first : first + _IDS_PER_FILTER])
            request = ListTimeSeriesRequest(
                name=f"projects/{project}",
                filter=f'metric.type = "{_PREFIX}{metric}" AND resource.labels.{label} = one_of({chosen})',
                # A sample period ends in (start, end]; the API's interval takes in points that end at its own start.
                interval=TimeInterval(start_time=start + timedelta(microseconds=1), end_time=end),
                view=ListTimeSeriesRequest.TimeSeriesView.FULL,
                page_size=_PAGE_SIZE,
            )
            try:
                for page in self._client.list_time_series(request=request, timeout=self._timeout_s, retry=None).pages:
                    self._on_call("monitoring_read", "ListTimeSeries", "OK")
                    pages.append(type(page).pb(page))
            except FAILURES as failure:
                raise self._failed("ListTimeSeries", call_error(failure)) from failure
        return metric, owners, pages

    def _failed(self, method: str, error: exceptions.GoogleAPICallError) -> SourceError:
        code = canonical_code(error)
        self._on_call("monitoring_read", method, code)
        if code in ("PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND", "INVALID_ARGUMENT"):
            return Permanent(code, error.message, remedy="grant roles/monitoring.viewer on the project of the pipeline")
        return Transient(code, error.message)


def _length(duration: Any) -> timedelta:
    return duration if isinstance(duration, timedelta) else timedelta(0)


def _owners(systems: Sequence[System], label: str) -> dict[str, dict[str, list[str]]]:
    """Systems by project and topic or subscription id: several systems may share a topic."""
    owners: dict[str, dict[str, list[str]]] = {}
    for system in systems:
        name = system.topic if label == "topic_id" else system.subscription
        _, project, _, short = name.split("/")
        owners.setdefault(project, {}).setdefault(short, []).append(system.id)
    return owners


def _sort(readings: Readings) -> None:
    for samples in (readings.sizes, readings.requests, readings.rejected, readings.attempts, readings.dead_lettered):
        samples.sort()
    for gauge in (readings.backlog, readings.backlog_bytes, readings.oldest_age):
        gauge.sort()
