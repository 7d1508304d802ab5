"""How two measures go together: coefficients and a line, sound also where values are large and differ little.

Values are shifted by one of them and scaled by a power of two before anything is squared, so that neither a large offset nor a large
or tiny magnitude costs digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

MIN_POINTS = 3
"""Of two points every coefficient is 1 or -1 and says nothing."""

_HUGE = 2.0**1020


@dataclass(frozen=True, slots=True)
class Fit:
    """The line ``slope * x + intercept`` with the least sum of squared distances in y."""

    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class Relation:
    """What can be said of ``n`` pairs; None is undefined: too few of them, or values that do not differ."""

    n: int
    pearson: float | None
    spearman: float | None
    fit: Fit | None


def relation(xs: Sequence[float], ys: Sequence[float]) -> Relation:
    """Everything about pairs of finite numbers."""
    return Relation(len(xs), pearson(xs, ys), spearman(xs, ys), fit(xs, ys))


def pearson(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """The coefficient of linear correlation; None for fewer than three pairs, or where either does not vary."""
    if len(xs) < MIN_POINTS:
        return None
    x, y = _Centred.of(xs), _Centred.of(ys)
    if x is None or y is None:
        return None
    found = _product(x, y) / math.sqrt(_product(x, x) * _product(y, y))
    return max(-1.0, min(1.0, found))


def spearman(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """The correlation of the ranks: how far one always rises with the other; equal values share the mean of their ranks."""
    return pearson(ranks(xs), ranks(ys)) if len(xs) >= MIN_POINTS else None


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of the ranks that they take up."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for place in order[first : last + 1]:
            found[place] = (first + last) / 2 + 1
        first = last + 1
    return found


def fit(xs: Sequence[float], ys: Sequence[float]) -> Fit | None:
    """The line of least squares; None for fewer than two pairs, where x does not vary, or where the line leaves the range of floats."""
    x = _Centred.of(xs)
    if x is None:
        return None
    y = _Centred.of(ys)
    scaled = _product(x, y) / _product(x, x) if y is not None else 0.0
    exponent = y.exponent - x.exponent if y is not None else 0
    # The intercept is a small difference of large numbers where the offset is large: taken exactly.
    slope = Fraction(scaled) * Fraction(2) ** exponent
    intercept = (y.mean if y is not None else Fraction(ys[0])) - slope * x.mean
    try:
        return Fit(float(slope), float(intercept))
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class _Centred:
    """Distances from the mean divided by ``2**exponent``, so that the largest is about 1, and the mean itself."""

    values: tuple[float, ...]
    exponent: int
    mean: Fraction

    @staticmethod
    def of(values: Sequence[float]) -> _Centred | None:
        """None where the values do not differ, or there are none."""
        if not values or min(values) == max(values):
            return None
        first = values[0]
        # The difference of two huge values need not be a float: then half of it is.
        halved = 1 if max(map(abs, values)) > _HUGE else 0
        distances = [math.ldexp(value, -halved) - math.ldexp(first, -halved) for value in values]
        exponent = math.frexp(max(map(abs, distances)))[1]
        shifted = [math.ldexp(distance, -exponent) for distance in distances]
        middle = math.fsum(shifted) / len(shifted)
        mean = Fraction(first) + Fraction(middle) * Fraction(2) ** (exponent + halved)
        return _Centred(tuple(value - middle for value in shifted), exponent + halved, mean)


def _product(one: _Centred, other: _Centred) -> float:
    return math.fsum(x * y for x, y in zip(one.values, other.values, strict=True))
