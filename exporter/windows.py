"""When what is due: windows, intervals and watermarks, as pure arithmetic on aware UTC times.

A window ``[start, end)`` is aligned to UTC multiples of its length. It is complete once ``end + settle`` has passed, and never changes
after that. A system is collected at the multiples of its interval; one collection takes every complete window since the watermark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from exporter.model import System, Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

MAX_AGE = timedelta(hours=24)
"""Cloud Monitoring takes points up to 25 h old: windows that ended more than 24 h ago are expired."""


@dataclass(frozen=True, slots=True)
class Due:
    """Windows to collect now, oldest first and without gaps; ``expired`` ones, up to ``expired_until``, were too old to be sent."""

    windows: tuple[Window, ...] = ()
    expired: int = 0
    expired_until: datetime | None = None


def align_down(moment: datetime, length: timedelta) -> datetime:
    """The last UTC multiple of ``length`` at or before a moment."""
    return moment - (moment - EPOCH) % length


def align_up(moment: datetime, length: timedelta) -> datetime:
    """The first UTC multiple of ``length`` at or after a moment."""
    return moment + (EPOCH - moment) % length


def split(start: datetime, end: datetime, length: timedelta) -> tuple[Window, ...]:
    """The windows between two multiples of ``length``."""
    return tuple(Window(start + i * length, start + (i + 1) * length) for i in range((end - start) // length))


def due(
    *,
    now: datetime,
    watermark: datetime | None,
    length: timedelta,
    interval: timedelta,
    settle: timedelta,
    since: datetime | None = None,
) -> Due:
    """What a system's family has to collect at ``now``.

    Without a watermark it starts with the window that holds ``since``, or with the last complete one. Nothing is due before the next
    multiple of ``interval`` after the watermark is complete. A watermark between two multiples of ``length`` (the system's window was
    made longer) goes on at the next one: a window may not overlap one that is stored already.
    """
    complete = align_down(now - settle, length)
    if watermark is None:
        start = complete - length if since is None else min(align_down(since, length), complete)
    else:
        start = align_up(watermark, length)
        if align_down(complete, interval) <= start:
            return Due()
    oldest = align_up(now - MAX_AGE, length) - length
    expired = max(0, (oldest - start) // length)
    return Due(split(max(start, oldest), complete, length), expired, oldest if expired else None)


def is_collection_end(window: Window, interval: timedelta) -> bool:
    """Whether a window ends where a collection ends: gauges are written there, so that catching up writes the same points."""
    return align_down(window.end, interval) == window.end


def period_s(systems: Iterable[System]) -> int:
    """How often a fleet has a cycle, in seconds: whole minutes that divide its shortest window, at most five.

    Delivery is complete five minutes after a window's end: a cycle per window alone would find it a whole window late.
    """
    shortest_s = min((system.window_s for system in systems), default=60)
    return shortest_s // -(-shortest_s // 300)
