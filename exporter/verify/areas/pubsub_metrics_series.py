"""How checks read Pub/Sub's metrics of the run's topics and subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.monitoring_v3 import ListTimeSeriesRequest, TimeInterval

from exporter.verify.lab import Lab
from exporter.verify.questions import Seen

PREFIX = "pubsub.googleapis.com/"
_TIMEOUT_S = 30.0
_SETTLED_S, _NOTHING_S = 600.0, 1200.0
"""When a metric has not changed for so long, or has had no point at all, nothing more will come.

The slowest takes five minutes: a minute to be sampled, and four until it can be read.
"""


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a series: its labels, when its sample period began and ended, and its value as the API has it."""

    labels: dict[str, str]
    start: datetime
    end: datetime
    value: Any

    @property
    def number(self) -> int:
        """The value of a count or a gauge; the count of a distribution."""
        found = self.value
        return int(found.distribution_value.count if "distribution_value" in found else found.int64_value)


def points(lab: Lab, metric: str, pipeline: str) -> list[Point]:
    """All points of a metric since the run's pipelines were made, oldest first."""
    label = "topic_id" if metric.startswith("topic/") else "subscription_id"
    request = ListTimeSeriesRequest(
        name=f"projects/{lab.place.project}",
        filter=f'metric.type = "{PREFIX}{metric}" AND resource.labels.{label} = "{lab.place.name(pipeline)}"',
        interval=TimeInterval(start_time=lab.done_at("created") - timedelta(minutes=2), end_time=lab.now()),
        view=ListTimeSeriesRequest.TimeSeriesView.FULL,
    )
    found: list[Point] = []
    for series in lab.services.monitoring.list_time_series(request=request, timeout=_TIMEOUT_S, retry=None):
        labels = dict(series.metric.labels)
        found += [_point(labels, each) for each in series.points]
    return sorted(found, key=lambda point: point.end)


def _point(labels: dict[str, str], given: Any) -> Point:
    interval = given.interval
    end = interval.end_time.astimezone(UTC)
    start = interval.start_time.astimezone(UTC) if interval.start_time else end
    return Point(labels, start, end, given.value)


Judge = Callable[[Lab, list[Point]], Seen]
Complete = Callable[[Lab, list[Point]], bool]


def settled(metric: str, pipeline: str, complete: Complete, judge: Judge) -> Callable[[Lab], Seen | None]:
    """Judge a metric's points when they are complete, or when nothing more comes."""

    def ask(lab: Lab) -> Seen | None:
        found = points(lab, metric, pipeline)
        if not complete(lab, found):
            unchanged_s = lab.waited_s(f"{metric} of {pipeline} at {len(found)}, {total(found)}")
            if unchanged_s < (_SETTLED_S if found else _NOTHING_S):
                return None
        return judge(lab, found)

    return ask


def total(found: list[Point], **labels: str) -> int:
    """The sum of the points whose series have these labels."""
    chosen = (point for point in found if all(point.labels.get(name) == value for name, value in labels.items()))
    return sum(point.number for point in chosen)
