"""Every aligner by worked examples, and by what must hold whatever the points are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from google.api.distribution_pb2 import Distribution
from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.monitoring import kinds
from exporter.sandbox.monitoring.align import align
from exporter.sandbox.monitoring.grid import Grid
from tests.sandbox.monitoring.arithmetic import (
    BOOL,
    DIST,
    DOUBLE,
    INT,
    STRING,
    C,
    D,
    G,
    Points,
    distribution,
    gauges,
    grid,
    ns,
    reading,
    seconds,
)


@dataclass(frozen=True)
class Example:
    """Points of a kind and type, the periods, and the points that come out: (start, end, value) in seconds."""

    why: str
    aligner: str
    kind: int
    value_type: int
    points: Points
    grid: Grid
    expected: Points


def three(*values: Any) -> Points:
    """A gauge's points at 20, 40 and 60 s."""
    return gauges(*zip((20, 40, 60), values, strict=True))


LINEAR = Distribution(count=3, bucket_counts=[0, 1, 1, 1, 0])
LINEAR.bucket_options.linear_buckets.num_finite_buckets = 3
LINEAR.bucket_options.linear_buckets.width = 10.0

EXPONENTIAL = Distribution(count=2, bucket_counts=[0, 1, 1])
EXPONENTIAL.bucket_options.exponential_buckets.num_finite_buckets = 2
EXPONENTIAL.bucket_options.exponential_buckets.growth_factor = 3.0
EXPONENTIAL.bucket_options.exponential_buckets.scale = 2.0

EXAMPLES = [
    # DELTA
    Example("a cumulative grows from 10 at 60 s to 25 at 120 s",
            "ALIGN_DELTA", C, INT, [(0, 60, 10), (0, 120, 25)], grid(120), [(0, 60, 10), (60, 120, 15)]),
    Example("a reset: what was counted before is not taken away, and the new count starts from zero",
            "ALIGN_DELTA", C, INT, [(0, 60, 10), (60.001, 120, 4)], grid(120), [(0, 60, 10), (60, 120, 4)]),
    Example("windows that reset each time are the windows' own values",
            "ALIGN_DELTA", C, DOUBLE, [(0.001, 60, 1.5), (60.001, 120, 2.5)], grid(120), [(0, 60, 1.5), (60, 120, 2.5)]),
    Example("one window of five minutes is spread evenly over periods of one",
            "ALIGN_DELTA", C, INT, [(0, 300, 10)], grid(300),
            [(0, 60, 2), (60, 120, 2), (120, 180, 2), (180, 240, 2), (240, 300, 2)]),
    Example("an integer that cannot be spread evenly is rounded so that nothing is lost: 2.5 + 2.5 = 2 + 3",
            "ALIGN_DELTA", C, INT, [(0, 120, 5)], grid(120), [(0, 60, 2), (60, 120, 3)]),
    Example("two windows of one minute add up in a period of two",
            "ALIGN_DELTA", C, INT, [(0.001, 60, 3), (60.001, 120, 4)], grid(120, 120), [(0, 120, 7)]),
    Example("no data in the second period: it is interpolated between the points around it",
            "ALIGN_DELTA", C, INT, [(0, 60, 10), (0, 180, 30)], grid(180), [(0, 60, 10), (60, 120, 10), (120, 180, 10)]),
    Example("a gap between a reset and the end before it is no time in which anything was counted",
            "ALIGN_DELTA", C, INT, [(0, 60, 10), (180, 240, 6)], grid(240), [(0, 60, 10), (180, 240, 6)]),
    Example("periods count back from the end of the interval, and cut a window in the middle",
            "ALIGN_DELTA", C, DOUBLE, [(0, 60, 6.0), (0, 120, 18.0)], grid(90), [(-30, 30, 3.0), (30, 90, 9.0)]),
    Example("delta points are added up",
            "ALIGN_DELTA", D, INT, [(0, 60, 3), (60, 120, 4), (120, 180, 5)], grid(180, 180), [(0, 180, 12)]),
    Example("an idle minute of a delta has no point, and neither has its period",
            "ALIGN_DELTA", D, INT, [(0, 60, 3), (120, 180, 5)], grid(180), [(0, 60, 3), (120, 180, 5)]),
    Example("distributions grow by what was added: 5 and 35 came after 15",
            "ALIGN_DELTA", C, DIST, [(0, 60, distribution(15)), (0, 120, distribution(15, 5, 35))], grid(120),
            [(0, 60, distribution(15)), (60, 120, distribution(5, 35))]),
    Example("buckets that change cannot be compared, but count and mean can",
            "ALIGN_DELTA", C, DIST,
            [(0, 60, distribution(15)), (0, 120, distribution(15, 5, 35, bounds=(7,)))], grid(120),
            [(0, 60, distribution(15)), (60, 120, Distribution(count=2, mean=20.0, sum_of_squared_deviation=450.0))]),
    Example("half of a distribution is half of each bucket, at the same mean",
            "ALIGN_DELTA", D, DIST, [(0, 120, distribution(15, 15, 35, 35))], grid(120),
            [(0, 60, distribution(15, 35)), (60, 120, distribution(15, 35))]),
    # RATE
    Example("15 more in 60 s are 0.25 a second",
            "ALIGN_RATE", C, INT, [(0, 60, 0), (0, 120, 15)], grid(120), [(60, 60, 0.0), (120, 120, 0.25)]),
    Example("a reset is no negative rate",
            "ALIGN_RATE", C, DOUBLE, [(0, 60, 60.0), (60.001, 120, 30.0)], grid(120), [(60, 60, 1.0), (120, 120, 0.5)]),
    Example("a delta over its period",
            "ALIGN_RATE", D, INT, [(0, 60, 30), (60, 120, 90)], grid(120, 120), [(120, 120, 1.0)]),
    # INTERPOLATE
    Example("half way between 10 at 30 s and 20 at 90 s",
            "ALIGN_INTERPOLATE", G, DOUBLE, gauges((30, 10.0), (90, 20.0)), grid(60), [(60, 60, 15.0)]),
    Example("a point on the boundary is the value; after the last point there is nothing to go by",
            "ALIGN_INTERPOLATE", G, DOUBLE, gauges((60, 10.0), (90, 20.0)), grid(120), [(60, 60, 10.0)]),
    Example("integers stay integers: 10 + 2/3 is 11",
            "ALIGN_INTERPOLATE", G, INT, gauges((20, 10), (80, 11)), grid(60), [(60, 60, 11)]),
    Example("neighbours further away than a period say nothing about the boundary",
            "ALIGN_INTERPOLATE", G, DOUBLE, gauges((0, 0.0), (150, 20.0)), grid(120), []),
    # NEXT_OLDER
    Example("the last value of each period moves to its end",
            "ALIGN_NEXT_OLDER", G, INT, gauges((10, 1), (50, 2), (61, 3)), grid(120), [(60, 60, 2), (120, 120, 3)]),
    Example("a value on the boundary belongs to the period that it ends; a period without any has no point",
            "ALIGN_NEXT_OLDER", G, INT, gauges((60, 1), (180, 2)), grid(180), [(60, 60, 1), (180, 180, 2)]),
    Example("any type can be moved: truth values",
            "ALIGN_NEXT_OLDER", G, BOOL, gauges((10, True), (20, False)), grid(60), [(60, 60, False)]),
    Example("any type can be moved: texts", "ALIGN_NEXT_OLDER", G, STRING, gauges((10, "up")), grid(60), [(60, 60, "up")]),
    Example("any type can be moved: distributions",
            "ALIGN_NEXT_OLDER", G, DIST, gauges((10, distribution(5))), grid(60), [(60, 60, distribution(5))]),
    # Statistics over the values of a period
    Example("the smallest of 3, 1, 2", "ALIGN_MIN", G, INT, three(3, 1, 2), grid(60), [(60, 60, 1)]),
    Example("the smallest of deltas is a gauge", "ALIGN_MIN", D, INT, [(0, 30, 4), (30, 60, 2)], grid(60), [(60, 60, 2)]),
    Example("the largest of 3, 1, 2", "ALIGN_MAX", G, DOUBLE, three(3.0, 1.0, 2.0), grid(60), [(60, 60, 3.0)]),
    Example("the largest delta", "ALIGN_MAX", D, INT, [(0, 30, 4), (30, 60, 2)], grid(60), [(60, 60, 4)]),
    Example("(1 + 2 + 6) / 3, a double though the values are integers",
            "ALIGN_MEAN", G, INT, three(1, 2, 6), grid(60), [(60, 60, 3.0)]),
    Example("the mean of deltas", "ALIGN_MEAN", D, INT, [(0, 30, 4), (30, 60, 2)], grid(60), [(60, 60, 3.0)]),
    Example("three points", "ALIGN_COUNT", G, DOUBLE, three(1.0, 2.0, 6.0), grid(60), [(60, 60, 3)]),
    Example("two of them before 40 s, one after: a period without points has no count",
            "ALIGN_COUNT", G, BOOL, gauges((20, True), (40, False), (150, True)), grid(180), [(60, 60, 2), (180, 180, 1)]),
    Example("deltas are counted as points, not added", "ALIGN_COUNT", D, INT, [(0, 30, 4), (30, 60, 2)], grid(60),
            [(60, 60, 2)]),
    Example("1 + 2 + 6", "ALIGN_SUM", G, INT, three(1, 2, 6), grid(60), [(60, 60, 9)]),
    Example("a sum of deltas is a delta over the period",
            "ALIGN_SUM", D, DOUBLE, [(0, 30, 4.0), (30, 60, 2.5)], grid(60), [(0, 60, 6.5)]),
    Example("a sum of distributions is the distribution of all",
            "ALIGN_SUM", D, DIST, [(0, 30, distribution(5, 15)), (30, 60, distribution(50))], grid(60),
            [(0, 60, distribution(5, 15, 50))]),
    Example("of 2, 4, 6: the square root of 8/3, of the population",
            "ALIGN_STDDEV", G, INT, three(2, 4, 6), grid(60), [(60, 60, math.sqrt(8 / 3))]),
    Example("one value does not deviate", "ALIGN_STDDEV", D, DOUBLE, [(0, 60, 7.0)], grid(60), [(60, 60, 0.0)]),
    Example("two of three", "ALIGN_COUNT_TRUE", G, BOOL, three(True, False, True), grid(60), [(60, 60, 2)]),
    Example("one of three", "ALIGN_COUNT_FALSE", G, BOOL, three(True, False, True), grid(60), [(60, 60, 1)]),
    Example("two thirds", "ALIGN_FRACTION_TRUE", G, BOOL, three(True, False, True), grid(60), [(60, 60, 2 / 3)]),
    # Percentiles of distributions: four values in [10, 20), rank = share x 4, evenly spread inside the bucket
    Example("rank 3.96 of 4: 10 + 10 x 0.99", "ALIGN_PERCENTILE_99", G, DIST, gauges((60, distribution(11, 12, 13, 14))),
            grid(60), [(60, 60, 19.9)]),
    Example("rank 3.8 of 4: 10 + 10 x 0.95", "ALIGN_PERCENTILE_95", D, DIST, [(0, 60, distribution(11, 12, 13, 14))],
            grid(60), [(60, 60, 19.5)]),
    Example("all distributions of the period together: ranks 1 to 2 lie in [10, 20), 3 and 4 in [20, 40); rank 2 ends the first",
            "ALIGN_PERCENTILE_50", D, DIST, [(0, 30, distribution(11, 12)), (30, 60, distribution(30, 30))], grid(60),
            [(60, 60, 20.0)]),
    Example("rank 0.2 of 4: 10 + 10 x 0.05", "ALIGN_PERCENTILE_05", G, DIST, gauges((60, distribution(11, 12, 13, 14))),
            grid(60), [(60, 60, 10.5)]),
    Example("below the first bound, which is positive, values are taken to begin at 0: 0 + 10 x 0.5",
            "ALIGN_PERCENTILE_50", G, DIST, gauges((60, distribution(1, 2))), grid(60), [(60, 60, 5.0)]),
    Example("above the last bound nothing is known but the bound",
            "ALIGN_PERCENTILE_50", G, DIST, gauges((60, distribution(1000, 2000))), grid(60), [(60, 60, 40.0)]),
    Example("buckets of equal width 10 from 0 on: rank 1.5 of 3 is half of the second bucket, which holds one value",
            "ALIGN_PERCENTILE_50", G, DIST, gauges((60, LINEAR)), grid(60), [(60, 60, 15.0)]),
    Example("each bucket three times as wide as the one before, from 2 on: rank 1 of 2 fills [2, 6)",
            "ALIGN_PERCENTILE_50", G, DIST, gauges((60, EXPONENTIAL)), grid(60), [(60, 60, 6.0)]),
    Example("an empty distribution has no percentile", "ALIGN_PERCENTILE_50", G, DIST, gauges((60, distribution())),
            grid(60), []),
    # PERCENT_CHANGE: of means over the ten minutes before each moment
    Example("the mean of (0, 600] is 10, that of (600, 1200] is 15: 50 % more",
            "ALIGN_PERCENT_CHANGE", G, DOUBLE, gauges((300, 8.0), (600, 12.0), (900, 14.0), (1200, 16.0)),
            grid(1200, 600, start=600), [(1200, 1200, 50.0)]),
    Example("nothing then and nothing now is no change",
            "ALIGN_PERCENT_CHANGE", G, INT, gauges((600, 0), (1200, 0)), grid(1200, 600, start=600), [(1200, 1200, 0.0)]),
    Example("something after nothing is infinitely more",
            "ALIGN_PERCENT_CHANGE", G, INT, gauges((600, 0), (1200, 1)), grid(1200, 600, start=600),
            [(1200, 1200, math.inf)]),
    Example("negative values are as good as missing: 10 then, 20 now",
            "ALIGN_PERCENT_CHANGE", G, INT, gauges((600, 10), (900, -100), (1200, 20)), grid(1200, 600, start=600),
            [(1200, 1200, 100.0)]),
    Example("without a value then there is no change to tell of",
            "ALIGN_PERCENT_CHANGE", D, INT, [(900, 960, 5)], grid(1200, 600, start=600), []),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.aligner}: {example.why}")
def test_example(example: Example) -> None:
    found = align(reading(example.kind, example.value_type, example.points), example.aligner, example.grid)
    assert kinds.ALIGNERS[example.aligner].takes(example.kind, example.value_type)
    assert (found.kind, found.value_type) == kinds.ALIGNERS[example.aligner].gives(example.kind, example.value_type)
    got = seconds(found.samples)
    assert [point[:2] for point in got] == [point[:2] for point in example.expected]
    for (_, _, value), (_, _, wanted) in zip(got, example.expected, strict=True):
        assert type(value) is type(wanted)
        assert value == (
            wanted if isinstance(wanted, (bool, str)) or hasattr(wanted, "count") else pytest.approx(wanted)
        )


def test_every_aligner_has_an_example() -> None:
    assert {example.aligner for example in EXAMPLES} == kinds.ALIGNERS.keys()


@pytest.mark.parametrize("name", kinds.ALIGNERS)
def test_no_points_align_to_none(name: str) -> None:
    rule = kinds.ALIGNERS[name]
    for kind in rule.kinds:
        for value_type in rule.types:
            assert align(reading(kind, value_type, []), name, grid(300)).samples == []


COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=20)
PERIODS = st.integers(60, 400)


def cumulative(increments: list[int], resets: list[bool], length: float = 60) -> Points:
    """A cumulative that grows in each stretch of time, and starts again where it is reset."""
    points: list[tuple[float, float, int]] = []
    start, total = 0.0, 0
    for index, (increment, reset) in enumerate(zip(increments, resets, strict=True)):
        if reset and index:
            start, total = index * length + 0.001, 0
        total += increment
        points.append((start, (index + 1) * length, total))
    return points


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=20), PERIODS)
def test_deltas_add_up_to_all_that_was_counted(stretches: list[tuple[int, bool]], period: int) -> None:
    increments = [increment for increment, _ in stretches]
    points = cumulative(increments, [reset for _, reset in stretches])
    found = align(reading(C, INT, points), "ALIGN_DELTA", grid(len(stretches) * 60, period))
    assert sum(sample.value for sample in found.samples) == sum(increments)
    assert all(sample.value >= 0 for sample in found.samples)


@given(COUNTS, PERIODS)
def test_deltas_of_deltas_add_up_too(increments: list[int], period: int) -> None:
    points = [(60.0 * n, 60.0 * (n + 1), increment) for n, increment in enumerate(increments)]
    found = align(reading(D, INT, points), "ALIGN_DELTA", grid(len(points) * 60, period))
    assert sum(sample.value for sample in found.samples) == sum(increments)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), PERIODS)
def test_rates_times_their_periods_are_the_deltas(increments: list[float], period: int) -> None:
    points = [(60.0 * n + 0.001, 60.0 * (n + 1), increment) for n, increment in enumerate(increments)]
    periods = grid(len(points) * 60, period)
    deltas = align(reading(C, DOUBLE, points), "ALIGN_DELTA", periods).samples
    rates = align(reading(C, DOUBLE, points), "ALIGN_RATE", periods).samples
    assert [rate.value * period for rate in rates] == pytest.approx([delta.value for delta in deltas])
    assert sum(delta.value for delta in deltas) == pytest.approx(sum(increments))


VALUES = st.lists(st.floats(0.0, 39.9), max_size=12)


@given(st.lists(VALUES, min_size=1, max_size=6), PERIODS)
def test_distributions_lose_no_value_however_they_are_cut(windows: list[list[float]], period: int) -> None:
    points = [(60.0 * n, 60.0 * (n + 1), distribution(*values)) for n, values in enumerate(windows)]
    found = align(reading(D, DIST, points), "ALIGN_DELTA", grid(len(points) * 60, period)).samples
    every = [value for values in windows for value in values]
    assert sum(sample.value.count for sample in found) == len(every)
    assert all(sample.value.count == sum(sample.value.bucket_counts) for sample in found)
    totals = [sum(counts) for counts in zip(*(sample.value.bucket_counts for sample in found), strict=True)]
    assert totals == list(distribution(*every).bucket_counts)


@given(st.lists(VALUES, min_size=2, max_size=6))
def test_what_is_added_to_a_distribution_is_its_delta(windows: list[list[float]]) -> None:
    so_far: list[float] = []
    points = []
    for n, values in enumerate(windows):
        so_far = [*so_far, *values]
        points.append((0.0, 60.0 * (n + 1), distribution(*so_far)))
    found = align(reading(C, DIST, points), "ALIGN_DELTA", grid(len(points) * 60)).samples
    for sample, values in zip(found, windows, strict=True):
        added = distribution(*values)
        assert list(sample.value.bucket_counts) == list(added.bucket_counts)
        assert sample.value.mean == pytest.approx(added.mean, abs=1e-6)
        assert sample.value.sum_of_squared_deviation == pytest.approx(added.sum_of_squared_deviation, abs=1e-6)


@given(st.lists(st.floats(0, 1000), min_size=1), st.sampled_from(["05", "50", "95", "99"]))
def test_percentiles_lie_in_the_buckets_of_the_values(values: list[float], percent: str) -> None:
    bounds = (10.0, 20.0, 40.0, 1001.0)
    found = align(
        reading(G, DIST, gauges((60, distribution(*values, bounds=bounds)))), f"ALIGN_PERCENTILE_{percent}", grid(60)
    )
    edges = (0.0, *bounds)
    lowest = max(edge for edge in edges if edge <= min(values))
    highest = min(edge for edge in edges if edge > max(values))
    assert lowest <= found.samples[0].value <= highest


@given(st.lists(st.tuples(st.integers(1, 600), st.integers(-100, 100)), min_size=1, unique_by=lambda each: each[0]))
def test_statistics_see_each_point_once(given_points: list[tuple[int, int]]) -> None:
    points = gauges(*sorted(given_points))
    periods = grid(600)
    aligned = {
        name: align(reading(G, INT, points), f"ALIGN_{name}", periods).samples
        for name in ("MIN", "MAX", "MEAN", "COUNT", "SUM", "STDDEV")
    }
    values = [value for _, value in given_points]
    assert sum(sample.value for sample in aligned["COUNT"]) == len(values)
    assert sum(sample.value for sample in aligned["SUM"]) == sum(values)
    assert min(sample.value for sample in aligned["MIN"]) == min(values)
    assert max(sample.value for sample in aligned["MAX"]) == max(values)
    for low, mean, high in zip(aligned["MIN"], aligned["MEAN"], aligned["MAX"], strict=True):
        assert low.value <= mean.value <= high.value
    assert all(sample.value >= 0 for sample in aligned["STDDEV"])


@given(st.integers(0, 10_000), st.integers(60, 1000), st.integers(1, 5000))
def test_periods_cover_the_interval_back_from_its_end(start: int, period: int, length: int) -> None:
    periods = grid(start + length, period, start)
    ends = list(periods.boundaries(periods.begin_ns, periods.end_ns))
    assert ends[-1] == ns(start + length)
    assert ends[0] > ns(start) >= ends[0] - ns(period)
    assert all(later - earlier == ns(period) for earlier, later in pairwise(ends))
    for moment in (ns(start) + 1, ns(start + length)):
        assert periods.holds(moment)
        assert periods.boundary(moment) - ns(period) < moment <= periods.boundary(moment)
