"""Alignment periods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grid:
    """Periods of equal length, counted back from the end of the interval; times in nanoseconds.

    A period ``(boundary - period, boundary]`` is asked for when its boundary lies in the interval ``(start, end]``; the first one
    takes in what lies before the start of the interval.
    """

    start_ns: int
    end_ns: int
    period_ns: int

    @property
    def begin_ns(self) -> int:
        """Where the first period begins."""
        return self.end_ns - -(-(self.end_ns - self.start_ns) // self.period_ns) * self.period_ns

    def boundary(self, moment_ns: int) -> int:
        """The end of the period that holds a moment."""
        return self.end_ns - (self.end_ns - moment_ns) // self.period_ns * self.period_ns

    def holds(self, moment_ns: int) -> bool:
        """Whether a moment lies in a period that is asked for."""
        return self.begin_ns < moment_ns <= self.end_ns

    def boundaries(self, after_ns: int, until_ns: int) -> Iterator[int]:
        """Boundaries in ``(after, until]``, ascending, of those that are asked for."""
        first = self.boundary(max(after_ns, self.begin_ns) + 1)
        return iter(range(first, min(until_ns, self.end_ns) + 1, self.period_ns))
