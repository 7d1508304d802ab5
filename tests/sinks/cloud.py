"""Cloud Monitoring as the sink sees it: the sandbox's server, behind a front that sees every write and may change its answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import grpc
from google.cloud.monitoring_v3 import MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports.grpc import MetricServiceGrpcTransport
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from exporter.metrics.catalog import EXPORTER_JOB, FLEET_JOB
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point
from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Fault, Faults
from exporter.sandbox.iam import EXPORTER, Iam
from exporter.sandbox.ledger import Ledger
from exporter.sandbox.monitoring.engine import Monitoring
from exporter.sandbox.monitoring.limits import Settings
from exporter.sandbox.monitoring.rpc import MetricService
from exporter.sandbox.monitoring.server import MonitoringServer
from exporter.sinks.cloud_monitoring import CloudMonitoringSink

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=5)
PROJECT = "acme-observability"
PREFIX = "custom.googleapis.com/pipeline"
FLEET = "flights"
SYSTEMS = [f"system-{number}" for number in range(60)]
LOCATIONS = {**dict.fromkeys(SYSTEMS, "us-central1"), EXPORTER_JOB: "europe-west1", FLEET_JOB: "europe-west1"}

Request = Any
"""A ``CreateTimeSeriesRequest`` as the server gets it."""


class Front:
    """Stands before the service: keeps every write in ``requests``.

    ``before`` may refuse a write by calling ``refuse``; ``after`` may do so when it is done already; ``reword`` changes the status of
    a refusal.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.requests: list[Request] = []
        self.before: Callable[[Request], Status | None] = lambda _: None
        self.after: Callable[[Request], Status | None] = lambda _: None
        self.reword: Callable[[Any], Any] = lambda status: status

    def service(self, handler_call_details: Any) -> Any:
        """Find the handler of a call, as a ``GenericRpcHandler`` does."""
        handler = self._inner.service(handler_call_details)
        if handler is None or not handler_call_details.method.endswith("/CreateTimeSeries"):
            return handler

        def answer(request: Request, context: Any) -> Any:
            self.requests.append(request)
            _refuse(context, self.before(request))
            done = handler.unary_unary(request, _Reworded(context, self.reword))
            _refuse(context, self.after(request))
            return done

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


class _Reworded:
    def __init__(self, context: Any, reword: Callable[[Any], Any]) -> None:
        self._context = context
        self._reword = reword

    def abort_with_status(self, status: Any) -> None:
        found = Status()
        found.ParseFromString(dict(status.trailing_metadata)["grpc-status-details-bin"])
        self._context.abort_with_status(rpc_status.to_status(self._reword(found)))


def _refuse(context: Any, status: Any) -> None:
    if status is not None:
        context.abort_with_status(rpc_status.to_status(status))


@dataclass
class Cloud:
    """A server and what is behind it; its clock stands still until it is moved."""

    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=lambda: Clock(NOW, speed=0))
    faults: Faults = field(default_factory=Faults)
    iam: Iam = field(default_factory=Iam)
    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def __enter__(self) -> Cloud:
        self.monitoring = Monitoring(Ledger(), self.iam, self.settings)
        self.front = Front(MetricService(self.monitoring, self, self.faults).handlers())
        self._server = MonitoringServer([self.front])
        self._server.start()
        self.channel = grpc.insecure_channel(self._server.address, options=[("grpc.max_receive_message_length", -1)])
        self.client = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=self.channel))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()
        self._server.stop()

    def settle(self) -> int:
        """Nothing happens by itself."""
        return self.clock.now_us()

    def sink(self, **changes: Any) -> CloudMonitoringSink:
        """A sink of a process that has just started."""
        settings: dict[str, Any] = {
            "project": PROJECT,
            "prefix": PREFIX,
            "fleet": FLEET,
            "locations": LOCATIONS,
            "on_call": lambda *call: self.calls.update([call]),
        }
        return CloudMonitoringSink(self.client, **{**settings, **changes})

    def fault(self, method: str = "CreateTimeSeries", **more: Any) -> None:
        """Put a fault in force."""
        self.faults.add(Fault("monitoring", method, **more))

    def revoke(self, permission: str) -> None:
        """Take a permission away from the exporter."""
        self.iam.revoke(EXPORTER, permission, PROJECT)

    def stored(self) -> Counter[str]:
        """Every point that was ever accepted, as text, and how often."""
        return Counter(
            _text(each["metric"], each["resource"], each["points"][0]) for each in self.monitoring.accepted()
        )

    def sizes(self) -> list[int]:
        """Series in each write, in the order of arrival."""
        return [len(request.time_series) for request in self.front.requests]

    def times_sent(self) -> Counter[tuple[str, str, str, int]]:
        """How often each point was sent: metric type, job, labels and end (s)."""
        return Counter(sent for request in self.front.requests for sent in map(sent_point, request.time_series))


def sent_point(series: Any) -> tuple[str, str, str, int]:
    """What a written series is, and when its point ended (s)."""
    labels = json.dumps(dict(sorted(series.metric.labels.items())))
    return series.metric.type, series.resource.labels["job"], labels, series.points[0].interval.end_time.seconds


def _text(metric: Any, resource: Any, point: Any) -> str:
    return json.dumps([metric, resource, point["interval"], point["value"]], sort_keys=True)


def of(point: Point) -> tuple[str, str, str, int]:
    """A point as it is sent."""
    return (
        f"{PREFIX}/{point.metric}",
        point.job,
        json.dumps(dict(sorted(point.labels.items()))),
        int(point.end.timestamp()),
    )


def gauge(
    value: float = 1.0, end: datetime = NOW, job: str = SYSTEMS[0], metric: str = "data_age", **labels: str
) -> Point:
    """A value at a moment."""
    return Point(metric, job, end, value, labels)


def count(value: float = 1.0, end: datetime = NOW, job: str = SYSTEMS[0], outcome: str = "delivered") -> Point:
    """Messages of a window."""
    return Point("messages", job, end, value, {"outcome": outcome}, end - WINDOW)


def distribution(counts: Sequence[int], total: float, end: datetime = NOW, job: str = SYSTEMS[0]) -> Point:
    """Latency of a window; ``counts`` are those of the first buckets."""
    padded = (*counts, *(0,) * (len(LATENCY_BOUNDS_S) + 1 - len(counts)))
    return Point("latency", job, end, Distribution(sum(counts), total, padded), {}, end - WINDOW)


def window_of(systems: Sequence[str], end: datetime = NOW) -> list[Point]:
    """What one window of some systems gives: eight points each, all different."""
    made = []
    for number, job in enumerate(systems):
        made.append(distribution((3, number + 1), 0.25 * (number + 4), end, job))
        made += [gauge(number + at, end, job, "latency_quantile", quantile=str(at)) for at in (0.5, 0.95, 0.99)]
        made += [
            count(number + 10.0 * place, end, job, outcome)
            for place, outcome in enumerate(("published", "delivered", "duplicate", "dead_lettered"))
        ]
    return made


def status(code: int, message: str) -> Status:
    """A refusal without details."""
    return Status(code=code, message=message)
