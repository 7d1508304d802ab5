"""The metrics of Cloud Run: requests to a system's API, counted per minute.

Kinds, units and labels: https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-run.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, NamedTuple

from google.api.distribution_pb2 import Distribution

from exporter.sandbox.ledger import MINUTE_US

REQUEST_COUNT = "run.googleapis.com/request_count"
REQUEST_LATENCIES = "run.googleapis.com/request_latencies"
DELAY_S = 180.0

RESOURCE = "cloud_run_revision"
LABELS = ("response_code", "response_code_class", "route")

_GROWTH, _BUCKETS = 1.4, 50
_BOUNDS_MS = tuple(_GROWTH**index for index in range(_BUCKETS + 1))


class Service(NamedTuple):
    """A Cloud Run service and the code with which it answered."""

    project: str
    location: str
    name: str
    response_code: int

    def metric_labels(self) -> dict[str, str]:
        """The labels of the metrics; requests that match no route have none."""
        return {
            "response_code": str(self.response_code),
            "response_code_class": f"{self.response_code // 100}xx",
            "route": "",
        }

    def resource_labels(self) -> dict[str, str]:
        """The labels of the resource: every service has one revision."""
        return {
            "project_id": self.project,
            "location": self.location,
            "service_name": self.name,
            "configuration_name": self.name,
            "revision_name": f"{self.name}-00001",
        }


class RequestMinute:
    """One minute of requests."""

    __slots__ = ("_counts", "_latencies_ms")

    def __init__(self) -> None:
        self._counts = [0] * (_BUCKETS + 2)
        self._latencies_ms: list[float] = []

    def add(self, latency_ms: float) -> None:
        """Count one request."""
        self._latencies_ms.append(latency_ms)
        self._counts[bisect_right(_BOUNDS_MS, latency_ms)] += 1

    def value(self, metric_type: str) -> Any:
        """The minute's point of one of the two metrics."""
        count = len(self._latencies_ms)
        if metric_type == REQUEST_COUNT:
            return count
        mean = math.fsum(self._latencies_ms) / count
        deviation = math.fsum((each - mean) ** 2 for each in self._latencies_ms)
        value = Distribution(count=count, mean=mean, sum_of_squared_deviation=deviation)
        options = value.bucket_options.exponential_buckets
        options.num_finite_buckets, options.growth_factor, options.scale = _BUCKETS, _GROWTH, 1.0
        value.bucket_counts.extend(self._counts)
        return value


class Requests:
    """Requests by service, response code and minute; the caller holds the lock."""

    def __init__(self) -> None:
        self._minutes: dict[Service, dict[int, RequestMinute]] = {}

    def record(self, service: Service, latency_ms: float, at_us: int) -> None:
        """Count one request."""
        minutes = self._minutes.setdefault(service, {})
        minutes.setdefault(at_us - at_us % MINUTE_US, RequestMinute()).add(latency_ms)

    def services(self, project: str) -> Mapping[Service, Mapping[int, RequestMinute]]:
        """The minutes, by their start, of what has been requested in a project."""
        return {service: minutes for service, minutes in self._minutes.items() if service.project == project}
