"""How far our own clock is from the services': a clock that is ahead would take windows that are not over for empty ones."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

TOLERANCE = timedelta(seconds=60)
"""A difference up to this is the services' own coarseness and the network's delay; windows settle for longer than what is left."""

_STEP = timedelta(seconds=5)
"""Our clock and steady time differ by more than this between two cycles only if the clock was set, or the machine slept."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Begin:
    """A cycle's begin by our own clock and by steady time."""

    now: datetime
    steady_s: float


class ServiceClock:
    """Learns the service's time from the ``Date`` of its answers (RFC 9110, section 6.6.1), which costs no call.

    ``steady`` is a clock in seconds that is never set.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._lock = threading.Lock()
        self._seen: tuple[datetime, float] | None = None
        self._begun: _Begin | None = None
        self._ahead: timedelta | None = None

    def observe(self, answer: Any, *_: Any, **__: Any) -> None:
        """Take the time from an answer: a hook of ``requests``. A service that tells no time is held to have ours."""
        told = answer.headers.get("Date")
        try:
            date = None if told is None else parsedate_to_datetime(told).astimezone(UTC)
        except ValueError:
            return
        with self._lock:
            if date is not None:
                self._seen = (date, self._steady())
            elif self._ahead is None:
                self._ahead = timedelta(0)

    def begin(self, now: datetime) -> datetime:
        """The time that a cycle goes by which begins at ``now`` by our own clock.

        By how much our clock was found to be ahead is forgotten once it was set: nobody knows then until the service has answered.
        """
        steady_s = self._steady()
        with self._lock:
            if self._begun is not None:
                elapsed = timedelta(seconds=steady_s - self._begun.steady_s)
                if abs((now - self._begun.now) - elapsed) > _STEP:
                    self._ahead = None
            self._begun = _Begin(now, steady_s)
            self._seen = None
        return self.begun()

    def there(self) -> datetime | None:
        """The service's time now, as this cycle's answers or those before it tell; None where there were none since our clock was set."""
        with self._lock:
            if self._begun is None:
                return None
            if self._seen is not None:
                date, at_s = self._seen
                self._know(self._begun.now - (date - timedelta(seconds=at_s - self._begun.steady_s)))
            if self._ahead is None:
                return None
            return self._begun.now - self._ahead + timedelta(seconds=self._steady() - self._begun.steady_s)

    def begun(self) -> datetime:
        """When the cycle began: by our own clock, or by the service's where they are known to differ by more than is tolerated."""
        assert self._begun is not None
        return self._begun.now - self._ahead if self._ahead is not None and self._wrong else self._begun.now

    def _know(self, ahead: timedelta) -> None:
        """Note by how much our clock is ahead; that it is wrong is logged when it becomes so."""
        was_wrong, self._ahead = self._wrong, ahead
        if self._wrong and not was_wrong:
            direction = "ahead of" if ahead > timedelta(0) else "behind"
            seconds = round(abs(ahead).total_seconds())
            _log.warning(
                "this machine's clock is %d s %s BigQuery's, whose time is used: set it (NTP)", seconds, direction
            )

    @property
    def _wrong(self) -> bool:
        return self._ahead is not None and abs(self._ahead) > TOLERANCE
