"""The process's gRPC server for Cloud Monitoring: one port on loopback, several services."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc

THREADS = 32


class MonitoringServer:
    """Serves gRPC services over plaintext on a port of the loopback interface, a free one for 0."""

    def __init__(self, services: Sequence[grpc.GenericRpcHandler], port: int = 0) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="monitoring")
        options = [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        ]
        self._server = grpc.server(self._pool, options=options)
        self._server.add_generic_rpc_handlers(tuple(services))
        self._port = self._server.add_insecure_port(f"127.0.0.1:{port}")

    @property
    def address(self) -> str:
        """``HOST:PORT`` of the server."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Begin to serve."""
        self._server.start()

    def stop(self) -> None:
        """End all calls and wait until they are gone."""
        self._server.stop(None).wait()
        self._pool.shutdown()
