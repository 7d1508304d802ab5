"""The gRPC face: MetricService as the genuine clients call it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
from google.cloud.monitoring_v3 import types
from google.protobuf.empty_pb2 import Empty
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from exporter.sandbox.faults import Fault, Faults
from exporter.sandbox.monitoring.engine import Monitoring
from exporter.sandbox.monitoring.errors import Proto, Refused, injected, switched_off
from exporter.sandbox.monitoring.writing import Injection
from exporter.sandbox.ports import World

API = "monitoring"
SERVICE = "google.monitoring.v3.MetricService"

GARBAGE = b"\xff\xff not a message"

Work = Callable[[Any, int, Fault | None], Proto]
"""Answers a request at a time; the fault is one that concerns only some of its points."""


class MetricService:
    """MetricService over one engine; ``handlers`` are what a gRPC server needs."""

    def __init__(self, monitoring: Monitoring, world: World, faults: Faults) -> None:
        self._monitoring = monitoring
        self._world = world
        self._faults = faults

    def handlers(self) -> grpc.GenericRpcHandler:
        """The methods of the service by name; those left out are UNIMPLEMENTED."""
        methods: dict[str, tuple[Work, Any]] = {
            "CreateTimeSeries": (self._create_time_series, types.CreateTimeSeriesRequest),
            "CreateServiceTimeSeries": (self._create_service_time_series, types.CreateTimeSeriesRequest),
            "ListTimeSeries": (self._list_time_series, types.ListTimeSeriesRequest),
            "CreateMetricDescriptor": (self._create_metric_descriptor, types.CreateMetricDescriptorRequest),
            "GetMetricDescriptor": (self._get_metric_descriptor, types.GetMetricDescriptorRequest),
            "ListMetricDescriptors": (self._list_metric_descriptors, types.ListMetricDescriptorsRequest),
            "DeleteMetricDescriptor": (self._delete_metric_descriptor, types.DeleteMetricDescriptorRequest),
            "GetMonitoredResourceDescriptor": (self._get_resource, types.GetMonitoredResourceDescriptorRequest),
            "ListMonitoredResourceDescriptors": (self._list_resources, types.ListMonitoredResourceDescriptorsRequest),
        }
        return grpc.method_handlers_generic_handler(
            SERVICE, {method: self._handler(method, work, request) for method, (work, request) in methods.items()}
        )

    def _handler(self, method: str, work: Work, request: Any) -> grpc.RpcMethodHandler:
        def answer(message: Any, context: grpc.ServicerContext) -> Any:
            return self._answer(method, work, message, context)

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=request.pb().FromString, response_serializer=_serialize
        )

    def _answer(self, method: str, work: Work, message: Any, context: grpc.ServicerContext) -> Any:
        """One call: its fault, its time, its work, and what became of it."""
        code = "UNKNOWN"
        try:
            fault = self._faults.strike(API, method)
            if API in self._monitoring.conduct.now.apis_off:
                raise switched_off(message.name)
            if fault is not None and fault.series is None:
                if fault.after:
                    with suppress(Refused):
                        work(message, self._world.settle(), None)
                if fault.garbage or fault.status is None:
                    code = "OK"
                    return GARBAGE
                raise injected(fault.status)
            answer = work(message, self._world.settle(), fault)
            code = "OK"
        except Refused as refused:
            code = refused.code
            context.abort_with_status(rpc_status.to_status(_status(refused)))
        else:
            return answer
        finally:
            self._faults.record(API, method, code)

    def _create_time_series(self, request: Any, now_us: int, fault: Fault | None) -> Proto:
        injection = None
        if fault is not None and fault.series is not None:
            injection = Injection(fault.series, fault.status or "INTERNAL")
        self._monitoring.create_time_series(request, now_us, injection)
        return Empty()

    def _create_service_time_series(self, *_: object) -> Proto:
        raise Refused("UNIMPLEMENTED", "The sandbox writes the metrics of services itself.")

    def _list_time_series(self, request: Any, now_us: int, _: Fault | None) -> Proto:
        return self._monitoring.list_time_series(request, now_us)

    def _create_metric_descriptor(self, request: Any, now_us: int, _: Fault | None) -> Proto:
        return self._monitoring.create_metric_descriptor(request, now_us)

    def _get_metric_descriptor(self, request: Any, *_: object) -> Proto:
        return self._monitoring.get_metric_descriptor(request)

    def _list_metric_descriptors(self, request: Any, now_us: int, _: Fault | None) -> Proto:
        return self._monitoring.list_metric_descriptors(request, now_us)

    def _delete_metric_descriptor(self, request: Any, *_: object) -> Proto:
        self._monitoring.delete_metric_descriptor(request)
        return Empty()

    def _get_resource(self, request: Any, *_: object) -> Proto:
        return self._monitoring.get_monitored_resource_descriptor(request)

    def _list_resources(self, request: Any, *_: object) -> Proto:
        return self._monitoring.list_monitored_resource_descriptors(request)


def _serialize(answer: Any) -> bytes:
    return answer if isinstance(answer, bytes) else bytes(answer.SerializeToString())


def _status(refused: Refused) -> Proto:
    return Status(code=Code.Value(refused.code), message=refused.message, details=refused.packed())
