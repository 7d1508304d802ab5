"""A second aggregation of ratios, which exist only here: the API cannot be asked for it.

Definitions: comments of ``google.monitoring.v3.Aggregation``, for gauges of numbers, which ratios are. Standard deviations are of the
population, percentiles are interpolated between the closest ranks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from exporter.console.series.model import Aggregation, Series
from exporter.console.series.requests import NO_ALIGNER, NO_REDUCER, Unaskable

Statistic = Callable[[Sequence[float]], float]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    middle = _mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / len(values))


def _percentile(percent: int) -> Statistic:
    def statistic(values: Sequence[float]) -> float:
        ordered = sorted(values)
        rank = percent / 100 * (len(ordered) - 1)
        low = math.floor(rank)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)

    return statistic


_COMMON: Mapping[str, Statistic] = {
    "MEAN": _mean,
    "MIN": min,
    "MAX": max,
    "SUM": math.fsum,
    "COUNT": lambda values: float(len(values)),
    "STDDEV": _deviation,
}
_ALIGNERS: Mapping[str, Statistic] = {**_COMMON, "NEXT_OLDER": lambda values: values[-1]}
_REDUCERS: Mapping[str, Statistic] = {
    **_COMMON,
    **{f"PERCENTILE_{percent:02}": _percentile(percent) for percent in (99, 95, 50, 5)},
}


def aggregated(series: Sequence[Series], wanted: Aggregation, end_s: float) -> list[Series]:
    """Ratios, aligned to periods that count back from the end of the range, and reduced; raises ``Unaskable``."""
    if wanted.aligner == NO_ALIGNER:
        if wanted.reducer != NO_REDUCER:
            raise Unaskable("a second aggregation that reduces needs an aligner")
        return list(series)
    align = _ALIGNERS.get(wanted.aligner.removeprefix("ALIGN_"))
    if align is None:
        raise Unaskable(f"{wanted.aligner} cannot follow a ratio")
    assert wanted.period_s is not None
    aligned = [_aligned(each, align, wanted.period_s, end_s) for each in series]
    if wanted.reducer == NO_REDUCER:
        return aligned
    reduce = _REDUCERS.get(wanted.reducer.removeprefix("REDUCE_"))
    if reduce is None:
        raise Unaskable(f"{wanted.reducer} cannot follow a ratio")
    return _reduced(aligned, reduce, wanted.group_by)


def _aligned(series: Series, statistic: Statistic, period_s: int, end_s: float) -> Series:
    periods: dict[float, list[float]] = {}
    for at_s, value in zip(series.ends_s, series.values, strict=True):
        assert isinstance(value, float | int)
        periods.setdefault(end_s - (end_s - at_s) // period_s * period_s, []).append(float(value))
    return _gauge(series, {boundary: statistic(values) for boundary, values in periods.items()})


def _reduced(series: Sequence[Series], statistic: Statistic, group_by: Sequence[str]) -> list[Series]:
    """The series of each group as one; the project of the resource always stays."""
    fields = {_field(text) for text in group_by} | {("resource", "project_id")}
    groups: dict[tuple[object, ...], list[Series]] = {}
    for each in series:
        kept = _kept(each, fields)
        key = (kept.resource_type, *sorted(kept.metric_labels.items()), None, *sorted(kept.resource_labels.items()))
        groups.setdefault(key, []).append(kept)
    found = []
    for group in groups.values():
        moments: dict[float, list[float]] = {}
        for each in group:
            for at_s, value in zip(each.ends_s, each.values, strict=True):
                assert isinstance(value, float)
                moments.setdefault(at_s, []).append(value)
        found.append(_gauge(group[0], {at_s: statistic(values) for at_s, values in sorted(moments.items())}))
    return found


def _field(text: str) -> tuple[str, str]:
    """``metric.label."k"``, ``resource.labels.k`` and so on as group and name; raises ``Unaskable``."""
    group, _, rest = text.replace('"', "").partition(".")
    labels, _, name = rest.partition(".")
    if group not in ("metric", "resource") or labels not in ("label", "labels") or not name:
        raise Unaskable(f"{text[:60]!r} is no label that ratios could be grouped by")
    return group, name


def _kept(series: Series, fields: set[tuple[str, str]]) -> Series:
    return replace(
        series,
        metric_labels={name: value for name, value in series.metric_labels.items() if ("metric", name) in fields},
        resource_labels={name: value for name, value in series.resource_labels.items() if ("resource", name) in fields},
    )


def _gauge(series: Series, points: Mapping[float, float]) -> Series:
    ends = tuple(points)
    return replace(series, starts_s=ends, ends_s=ends, values=tuple(points.values()))
