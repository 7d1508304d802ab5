"""What Cloud Monitoring takes, refuses and gives back, with each field of conduct changed alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.monitoring_v3 import Aggregation

from exporter.sandbox.conduct import Conduct
from tests.sandbox.conduct.lab import NAME, Facts, Lab, differences, taken
from tests.sandbox.monitoring.cloud import TASK, series, summary

UNDELIVERED = "pubsub.googleapis.com/subscription/num_undelivered_messages"
KNOWN, NEW = "custom.googleapis.com/lab/", "custom.googleapis.com/new/"

WRITING: dict[str, tuple[Any, dict[str, Any]]] = {
    "spacing": ("clock", {"ends apart": "refused", "arrivals apart": "taken"}),
    "spacing_s": (20.0, {"ends apart": "refused"}),
    "past_limit_s": (3600.0, {"a day ago": "refused"}),
    "future_limit_s": (60.0, {"in four minutes": "refused"}),
    "unknown_location": ("accept", {"nowhere": "taken"}),
    "order_enforced": (False, {"older": "taken"}),
    "gauge_start_refused": (False, {"gauge with a start": "taken"}),
    "reset_gap_ms": (2, {"reset": "refused", "deltas": [5.0]}),
    "series_per_request": (3, {"four series": "refused"}),
    "partial_failure_writes_others": (False, {"beside a refused one": 0, "summary": (2, 0)}),
    "partial_failure_summary": (False, {"summary": None}),
    "reset_cumulatives_align": (False, {"deltas": []}),
    "descriptor_made_by_writing": (False, {"without descriptor": "refused"}),
    "new_labels": ("add", {"new label": "taken"}),
    "read_delay_s": (60.0, {"at once": 0}),
    "wording": ("older", {"worded": "older"}),
}
"""Fields with another value, and the facts that it changes."""


class Metrics:
    """Writes to new metrics, which have descriptors."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.now = lab.now()

    def metric(self, kind: str = "GAUGE") -> str:
        name = f"{KNOWN}{self._lab.fresh('m')}"
        descriptor = {"type": name, "metric_kind": kind, "value_type": "DOUBLE"}
        self._lab.monitoring.create_metric_descriptor(name=NAME, metric_descriptor=descriptor, retry=None)
        return name

    def write(self, *given: Any) -> None:
        self._lab.monitoring.create_time_series(name=NAME, time_series=list(given), retry=None)

    def point(self, metric: str, after_s: float = 0.0, **more: Any) -> Any:
        return series(1.0, self.now + timedelta(seconds=after_s), metric=metric, **more)

    def read(self, metric: str, **more: Any) -> list[float]:
        interval = {"start_time": self.now - timedelta(hours=1), "end_time": self._lab.now()}
        request = {"name": NAME, "filter": f'metric.type = "{metric}"', "interval": interval, **more}
        found = self._lab.monitoring.list_time_series(request=request, retry=None)
        return [point.value.double_value for each in found for point in each.points]


def writing(lab: Lab) -> Facts:
    """What becomes of points that keep or break one rule each."""
    metrics = Metrics(lab)
    ends, arrivals, older, apart = (metrics.metric() for _ in range(4))
    for metric in (ends, arrivals, older, apart):
        metrics.write(metrics.point(metric, -30))
    facts = {
        "ends apart": taken(lambda: metrics.write(metrics.point(ends, -20))),
        "older": taken(lambda: metrics.write(metrics.point(older, -40))),
        "at once": len(metrics.read(apart)),
        "a day ago": taken(lambda: metrics.write(metrics.point(metrics.metric(), -86_400))),
        "in four minutes": taken(lambda: metrics.write(metrics.point(metrics.metric(), 240))),
        "nowhere": taken(lambda: metrics.write(elsewhere(metrics))),
        "gauge with a start": taken(lambda: metrics.write(started(metrics))),
        "four series": taken(lambda: metrics.write(*(metrics.point(metrics.metric()) for _ in range(4)))),
        "without descriptor": taken(lambda: metrics.write(metrics.point(f"{NEW}{lab.fresh('m')}"))),
        "new label": taken(lambda: metrics.write(metrics.point(metrics.metric(), labels={"new": "x"}))),
        **partial(metrics),
    }
    lab.advance(30)
    facts["arrivals apart"] = taken(lambda: metrics.write(metrics.point(arrivals, -29)))
    facts |= resets(lab, metrics)
    lab.advance(120)
    return facts | {
        "deltas": deltas(metrics, facts.pop("reset metric")),
        "beside a refused one": len(metrics.read(facts.pop("good"))),
    }


def elsewhere(metrics: Metrics) -> Any:
    return metrics.point(metrics.metric(), resource=("generic_task", {**TASK, "location": "nowhere"}))


def started(metrics: Metrics) -> Any:
    return series(1.0, metrics.now, metrics.now - timedelta(minutes=1), metrics.metric(), metric_kind="GAUGE")


def partial(metrics: Metrics) -> dict[str, Any]:
    """A good point beside one of a resource type that does not exist."""
    good = metrics.metric()
    bad = metrics.point(metrics.metric(), resource=("no_such_type", TASK))
    try:
        metrics.write(metrics.point(good, -30), bad)
    except exceptions.InvalidArgument as error:
        worded = "current" if "timeSeries[1] (metric.type=" in error.message else "older"
        return {"good": good, "worded": worded, "summary": summary(error)[:2] if error.details else None}
    raise AssertionError("both were written")


def resets(lab: Lab, metrics: Metrics) -> dict[str, Any]:
    """Two windows of a cumulative that starts anew with each, a millisecond after the end of the one before."""
    metric, end = metrics.metric("CUMULATIVE"), metrics.now - timedelta(seconds=60)
    first = series(5.0, end, end - timedelta(seconds=60), metric)
    second = series(7.0, end + timedelta(seconds=60), end + timedelta(milliseconds=1), metric)
    metrics.write(first)
    lab.advance(10)
    return {"reset metric": metric, "reset": taken(lambda: metrics.write(second))}


def deltas(metrics: Metrics, metric: str) -> list[float]:
    """What both windows add up to, to the tenth."""
    aggregation = Aggregation(alignment_period={"seconds": 3600}, per_series_aligner="ALIGN_DELTA")
    return [round(value, 1) for value in metrics.read(metric, aggregation=aggregation)]


@pytest.fixture(scope="module")
def usual(lab: Lab) -> Facts:
    return writing(lab)


def test_what_is_taken_by_default(usual: Facts) -> None:
    assert usual == {
        "ends apart": "taken",
        "arrivals apart": "refused",
        "older": "refused",
        "at once": 1,
        "a day ago": "taken",
        "in four minutes": "taken",
        "nowhere": "refused",
        "gauge with a start": "refused",
        "four series": "taken",
        "without descriptor": "taken",
        "new label": "refused",
        "reset": "taken",
        "deltas": [12.0],
        "beside a refused one": 1,
        "summary": (2, 1),
        "worded": "current",
    }


@pytest.mark.parametrize("name", WRITING)
def test_writing_is_otherwise_in_this_alone(lab: Lab, usual: Facts, name: str) -> None:
    value, expected = WRITING[name]
    lab.behave(**{name: value})
    try:
        assert differences(usual, writing(lab)) == expected
    finally:
        lab.behave(**{name: Conduct().as_json()[name]})


METRICS: dict[str, tuple[Any, dict[str, Any]]] = {
    "metric_delay_s": ({UNDELIVERED: 1800.0}, {"behind": 1800.0}),
    "metric_announced_delay_s": ({UNDELIVERED: 600.0}, {"announced": 600.0}),
    "metric_sample_period_s": (120.0, {"period": 120.0}),
}


def service_metric(lab: Lab, subscription: str) -> Facts:
    """How far a service's metric is behind, and what its descriptor says."""
    descriptor = lab.monitoring.get_metric_descriptor(name=f"{NAME}/metricDescriptors/{UNDELIVERED}", retry=None)
    (found,) = lab.series(UNDELIVERED, subscription)
    newest = found.points[0].interval.end_time
    return {
        "behind": (lab.now() - newest).total_seconds(),
        "announced": descriptor.metadata.ingest_delay.seconds,
        "period": descriptor.metadata.sample_period.seconds,
    }


def test_service_metrics_are_as_late_as_they_are_told(lab: Lab) -> None:
    _, subscription = lab.pipeline(lab.table())
    now = lab.advance(3600)
    lab.advance(60 - now.second - now.microsecond / 1e6)  # to the full minute
    usual = service_metric(lab, subscription)
    assert usual == {"behind": 120.0, "announced": 120.0, "period": 60.0}
    for name, (value, expected) in METRICS.items():
        lab.behave(**{name: value})
        assert differences(usual, service_metric(lab, subscription)) == expected, name
        lab.behave(**{name: Conduct().as_json()[name]})
    assert service_metric(lab, subscription) == usual
