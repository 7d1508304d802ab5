"""A Starlette application on a free port of the loopback interface, in a thread of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Now = Callable[[], datetime]
"""The present time, aware UTC."""


class HttpServer:
    """Serves an application until it is stopped; with ``now``, the header ``Date`` of every answer tells that time."""

    def __init__(
        self,
        application: ASGIApp,
        port: int = 0,
        host: str = "127.0.0.1",
        name: str = "control",
        now: Now | None = None,
    ) -> None:
        self._socket = socket.create_server((host, port))
        self._socket.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )  # or answers wait for delayed acknowledgements
        self.host, self.port = self._socket.getsockname()[:2]
        self.url = f"http://{self.host}:{self.port}"
        config = uvicorn.Config(
            application if now is None else _dated(application, now),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_keep_alive=300,
            date_header=now is None,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name=name, daemon=True
        )

    def start(self) -> None:
        """Begin to serve, and return when connections are taken."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


def _dated(application: ASGIApp, now: Now) -> ASGIApp:
    """Add ``Date`` as RFC 9110 section 6.6.1 wants it: when the answer was made, to the second."""

    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(now(), usegmt=True).encode()
                message["headers"] = [*message.get("headers", ()), (b"date", date)]
            await send(message)

        await application(scope, receive, send_dated)

    return dated
