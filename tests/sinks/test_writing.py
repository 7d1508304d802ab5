"""What is written, and that it comes back as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from exporter.metrics.catalog import CATALOG, EXPORTER_JOB, FLEET_JOB
from exporter.model import Distribution, Outcome, Point
from exporter.sinks import Sink
from exporter.sinks.cloud_monitoring import CloudMonitoringSink
from tests.sinks.cloud import (
    NOW,
    SYSTEMS,
    WINDOW,
    Cloud,
    count,
    distribution,
    gauge,
    sent_point,
    window_of,
)

WRITE_OK = ("monitoring_write", "CreateTimeSeries", "OK")


def test_it_is_a_sink(sink: CloudMonitoringSink) -> None:
    named: Sink = sink
    assert named.export([]) == Outcome()


def test_points_come_back_as_they_were(sink: CloudMonitoringSink) -> None:
    points = window_of(SYSTEMS[:3])
    outcome = sink.export(points)
    assert outcome == Outcome(written=tuple(sorted(points, key=lambda point: point.end)))
    found = [point for metric in ("latency", "latency_quantile", "messages") for point in sink.read(metric, NOW, NOW)]
    assert sorted(found, key=repr) == sorted(points, key=repr)


def test_series_are_generic_tasks_of_the_fleet(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    sink.export([count(4), distribution((0, 2), 0.5), gauge(7.5)])
    accepted = {each["metric"]["type"].rpartition("/")[2]: each for each in cloud.monitoring.accepted()}
    task = {"project_id": "acme-observability", "location": "us-central1", "namespace": "flights", "job": SYSTEMS[0]}
    for each in accepted.values():
        assert each["resource"] == {"type": "generic_task", "labels": {**task, "task_id": "pipeline"}}
    messages = accepted["messages"]
    assert (messages["metricKind"], messages["valueType"]) == ("CUMULATIVE", "DOUBLE")
    assert messages["points"][0]["interval"] == {
        "startTime": "2026-11-02T11:55:00.001Z",
        "endTime": "2026-11-02T12:00:00Z",
    }
    assert messages["points"][0]["value"] == {"doubleValue": 4.0}
    assert (accepted["latency"]["metricKind"], accepted["latency"]["valueType"]) == ("CUMULATIVE", "DISTRIBUTION")
    assert (accepted["data_age"]["metricKind"], accepted["data_age"]["valueType"]) == ("GAUGE", "DOUBLE")


@pytest.mark.parametrize("job", [EXPORTER_JOB, FLEET_JOB])
def test_own_series_carry_the_task_that_wrote_them(cloud: Cloud, job: str) -> None:
    sink = cloud.sink(task_id="shard-2-of-3/1")
    metric = "exporter/up" if job == EXPORTER_JOB else "fleet/worst_latency"
    assert len(sink.export([gauge(1, job=job, metric=metric)]).written) == 1
    (found,) = cloud.monitoring.accepted()
    assert found["resource"]["labels"]["task_id"] == "shard-2-of-3/1"
    assert found["resource"]["labels"]["location"] == "europe-west1"


def test_the_same_again_is_already_written_and_costs_no_more(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    points = window_of(SYSTEMS)
    assert len(sink.export(points).written) == 480
    before, stored = len(cloud.front.requests), cloud.stored()
    outcome = cloud.sink().export(points)
    assert sorted(map(repr, outcome.already_written)) == sorted(map(repr, points))
    assert outcome == Outcome(already_written=outcome.already_written)
    assert len(cloud.front.requests) == before + 3
    assert cloud.stored() == stored


@pytest.mark.parametrize(("systems", "sizes"), [(25, [200]), (26, [200, 8]), (60, [200, 200, 80])])
def test_requests_are_as_few_as_can_be(cloud: Cloud, sink: CloudMonitoringSink, systems: int, sizes: list[int]) -> None:
    sink.export(window_of(SYSTEMS[:systems]))
    assert sorted(cloud.sizes(), reverse=True) == sizes
    assert cloud.calls == {WRITE_OK: len(sizes)}


def test_points_of_one_series_go_in_waves_oldest_first(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    ends = [NOW - WINDOW * back for back in (1, 3, 0, 2)]
    points = [count(float(number), end) for number, end in enumerate(ends)]
    outcome = sink.export([*points, gauge()])
    assert {id(point) for point in outcome.written} >= {id(point) for point in points}
    assert cloud.sizes() == [2, 1, 1, 1]
    sent = [sent_point(series) for request in cloud.front.requests for series in request.time_series]
    assert [end for metric, _, _, end in sent if metric.endswith("messages")] == [
        int(end.timestamp()) for end in sorted(ends)
    ]
    found = sink.read("messages", NOW - timedelta(hours=1), NOW)
    assert sorted(found, key=lambda point: point.end) == sorted(points, key=lambda point: point.end)


def test_behind_a_point_that_must_be_sent_again_its_series_waits(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    first, second, third = (count(float(k), NOW - WINDOW * (2 - k)) for k in range(3))
    other = [count(9, NOW - WINDOW * k, outcome="published") for k in (1, 0)]
    cloud.fault(status="PERMISSION_DENIED", count=1)
    # The first wave is refused whole: both series wait, nothing later of them is sent.
    outcome = sink.export([third, first, second, *other])
    assert outcome == Outcome(retryable=outcome.retryable)
    assert len(outcome.retryable) == 5
    assert cloud.sizes() == [2]
    assert [refusal.code for refusal in outcome.retryable] == ["PERMISSION_DENIED"] * 5
    held = {id(each.point): each.message for each in outcome.retryable}
    assert held[id(second)].startswith("held back behind an older point of its series: ")
    again = sink.export([third, first, second, *other])
    assert len(again.written) == 5
    assert not again.already_written


def test_a_series_that_waits_does_not_hold_others(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.fault(status="RESOURCE_EXHAUSTED", series=1, count=1)
    stuck = [count(1, NOW - WINDOW), count(2, NOW)]
    free = [count(3, NOW - WINDOW, outcome="published"), count(4, NOW, outcome="published")]
    outcome = sink.export([*stuck, *free])
    assert list(outcome.written) == free
    assert [refusal.point for refusal in outcome.retryable] == stuck


def test_two_points_of_one_moment_are_one(sink: CloudMonitoringSink) -> None:
    points = [count(5), count(5)]
    outcome = sink.export(points)
    assert [len(outcome.written), len(outcome.already_written)] == [1, 1]


OF_VALUE = {
    *("not a number", "infinite", "infinite sum", "more than a double holds"),
    *("no distribution", "distribution for a count", "too few buckets", "counts that do not add up"),
}


def bad_points() -> dict[str, Point]:
    good = count()
    naive = datetime(2026, 11, 2, 12)  # noqa: DTZ001 - the mistake
    sized = distribution((1,), 0.1).value
    assert isinstance(sized, Distribution)
    latency = distribution((1, 2), 0.4)
    return {
        "unknown metric": replace(good, metric="massages"),
        "unknown label": replace(good, labels={"outcome": "delivered", "colour": "red"}),
        "missing label": replace(good, labels={}),
        "half a surrogate pair": replace(good, labels={"outcome": "\ud800"}),
        "unknown job": replace(good, job="nobody"),
        "not a number": replace(good, value=float("nan")),
        "infinite": gauge(float("inf")),
        "more than a double holds": gauge(10**400),
        "no start": replace(good, start=None),
        "start of a gauge": replace(gauge(), start=NOW - WINDOW),
        "no length": replace(good, start=NOW),
        "one millisecond": replace(good, start=NOW - timedelta(milliseconds=1)),
        "no offset": gauge(end=naive),
        "no distribution": replace(latency, value=3.0),
        "distribution for a count": replace(good, value=sized),
        "too few buckets": replace(latency, value=replace(sized, bucket_counts=(1,))),
        "counts that do not add up": replace(latency, value=replace(sized, count=2)),
        "infinite sum": replace(latency, value=replace(sized, total=float("inf"))),
    }


@pytest.mark.parametrize("kind", bad_points())
def test_a_point_that_is_not_fit_is_rejected_unsent(cloud: Cloud, sink: CloudMonitoringSink, kind: str) -> None:
    bad = bad_points()[kind]
    outcome = sink.export([bad, count(2, outcome="published")])
    (refusal,) = outcome.rejected
    assert refusal.point is bad
    assert refusal.code == ("INVALID_VALUE" if kind in OF_VALUE else "INVALID_ARGUMENT")
    assert len(outcome.written) == 1
    assert cloud.sizes() == [1]


def test_an_empty_distribution_is_one_value(sink: CloudMonitoringSink) -> None:
    empty = distribution((), 0.0)
    assert sink.export([empty]).written == (empty,)
    assert sink.read("latency", NOW, NOW) == [empty]


def test_every_metric_of_the_catalogue_is_accepted(sink: CloudMonitoringSink) -> None:
    points = []
    for metric in CATALOG.values():
        base = distribution((1, 2), 0.375) if metric.kind == "distribution" else count()
        start = None if metric.kind == "gauge" else base.start
        points.append(replace(base, metric=metric.name, labels=dict.fromkeys(metric.labels, "x"), start=start))
    assert len(sink.export(points).written) == len(CATALOG)
    assert [point for metric in CATALOG for point in sink.read(metric, NOW, NOW)] == points
