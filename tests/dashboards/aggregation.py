"""Whether a query can be answered: aligner and reducer fit the metric, periods fit its points, groups and units make sense.

Which aligner and reducer takes what: comments of ``google.monitoring.v3.Aggregation``, which the discovery document repeats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.dashboards import filters
from tests.dashboards.known import RESOURCE_LABELS, Known, World
from tests.dashboards.reading import DataSet, Json, Part

_NUMBERS = frozenset({"INT64", "DOUBLE"})
_DISTRIBUTION = frozenset({"DISTRIBUTION"})
_BOOL = frozenset({"BOOL"})
_SAMPLES = frozenset({"GAUGE", "DELTA"})
_CHANGES = frozenset({"CUMULATIVE", "DELTA"})
_GAUGE = frozenset({"GAUGE"})

FIELD = re.compile(r'(resource|metric)\.label\."([^"]+)"')
"""The form that the console writes in ``groupByFields``."""

MIN_PERIOD_S = 60

_RATIOS = ("error_ratio", "loss_ratio")
_OBJECTIVE_UNITS = {
    "latency_threshold_s": "s",
    "latency_target": "10^2.%",
    "errors_target": "10^2.%",
    "cost_per_message_usd": "{USD}",
    "data_age_s": "s",
    "active": "1",
}
"""The metric has no unit, for its values have different ones."""


class Step(NamedTuple):
    """What an aligner or a reducer takes and gives; None gives what came in."""

    kinds: frozenset[str]
    types: frozenset[str]
    kind: str | None = None
    value_type: str | None = None

    def takes(self, shape: tuple[str, str]) -> bool:
        return shape[0] in self.kinds and shape[1] in self.types

    def gives(self, shape: tuple[str, str]) -> tuple[str, str]:
        return self.kind or shape[0], self.value_type or shape[1]


_PERCENTILES = ("PERCENTILE_99", "PERCENTILE_95", "PERCENTILE_50", "PERCENTILE_05")

ALIGNERS: Mapping[str, Step] = {
    "ALIGN_DELTA": Step(_CHANGES, _NUMBERS | _DISTRIBUTION, "DELTA"),
    "ALIGN_RATE": Step(_CHANGES, _NUMBERS, "GAUGE", "DOUBLE"),
    "ALIGN_INTERPOLATE": Step(_GAUGE, _NUMBERS),
    "ALIGN_NEXT_OLDER": Step(_GAUGE, _NUMBERS | _DISTRIBUTION | _BOOL | {"STRING"}),
    "ALIGN_MIN": Step(_SAMPLES, _NUMBERS, "GAUGE"),
    "ALIGN_MAX": Step(_SAMPLES, _NUMBERS, "GAUGE"),
    "ALIGN_MEAN": Step(_SAMPLES, _NUMBERS, "GAUGE", "DOUBLE"),
    "ALIGN_COUNT": Step(_SAMPLES, _NUMBERS | _BOOL, "GAUGE", "INT64"),
    "ALIGN_SUM": Step(_SAMPLES, _NUMBERS | _DISTRIBUTION),
    "ALIGN_STDDEV": Step(_SAMPLES, _NUMBERS, "GAUGE", "DOUBLE"),
    "ALIGN_COUNT_TRUE": Step(_GAUGE, _BOOL, "GAUGE", "INT64"),
    "ALIGN_COUNT_FALSE": Step(_GAUGE, _BOOL, "GAUGE", "INT64"),
    "ALIGN_FRACTION_TRUE": Step(_GAUGE, _BOOL, "GAUGE", "DOUBLE"),
    "ALIGN_PERCENT_CHANGE": Step(_SAMPLES, _NUMBERS, "GAUGE", "DOUBLE"),
    **{f"ALIGN_{name}": Step(_SAMPLES, _DISTRIBUTION, "GAUGE", "DOUBLE") for name in _PERCENTILES},
}

REDUCERS: Mapping[str, Step] = {
    "REDUCE_MEAN": Step(_SAMPLES, _NUMBERS | _DISTRIBUTION, None, "DOUBLE"),
    "REDUCE_MIN": Step(_SAMPLES, _NUMBERS),
    "REDUCE_MAX": Step(_SAMPLES, _NUMBERS),
    "REDUCE_SUM": Step(_SAMPLES, _NUMBERS | _DISTRIBUTION),
    "REDUCE_STDDEV": Step(_SAMPLES, _NUMBERS | _DISTRIBUTION, "GAUGE", "DOUBLE"),
    "REDUCE_COUNT": Step(_SAMPLES, _NUMBERS | _DISTRIBUTION | _BOOL | {"STRING"}, "GAUGE", "INT64"),
    "REDUCE_COUNT_TRUE": Step(_SAMPLES, _BOOL, "GAUGE", "INT64"),
    "REDUCE_COUNT_FALSE": Step(_SAMPLES, _BOOL, "GAUGE", "INT64"),
    "REDUCE_FRACTION_TRUE": Step(_SAMPLES, _BOOL, "GAUGE", "DOUBLE"),
    **{f"REDUCE_{name}": Step(_SAMPLES, _NUMBERS | _DISTRIBUTION, "GAUGE", "DOUBLE") for name in _PERCENTILES},
}


def check(part: Part, known: Known, world: World) -> Iterator[str]:
    """What is wrong with the aggregation of one part."""
    if not part.aggregation:
        yield "aggregation is missing: raw points of several series make no chart"
        return
    yield from _aggregation(part.aggregation, (known.kind, known.value_type))
    if part.secondary is not None:
        yield from _aggregation(part.secondary, shape(part.aggregation, known))
    yield from _period(part.aggregation, known, world)
    yield from _groups(part.aggregation, known)
    reducer, aligner = part.aggregation.get("crossSeriesReducer", ""), part.aggregation.get("perSeriesAligner", "")
    if "PERCENTILE" in reducer and known.value_type != "DISTRIBUTION":
        yield f"{reducer} of {known.name or 'a number'}: percentiles of several series' numbers are no percentiles of messages"
    if known.kind != "GAUGE" and known.value_type != "DISTRIBUTION" and reducer != "REDUCE_SUM":
        yield f"{reducer} of a count: only sums of counts are counts"
    if aligner == "ALIGN_MEAN" and "quantile" in known.labels:
        yield "ALIGN_MEAN of quantiles is no quantile"


def shape(aggregation: Json, known: Known) -> tuple[str, str]:
    """Kind and value type of what comes out."""
    aligner, reducer = aggregation.get("perSeriesAligner", ""), aggregation.get("crossSeriesReducer", "")
    found = (
        ALIGNERS[aligner].gives((known.kind, known.value_type))
        if aligner in ALIGNERS
        else (known.kind, known.value_type)
    )
    return REDUCERS[reducer].gives(found) if reducer in REDUCERS else found


def groups(aggregation: Json) -> tuple[tuple[str, str], ...]:
    """Sides and keys that series are grouped by."""
    found = (FIELD.fullmatch(field) for field in aggregation.get("groupByFields", ()))
    return tuple((match[1], match[2]) for match in found if match)


def seconds(duration: str | None) -> int:
    """A duration of the API in seconds; 0 without one, or with a fraction."""
    found = re.fullmatch(r"(\d+)s", duration or "")
    return int(found[1]) if found else 0


def _aggregation(aggregation: Json, given: tuple[str, str]) -> Iterator[str]:
    aligner, reducer = aggregation.get("perSeriesAligner", ""), aggregation.get("crossSeriesReducer", "")
    if reducer and not aligner:
        yield "crossSeriesReducer needs a perSeriesAligner"
        return
    if aggregation.get("groupByFields") and not reducer:
        yield "groupByFields without crossSeriesReducer do nothing"
    if seconds(aggregation.get("alignmentPeriod")) < MIN_PERIOD_S:
        yield f"alignmentPeriod must be whole seconds, at least {MIN_PERIOD_S}"
    if aligner not in ALIGNERS or not ALIGNERS[aligner].takes(given):
        yield f"{aligner or 'no aligner'} cannot be applied to {' '.join(given)}"
        return
    given = ALIGNERS[aligner].gives(given)
    if reducer not in REDUCERS or not REDUCERS[reducer].takes(given):
        yield f"{reducer or 'no reducer'} cannot be applied to {' '.join(given)}"


def _period(aggregation: Json, known: Known, world: World) -> Iterator[str]:
    """A period that is shorter than the distance of points leaves holes; of counts, one that is no multiple splits them."""
    period_s, spacing_s = seconds(aggregation.get("alignmentPeriod")), world.spacing_s(known)
    if period_s < spacing_s:
        yield f"alignmentPeriod {period_s}s is shorter than the {spacing_s}s between points: the line has holes"
    elif known.kind != "GAUGE" and period_s % spacing_s:
        yield f"alignmentPeriod {period_s}s is no multiple of the {spacing_s}s of a window"


def _groups(aggregation: Json, known: Known) -> Iterator[str]:
    fields: Sequence[str] = aggregation.get("groupByFields", ())
    for field in fields:
        found = FIELD.fullmatch(field)
        if found is None:
            yield f"groupByFields: {field!r} is not written as the console writes it"
        elif found[1] == "metric" and found[2] not in known.labels:
            yield f"groupByFields: the metric has no label {found[2]}"
        elif found[1] == "resource" and found[2] not in RESOURCE_LABELS[known.resource]:
            yield f"groupByFields: the resource has no label {found[2]}"


def units(data_set: DataSet, known: Sequence[Known]) -> Iterator[str]:
    """The unit that is shown must be the one that comes out."""
    unit = data_set.unit
    if not unit:
        yield "unitOverride is missing"
        return
    if not known:
        return
    expected = _ratio_unit(known) if data_set.ratio else _unit(data_set.parts[0], known[0])
    if unit not in expected:
        yield f"unitOverride {unit!r} is none of {', '.join(sorted(expected))}"


def _ratio_unit(known: Sequence[Known]) -> set[str]:
    up, down = known[0].unit, known[-1].unit
    return {"10^2.%"} if up == down else {f"{up}/{down}"}


def _unit(part: Part, known: Known) -> set[str]:
    aligner = part.aggregation.get("perSeriesAligner", "")
    if known.name == "objective":
        return {_OBJECTIVE_UNITS[value] for value in filters.parse(part.filter).metric_labels.get("objective", ())}
    if "COUNT" in aligner or "COUNT" in part.aggregation.get("crossSeriesReducer", ""):
        return {"1"}
    if aligner == "ALIGN_RATE":
        return {f"{known.unit}/s"}
    return {"10^2.%"} if known.name in _RATIOS else {known.unit}
