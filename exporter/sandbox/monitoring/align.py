"""Aligners: the points of one series become one point for each alignment period.

Source: comments of ``google.monitoring.v3.Aggregation.Aligner``. A period without any data has no point.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exporter.sandbox.monitoring import kinds
from exporter.sandbox.monitoring.changes import deltas, rates
from exporter.sandbox.monitoring.distributions import operand, outcome
from exporter.sandbox.monitoring.grid import Grid
from exporter.sandbox.monitoring.statistic import STATISTICS, Statistic
from exporter.sandbox.monitoring.store import Reading, Sample
from exporter.sandbox.monitoring.times import SECOND_NS

SMOOTHING_NS = 600 * SECOND_NS
"""ALIGN_PERCENT_CHANGE compares means of the ten minutes before each moment."""

Aligner = Callable[[Sequence[Sample], int, Grid], list[Sample]]
"""Points in ascending order, their kind, and the periods; points end at the periods' ends."""


def align(reading: Reading, name: str, grid: Grid) -> Reading:
    """One series, aligned by an aligner that takes it; it may hold points around the periods."""
    aligner = _SPECIAL.get(name) or _by_period(STATISTICS[name.removeprefix("ALIGN_")])
    kind, value_type = kinds.ALIGNERS[name].gives(reading.kind, reading.value_type)
    samples = aligner(reading.samples, reading.kind, grid)
    if kind == kinds.DELTA:
        samples = [Sample(each.end_ns - grid.period_ns, each.end_ns, each.value) for each in samples]
    return Reading(reading.identity, kind, value_type, samples)


def lead_ns(name: str, period_ns: int) -> int:
    """How long before the first period an aligner needs points."""
    return period_ns + SMOOTHING_NS if name == "ALIGN_PERCENT_CHANGE" else 0


def _by_period(statistic: Statistic) -> Aligner:
    def aligner(samples: Sequence[Sample], _: int, grid: Grid) -> list[Sample]:
        periods: dict[int, list[object]] = {}
        for sample in samples:
            if grid.holds(sample.end_ns):
                periods.setdefault(grid.boundary(sample.end_ns), []).append(operand(sample.value))
        answers = ((boundary, statistic(values)) for boundary, values in sorted(periods.items()))
        return [_at(boundary, outcome(answer)) for boundary, answer in answers if answer is not None]

    return aligner


def _at(boundary: int, answer: Any) -> Sample:
    return Sample(boundary, boundary, answer)


def _next_older(samples: Sequence[Sample], _: int, grid: Grid) -> list[Sample]:
    """The last value of each period, as it is."""
    newest = {grid.boundary(sample.end_ns): sample.value for sample in samples if grid.holds(sample.end_ns)}
    return [_at(boundary, value) for boundary, value in sorted(newest.items())]


def _interpolate(samples: Sequence[Sample], _: int, grid: Grid) -> list[Sample]:
    """The value at each boundary on the line between its neighbours, which may lie at most one period away."""
    if not samples:
        return []
    ends = [sample.end_ns for sample in samples]
    found = []
    for boundary in grid.boundaries(ends[0] - 1, ends[-1]):
        place = bisect_right(ends, boundary)
        before = samples[place - 1]
        if before.end_ns == boundary:
            found.append(_at(boundary, before.value))
            continue
        after = samples[place]
        if max(boundary - before.end_ns, after.end_ns - boundary) > grid.period_ns:
            continue
        share = (boundary - before.end_ns) / (after.end_ns - before.end_ns)
        value = before.value + (after.value - before.value) * share
        found.append(_at(boundary, round(value) if isinstance(before.value, int) else value))
    return found


def _percent_change(samples: Sequence[Sample], _: int, grid: Grid) -> list[Sample]:
    """How much the smoothed value has changed since one period before, in percent of what it was then."""
    kept = [sample for sample in samples if sample.value >= 0]
    ends = [sample.end_ns for sample in kept]

    def smoothed(moment_ns: int) -> float | None:
        first, last = bisect_right(ends, moment_ns - SMOOTHING_NS), bisect_right(ends, moment_ns)
        return sum(sample.value for sample in kept[first:last]) / (last - first) if last > first else None

    found = []
    for boundary in grid.boundaries(grid.begin_ns, grid.end_ns):
        current, previous = smoothed(boundary), smoothed(boundary - grid.period_ns)
        if current is None or previous is None:
            continue
        if previous == 0:
            found.append(_at(boundary, 0.0 if current == 0 else float("inf")))
        else:
            found.append(_at(boundary, (current - previous) / previous * 100))
    return found


_SPECIAL: Mapping[str, Aligner] = {
    "ALIGN_DELTA": deltas,
    "ALIGN_RATE": rates,
    "ALIGN_INTERPOLATE": _interpolate,
    "ALIGN_NEXT_OLDER": _next_older,
    "ALIGN_PERCENT_CHANGE": _percent_change,
}
