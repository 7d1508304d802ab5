"""Coefficients and lines, held against exact arithmetic and the standard library."""

from __future__ import annotations

import math
import statistics as standard
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.console import statistics
from exporter.console.statistics import Fit

Pairs = list[tuple[float, float]]

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
ANY = st.floats(allow_nan=False, allow_infinity=False)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=30)
FEW = st.integers(-5, 5).map(float)
TIED = st.lists(st.tuples(FEW, FEW), min_size=3, max_size=30)


def columns(pairs: Pairs) -> tuple[list[float], list[float]]:
    return [x for x, _ in pairs], [y for _, y in pairs]


class Exact:
    """Sums of squares and products, exactly."""

    def __init__(self, pairs: Pairs) -> None:
        xs, ys = ([Fraction(value) for value in column] for column in columns(pairs))
        self.mean_x, self.mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
        dx, dy = [x - self.mean_x for x in xs], [y - self.mean_y for y in ys]
        self.xx = sum((x * x for x in dx), Fraction(0))
        self.yy = sum((y * y for y in dy), Fraction(0))
        self.xy = sum((x * y for x, y in zip(dx, dy, strict=True)), Fraction(0))

    def pearson(self) -> float:
        """The square root of an exact number, with its sign."""
        squared = self.xy * self.xy / (self.xx * self.yy)
        return math.sqrt(squared) * (1 if self.xy > 0 else -1)


def exact_ranks(values: list[float]) -> list[float]:
    """By counting: how many are smaller, and the mean place among the equal ones."""
    return [sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values]


@given(PAIRS)
def test_pearson_is_the_exact_one(pairs: Pairs) -> None:
    found, exact = statistics.pearson(*columns(pairs)), Exact(pairs)
    if not exact.xx or not exact.yy:
        assert found is None
    else:
        assert found == pytest.approx(exact.pearson(), abs=1e-12)


@given(st.lists(st.tuples(ANY, ANY), min_size=3, max_size=12))
def test_pearson_of_any_floats_is_the_exact_one(pairs: Pairs) -> None:
    found, exact = statistics.pearson(*columns(pairs)), Exact(pairs)
    if not exact.xx or not exact.yy:
        assert found is None
    else:
        assert found == pytest.approx(exact.pearson(), abs=1e-9)


@given(TIED)
def test_agrees_with_the_standard_library(pairs: Pairs) -> None:
    xs, ys = columns(pairs)
    assume(len(set(xs)) > 1 and len(set(ys)) > 1)
    assert statistics.pearson(xs, ys) == pytest.approx(standard.correlation(xs, ys), abs=1e-12)
    expected = standard.correlation(exact_ranks(xs), exact_ranks(ys))
    assert statistics.spearman(xs, ys) == pytest.approx(expected, abs=1e-12)
    line = standard.linear_regression(xs, ys)
    found = statistics.fit(xs, ys)
    assert found is not None
    assert [found.slope, found.intercept] == pytest.approx([line.slope, line.intercept], abs=1e-9)


@given(PAIRS, st.sampled_from([1e9, -1e12, 1e15, 2.0**53]))
def test_large_offsets_cost_no_digits(pairs: Pairs, offset: float) -> None:
    shifted = [(x + offset, y - offset) for x, y in pairs]
    exact = Exact(shifted)  # of the numbers as they are after adding, which rounds
    assume(exact.xx and exact.yy)
    assert statistics.pearson(*columns(shifted)) == pytest.approx(exact.pearson(), abs=1e-9)
    found = statistics.fit(*columns(shifted))
    assert found is not None
    slope = exact.xy / exact.xx
    assert found.slope == pytest.approx(float(slope), rel=1e-9, abs=1e-9 * math.sqrt(exact.yy / exact.xx))
    middle = Fraction(found.slope) * exact.mean_x + Fraction(found.intercept)
    # Slope and intercept are rounded once each, however large they are.
    rounded = 4 * math.ulp(found.intercept) + 4 * math.ulp(found.slope) * abs(float(exact.mean_x))
    assert float(middle) == pytest.approx(float(exact.mean_y), rel=1e-9, abs=rounded)


def test_a_small_difference_on_a_large_number_is_seen() -> None:
    xs = [1e15 + n for n in range(10)]
    assert statistics.pearson(xs, [float(n) for n in range(10)]) == pytest.approx(1.0)
    assert statistics.fit(xs, [2.0 * n for n in range(10)]) == Fit(2.0, -2e15)


@given(PAIRS, st.sampled_from([-1e3, -2.0, 0.5, 1e-6, 1e200]), st.sampled_from([0.0, 1.0, -1e3]))
def test_scale_and_shift_change_nothing_but_the_sign(pairs: Pairs, scale: float, shift: float) -> None:
    xs, ys = columns(pairs)
    moved = [x * scale + shift for x in xs]
    exact = Exact(list(zip(moved, ys, strict=True)))
    # Moving rounds: only where it loses nothing of what tells the values apart is the coefficient the same.
    assume(exact.xx and exact.yy and min(abs(a - b) for a in xs for b in xs if a != b) > 1)
    found, before = statistics.pearson(moved, ys), statistics.pearson(xs, ys)
    assert before is not None
    assert found == pytest.approx((1 if scale > 0 else -1) * before, abs=1e-7)


@given(TIED)
def test_both_are_symmetric_and_within_one(pairs: Pairs) -> None:
    xs, ys = columns(pairs)
    for coefficient in (statistics.pearson, statistics.spearman):
        found = coefficient(xs, ys)
        assert found == coefficient(ys, xs)
        assert found is None or -1 <= found <= 1


@given(PAIRS)
def test_ranks_see_order_only(pairs: Pairs) -> None:
    xs, ys = columns(pairs)
    bent = [math.atan(x / 1e6) for x in xs]
    assume(len(set(bent)) == len(set(xs)))
    assert statistics.spearman(bent, ys) == statistics.spearman(xs, ys)


@given(st.lists(FEW | ANY, max_size=20))
def test_equal_values_share_the_mean_of_their_ranks(values: list[float]) -> None:
    assert statistics.ranks(values) == exact_ranks(values)


def test_differences_that_are_no_floats_are_seen() -> None:
    assert statistics.pearson([1.7e308, 0.0, -1.7e308], [1.0, 2.0, 3.0]) == pytest.approx(-1.0)
    found = statistics.fit([-1.0, 0.0, 1.0], [-1.7e308, 0.0, 1.7e308])
    assert found is not None
    assert found.slope == pytest.approx(1.7e308)
    assert abs(found.intercept) < 1e-15 * found.slope


def test_ties_by_hand() -> None:
    assert statistics.ranks([10.0, 20.0, 20.0, 5.0, 20.0]) == [2.0, 4.0, 4.0, 1.0, 4.0]


def test_what_is_undefined_is_none() -> None:
    for xs, ys in (([], []), ([1.0], [2.0]), ([1.0, 2.0], [3.0, 5.0])):
        assert statistics.pearson(xs, ys) is statistics.spearman(xs, ys) is None
    flat, rising = [3.0, 3.0, 3.0], [1.0, 2.0, 3.0]
    assert statistics.pearson(flat, rising) is statistics.spearman(rising, flat) is None
    assert statistics.fit([], []) is statistics.fit([1.0], [2.0]) is statistics.fit(flat, rising) is None
    assert statistics.fit([1.0, 2.0], [3.0, 5.0]) == Fit(2.0, 1.0)
    assert statistics.fit(rising, flat) == Fit(0.0, 3.0)
    assert statistics.fit([0.0, 1e-300], [0.0, 1e300]) is None  # steeper than a float can say
    found = statistics.relation(rising, rising)
    assert (found.n, found.pearson, found.spearman, found.fit) == (3, 1.0, 1.0, Fit(1.0, 0.0))
