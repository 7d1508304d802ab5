"""An OTLP/HTTP receiver: takes requests as the protocol demands, decodes them, and answers as it is told."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

PROTOBUF = "application/x-protobuf"

Series = tuple[str, str, frozenset[tuple[str, str]]]
"""Name, job and attributes."""


@dataclass(frozen=True)
class Received:
    """One data point, with everything that the request says of it; times are nanoseconds since the epoch."""

    name: str
    unit: str
    description: str
    kind: str
    temporality: int
    monotonic: bool
    attributes: Mapping[str, str]
    resource: Mapping[str, str]
    start: int
    end: int
    point: Any

    @property
    def series(self) -> Series:
        return self.name, self.resource["job"], frozenset(self.attributes.items())


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    message: ExportMetricsServiceRequest

    @property
    def points(self) -> list[Received]:
        return list(points_of(self.message))


@dataclass(frozen=True)
class Answer:
    """What to say to a request instead of taking it; ``taken`` says whether its points are kept for all that.

    So many bytes of the body that were promised are ``missing`` when the connection ends.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    taken: bool = False
    hang: bool = False
    drop: bool = False
    missing: int = 0


def refusal(status: int, message: str = "", **headers: str) -> Answer:
    """An error with a ``Status`` of protobuf, as the protocol wants it."""
    body = Status(message=message).SerializeToString()
    return Answer(status, body, {"content-type": PROTOBUF, **{k.replace("_", "-"): v for k, v in headers.items()}})


@dataclass
class Receiver:
    """Serves on ``endpoint``; ``answers`` are given to the next requests, then ``judge`` decides.

    ``refuses`` says of a point whether it is refused while the others are taken, ``poisoned`` whether it spoils its whole request.
    """

    answers: deque[Answer] = field(default_factory=deque)
    always: Answer | None = None
    refuses: Callable[[Received], bool] = lambda _: False
    poisoned: Callable[[Received], bool] = lambda _: False
    warning: str = ""
    as_json: bool = False
    requests: list[Request] = field(default_factory=list)
    stored: list[Received] = field(default_factory=list)
    connections: int = 0
    open: set[socket.socket] = field(default_factory=set)

    def __enter__(self) -> Receiver:
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.shutdown()
        for each in list(self.open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def sizes(self) -> list[int]:
        """Points in each request."""
        return [len(request.points) for request in self.requests]

    def wait_for_release(self) -> None:
        self._released.wait(60)

    def answer(self, request: Request) -> Answer:
        """Take a request."""
        self.requests.append(request)
        told = self.answers.popleft() if self.answers else self.always
        if told is not None:
            if told.taken:
                self.stored += request.points
            return told
        if any(map(self.poisoned, request.points)):
            return refusal(400, "a point is wrong")
        kept = [point for point in request.points if not self.refuses(point)]
        self.stored += kept
        response = ExportMetricsServiceResponse()
        refused = len(request.points) - len(kept)
        if refused or self.warning:
            response.partial_success.rejected_data_points = refused
            response.partial_success.error_message = self.warning or "some points are wrong"
        if self.as_json:
            partial = {"rejectedDataPoints": str(refused), "errorMessage": response.partial_success.error_message}
            return Answer(200, json.dumps({"partialSuccess": partial}).encode(), {"content-type": "application/json"})
        return Answer(200, response.SerializeToString(), {"content-type": PROTOBUF})


class _Server(ThreadingHTTPServer):
    receiver: Receiver
    daemon_threads = False
    block_on_close = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.receiver.connections += 1
        self.server.receiver.open.add(self.connection)

    def finish(self) -> None:
        super().finish()
        self.server.receiver.open.discard(self.connection)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = self._answer(body)
        if answer.hang:
            self.server.receiver.wait_for_release()
        if answer.drop or answer.hang:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body) + answer.missing))
        self.end_headers()
        with suppress(ConnectionError):  # A client need not hear all of an answer.
            self.wfile.write(answer.body)
        self.close_connection = self.close_connection or bool(answer.missing)

    def _answer(self, body: bytes) -> Answer:
        if not self.path.endswith("/v1/metrics"):
            return Answer(404, b"not here", {"content-type": "text/plain"})
        if self.headers["content-type"] != PROTOBUF or self.headers["content-encoding"] != "gzip":
            return refusal(415, "only gzipped protobuf")
        try:
            message = ExportMetricsServiceRequest.FromString(gzip.decompress(body))
        except (DecodeError, OSError):
            return refusal(400, "cannot be decoded")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self.server.receiver.answer(Request(self.path, headers, message))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


def points_of(message: ExportMetricsServiceRequest) -> Iterator[Received]:
    """Every data point of a request."""
    for resource in message.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                assert kind is not None
                data = getattr(metric, kind)
                for point in data.data_points:
                    yield Received(
                        name=metric.name,
                        unit=metric.unit,
                        description=metric.description,
                        kind=kind,
                        temporality=getattr(data, "aggregation_temporality", 0),
                        monotonic=getattr(data, "is_monotonic", False),
                        attributes={each.key: each.value.string_value for each in point.attributes},
                        resource={each.key: each.value.string_value for each in resource.resource.attributes},
                        start=point.start_time_unix_nano,
                        end=point.time_unix_nano,
                        point=point,
                    )
