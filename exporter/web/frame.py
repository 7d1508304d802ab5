"""What surrounds every page and every answer: who may call, how large a request may be, security headers, no stack trace."""

from __future__ import annotations

import asyncio
import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.web.guard import Guard, foreign
from exporter.web.problems import SECURITY_HEADERS, problem

OPEN_PATHS = ("/healthz", "/readyz")
"""What a prober without credentials may ask; exactly these, with GET or HEAD."""
MAX_BODY_BYTES = 64 * 1024
MAX_DASHBOARD_BYTES = 1024 * 1024
DASHBOARD_PATHS = ("/api/dashboards/view", "/api/dashboards/data")
"""What takes a whole dashboard."""
BODY_TIMEOUT_S = 10.0
_CLOSE = {"connection": "close"}
_log = logging.getLogger(__name__)


class Frame:
    """Wraps the application; pure ASGI, so that it holds for whatever is mounted inside."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it; nothing but HTTP is served."""
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is served, not {scope['type']}")
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            refused = await self._refused(scope)
            if refused is None:
                body = await _body(scope, receive)
                if isinstance(body, Response):
                    refused = body
                else:
                    await self._app(_as_get(scope), _replayed(body, receive), send_guarded)
        except asyncio.CancelledError:
            # The server stops and will wait no longer: whoever waits is told.
            refused = problem(503, "the exporter is stopping: try again later", headers=_CLOSE)
        except Exception:  # noqa: BLE001 - no stack trace may leave the process
            _log.exception("%s %r failed", scope["method"], scope["path"])
            refused = problem(
                500, "something went wrong that nobody foresaw: the exporter's log says more", headers=_CLOSE
            )
        if refused is not None and not started:
            await refused(scope, receive, send_guarded)

    async def _refused(self, scope: Scope) -> Response | None:
        headers = scope["headers"]
        if scope["method"] in ("GET", "HEAD") and scope["path"] in OPEN_PATHS:
            return None
        refusal = await self._guard.refusal(headers) or foreign(scope["method"], scope["path"], headers)
        return None if refusal is None else problem(refusal.status, refusal.detail, headers=refusal.headers)


def _as_get(scope: Scope) -> Scope:
    """A HEAD is answered as a GET is, and the server leaves the body out (RFC 9110, section 9.3.2).

    Not where an answer costs money, and would be thrown away: 405 says so.
    """
    if scope["method"] == "HEAD" and not scope["path"].startswith("/api/"):
        return {**scope, "method": "GET"}
    return scope


async def _body(scope: Scope, receive: Receive) -> bytes | Response:
    """Read the whole body before anything is done with it, or say why not."""
    limit = MAX_DASHBOARD_BYTES if scope["path"] in DASHBOARD_PATHS else MAX_BODY_BYTES
    too_large = f"a request may have {limit} bytes at most"
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        return problem(413, too_large, headers=_CLOSE)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return problem(400, "the request ended before it was complete", headers=_CLOSE)
                body += message.get("body", b"")
                if len(body) > limit:
                    return problem(413, too_large, headers=_CLOSE)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return problem(408, f"the request did not arrive within {BODY_TIMEOUT_S:g} s", headers=_CLOSE)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
