"""The HTTP server, in a thread of its own, so that it answers while a cycle runs and while one hangs."""

from __future__ import annotations

import asyncio
import socket
import threading

import uvicorn
from starlette.types import ASGIApp

from exporter.errors import ExporterError
from exporter.web.connections import Connection
from exporter.web.listening import Listen

GRACE_S = 2
"""How long ``stop`` waits for requests that are being answered, unless it is told otherwise."""
_KEEP_ALIVE_S = 5
_MAX_HEAD_BYTES = 16 * 1024
_MAX_CONNECTIONS = 200
_BACKLOG = 128
_THREAD_S = 5.0


class Server:
    """Serves an application at ``address`` between ``start`` and ``stop``.

    The address is taken at once: raises ``ExporterError`` where it cannot be.
    """

    def __init__(self, app: ASGIApp, listen: Listen) -> None:
        self._socket = _bound(listen)
        host, port = self._socket.getsockname()[:2]
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._uvicorn = _Uvicorn(_settings(app))
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)

    def start(self) -> None:
        """Begin to serve, and return when connections are answered; raises ``ExporterError`` where that fails."""
        self._thread.start()
        self._uvicorn.settled.wait()
        if not self._uvicorn.started:
            raise ExporterError(f"the HTTP server at {self.address} did not start: the log says more")

    def stop(self, grace_s: int = GRACE_S) -> None:
        """Take no more requests, finish those under way within ``grace_s``, and tell the others that they were given up."""
        self._uvicorn.config.timeout_graceful_shutdown = grace_s
        self._uvicorn.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(grace_s + _THREAD_S)
        self._socket.close()

    def _serve(self) -> None:
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._uvicorn.settled.set()


class _Uvicorn(uvicorn.Server):
    """Says when it has started or failed to, and leaves no connection open at its end; outside the main thread it takes no signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.settled.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets=sockets)
        # Requests that were given up end by an answer; what is left after that has a client that does not read.
        given_up = list(self.server_state.tasks)
        if given_up:
            await asyncio.wait(given_up, timeout=1)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


def _settings(app: ASGIApp) -> uvicorn.Config:
    """Nothing but HTTP/1.1, errors only into the log of the process, and no header of a proxy believed."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
    )


def _bound(listen: Listen) -> socket.socket:
    try:
        family, _, _, _, where = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(where[0]), listen.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExporterError(
            f"cannot listen on {listen.host}:{listen.port}: {reason}: free it, or choose another address (exporter.listen, or $PORT)"
        ) from error
