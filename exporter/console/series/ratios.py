"""Ratios of two answers, point by point: what a dashboard's ``timeSeriesFilterRatio`` shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from exporter.console.series.model import Series
from exporter.console.series.requests import Unaskable

Label = tuple[str, str]
"""Whether a label is of the metric or of the resource, and its name: both may have one of the same name."""

Key = tuple[tuple[Label, str], ...]


def ratios(numerators: Sequence[Series], denominators: Sequence[Series]) -> list[Series]:
    """Series of numerators divided by the denominators that agree in the labels that both have, where both have a point at a time.

    A denominator of 0 gives no point: nothing was there to have a share of. Raises ``Unaskable`` for what cannot be divided.
    """
    if any(each.value_type in ("distribution", "string") for each in (*numerators, *denominators)):
        raise Unaskable("a ratio is of numbers: choose an aligner or a reducer that gives numbers for both parts")
    shared = _names(numerators) & _names(denominators)
    by_key: dict[Key, Series] = {}
    for each in denominators:
        key = _key(each, shared)
        if key in by_key:
            raise Unaskable(
                "the denominator has several series for one of the numerator: group both by the same labels"
            )
        by_key[key] = each
    found = []
    for each in numerators:
        below = by_key.get(_key(each, shared))
        if below is not None:
            found.append(_ratio(each, below))
    return [each for each in found if each.values]


def _labels(series: Series) -> dict[Label, str]:
    groups: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("metric", series.metric_labels),
        ("resource", series.resource_labels),
    )
    return {(group, name): value for group, labels in groups for name, value in labels.items()}


def _names(every: Iterable[Series]) -> set[Label]:
    return {name for series in every for name in _labels(series)}


def _key(series: Series, names: set[Label]) -> Key:
    return tuple(sorted(item for item in _labels(series).items() if item[0] in names))


def _ratio(above: Series, below: Series) -> Series:
    parts = dict(zip(below.ends_s, below.values, strict=True))
    points = []
    for end_s, value in zip(above.ends_s, above.values, strict=True):
        divisor = parts.get(end_s)
        if divisor:
            quotient = cast(float, value) / cast(float, divisor)
            if math.isfinite(quotient):
                points.append((end_s, quotient))
    ends = tuple(end_s for end_s, _ in points)
    return Series(
        metric_type=above.metric_type,
        metric_labels=above.metric_labels,
        resource_type=above.resource_type,
        resource_labels=above.resource_labels,
        kind="gauge",
        value_type="double",
        unit=_unit(above.unit, below.unit),
        starts_s=ends,
        ends_s=ends,
        values=tuple(value for _, value in points),
    )


def _unit(above: str, below: str) -> str:
    if above == below:
        return "1"
    return above or "1" if below in ("", "1") else f"{above or '1'}/{below}"
