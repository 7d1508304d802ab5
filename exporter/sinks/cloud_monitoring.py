"""Cloud Monitoring: the sink that owns watermarks and descriptors."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api.metric_pb2 import MetricDescriptor
from google.api_core import exceptions
from google.cloud.monitoring_v3 import ListTimeSeriesRequest, MetricServiceClient, TimeInterval
from opentelemetry.exporter.cloud_monitoring import CloudMonitoringMetricsExporter

from exporter.errors import Permanent, SourceError, Transient
from exporter.metrics.catalog import CATALOG, Kind
from exporter.model import Distribution, Family, Outcome, Point, Refusal, Watermark
from exporter.sinks.descriptors import describe, differs
from exporter.sinks.otel import RESET_OFFSET, to_metrics_data
from exporter.sinks.recording import OnCall, RecordingClient
from exporter.sinks.refusals import Verdict
from exporter.windows import EPOCH

_PAGE_SIZE = 100_000
_EXPORTER_LOGGER = "opentelemetry.exporter.cloud_monitoring"

Key = tuple[str, str, frozenset[tuple[str, str]]]
"""A series: metric type, job and metric labels."""


class CloudMonitoringSink:
    """Writes through ``opentelemetry-exporter-gcp-monitoring``, and reads its own series back.

    ``locations`` gives each job's resource location; ``task_id`` is the task of the exporter's own series; ``timeout_s`` bounds each call.
    """

    def __init__(
        self,
        client: MetricServiceClient,
        *,
        project: str,
        prefix: str,
        fleet: str,
        locations: Mapping[str, str],
        on_call: OnCall,
        task_id: str = "shard-1-of-1/0",
        timeout_s: float = 10.0,
    ) -> None:
        self._client = client
        self._project = project
        self._prefix = prefix
        self._fleet = fleet
        self._locations = locations
        self._task_id = task_id
        self._on_call = on_call
        self._timeout_s = timeout_s
        self._descriptors: dict[str, MetricDescriptor] = {}
        self._outcomes: dict[Key, tuple[Verdict | None, str, str]] = {}
        recording = RecordingClient(client, self._descriptors, on_call, self._record, self._stored_places, timeout_s)
        with warnings.catch_warnings():
            # Deprecated upstream in favour of OTLP; docs/adr/0005 says why it is used all the same.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._exporter = CloudMonitoringMetricsExporter(project_id=project, client=recording, prefix=prefix)  # type: ignore[arg-type]
        # It logs every refusal with a traceback; the outcome names them all.
        logging.getLogger(_EXPORTER_LOGGER).setLevel(logging.CRITICAL)

    def prepare(self) -> None:
        """Create the descriptors that are missing or differ; raises ``SourceError`` where they cannot be listed."""
        found: dict[str, MetricDescriptor] = {}
        request = {
            "name": f"projects/{self._project}",
            "filter": f'metric.type = starts_with("{self._prefix}/")',
        }
        try:
            pages = self._client.list_metric_descriptors(request=request, timeout=self._timeout_s, retry=None).pages
            for page in pages:
                self._on_call("monitoring_read", "ListMetricDescriptors", "OK")
                found |= {each.type: each for each in page.metric_descriptors}
        except exceptions.GoogleAPICallError as error:
            raise self._failed("monitoring_read", "ListMetricDescriptors", error) from error
        for metric in CATALOG.values():
            wanted = describe(metric, self._prefix)
            known = found.get(wanted.type)
            if known is None or differs(wanted, known):
                self._create(wanted)
            else:
                self._descriptors[wanted.type] = wanted

    def _create(self, wanted: MetricDescriptor) -> None:
        request = {"name": f"projects/{self._project}", "metric_descriptor": wanted}
        try:
            self._client.create_metric_descriptor(request=request, timeout=self._timeout_s, retry=None)
        except exceptions.GoogleAPICallError as error:
            # Its points come back as retryable until it is there.
            self._failed("monitoring_write", "CreateMetricDescriptor", error)
            return
        self._on_call("monitoring_write", "CreateMetricDescriptor", "OK")
        self._descriptors[wanted.type] = wanted

    def export(self, points: Sequence[Point]) -> Outcome:
        """Send points in waves of one point per series, oldest first; every point is in one part of the outcome."""
        written: list[Point] = []
        already: list[Point] = []
        rejected: list[Refusal] = []
        retryable: list[Refusal] = []
        for wave in self._waves(points):
            self._outcomes = {}
            for name in {CATALOG[point.metric].name for point in wave.values()}:
                if f"{self._prefix}/{name}" not in self._descriptors:
                    self._create(describe(CATALOG[name], self._prefix))
            self._exporter.export(
                to_metrics_data(
                    list(wave.values()), fleet=self._fleet, locations=self._locations, task_id=self._task_id
                )
            )
            for key, point in wave.items():
                verdict, code, message = self._outcomes.get(
                    key, (Verdict.RETRYABLE, "NO_DESCRIPTOR", "its metric descriptor could not be created")
                )
                if verdict is None:
                    written.append(point)
                elif verdict is Verdict.ALREADY_WRITTEN:
                    already.append(point)
                else:
                    (rejected if verdict is Verdict.REJECTED else retryable).append(Refusal(point, code, message))
        return Outcome(tuple(written), tuple(already), tuple(rejected), tuple(retryable))

    def _waves(self, points: Sequence[Point]) -> Iterator[dict[Key, Point]]:
        waves: list[dict[Key, Point]] = []
        seen: dict[Key, int] = {}
        for point in sorted(points, key=lambda each: each.end):
            key = (f"{self._prefix}/{point.metric}", point.job, frozenset(point.labels.items()))
            place = seen.get(key, 0)
            seen[key] = place + 1
            if place == len(waves):
                waves.append({})
            waves[place][key] = point
        return iter(waves)

    def _record(self, series: Any, verdict: Verdict | None, code: str, message: str) -> None:
        self._outcomes[_key(series)] = (verdict, code, message)

    def _stored_places(self, series: Sequence[Any]) -> set[int]:
        """Places of those series whose point is readable; nothing where reading fails."""
        stored: set[tuple[Key, int]] = set()
        types = {each.metric.type for each in series}
        ends = [each.points[0].interval.end_time.ToDatetime(tzinfo=UTC) for each in series]
        for metric_type in types:
            try:
                for found in self._list(metric_type, min(ends), max(ends)):
                    stored |= {(_key(found), point.interval.end_time.ToNanoseconds()) for point in found.points}
            except SourceError:
                continue
        return {
            place
            for place, each in enumerate(series)
            if (_key(each), each.points[0].interval.end_time.ToNanoseconds()) in stored
        }

    def watermarks(self, since: datetime, until: datetime) -> Mapping[tuple[str, Family], Watermark]:
        """The newest watermark of each system and family; raises ``SourceError``."""
        found: dict[tuple[str, Family], Watermark] = {}
        for point in self.read("exporter/watermark", since, until):
            key = (point.job, Family(point.labels["family"]))
            known = found.get(key)
            if isinstance(point.value, float) and (known is None or point.end > known.written_at):
                found[key] = Watermark(EPOCH + timedelta(seconds=point.value), point.end)
        return found

    def read(self, metric: str, since: datetime, until: datetime) -> list[Point]:
        """Points of one metric of this fleet that end in ``[since, until]``; raises ``SourceError``."""
        described = CATALOG[metric]
        points = []
        for series in self._list(f"{self._prefix}/{metric}", since, until):
            labels = dict(series.metric.labels)
            job = series.resource.labels["job"]
            for point in series.points:
                start = None
                if described.kind is not Kind.GAUGE:
                    start = point.interval.start_time.ToDatetime(tzinfo=UTC) - RESET_OFFSET
                end = point.interval.end_time.ToDatetime(tzinfo=UTC)
                points.append(Point(metric, job, end, _value(point.value), labels, start))
        return points

    def _list(self, metric_type: str, since: datetime, until: datetime) -> Iterator[Any]:
        request = ListTimeSeriesRequest(
            name=f"projects/{self._project}",
            filter=f'metric.type = "{metric_type}" AND resource.type = "generic_task" '
            f'AND resource.labels.namespace = "{self._fleet}"',
            interval=TimeInterval(start_time=since, end_time=until),
            view=ListTimeSeriesRequest.TimeSeriesView.FULL,
            page_size=_PAGE_SIZE,
        )
        try:
            for page in self._client.list_time_series(request=request, timeout=self._timeout_s, retry=None).pages:
                self._on_call("monitoring_read", "ListTimeSeries", "OK")
                yield from type(page).pb(page).time_series
        except exceptions.NotFound:
            # No such metric yet: nothing of it was ever written.
            self._on_call("monitoring_read", "ListTimeSeries", "NOT_FOUND")
        except exceptions.GoogleAPICallError as error:
            raise self._failed("monitoring_read", "ListTimeSeries", error) from error

    def _failed(self, api: str, method: str, error: exceptions.GoogleAPICallError) -> SourceError:
        code = type(error).__name__ if error.grpc_status_code is None else str(error.grpc_status_code.name)
        self._on_call(api, method, code)
        if code in ("PERMISSION_DENIED", "UNAUTHENTICATED", "INVALID_ARGUMENT"):
            remedy = f"grant roles/monitoring.viewer and roles/monitoring.metricWriter on {self._project}"
            return Permanent(code, error.message, remedy=remedy)
        return Transient(code, error.message)


def _key(series: Any) -> Key:
    return series.metric.type, series.resource.labels["job"], frozenset(series.metric.labels.items())


def _value(value: Any) -> float | Distribution:
    if value.WhichOneof("value") != "distribution_value":
        return float(value.double_value)
    found = value.distribution_value
    return Distribution(found.count, found.mean * found.count, tuple(found.bucket_counts))
