"""What a cumulative or delta metric grew by, and when: the ground of ALIGN_DELTA and ALIGN_RATE.

Between two points a value grows evenly: that is the interpolation that the aligners promise. A cumulative whose start time
moves has been reset to zero at the new start, so its first point since is all new.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.sandbox.monitoring import kinds
from exporter.sandbox.monitoring.distributions import Histogram, operand, outcome
from exporter.sandbox.monitoring.grid import Grid
from exporter.sandbox.monitoring.statistic import total
from exporter.sandbox.monitoring.store import Sample
from exporter.sandbox.monitoring.times import SECOND_NS

Amount = int | float | Histogram


@dataclass(frozen=True, slots=True)
class Change:
    """An amount that was added evenly over ``(start, end]``."""

    start_ns: int
    end_ns: int
    amount: Amount

    def within(self, after_ns: int, until_ns: int) -> Amount:
        """The part that was added in ``(after, until]``; integers are rounded so that the parts add up to the whole."""
        length = self.end_ns - self.start_ns
        first = max(0, after_ns - self.start_ns) / length
        last = min(length, until_ns - self.start_ns) / length
        if isinstance(self.amount, Histogram):
            return self.amount.part(first, last)
        if isinstance(self.amount, int):
            return round(self.amount * last) - round(self.amount * first)
        return self.amount * (last - first)


def changes(samples: Sequence[Sample], kind: int) -> Iterator[Change]:
    """The changes that points, in ascending order, tell of; the first cumulative point counts from its start time."""
    previous: Sample | None = None
    for sample in samples:
        amount = operand(sample.value)
        start_ns = sample.start_ns
        if kind == kinds.CUMULATIVE and previous is not None and previous.start_ns == sample.start_ns:
            start_ns = previous.end_ns
            amount = _minus(amount, operand(previous.value))
        if start_ns < sample.end_ns:
            yield Change(start_ns, sample.end_ns, amount)
        previous = sample


def _minus(amount: Any, before: Any) -> Amount:
    difference: Amount = amount.minus(before) if isinstance(amount, Histogram) else amount - before
    return difference


def deltas(samples: Sequence[Sample], kind: int, grid: Grid) -> list[Sample]:
    """What was added in each period; a period that no change touches has no point."""
    parts: dict[int, list[Amount]] = {}
    for change in changes(samples, kind):
        last = grid.boundary(change.end_ns) if change.end_ns <= grid.end_ns else grid.end_ns
        for boundary in grid.boundaries(change.start_ns, last):
            parts.setdefault(boundary, []).append(change.within(boundary - grid.period_ns, boundary))
    return [Sample(boundary, boundary, outcome(total(amounts))) for boundary, amounts in sorted(parts.items())]


def rates(samples: Sequence[Sample], kind: int, grid: Grid) -> list[Sample]:
    """What was added in each period, per second."""
    seconds = grid.period_ns / SECOND_NS
    return [Sample(each.start_ns, each.end_ns, each.value / seconds) for each in deltas(samples, kind, grid)]
