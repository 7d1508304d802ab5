"""Small real servers whose every answer a test decides: gRPC for Cloud Monitoring and Pub/Sub, HTTP for BigQuery."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.monitoring_v3 import ListMetricDescriptorsRequest, ListTimeSeriesRequest, MetricServiceClient
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import ListSubscriptionsRequest
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from exporter.connections import BoundedAdapter

_REQUESTS: Mapping[str, Any] = {
    "ListTimeSeries": ListTimeSeriesRequest,
    "ListMetricDescriptors": ListMetricDescriptorsRequest,
    "ListSubscriptions": ListSubscriptionsRequest,
}

GrpcAnswer = Callable[[Any], Any]
"""Makes the response to a request, or bytes that are none; raises ``Refusal``."""


class Refusal(Exception):
    """A canonical code instead of an answer; ``retry_s`` is the wait that it asks for."""

    def __init__(self, code: str, message: str = "no", retry_s: float | None = None) -> None:
        super().__init__(message)
        self.status = Status(code=Code.Value(code), message=message)
        if retry_s is not None:
            delay = Duration()
            delay.FromMilliseconds(round(retry_s * 1000))
            self.status.details.add().Pack(RetryInfo(retry_delay=delay))


class GrpcApi:
    """A gRPC server; ``answer`` is asked for every request, and ``requests`` keeps them."""

    def __init__(self, answer: GrpcAnswer, port: int = 0) -> None:
        self.answer = answer
        self.requests: list[Any] = []
        self.ended = threading.Event()
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="api")
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")

    def service(self, handler_call_details: Any) -> Any:
        """The handler of every method."""
        request = _REQUESTS[handler_call_details.method.rpartition("/")[2]]
        return grpc.unary_unary_rpc_method_handler(self._answer, request.pb().FromString, _serialize)

    def _answer(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        try:
            return self.answer(request)
        except Refusal as refusal:
            context.abort_with_status(rpc_status.to_status(refusal.status))

    def __enter__(self) -> GrpcApi:
        self._server.start()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", [("grpc.max_reconnect_backoff_ms", 200)])
        self.monitoring = MetricServiceClient(transport=MetricServiceGrpcTransport(channel=self.channel))
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=self.channel))
        return self

    def stop(self) -> None:
        """End the server, not the clients."""
        self.ended.set()
        self._server.stop(None).wait()
        self._pool.shutdown()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()
        self.stop()


def _serialize(message: Any) -> bytes:
    """A message on the wire; bytes are sent as they are."""
    return message if isinstance(message, bytes) else bytes(type(message).pb(message).SerializeToString())


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request: the verb and what follows the project in the path, and its JSON."""

    verb: str
    path: str
    body: Mapping[str, Any]


class HttpAnswer:
    """Status, headers and body of an answer; what is no bytes is sent as JSON."""

    def __init__(self, body: Any = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = headers or {}

    def send(self, handler: BaseHTTPRequestHandler, ended: threading.Event) -> None:
        """Send it, all at once."""
        handler.send_response_only(self.status)
        for name, value in {"Content-Type": "application/json", **self.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body)


class Hang(HttpAnswer):
    """Nothing at all, on a connection that stays open."""

    def send(self, handler: BaseHTTPRequestHandler, ended: threading.Event) -> None:
        """Wait for the end of the server."""
        ended.wait(60)
        handler.close_connection = True


class Drip(HttpAnswer):
    """A byte now and then, that never makes an answer: of the headers, or of the body."""

    def __init__(self, *, headers: bool) -> None:
        super().__init__()
        self._headers = headers

    def send(self, handler: BaseHTTPRequestHandler, ended: threading.Event) -> None:
        """Send bytes until the other end hangs up."""
        start = b"HTTP/1.1 200 OK\r\nX-Long: "
        handler.wfile.write(start if self._headers else start + b"no\r\nContent-Length: 1000000\r\n\r\n")
        handler.close_connection = True
        try:
            while not ended.wait(0.02):
                handler.wfile.write(b" ")
                handler.wfile.flush()
        except OSError:
            pass


class Broken(HttpAnswer):
    """The beginning of an answer, and the end of the connection."""

    def send(self, handler: BaseHTTPRequestHandler, ended: threading.Event) -> None:
        """Send less than was announced."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        handler.close_connection = True


class HttpApi:
    """An HTTP server that plays BigQuery; ``answer`` is asked for every request, and ``requests`` keeps them."""

    def __init__(self, answer: Callable[[HttpRequest], HttpAnswer], port: int = 0) -> None:
        self.answer = answer
        self.requests: list[HttpRequest] = []
        self.counted: Counter[tuple[str, str]] = Counter()
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                path = self.path.partition("?")[0].partition("/projects/")[2].partition("/")[2]
                request = HttpRequest(self.command, path, body)
                api.requests.append(request)
                api.answer(request).send(self, api._ended)

            do_POST = do_GET  # noqa: N815 - the name that the base class calls

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def __enter__(self) -> HttpApi:
        self._thread.start()
        self.client = bigquery_client(f"http://127.0.0.1:{self._server.server_port}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def on_call(self, api: str, method: str, code: str) -> None:
        """Count what a runner says that it called."""
        assert api == "bigquery"
        self.counted[method, code] += 1


def bigquery_client(url: str) -> bigquery.Client:
    """A client as the exporter makes it."""
    client = bigquery.Client(project="acme", credentials=AnonymousCredentials(), client_options={"api_endpoint": url})
    client._http.mount("http://", BoundedAdapter())
    return client
