"""HTTP connections that end in time: ``requests`` by itself bounds each byte of an answer, not the answer."""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from requests import PreparedRequest, Response, Timeout
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CANCEL_S = 2.0
"""What a request gets that cancels a job, for it is sent when time is over; no other request is."""

_KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
"""A connection whose other end went away in silence (a laptop that slept) is noticed after a minute, not after hours."""


@dataclass(slots=True)
class Talk:
    """The requests that one question took, as (path, HTTP status); the status is None where no answer came."""

    until_s: float
    requests: list[tuple[str, int | None]] = field(default_factory=list)


_current = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[Talk]:
    """Bound all requests of this thread together, whatever time-outs are asked for; what cancels a job may come after them."""
    talk = Talk(time.monotonic() + seconds)
    _current.talk = talk
    try:
        yield talk
    finally:
        _current.talk = None


class BoundedAdapter(HTTPAdapter):
    """Sends requests for ``requests``: a time-out is what the whole answer may take, and ``within`` holds."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Make the pools, with our connections."""
        super().init_poolmanager(*args, **more, socket_options=_socket_options())
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **more: Any) -> Any:
        """Make the pools for a proxy, with our connections."""
        manager = super().proxy_manager_for(*args, **more)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        """Send one request, with the options of ``requests``; raises what it raises."""
        talk: Talk | None = getattr(_current, "talk", None)
        if talk is None:
            return super().send(request, **options)
        path = request.path_url.partition("?")[0]
        left_s = max(talk.until_s - time.monotonic(), CANCEL_S if path.endswith("/cancel") else 0.0)
        if left_s <= 0:
            raise Timeout("there was no time left", request=request)
        asked_s = options.get("timeout")
        options["timeout"] = min(asked_s, left_s) if isinstance(asked_s, int | float) else left_s
        status = None
        try:
            answer = super().send(request, **options)
            status = answer.status_code
        finally:
            talk.requests.append((path, status))
        return answer


class _Timed(io.RawIOBase):
    """Reads from a connection until a moment of the monotonic clock."""

    def __init__(self, inner: io.RawIOBase, connection: socket.socket, until_s: float) -> None:
        self._inner = inner
        self._connection = connection
        self._until_s = until_s

    def readable(self) -> bool:
        """It is what it is for."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there next; raises ``TimeoutError``."""
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._connection.settimeout(left_s)
        return self._inner.readinto(buffer)

    def close(self) -> None:
        """Give the connection back to its owner."""
        self._inner.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that is there whole within the time-out that its connection had when the wait began."""

    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        timeout_s = sock.gettimeout()
        if timeout_s is not None:
            inner = self.fp.detach()
            self.fp = io.BufferedReader(_Timed(inner, sock, time.monotonic() + timeout_s))


class _Connection(HTTPConnection):
    response_class = _Answer


class _SecureConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


def _socket_options() -> list[tuple[int, int, int]]:
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    # Systems name these differently, and some have none of them.
    known = [(name, value) for name, value in _KEEPALIVE if hasattr(socket, name)]
    return options + [(socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in known]
