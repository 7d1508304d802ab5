"""Distributions: what makes one valid, and their arithmetic.

Source: comments of ``google.api.Distribution``. A histogram's buckets have inclusive lower and exclusive upper bounds.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from google.api.distribution_pb2 import Distribution

from exporter.sandbox.monitoring.errors import Proto

MAX_BUCKETS = 200
"""Buckets of one distribution (https://cloud.google.com/monitoring/quotas)."""


def mistake(value: Proto) -> str | None:
    """What is wrong with a distribution that is to be written, in the service's words; None when it is sound."""
    if not math.isfinite(value.mean):
        return f"Distribution value with a non-finite |mean| of {value.mean}."
    if not math.isfinite(value.sum_of_squared_deviation) or value.sum_of_squared_deviation < 0:
        return f"Distribution value with a |sum_of_squared_deviation| of {value.sum_of_squared_deviation}."
    if value.count < 0:
        return f"Distribution value with a negative |count| of {value.count}."
    if value.count == 0 and (value.mean or value.sum_of_squared_deviation or value.HasField("range")):
        return "Distribution value with a |count| of zero but a |mean|, |sum_of_squared_deviation| or |range|."
    return _option_mistake(value.bucket_options) or _count_mistake(value)


def _option_mistake(options: Proto) -> str | None:
    kind = options.WhichOneof("options")
    if kind == "explicit_buckets":
        bounds = options.explicit_buckets.bounds
        if not bounds:
            return "Distribution |explicit_buckets.bounds| does not have at least one entry."
        if not all(math.isfinite(bound) for bound in bounds):
            return "Distribution |explicit_buckets.bounds| has a non-finite entry."
        if any(low >= high for low, high in pairwise(bounds)):
            return "Distribution |explicit_buckets.bounds| entries are not monotonically increasing."
    elif kind == "linear_buckets":
        linear = options.linear_buckets
        if linear.num_finite_buckets <= 0 or not linear.width > 0 or not math.isfinite(linear.offset):
            return "Distribution |linear_buckets| must have a positive |num_finite_buckets| and |width|."
    elif kind == "exponential_buckets":
        exponential = options.exponential_buckets
        if exponential.num_finite_buckets <= 0 or not exponential.growth_factor > 1 or not exponential.scale > 0:
            return (
                "Distribution |exponential_buckets| must have a positive |num_finite_buckets| and |scale| and a "
                "|growth_factor| greater than 1."
            )
    if kind and _bucket_total(options) > MAX_BUCKETS:
        return f"Distribution value with {_bucket_total(options)} buckets, which is more than {MAX_BUCKETS}."
    return None


def _count_mistake(value: Proto) -> str | None:
    counts = value.bucket_counts
    if not value.bucket_options.WhichOneof("options"):
        return "Distribution value has |bucket_counts| but no |bucket_options|." if counts else None
    total = _bucket_total(value.bucket_options)
    if len(counts) > total:
        return (
            f"Distribution value has {len(counts)} |bucket_counts| fields, which is more than the {total} buckets "
            "allowed by the bucketing options."
        )
    if any(count < 0 for count in counts):
        return "Distribution value has a negative |bucket_counts| field."
    if sum(counts) != value.count:
        return (
            f"Distribution value has |bucket_counts| fields that sum to {sum(counts)} which does not equal the "
            f"|count| field value of {value.count}."
        )
    return None


def _bucket_total(options: Proto) -> int:
    kind = options.WhichOneof("options")
    if kind == "explicit_buckets":
        return len(options.explicit_buckets.bounds) + 1
    finite: int = getattr(options, kind).num_finite_buckets
    return finite + 2


def bounds_of(options: Proto) -> tuple[float, ...]:
    """The boundaries between the buckets, in ascending order; none without a histogram."""
    kind = options.WhichOneof("options")
    if kind == "explicit_buckets":
        return tuple(options.explicit_buckets.bounds)
    if kind == "linear_buckets":
        linear = options.linear_buckets
        return tuple(linear.offset + linear.width * index for index in range(linear.num_finite_buckets + 1))
    if kind == "exponential_buckets":
        growth = options.exponential_buckets
        return tuple(growth.scale * growth.growth_factor**index for index in range(growth.num_finite_buckets + 1))
    return ()


@dataclass(frozen=True, slots=True)
class Histogram:
    """A population by count, mean and squared deviation, and by buckets where there are ``bounds``."""

    count: int
    mean: float
    deviation: float
    bounds: tuple[float, ...]
    counts: tuple[int, ...]

    @staticmethod
    def of(value: Proto) -> Histogram:
        """A distribution as the API has it; buckets that it leaves out at the end are empty."""
        bounds = bounds_of(value.bucket_options)
        counts = tuple(value.bucket_counts)
        if bounds:
            counts += (0,) * (len(bounds) + 1 - len(counts))
        return Histogram(value.count, value.mean, value.sum_of_squared_deviation, bounds, counts)

    def proto(self) -> Proto:
        """The distribution as the API has it, with explicit bounds."""
        value = Distribution(count=self.count, mean=self.mean, sum_of_squared_deviation=self.deviation)
        if self.bounds:
            value.bucket_options.explicit_buckets.bounds.extend(self.bounds)
            value.bucket_counts.extend(self.counts)
        return value

    def minus(self, earlier: Histogram) -> Histogram:
        """The population that was added since an earlier value of the same cumulative.

        The squared deviations follow from those of two populations put together (Chan, Golub and LeVeque 1979).
        """
        if self.bounds != earlier.bounds:
            # The buckets changed and cannot be compared: only the summary can.
            return self.without_buckets().minus(earlier.without_buckets())
        count = max(0, self.count - earlier.count)
        counts = tuple(max(0, now - before) for now, before in zip(self.counts, earlier.counts, strict=True))
        if count == 0:
            return Histogram(0, 0.0, 0.0, self.bounds, counts)
        mean = (self.mean * self.count - earlier.mean * earlier.count) / count
        between = (earlier.mean - mean) ** 2 * earlier.count * count / self.count
        return Histogram(count, mean, max(0.0, self.deviation - earlier.deviation - between), self.bounds, counts)

    def without_buckets(self) -> Histogram:
        """The summary alone."""
        return Histogram(self.count, self.mean, self.deviation, (), ())

    def part(self, start: float, end: float) -> Histogram:
        """What of an evenly spread population lies between two fractions of its time; parts add up to the whole."""
        if (start, end) == (0.0, 1.0):
            return self
        counts = tuple(round(each * end) - round(each * start) for each in self.counts)
        count = sum(counts) if self.bounds else round(self.count * end) - round(self.count * start)
        if count == 0:
            return Histogram(0, 0.0, 0.0, self.bounds, counts)
        return Histogram(count, self.mean, self.deviation * count / self.count, self.bounds, counts)

    def percentile(self, percent: float) -> float | None:
        """The value below which a percentage, more than 0, lies, interpolated inside its bucket; None without buckets or values.

        The open buckets have no width: the first one begins at 0 where its bound is positive, the last one is its bound.
        """
        if not self.bounds or self.count == 0:
            return None
        rank = percent / 100 * self.count
        reached = list(accumulate(self.counts))
        index = bisect_left(reached, rank)
        low, high = self._edges(index)
        return low + (high - low) * (rank - reached[index] + self.counts[index]) / self.counts[index]

    def _edges(self, index: int) -> tuple[float, float]:
        if index == 0:
            return min(0.0, self.bounds[0]), self.bounds[0]
        if index == len(self.bounds):
            return self.bounds[-1], self.bounds[-1]
        return self.bounds[index - 1], self.bounds[index]


def operand(value: Any) -> Any:
    """A point's value as something to calculate with: distributions become histograms."""
    return Histogram.of(value) if isinstance(value, Distribution) else value


def outcome(value: Any) -> Any:
    """What was calculated as a point's value: histograms become distributions."""
    return value.proto() if isinstance(value, Histogram) else value


def merge(populations: Sequence[Histogram]) -> Histogram:
    """All populations as one; where their buckets differ, those of the bounds that all share."""
    if len({each.bounds for each in populations}) > 1:
        shared = set(populations[0].bounds).intersection(*(each.bounds for each in populations[1:]))
        populations = [_coarser(each, tuple(sorted(shared))) for each in populations]
    count = sum(each.count for each in populations)
    total = math.fsum(each.mean * each.count for each in populations)
    mean = total / count if count else 0.0
    deviation = math.fsum(each.deviation + each.count * (each.mean - mean) ** 2 for each in populations)
    counts = tuple(map(sum, zip(*(each.counts for each in populations), strict=True)))
    return Histogram(count, mean, deviation if count else 0.0, populations[0].bounds, counts)


def _coarser(population: Histogram, bounds: tuple[float, ...]) -> Histogram:
    if not bounds:
        return population.without_buckets()
    counts = [0] * (len(bounds) + 1)
    upper = 0
    for index, count in enumerate(population.counts):
        counts[upper] += count
        if index < len(population.bounds) and upper < len(bounds) and population.bounds[index] == bounds[upper]:
            upper += 1
    return Histogram(population.count, population.mean, population.deviation, bounds, tuple(counts))
