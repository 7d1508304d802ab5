"""Connections that a slow client cannot hold for ever.

uvicorn closes a connection that is idle between two requests, and waits without end for the first one, for the rest of one that has
begun, and for a client that does not read its answer.
"""

from __future__ import annotations

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from exporter.web import problems

HEAD_TIMEOUT_S = 10.0
"""From the connection, or the last answer, until the head of a request is complete."""
UNREAD_TIMEOUT_S = 60.0
"""From the end of an answer until the client has read it."""


class Connection(H11Protocol):
    """An HTTP/1.1 connection with a deadline whenever it waits for its client."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request in time."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; once its head is complete, the application takes care of the rest."""
        super().data_received(data)
        if self._answering():
            self._forget()

    def on_response_complete(self) -> None:
        """Expect the answer to be read, and the next request, in time."""
        super().on_response_complete()
        if not self._answering():  # else a pipelined request is being answered already
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._forget()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as every other mistake is answered."""
        body = json.dumps(problems.document(400, msg)).encode()
        headers = {
            **problems.SECURITY_HEADERS,
            "content-type": problems.MEDIA_TYPE,
            "content-length": str(len(body)),
            "connection": "close",
        }
        start = h11.Response(status_code=400, headers=list(headers.items()), reason=b"Bad Request")
        for event in (start, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect(self) -> None:
        self._forget()
        unread = self.transport.get_write_buffer_size() > 0
        self._deadline = self.loop.call_later(UNREAD_TIMEOUT_S if unread else HEAD_TIMEOUT_S, self.transport.abort)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
