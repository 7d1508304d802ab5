"""How often a month has cycles, and what they do: minutes in which systems of given intervals are collected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from exporter.pricing import HOURS_PER_MONTH

MINUTES = HOURS_PER_MONTH * 60
MONTH_S = MINUTES * 60

DELIVERY_MINUTES = 5
"""How much later than landing a collection's delivery is complete: sample period and ingest delay of Pub/Sub's metrics (300 s)."""


def windows(window_s: int) -> Fraction:
    """Windows of a month."""
    return Fraction(MONTH_S, window_s)


def collections(interval_s: int) -> Fraction:
    """Collections of a month."""
    return Fraction(MONTH_S, interval_s)


@dataclass(frozen=True, slots=True)
class Cycles:
    """Cycles of a month by what they do first: one a minute, of which most have nothing to do."""

    landing: int
    delivery: int
    watch: int
    empty: int

    @property
    def collecting(self) -> int:
        """Cycles that collect something."""
        return self.landing + self.delivery


@lru_cache(256)
def cycles(classes: frozenset[tuple[int, int]]) -> Cycles:
    """Cycles of systems with the given (window, interval) pairs in seconds."""
    intervals = {interval for _, interval in classes}
    landing = _union(range(0, MINUTES, interval // 60) for interval in intervals)
    delivery = _union(range(DELIVERY_MINUTES, MINUTES, interval // 60) for interval in intervals) - landing
    watched = _union(range(0, MINUTES, window // 60) for window, interval in classes if interval > window)
    watch = watched - landing - delivery
    return Cycles(len(landing), len(delivery), len(watch), MINUTES - len(landing) - len(delivery) - len(watch))


@lru_cache(256)
def landing_cycles(intervals: frozenset[int]) -> int:
    """Cycles of a month in which landing is collected for systems of some of the intervals, in seconds."""
    return len(_union(range(0, MINUTES, interval // 60) for interval in intervals))


@lru_cache(256)
def spend_cycles(intervals: frozenset[int]) -> int:
    """Cycles of a month that compute full hours: those whose delivery is the first to reach the end of an hour."""
    found = set()
    for interval in intervals:
        minutes = interval // 60
        found |= {-(-hour * 60 // minutes) * minutes for hour in range(1, HOURS_PER_MONTH + 1)}
    return len(found)


def _union(ranges: Iterable[range]) -> set[int]:
    return set().union(*ranges)
