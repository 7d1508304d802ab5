"""The time that a run goes by: that of the machine, or a sandbox's, which is moved on in place of waiting."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import UTC, datetime
from http.client import HTTPException

from exporter import clients
from exporter.errors import Transient

_TIMEOUT_S = 120.0
"""A sandbox answers when all has happened that was due."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present, aware UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


class SandboxClock:
    """The clock of a sandbox, at ``http://HOST:PORT/clock``; raises ``Transient`` where it does not answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._now = clients.clock_of(url)

    def now(self) -> datetime:
        """The present, aware UTC."""
        return self._now()

    def wait(self, seconds: float) -> None:
        """Move it on."""
        body = json.dumps({"advance_s": seconds}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310 - a configured endpoint
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
                pass
        except (OSError, HTTPException) as error:
            raise Transient("clock", f"{self._url} cannot be moved on: {error}") from error


def clock_at(url: str | None) -> SystemClock | SandboxClock:
    """The machine's clock, or that at an address."""
    return SystemClock() if url is None else SandboxClock(url)
