"""A whole local Cloud Monitoring for tests: clock, faults, ledger, engine, server, and the genuine client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.monitoring_v3 import (
    Aggregation,
    CreateTimeSeriesRequest,
    ListTimeSeriesRequest,
    MetricServiceClient,
    TimeInterval,
    TimeSeries,
)
from google.cloud.monitoring_v3.services.metric_service.transports.grpc import MetricServiceGrpcTransport
from google.cloud.monitoring_v3.types import CreateTimeSeriesSummary
from grpc_status import rpc_status

from exporter.sandbox.clock import Clock
from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import Iam
from exporter.sandbox.ledger import Ledger
from exporter.sandbox.monitoring.engine import Monitoring
from exporter.sandbox.monitoring.limits import Settings
from exporter.sandbox.monitoring.rpc import MetricService
from exporter.sandbox.monitoring.server import MonitoringServer

Message = Any
"""A message of the API: its declared types know neither what may be assigned to a field nor what is read from it."""

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
PROJECT = "acme-observability"
NAME = f"projects/{PROJECT}"

TASK = {"location": "us-central1", "namespace": "flights", "job": "departures", "task_id": "pipeline"}


class Settled:
    """A world in which nothing happens by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def settle(self) -> int:
        return self._clock.now_us()


@dataclass
class Cloud:
    """Everything that a test may want to touch; the clock stands still until it is moved."""

    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=lambda: Clock(NOW, speed=0))
    faults: Faults = field(default_factory=Faults)
    ledger: Ledger = field(default_factory=Ledger)
    iam: Iam = field(default_factory=Iam)

    def __enter__(self) -> Cloud:
        self.monitoring = Monitoring(self.ledger, self.iam, self.settings)
        service = MetricService(self.monitoring, Settled(self.clock), self.faults)
        self.server = MonitoringServer([service.handlers()])
        self.server.start()
        self._channel = grpc.insecure_channel(self.server.address, options=[("grpc.max_receive_message_length", -1)])
        self.client = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=self._channel))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()
        self.server.stop()

    def write(self, *series: Message) -> None:
        """Write points as the genuine client does."""
        request = CreateTimeSeriesRequest(name=NAME, time_series=series)
        self.client.create_time_series(request=request, retry=None)

    def refused(self, *series: Message) -> GoogleAPICallError:
        """The error with which the points are refused."""
        try:
            self.write(*series)
        except GoogleAPICallError as error:
            return error
        raise AssertionError("the points were written")

    def read(
        self,
        filter_: str,
        *,
        start: datetime = NOW - timedelta(days=1),
        end: datetime = NOW + timedelta(days=1),
        **more: Any,
    ) -> list[Message]:
        """All pages of a list, as the genuine client puts them together."""
        return list(self.client.list_time_series(request=self.question(filter_, start, end, **more), retry=None))

    def question(self, filter_: str, start: datetime, end: datetime, **more: Any) -> Message:
        """A request for full series."""
        return ListTimeSeriesRequest(
            name=NAME, filter=filter_, interval=TimeInterval(start_time=start, end_time=end), **more
        )


def point(value: Any, end: datetime, start: datetime | None = None) -> dict[str, Any]:
    """A point in the form in which clients write it; the type of the value chooses the member."""
    members = {bool: "bool_value", int: "int64_value", float: "double_value", str: "string_value"}
    interval = {"end_time": end} if start is None else {"start_time": start, "end_time": end}
    return {"interval": interval, "value": {members.get(type(value), "distribution_value"): value}}


def series(
    value: Any = 1.0,
    end: datetime = NOW,
    start: datetime | None = None,
    metric: str = "custom.googleapis.com/pipeline/latency",
    labels: dict[str, str] | None = None,
    resource: tuple[str, dict[str, str]] = ("generic_task", TASK),
    **more: Any,
) -> Message:
    """A series of one point, a gauge when no start is given and a cumulative otherwise."""
    kind = {} if start is None else {"metric_kind": "CUMULATIVE"}
    resource_type, resource_labels = resource
    return TimeSeries(
        metric={"type": metric, "labels": labels or {}},
        resource={"type": resource_type, "labels": resource_labels},
        points=[point(value, end, start)],
        **{**kind, **more},
    )


def of_type(metric: str = "custom.googleapis.com/pipeline/latency") -> str:
    """The filter for one metric type."""
    return f'metric.type = "{metric}"'


def summary(error: GoogleAPICallError) -> tuple[int, int, dict[int, int]]:
    """Total points, written points, and refused points by status code, from an error's details."""
    status = rpc_status.from_call(error.response)
    assert status is not None
    assert status.message == error.message
    (detail,) = status.details
    found = CreateTimeSeriesSummary.pb()()
    assert detail.Unpack(found)
    return found.total_point_count, found.success_point_count, {e.status.code: e.point_count for e in found.errors}


def aggregation(aligner: str, seconds: int = 60, reducer: str = "REDUCE_NONE", by: Sequence[str] = ()) -> Aggregation:
    """An aggregation by names."""
    return Aggregation(
        alignment_period={"seconds": seconds},
        per_series_aligner=aligner,
        cross_series_reducer=reducer,
        group_by_fields=by,
    )
