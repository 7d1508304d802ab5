"""How often may be asked what costs money: as often as people look, not as often as a loop can ask."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from starlette.exceptions import HTTPException


class Pace:
    """``burst`` requests at once, and ``per_s`` a second in the long run, for all callers together; for any thread.

    A token bucket; ``clock`` is monotonic, in seconds.
    """

    def __init__(self, burst: int, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._per_s = per_s
        self._clock = clock
        self._lock = threading.Lock()
        self._left = float(burst)
        self._at_s = clock()

    def admit(self) -> None:
        """Let one request through; raises the answer 429, with when to come again, where there have been too many."""
        with self._lock:
            now_s = self._clock()
            self._left = min(self._burst, self._left + (now_s - self._at_s) * self._per_s)
            self._at_s = now_s
            if self._left < 1:
                wait_s = math.ceil((1 - self._left) / self._per_s)
                detail = f"this costs money and is asked too often: try again in {wait_s} s"
                raise HTTPException(429, detail, {"retry-after": str(wait_s)})
            self._left -= 1


def readings() -> Pace:
    """For what reads time series: an answer may take some thirty calls to Cloud Monitoring."""
    return Pace(120, 4.0)


def queries() -> Pace:
    """For what queries BigQuery or pulls from Pub/Sub: a query is billed for 10 MB at least."""
    return Pace(30, 0.5)
