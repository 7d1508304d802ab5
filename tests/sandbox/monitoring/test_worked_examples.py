"""Whole requests by worked examples: points in, an aggregation or two, and the points that come out of ListTimeSeries.

What each aligner and reducer gives is in ``test_aligners.py`` and ``test_reducers.py``; here it is what they give one after another, and
that a reducer that a metric does not allow is refused. Definitions: comments of ``google.monitoring.v3.Aggregation``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from google.api.distribution_pb2 import Distribution
from google.api_core.exceptions import InvalidArgument
from google.cloud.monitoring_v3 import Aggregation

from exporter.sandbox.monitoring import kinds
from tests.sandbox.monitoring.cloud import NOW, TASK, Cloud, aggregation, of_type, series

MINUTE = timedelta(minutes=1)
AGE, COUNT = "custom.googleapis.com/pipeline/age", "custom.googleapis.com/pipeline/messages"
JOB = ("resource.label.job",)


@dataclass(frozen=True)
class Example:
    """What is asked of a metric over the last four minutes, and what comes: for each job values, oldest first ("": all jobs)."""

    why: str
    metric: str
    first: Aggregation
    second: Aggregation | None
    expected: dict[str, list[float]]


POINTS: dict[str, dict[str, list[float]]] = {
    AGE: {"a": [1.0, 2.0, 3.0, 6.0], "b": [10.0, 30.0, 20.0, 40.0]},
    COUNT: {"a": [6, 0, 12, 6], "b": [60, 60, 0, 30]},
}
"""A gauge's values, and counts of single minutes that begin anew with each; the last minute ends now."""

EXAMPLES = [
    Example("two minutes each: the mean of 1 and 2, and of 3 and 6", AGE, aggregation("ALIGN_MEAN", 120), None,
            {"a": [1.5, 4.5], "b": [20.0, 30.0]}),
    Example("the highest of each two minutes, and of these the sum over jobs: 2 + 30, 6 + 40", AGE,
            aggregation("ALIGN_MAX", 120, "REDUCE_SUM"), None, {"": [32.0, 46.0]}),
    Example("periods count back from the end: of three minutes each, the first one holds one point", AGE,
            aggregation("ALIGN_MIN", 180, "REDUCE_MIN", JOB), None, {"a": [1.0, 2.0], "b": [10.0, 20.0]}),
    Example("the newest of the whole range", AGE, aggregation("ALIGN_NEXT_OLDER", 240), None, {"a": [6.0], "b": [40.0]}),
    Example("24 counts of a and 150 of b in 240 s", COUNT, aggregation("ALIGN_RATE", 240, "REDUCE_SUM", JOB), None,
            {"a": [0.1], "b": [0.625]}),
    Example("what both counted in each two minutes: 6 + 0 + 60 + 60, 12 + 6 + 0 + 30", COUNT,
            aggregation("ALIGN_DELTA", 120, "REDUCE_SUM"), None, {"": [126.0, 48.0]}),
    Example("the mean over jobs each minute, and of these the largest: (6 + 60) / 2", COUNT,
            aggregation("ALIGN_DELTA", 60, "REDUCE_MEAN"), aggregation("ALIGN_MAX", 240), {"": [33.0]}),
    Example("each job's rate, and of these the 50th percentile over jobs: half way from 0.1 to 0.625", COUNT,
            aggregation("ALIGN_RATE", 240), aggregation("ALIGN_MEAN", 240, "REDUCE_PERCENTILE_50"), {"": [0.3625]}),
    Example("how many jobs counted in each two minutes, and the sum of that", COUNT,
            aggregation("ALIGN_DELTA", 120, "REDUCE_COUNT"), aggregation("ALIGN_SUM", 240), {"": [4.0]}),
    Example("deltas of minutes put together again: nothing is lost", COUNT, aggregation("ALIGN_DELTA", 60),
            aggregation("ALIGN_SUM", 240, "REDUCE_SUM", JOB), {"a": [24.0], "b": [150.0]}),
]  # fmt: skip


@pytest.fixture(scope="module")
def filled() -> Iterator[Cloud]:
    with Cloud() as cloud:
        for minute in range(4):
            end = NOW + (minute - 3) * MINUTE
            for metric, jobs in POINTS.items():
                start = None if metric == AGE else end - MINUTE + timedelta(milliseconds=1)
                for job, values in jobs.items():
                    resource = ("generic_task", {**TASK, "job": job})
                    cloud.write(series(float(values[minute]), end, start, metric, resource=resource))
        yield cloud


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.why)
def test_example(filled: Cloud, example: Example) -> None:
    found = filled.read(
        of_type(example.metric),
        start=NOW - 4 * MINUTE,
        end=NOW,
        aggregation=example.first,
        secondary_aggregation=example.second,
    )
    values = {
        each.resource.labels.get("job", ""): [_number(point.value) for point in each.points[::-1]] for each in found
    }
    assert values.keys() == example.expected.keys()
    for job, expected in example.expected.items():
        assert values[job] == pytest.approx(expected, rel=1e-4)


def _number(value: Any) -> float:
    for member in ("double_value", "int64_value"):
        if member in value:
            return float(getattr(value, member))
    raise AssertionError(value)


VALUES: dict[str, Any] = {
    "bool": True,
    "int": 1,
    "double": 1.0,
    "population": Distribution(count=1, mean=1.0),
}


@pytest.mark.parametrize("name", VALUES)
def test_each_reducer_is_carried_out_or_refused_for_each_metric(cloud: Cloud, name: str) -> None:
    cloud.write(series(VALUES[name], NOW))
    (written,) = cloud.read(of_type())
    enums: Any = Aggregation
    for reducer in enums.Reducer:
        if reducer.name == "REDUCE_NONE":
            continue
        carried_out = kinds.REDUCERS[reducer.name].takes(kinds.GAUGE, written.value_type)
        refused = pytest.raises(InvalidArgument, match=f'crossSeriesReducer had an invalid value of "{reducer.name}"')
        with nullcontext() if carried_out else refused:
            cloud.read(of_type(), aggregation=aggregation("ALIGN_NEXT_OLDER", 60, reducer.name))
