"""Questions for time series, and their answers.

Field names follow ``google.monitoring.v3.Aggregation`` and the dashboards' ``TimeSeriesFilter``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Value = float | int | bool | str | tuple[int, ...]
"""A point's value; of a distribution the counts of its buckets."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """How points are aligned and series reduced; ``period_s`` is the shortest period wanted, None where the question leaves it open."""

    aligner: str = "ALIGN_NONE"
    reducer: str = "REDUCE_NONE"
    period_s: int | None = None
    group_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pick:
    """Keep the ``count`` series that rank highest (``TOP``) or lowest (``BOTTOM``) by a method of ``PickTimeSeriesFilter``."""

    method: str
    count: int
    direction: Literal["TOP", "BOTTOM"] = "TOP"


@dataclass(frozen=True, slots=True)
class Part:
    """One filter and its aggregation."""

    filter: str
    aggregation: Aggregation = field(default_factory=Aggregation)


@dataclass(frozen=True, slots=True)
class Question:
    """What one data set of a widget asks for: a filter, or the ratio of two.

    ``secondary`` is a second aggregation of the result. ``step_s`` is the shortest period that makes sense, whatever is asked for
    (``minAlignmentPeriod`` of a widget). ``unit`` overrides the metric's own.
    """

    numerator: Part
    denominator: Part | None = None
    secondary: Aggregation | None = None
    pick: Pick | None = None
    step_s: int | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """The stretch ``(start, end]`` of time that is looked at; aware UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Series:
    """One time series, oldest point first.

    ``ends_s`` and ``starts_s`` are seconds since the epoch; ``starts_s`` equal ``ends_s`` for gauges. ``bounds`` are the finite
    bucket bounds of a distribution, whose values are ``len(bounds) + 1`` counts, and ``means`` the means of its points.
    """

    metric_type: str
    metric_labels: Mapping[str, str]
    resource_type: str
    resource_labels: Mapping[str, str]
    kind: Literal["gauge", "delta", "cumulative"]
    value_type: Literal["bool", "int64", "double", "string", "distribution"]
    unit: str
    starts_s: tuple[float, ...]
    ends_s: tuple[float, ...]
    values: tuple[Value, ...]
    bounds: tuple[float, ...] = ()
    means: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question brought: its series, or the problem in words; ``step_s`` is the period that was used, None without an aligner.

    ``stretched`` says that it is longer than what was asked for, and that values are sums over it: "per hour" is no longer true.
    ``reason`` is the problem as a canonical code name (``NOT_FOUND``: the metric has no point yet), for programs.
    """

    series: tuple[Series, ...] = ()
    step_s: int | None = None
    problem: str | None = None
    truncated: bool = False
    stretched: bool = False
    reason: str | None = None
