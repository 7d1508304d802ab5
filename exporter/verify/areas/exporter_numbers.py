"""What the exporter wrote, read back as anybody would read it: without the exporter's own code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from exporter.verify.areas.writing_series import Series, read
from exporter.verify.lab import Lab

_BEFORE = timedelta(hours=2)
"""The exporter begins with the full hour in which the pipelines were made."""


@dataclass(frozen=True, slots=True)
class Number:
    """A point: the labels of its series, when it ended, and its value."""

    labels: Mapping[str, str]
    end: datetime
    value: float


def counts(lab: Lab, metric: str, job: str, **labels: str) -> float:
    """The sum of all windows of a count of one system, over the series with these labels."""
    return float(sum(each.value.double_value for _, each in _points(lab, metric, job, labels)))


def distribution(lab: Lab, metric: str, job: str) -> tuple[int, float]:
    """How many values all windows of a distribution hold, and their sum."""
    found = [each.value.distribution_value for _, each in _points(lab, metric, job, {})]
    return sum(value.count for value in found), sum(value.count * value.mean for value in found)


def newest(lab: Lab, metric: str, job: str, until: datetime | None = None, **labels: str) -> Number | None:
    """The newest point of a gauge, up to a time; of those that end together the one above zero."""
    found = [
        Number(dict(series.metric.labels), each.interval.end_time.ToDatetime(UTC), each.value.double_value)
        for series, each in _points(lab, metric, job, labels)
    ]
    chosen = [number for number in found if until is None or number.end <= until]
    return max(chosen, key=lambda number: (number.end, number.value), default=None)


def _points(lab: Lab, metric: str, job: str, labels: Mapping[str, str]) -> Iterator[tuple[Series, Any]]:
    since = lab.done_at("created") - _BEFORE
    for series in read(lab, metric, job, since, lab.now()):
        if all(series.metric.labels.get(name) == value for name, value in labels.items()):
            yield from ((series, each) for each in series.points)
