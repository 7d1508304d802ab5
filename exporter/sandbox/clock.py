"""The sandbox's time: it may start anywhere, run faster than real time, stand still, or be moved forward."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch of an aware time, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """The aware UTC time of microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=microseconds)


class Clock:
    """Virtual time that starts at ``now`` and runs ``speed`` times as fast as real time (0: it stands still)."""

    def __init__(self, now: datetime | None = None, speed: float = 1.0) -> None:
        if speed < 0:
            raise ValueError(f"speed must not be negative, not {speed}")
        self._lock = threading.Lock()
        self._speed = speed
        self._origin_us = to_us(now if now is not None else datetime.now(UTC))
        self._origin_monotonic = time.monotonic()

    @property
    def speed(self) -> float:
        """Virtual seconds per real second."""
        return self._speed

    def now_us(self) -> int:
        """Virtual microseconds since the epoch."""
        with self._lock:
            elapsed = time.monotonic() - self._origin_monotonic
            return self._origin_us + int(elapsed * self._speed * 1_000_000)

    def now(self) -> datetime:
        """The virtual time, aware UTC."""
        return from_us(self.now_us())

    def advance(self, seconds: float) -> datetime:
        """Move the time forward at once and return the new time."""
        if seconds < 0:
            raise ValueError("time only moves forward")
        with self._lock:
            self._origin_us += round(seconds * 1_000_000)
        return self.now()
