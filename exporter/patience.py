"""How long a cycle may wait for something: until its time is over, or the exporter is being stopped."""

from __future__ import annotations

import threading
import time


class Patience:
    """Time to wait, shared by everything in one cycle; ``stop`` ends every wait at once."""

    def __init__(self, limit_s: float, stop: threading.Event | None = None) -> None:
        self._until_s = time.monotonic() + limit_s
        self._stop = stop or threading.Event()

    @property
    def is_over(self) -> bool:
        """Whether there is no time left."""
        return self._stop.is_set() or time.monotonic() >= self._until_s

    def wait(self, seconds: float) -> bool:
        """Wait, and say whether it was waited: not where that would take longer than there is time."""
        if time.monotonic() + seconds > self._until_s:
            return False
        return not self._stop.wait(seconds)
