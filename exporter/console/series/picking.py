"""The few series that rank highest or lowest: ``PickTimeSeriesFilter`` of dashboards, which the API of time series does not have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from exporter.console.series.model import Pick, Series
from exporter.console.series.requests import Unaskable

_METHODS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "METHOD_MEAN": lambda values: math.fsum(values) / len(values),
    "METHOD_MAX": max,
    "METHOD_MIN": min,
    "METHOD_SUM": math.fsum,
    "METHOD_LATEST": lambda values: values[-1],
}
"""From the values of a series, oldest first, to what it is ranked by (enum ``Method`` in the discovery document of monitoring v1)."""


def pick(series: Sequence[Series], wanted: Pick) -> list[Series]:
    """The series that rank first, best first; raises ``Unaskable`` for a method that is none, and for what has no order."""
    method = _METHODS.get(wanted.method)
    if method is None:
        raise Unaskable(f"{wanted.method[:60]!r} is no ranking method: use one of {', '.join(_METHODS)}")
    if any(each.value_type in ("distribution", "string") for each in series):
        raise Unaskable("only series of numbers can be ranked: choose an aligner or a reducer that gives numbers")
    ranked = [(method([float(value) for value in each.values]), each) for each in series if each.values]  # type: ignore[arg-type]
    ranked.sort(key=lambda pair: pair[0], reverse=wanted.direction == "TOP")
    return [each for _, each in ranked[: max(0, wanted.count)]]
