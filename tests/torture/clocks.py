"""A clock that is wrong: a small HTTP server that tells the sandbox's time plus an offset."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WrongClock:
    """Tells another time than the right one; ``offset`` may be changed at any time."""

    def __init__(self, right: Callable[[], datetime]) -> None:
        self._right = right
        self.offset = timedelta(0)
        self.url = ""

    def now(self) -> datetime:
        """The time that it tells."""
        return self._right() + self.offset


@contextmanager
def wrong_clock(right: Callable[[], datetime]) -> Iterator[WrongClock]:
    """Serve a clock, at first with the right time."""
    clock = WrongClock(right)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"now": clock.now().isoformat(), "speed": 0}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    clock.url = f"http://127.0.0.1:{server.server_address[1]}/clock"
    try:
        yield clock
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
