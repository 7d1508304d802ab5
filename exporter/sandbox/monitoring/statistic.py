"""Statistics over values: of one series in a period, or of several series at a moment.

Standard deviations are of the population. Percentiles of numbers are interpolated between the closest ranks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exporter.sandbox.monitoring.distributions import Histogram, merge

Values = Sequence[Any]
"""Values of one type; distributions are ``Histogram``."""

Statistic = Callable[[Values], Any]
"""Gives None where the values allow no answer."""


def _merged(values: Values) -> Histogram | None:
    if not isinstance(values[0], Histogram):
        return None
    return merge(values)


def total(values: Values) -> Any:
    """The sum, or all distributions as one."""
    merged = _merged(values)
    return sum(values) if merged is None else merged


def mean(values: Values) -> float | None:
    """The mean of the values, or of all that went into the distributions."""
    merged = _merged(values)
    if merged is None:
        return math.fsum(values) / len(values)
    return merged.mean if merged.count else None


def deviation(values: Values) -> float | None:
    """The standard deviation of the values, or of all that went into the distributions."""
    merged = _merged(values)
    if merged is not None:
        return math.sqrt(merged.deviation / merged.count) if merged.count else None
    middle = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / len(values))


def fraction_true(values: Values) -> float:
    """The share of true values."""
    return sum(values) / len(values)


def percentile(percent: float) -> Statistic:
    """The statistic that gives a percentile."""

    def statistic(values: Values) -> float | None:
        merged = _merged(values)
        if merged is not None:
            return merged.percentile(percent)
        ordered = sorted(values)
        rank = percent / 100 * (len(ordered) - 1)
        low = math.floor(rank)
        high = min(low + 1, len(ordered) - 1)
        return float(ordered[low] + (ordered[high] - ordered[low]) * (rank - low))

    return statistic


STATISTICS: Mapping[str, Statistic] = {
    "MIN": min,
    "MAX": max,
    "MEAN": mean,
    "COUNT": len,
    "SUM": total,
    "STDDEV": deviation,
    "COUNT_TRUE": sum,
    "COUNT_FALSE": lambda values: len(values) - sum(values),
    "FRACTION_TRUE": fraction_true,
    "PERCENTILE_99": percentile(99),
    "PERCENTILE_95": percentile(95),
    "PERCENTILE_50": percentile(50),
    "PERCENTILE_05": percentile(5),
}
"""By the name that aligner and reducer share after their prefix."""
