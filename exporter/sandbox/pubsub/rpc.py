"""The gRPC face: Google's Publisher and Subscriber services over the engine, and the policies of both."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc

from exporter.sandbox.pubsub import policies, publisher, subscriber
from exporter.sandbox.pubsub.calls import Backend, stream_handler, unary_handler
from exporter.sandbox.pubsub.policies import Policies
from exporter.sandbox.pubsub.publisher import Publisher
from exporter.sandbox.pubsub.streaming import REQUEST, streaming_pull
from exporter.sandbox.pubsub.subscriber import Subscriber

SERVER_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
)
"""Publish requests have up to 10 MB, gRPC's default is 4; and no other server may take over the port."""

WORKERS = 64
"""Calls under way at once: every StreamingPull and every waiting Pull keeps one."""


def add_services(server: grpc.Server, backend: Backend) -> None:
    """Put all services on a gRPC server, which should have been made with ``SERVER_OPTIONS``."""
    publishing = {method: unary_handler(backend, method, call) for method, call in Publisher(backend).calls().items()}
    subscribing = {method: unary_handler(backend, method, call) for method, call in Subscriber(backend).calls().items()}
    subscribing["StreamingPull"] = stream_handler(backend, "StreamingPull", REQUEST, partial(streaming_pull, backend))
    permitting = {method: unary_handler(backend, method, call) for method, call in Policies(backend).calls().items()}
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(policies.SERVICE, permitting),
            grpc.method_handlers_generic_handler(publisher.SERVICE, publishing),
            grpc.method_handlers_generic_handler(subscriber.SERVICE, subscribing),
        )
    )


class Server:
    """A running plaintext server on loopback."""

    def __init__(self, backend: Backend, port: int = 0) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="pubsub")
        self._server = grpc.server(self._pool, options=SERVER_OPTIONS)
        add_services(self._server, backend)
        self.address = f"127.0.0.1:{self._server.add_insecure_port(f'127.0.0.1:{port}')}"
        self._server.start()

    def stop(self) -> None:
        """End all calls and give the port back."""
        self._server.stop(grace=None).wait()
        self._pool.shutdown()
