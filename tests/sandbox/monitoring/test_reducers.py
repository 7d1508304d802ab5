"""Every reducer by worked examples, and by what must hold whatever the series are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.monitoring import kinds
from exporter.sandbox.monitoring.distributions import Histogram, merge
from exporter.sandbox.monitoring.filters import Field
from exporter.sandbox.monitoring.reduce import reduce
from exporter.sandbox.monitoring.store import Reading
from tests.sandbox.monitoring.arithmetic import (
    BOOL,
    DIST,
    DOUBLE,
    INT,
    STRING,
    D,
    G,
    distribution,
    gauges,
    identity,
    reading,
    seconds,
)


@dataclass(frozen=True)
class Example:
    """One value of each series at one moment, and the value that comes out."""

    why: str
    reducer: str
    kind: int
    value_type: int
    values: tuple[Any, ...]
    expected: Any


EXAMPLES = [
    Example("(1 + 2 + 6) / 3, a double", "REDUCE_MEAN", G, INT, (1, 2, 6), 3.0),
    Example("of all values in the distributions, not of their means: (5 + 15 + 40) / 3",
            "REDUCE_MEAN", D, DIST, (distribution(5, 15), distribution(40)), 20.0),
    Example("empty distributions have no mean", "REDUCE_MEAN", D, DIST, (distribution(), distribution()), None),
    Example("the smallest", "REDUCE_MIN", G, DOUBLE, (3.0, 1.0, 2.0), 1.0),
    Example("the smallest delta is a delta", "REDUCE_MIN", D, INT, (3, 1), 1),
    Example("the largest", "REDUCE_MAX", D, INT, (3, 1, 2), 3),
    Example("1 + 2 + 6", "REDUCE_SUM", D, INT, (1, 2, 6), 9),
    Example("0.5 + 0.25", "REDUCE_SUM", G, DOUBLE, (0.5, 0.25), 0.75),
    Example("all distributions as one",
            "REDUCE_SUM", D, DIST, (distribution(5, 15), distribution(50)), distribution(5, 15, 50)),
    Example("of 2, 4, 6: the square root of 8/3, of the population", "REDUCE_STDDEV", G, INT, (2, 4, 6), math.sqrt(8 / 3)),
    Example("of all values in the distributions", "REDUCE_STDDEV", D, DIST, (distribution(2, 4), distribution(6)),
            math.sqrt(8 / 3)),
    Example("three series", "REDUCE_COUNT", G, DOUBLE, (1.0, 2.0, 6.0), 3),
    Example("truth values count", "REDUCE_COUNT", G, BOOL, (True, False), 2),
    Example("texts count", "REDUCE_COUNT", G, STRING, ("up", "down"), 2),
    Example("distributions count as one each, whatever is in them", "REDUCE_COUNT", D, DIST,
            (distribution(1, 2, 3), distribution()), 2),
    Example("two of three", "REDUCE_COUNT_TRUE", G, BOOL, (True, False, True), 2),
    Example("one of three", "REDUCE_COUNT_FALSE", G, BOOL, (True, False, True), 1),
    Example("two thirds", "REDUCE_FRACTION_TRUE", G, BOOL, (True, False, True), 2 / 3),
    Example("rank 0.99 x 4 of 0, 10, 20, 30, 40: 0.96 of the way from 30 to 40",
            "REDUCE_PERCENTILE_99", G, INT, (40, 0, 30, 10, 20), 39.6),
    Example("rank 0.95 x 4: 0.8 of the way from 30 to 40", "REDUCE_PERCENTILE_95", D, INT, (40, 0, 30, 10, 20), 38.0),
    Example("the one in the middle", "REDUCE_PERCENTILE_50", G, DOUBLE, (3.0, 1.0, 2.0), 2.0),
    Example("half way between the two in the middle", "REDUCE_PERCENTILE_50", G, DOUBLE, (1.0, 2.0), 1.5),
    Example("all distributions together: two below 20, two from 20 on", "REDUCE_PERCENTILE_50", D, DIST,
            (distribution(11, 12), distribution(30, 30)), 20.0),
    Example("rank 0.05 x 4: 0.2 of the way from 0 to 10", "REDUCE_PERCENTILE_05", G, INT, (40, 0, 30, 10, 20), 2.0),
    Example("one series is its own percentile", "REDUCE_PERCENTILE_05", G, INT, (7,), 7.0),
]  # fmt: skip


def at_one_moment(kind: int, value_type: int, values: tuple[Any, ...]) -> list[Reading]:
    start = 0 if kind == D else 60
    return [reading(kind, value_type, [(start, 60, value)], identity({"n": str(n)})) for n, value in enumerate(values)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.reducer}: {example.why}")
def test_example(example: Example) -> None:
    assert kinds.REDUCERS[example.reducer].takes(example.kind, example.value_type)
    (found,) = reduce(at_one_moment(example.kind, example.value_type, example.values), example.reducer, ())
    assert (found.kind, found.value_type) == kinds.REDUCERS[example.reducer].gives(example.kind, example.value_type)
    if example.expected is None:
        assert found.samples == []
        return
    ((start, end, value),) = seconds(found.samples)
    assert (start, end) == (0 if found.kind == D else 60, 60)
    assert type(value) is type(example.expected)
    assert value == (example.expected if hasattr(example.expected, "count") else pytest.approx(example.expected))


def test_every_reducer_has_an_example() -> None:
    assert {example.reducer for example in EXAMPLES} == kinds.REDUCERS.keys()


def test_moments_are_reduced_each_for_itself_over_the_series_that_have_a_point() -> None:
    series = [
        reading(G, INT, gauges((60, 1), (120, 2)), identity({"n": "a"})),
        reading(G, INT, gauges((120, 3), (180, 4)), identity({"n": "b"})),
    ]
    (found,) = reduce(series, "REDUCE_SUM", ())
    assert seconds(found.samples) == [(60, 60, 1), (120, 120, 5), (180, 180, 4)]


def test_groups_keep_their_fields_and_the_project() -> None:
    series = [
        reading(G, INT, gauges((60, number)), identity({"result": result}, {"job": job, "task_id": "t"}))
        for job, result, number in (("a", "ok", 1), ("a", "error", 2), ("b", "ok", 4), ("b", "error", 8))
    ]

    def groups(*fields: Field) -> dict[tuple[Any, ...], int]:
        found = reduce(series, "REDUCE_SUM", fields)
        return {(each.identity.metric_labels, each.identity.resource_labels): each.samples[0].value for each in found}

    project, job = ("project_id", "p"), Field("resource.labels", "job")
    assert groups() == {((), (project,)): 15}
    assert groups(job) == {((), (("job", "a"), project)): 3, ((), (("job", "b"), project)): 12}
    assert groups(Field("metric.labels", "result")) == {
        ((("result", "error"),), (project,)): 10,
        ((("result", "ok"),), (project,)): 5,
    }
    assert len(groups(job, Field("metric.labels", "result"))) == 4
    assert groups(Field("resource.labels", "*")).keys() == {
        ((), (("job", name), project, ("task_id", "t"))) for name in "ab"
    }
    assert groups(Field("metric.labels", "none")) == {((), (project,)): 15}


def test_resource_types_are_never_put_together() -> None:
    series = [
        reading(G, INT, gauges((60, 1)), identity()._replace(resource_type=name)) for name in ("global", "generic_task")
    ]
    assert len(reduce(series, "REDUCE_SUM", (Field("resource.type"),))) == 2
    assert len(reduce(series, "REDUCE_SUM", ())) == 2


VALUES = st.lists(st.integers(-1000, 1000), min_size=1, max_size=20)


@given(VALUES)
def test_percentiles_lie_in_order_between_the_extremes(values: list[int]) -> None:
    found = {
        name: reduce(at_one_moment(G, INT, tuple(values)), f"REDUCE_{name}", ())[0].samples[0].value
        for name in ("MIN", "PERCENTILE_05", "PERCENTILE_50", "PERCENTILE_95", "PERCENTILE_99", "MAX")
    }
    assert list(found.values()) == sorted(found.values())
    assert (found["MIN"], found["MAX"]) == (min(values), max(values))


@given(st.lists(st.lists(st.floats(0, 100), max_size=8), min_size=1, max_size=6))
def test_sums_of_distributions_are_the_distribution_of_everything(populations: list[list[float]]) -> None:
    values = tuple(distribution(*each) for each in populations)
    found = reduce(at_one_moment(D, DIST, values), "REDUCE_SUM", ())[0].samples[0].value
    every = distribution(*(value for each in populations for value in each))
    assert list(found.bucket_counts) == list(every.bucket_counts)
    assert found.count == every.count
    assert found.mean == pytest.approx(every.mean, abs=1e-9)
    assert found.sum_of_squared_deviation == pytest.approx(every.sum_of_squared_deviation, abs=1e-6)


def test_distributions_with_other_buckets_are_put_together_by_the_bounds_that_they_share() -> None:
    fine = Histogram.of(distribution(5, 15, 25, 45, bounds=(10, 20, 30, 40)))
    coarse = Histogram.of(distribution(5, 25, bounds=(20, 40)))
    both = merge([fine, coarse])
    assert (both.bounds, both.counts) == ((20, 40), (3, 2, 1))
    assert (both.count, both.mean) == (6, 20.0)


def test_distributions_that_share_no_bound_keep_their_summary() -> None:
    both = merge([Histogram.of(distribution(5, bounds=(10,))), Histogram.of(distribution(7, bounds=(11,)))])
    assert (both.bounds, both.counts, both.count, both.mean) == ((), (), 2, 6.0)
    assert both.percentile(50) is None
