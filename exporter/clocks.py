"""How far our own clock is from the services': a clock that is ahead would take windows that are not over for empty ones."""

from __future__ import annotations

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
        self._ahead = timedelta(0)

    def observe(self, answer: Any, *_: Any, **__: Any) -> None:
        """Take the time from an answer: a hook of ``requests``; answers without a date say nothing."""
        try:
            date = parsedate_to_datetime(answer.headers.get("Date", ""))
        except ValueError:
            return
        with self._lock:
            self._seen = (date.astimezone(UTC), self._steady())

    def begin(self, now: datetime) -> datetime:
        """The time that a cycle goes by which begins at ``now`` by our own clock.

        What our clock was found to be ahead is taken off, unless it was set meanwhile: then it is believed until the service says
        otherwise.
        """
        steady_s = self._steady()
        if self._begun is not None:
            elapsed = timedelta(seconds=steady_s - self._begun.steady_s)
            if abs((now - self._begun.now) - elapsed) > _STEP:
                self._ahead = timedelta(0)
        self._begun = _Begin(now, steady_s)
        with self._lock:
            self._seen = None
        return now - self._ahead

    def there(self) -> datetime | None:
        """The service's time now, None where no answer of this cycle told it; notes how far our own clock is from it."""
        with self._lock:
            seen = self._seen
        if seen is None or self._begun is None:
            return None
        date, at_s = seen
        difference = self._begun.now - (date - timedelta(seconds=at_s - self._begun.steady_s))
        self._ahead = difference if abs(difference) > TOLERANCE else timedelta(0)
        return date + timedelta(seconds=self._steady() - at_s)

    @property
    def ahead(self) -> timedelta:
        """How far our clock is ahead of the service's, negative when it is behind; zero within the tolerance."""
        return self._ahead
