"""Cloud Monitoring as plain state: what the faces translate into their protocols."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from google.cloud.monitoring_v3.types import (
    ListMetricDescriptorsResponse,
    ListMonitoredResourceDescriptorsResponse,
    TypedValue,
)
from google.protobuf.json_format import MessageToDict

from exporter.sandbox.conduct import Conduct, InForce
from exporter.sandbox.iam import EXPORTER, Iam
from exporter.sandbox.ledger import Ledger
from exporter.sandbox.monitoring import filters, kinds, paging
from exporter.sandbox.monitoring.descriptors import Descriptors, is_writable
from exporter.sandbox.monitoring.errors import Proto, Refused, denied, invalid_field
from exporter.sandbox.monitoring.limits import PerMinute, Settings
from exporter.sandbox.monitoring.reading import Reader
from exporter.sandbox.monitoring.resources import RESOURCE_TYPES
from exporter.sandbox.monitoring.run_metrics import Requests, Service
from exporter.sandbox.monitoring.selection import METRIC_FIELDS, RESOURCE_FIELDS, described
from exporter.sandbox.monitoring.services import ServiceSeries, check_metrics
from exporter.sandbox.monitoring.store import Sample, Series, Store
from exporter.sandbox.monitoring.times import MICROSECOND_NS, rfc3339
from exporter.sandbox.monitoring.writing import Injection, Writer

MAX_DESCRIPTORS_PAGE = 10_000
ACTIVE_US = 25 * 3600 * 1_000_000

_NAME = re.compile(r"projects/([^/]+)(?:/(metricDescriptors|monitoredResourceDescriptors)/(.+))?")


class Monitoring:
    """Series, descriptors and the services' own metrics of every project; thread-safe.

    Requests and answers are the API's messages; ``now_us`` is the time of the call. Methods raise ``Refused``. Settings choose from
    a conduct of its own, unless it is given one.
    """

    def __init__(
        self,
        ledger: Ledger,
        iam: Iam | None = None,
        settings: Settings | None = None,
        conduct: InForce | None = None,
    ) -> None:
        settings = settings or Settings()
        self.conduct = conduct or InForce(settings.over(Conduct()))
        self._lock = threading.Lock()
        self._iam = iam or Iam()
        self._limits = settings.limits
        self._requests = Requests()
        self._services = ServiceSeries(ledger, self._requests, self.conduct)
        self._descriptors = Descriptors(settings.limits, self._services.descriptors())
        self._store = Store()
        self._writer = Writer(self._store, self._descriptors, settings.limits, self.conduct)
        self._reader = Reader(self._store, self._services, self._descriptors, self.conduct)
        self._list_rates: dict[str, PerMinute] = {}
        self._series_returned = 0

    def behave(self, conduct: Conduct) -> None:
        """Put a conduct in force, and announce the services' metrics as it says; raises ``ValueError`` for an unknown metric."""
        check_metrics(conduct)
        self.conduct.now = conduct
        with self._lock:
            self._descriptors.service = self._services.descriptors()

    @property
    def points_stored(self) -> int:
        """How many points have been accepted."""
        with self._lock:
            return len(self._store)

    @property
    def distribution_points_stored(self) -> int:
        """How many of them are distributions, which are billed as more bytes."""
        with self._lock:
            return self._store.distributions

    @property
    def series_returned(self) -> int:
        """How many time series reads have returned, which is what reading is billed by."""
        with self._lock:
            return self._series_returned

    def record_request(
        self, project: str, location: str, service: str, response_code: int, latency_ms: float, at_us: int
    ) -> None:
        """Count one request to a Cloud Run service."""
        with self._lock:
            self._requests.record(Service(project, location, service, response_code), latency_ms, at_us)

    def create_time_series(self, request: Proto, now_us: int, injection: Injection | None = None) -> None:
        """Write points: those that are not refused are written even when the call fails."""
        project = self._project(request.name, "monitoring.timeSeries.create")
        with self._lock:
            self._writer.write(project, request.time_series, now_us, injection)

    def list_time_series(self, request: Proto, now_us: int) -> Proto:
        """Read points."""
        project = self._project(request.name, "monitoring.timeSeries.list")
        with self._lock:
            limit = self._limits.list_requests_per_minute
            self._list_rates.setdefault(project, PerMinute("Time series queries", limit)).count(now_us)
            answer = self._reader.read(project, request, now_us)
            self._series_returned += len(answer.time_series)
            return answer

    def create_metric_descriptor(self, request: Proto, now_us: int) -> Proto:
        """Make or update the descriptor of a user-defined metric."""
        project = self._project(request.name, "monitoring.metricDescriptors.create")
        with self._lock:
            return self._descriptors.create(project, request.metric_descriptor, now_us)

    def get_metric_descriptor(self, request: Proto) -> Proto:
        """One metric descriptor."""
        project, metric_type = self._named(request.name, "monitoring.metricDescriptors.get")
        with self._lock:
            found = self._descriptors.get(project, metric_type)
            if found is None:
                raise _no_metric(metric_type)
            return _named_in(project, found)

    def list_metric_descriptors(self, request: Proto, now_us: int) -> Proto:
        """The metric descriptors that match a filter."""
        project = self._project(request.name, "monitoring.metricDescriptors.list")
        wanted = filters.parse(request.filter, METRIC_FIELDS)
        with self._lock:
            found = [
                each
                for each in self._descriptors.all(project)
                if wanted.may_match(described(project, _keys(each), metric_type=each.type))
                and (not request.active_only or self._is_active(project, each.type, now_us))
            ]
            items, token = paging.page(found, request, MAX_DESCRIPTORS_PAGE)
            response = ListMetricDescriptorsResponse.pb(ListMetricDescriptorsResponse())
            response.metric_descriptors.extend(_named_in(project, each) for each in items)
            response.next_page_token = token
            return response

    def delete_metric_descriptor(self, request: Proto) -> None:
        """Forget a user-defined metric and its series."""
        project, metric_type = self._named(request.name, "monitoring.metricDescriptors.delete")
        with self._lock:
            if not is_writable(metric_type):
                raise invalid_field("name", request.name, "Only user-defined metrics can be deleted.")
            if not self._descriptors.delete(project, metric_type):
                raise _no_metric(metric_type)
            self._store.drop(project, metric_type)

    def get_monitored_resource_descriptor(self, request: Proto) -> Proto:
        """One monitored resource descriptor."""
        project, name = self._named(request.name, "monitoring.monitoredResourceDescriptors.get")
        if name not in RESOURCE_TYPES:
            raise Refused("NOT_FOUND", f"Could not find descriptor for monitored resource '{name}'.")
        return RESOURCE_TYPES[name].descriptor(project)

    def list_monitored_resource_descriptors(self, request: Proto) -> Proto:
        """The monitored resource descriptors that match a filter."""
        project = self._project(request.name, "monitoring.monitoredResourceDescriptors.list")
        wanted = filters.parse(request.filter, RESOURCE_FIELDS)
        found = [each.descriptor(project) for _, each in sorted(RESOURCE_TYPES.items())]
        found = [each for each in found if wanted.may_match(described(project, _keys(each), resource_type=each.type))]
        items, token = paging.page(found, request, len(RESOURCE_TYPES))
        response = ListMonitoredResourceDescriptorsResponse.pb(ListMonitoredResourceDescriptorsResponse())
        response.resource_descriptors.extend(items)
        response.next_page_token = token
        return response

    def accepted(self) -> Iterator[dict[str, Any]]:
        """Every point ever accepted, in the order of arrival: a TimeSeries in the API's JSON form, and ``receivedAt``."""
        with self._lock:
            points = list(self._store.accepted())
        for series, sample, received_us in points:
            yield {**_json(series, sample), "receivedAt": rfc3339(received_us * MICROSECOND_NS)}

    def _project(self, name: str, permission: str) -> str:
        match = _NAME.fullmatch(name)
        if match is None or match[2] is not None:
            raise invalid_field("name", name, "The name must be of the form projects/PROJECT_ID.")
        return self._allowed(match[1], permission)

    def _named(self, name: str, permission: str) -> tuple[str, str]:
        match = _NAME.fullmatch(name)
        if match is None or match[2] is None or match[2] not in permission:
            raise invalid_field("name", name, "The name must be that of a descriptor in a project.")
        return self._allowed(match[1], permission), match[3]

    def _allowed(self, project: str, permission: str) -> str:
        if not self._iam.allowed(EXPORTER, permission, project):
            raise denied(permission)
        return project

    def _is_active(self, project: str, metric_type: str, now_us: int) -> bool:
        after_ns = (now_us - ACTIVE_US) * MICROSECOND_NS
        own = self._store.of_type(project, metric_type)
        return any(each.newest.end_ns > after_ns for each in own) or self._services.has_points(
            project, metric_type, after_ns, now_us
        )


def _keys(descriptor: Proto) -> Sequence[str]:
    return [label.key for label in descriptor.labels]


def _no_metric(metric_type: str) -> Refused:
    return Refused("NOT_FOUND", f"Could not find descriptor for metric '{metric_type}'.")


def _named_in(project: str, descriptor: Proto) -> Proto:
    """A descriptor with its resource name, which differs between projects for the metrics of services."""
    named = type(descriptor)()
    named.CopyFrom(descriptor)
    named.name = f"projects/{project}/metricDescriptors/{descriptor.type}"
    return named


def _json(series: Series, sample: Sample) -> dict[str, Any]:
    identity = series.identity
    value = TypedValue.pb(TypedValue())
    kinds.set_value(value, series.value_type, sample.value)
    return {
        "metric": {"type": identity.metric_type, "labels": dict(identity.metric_labels)},
        "resource": {"type": identity.resource_type, "labels": dict(identity.resource_labels)},
        "metricKind": kinds.kind_name(series.kind),
        "valueType": kinds.type_name(series.value_type),
        "points": [
            {
                "interval": {"startTime": rfc3339(sample.start_ns), "endTime": rfc3339(sample.end_ns)},
                "value": MessageToDict(value),
            }
        ],
    }
