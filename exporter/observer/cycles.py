"""How often a month has cycles, and what they do: minutes in which systems of given intervals are collected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from exporter.model import System
from exporter.pricing import HOURS_PER_MONTH
from exporter.windows import period_s

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
    """Cycles of a month by what they do first: one each period of the fleet, some of which collect nothing."""

    landing: int
    delivery: int
    all: int

    @property
    def collecting(self) -> int:
        """Cycles that collect something."""
        return self.landing + self.delivery

    @property
    def idle(self) -> int:
        """Cycles that give a sign of life and, at most, look for trouble."""
        return self.all - self.collecting


@lru_cache(256)
def cycles(intervals: frozenset[int], length_s: int) -> Cycles:
    """Cycles of systems with the given intervals in seconds, where one begins each period."""
    period = length_s // 60
    late = -(-DELIVERY_MINUTES // period) * period
    landing = _union(range(0, MINUTES, interval // 60) for interval in intervals)
    delivery = _union(range(late, MINUTES, interval // 60) for interval in intervals)
    return Cycles(len(landing), len(delivery - landing), -(-MINUTES // period))


def of(systems: Iterable[System]) -> Cycles:
    """Cycles of a fleet."""
    listed = list(systems)
    return cycles(frozenset(system.interval_s for system in listed), period_s(listed))


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
