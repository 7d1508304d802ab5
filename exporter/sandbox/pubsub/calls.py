"""What every call over the wire goes through: faults, permissions, the time, the codes of refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from exporter.sandbox.faults import Faults
from exporter.sandbox.iam import EXPORTER, Iam
from exporter.sandbox.ports import World
from exporter.sandbox.pubsub.engine import PubSub
from exporter.sandbox.pubsub.errors import Refused, switched_off
from exporter.sandbox.pubsub.resources import Proto

API = "pubsub"

_GARBAGE = b"\xff\xff\xff\xff"  # a tag that no protobuf message can start with


@dataclass(frozen=True, slots=True)
class Backend:
    """What the face works with; without ``iam`` everybody may do everything."""

    engine: PubSub
    world: World
    faults: Faults
    iam: Iam | None = None

    @contextmanager
    def acting(self) -> Iterator[int]:
        """Hold the engine's lock at the current time, which it yields, after everything that is due by then."""
        settled_us = self.world.settle()
        with self.engine.lock:
            # Another thread may have settled a later time meanwhile.
            yield max(settled_us, self.engine.now_us)

    def wait(self, seconds: float) -> None:
        """Wait until something may have become available to pull, at most so long."""
        with self.engine.subscriptions.arrived:
            self.engine.subscriptions.arrived.wait(seconds)

    def authorize(self, permission: str, resource: str) -> None:
        """Refuse a caller without a permission on ``projects/...``."""
        dotted = ".".join(resource.split("/")[1:])
        if self.iam is not None and not self.iam.allowed(EXPORTER, permission, dotted):
            raise Refused("PERMISSION_DENIED", "User not authorized to perform this action.")

    def injected(self, method: str, resource: str = "") -> bool:
        """Wait out a call's delays; True when its answer must be garbage, an error when it must be an error."""
        fault = self.faults.strike(API, method)
        if API in self.engine.conduct.now.apis_off:
            raise switched_off(resource.removeprefix("projects/").partition("/")[0])
        if fault is not None and fault.status is not None:
            raise Refused(fault.status, "The sandbox was told to fail this call.")
        return fault is not None and fault.garbage


@dataclass(frozen=True, slots=True)
class Call:
    """One unary method: the raw class of its request, the permission it takes, on what, and its work."""

    request: Any
    permission: str
    resource: Callable[[Proto], str]
    work: Callable[[Proto, grpc.ServicerContext], Proto]


Stream = Callable[[Iterator[Proto], grpc.ServicerContext], Iterator[Proto | bytes]]


def _serialize(response: Proto | bytes) -> bytes:
    return response if isinstance(response, bytes) else bytes(response.SerializeToString())


def _status(refusal: Refused) -> grpc.Status:
    code = grpc.StatusCode[refusal.code].value[0]
    return rpc_status.to_status(Status(code=code, message=str(refusal), details=refusal.packed()))


def unary_handler(backend: Backend, method: str, call: Call) -> grpc.RpcMethodHandler:
    """The gRPC handler of a unary method: faults first, then permission, then its work; every call is recorded."""

    def handle(request: Proto, context: grpc.ServicerContext) -> Proto | bytes:
        code = "OK"
        try:
            if backend.injected(method, call.resource(request)):
                return _GARBAGE
            backend.authorize(call.permission, call.resource(request))
            return call.work(request, context)
        except Refused as refusal:
            code = refusal.code
            return context.abort_with_status(_status(refusal))
        finally:
            backend.faults.record(API, method, code)

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=call.request.FromString, response_serializer=_serialize
    )


def stream_handler(backend: Backend, method: str, request: Any, stream: Stream) -> grpc.RpcMethodHandler:
    """The gRPC handler of a method that streams both ways, with the same faults and records."""

    def handle(requests: Iterator[Proto], context: grpc.ServicerContext) -> Iterator[Proto | bytes]:
        code = "OK"
        try:
            if backend.injected(method):
                yield _GARBAGE
                return
            yield from stream(requests, context)
        except Refused as refusal:
            code = refusal.code
            context.abort_with_status(_status(refusal))
        finally:
            backend.faults.record(API, method, code)

    return grpc.stream_stream_rpc_method_handler(
        handle, request_deserializer=request.FromString, response_serializer=_serialize
    )
