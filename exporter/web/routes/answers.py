"""Answers as JSON: series with their names, times and values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from exporter.console.dashboards import legends
from exporter.console.series.model import Answer, Series, Value

Point = float | int | bool | str | list[int] | None


class TimeSeries(BaseModel):
    """One time series, oldest point first."""

    name: str = Field(description="by the legend's template, or by the labels that tell the series of the answer apart")
    labels: dict[str, str] = Field(description="labels of resource and metric, by their short names")
    metric_type: str
    resource_type: str
    kind: Literal["gauge", "delta", "cumulative"]
    value_type: Literal["bool", "int64", "double", "string", "distribution"]
    unit: str = Field(description="in the notation of UCUM")
    starts_s: list[float] | None = Field(description="seconds since the epoch; null for gauges")
    ends_s: list[float] = Field(description="seconds since the epoch")
    values: list[Point] = Field(description="null is no number; of distributions the counts of their buckets")
    bounds: list[float] | None = Field(default=None, description="finite bounds of the buckets, for distributions only")
    means: list[float | None] | None = Field(default=None, description="for distributions only")


class Answered(BaseModel):
    """What a question brought."""

    series: list[TimeSeries]
    step_s: int | None = Field(description="the alignment period that was used; null: none")
    problem: str | None = Field(description="why there is no answer, in words")
    truncated: bool = Field(description="there are more series than these")
    stretched: bool = Field(description="values are sums over `step_s`, which is longer than the period asked for")


Answers = Annotated[dict[str, Answered], Field(description="by query id")]


def encode(answer: Answer, legend: str = "") -> dict[str, Any]:
    """An answer as JSON; ``legend`` is the template of its series' names."""
    names = legends.names(answer.series, legend)
    return {
        "series": [_series(each, name) for each, name in zip(answer.series, names, strict=True)],
        "step_s": answer.step_s,
        "problem": answer.problem,
        "truncated": answer.truncated,
        "stretched": answer.stretched,
    }


def _series(series: Series, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "labels": legends.labels(series),
        "metric_type": series.metric_type,
        "resource_type": series.resource_type,
        "kind": series.kind,
        "value_type": series.value_type,
        "unit": series.unit,
        "starts_s": None if series.kind == "gauge" else list(series.starts_s),
        "ends_s": list(series.ends_s),
        "values": [_value(each) for each in series.values],
    }
    if series.value_type == "distribution":
        found |= {"bounds": list(series.bounds), "means": finite(series.means)}
    return found


def finite(values: Sequence[float]) -> list[float | None]:
    """Numbers as JSON can hold them: null for what is none, or endless."""
    return [each if math.isfinite(each) else None for each in values]


def _value(value: Value) -> Point:
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
