"""Requests of which some series are refused: the others are written, told apart, and never sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exporter.model import Point
from exporter.sandbox.monitoring.limits import Settings
from exporter.sinks.cloud_monitoring import CloudMonitoringSink
from tests.sinks.cloud import NOW, SYSTEMS, Cloud, count, gauge, of, status, window_of

OLD = timedelta(days=2)
INVALID = 3
WORDINGS = ["current", "older"]


def eight_hundred() -> list[Point]:
    """Twenty series of forty systems, in four requests."""
    return [
        gauge(float(n), job=job, metric="latency_quantile", quantile=str(n)) for job in SYSTEMS[:40] for n in range(20)
    ]


def too_old(point: Point) -> Point:
    return Point(point.metric, point.job, point.end - OLD, point.value, point.labels)


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("bad", [(401,), (399, 400), (0, 799), tuple(range(390, 410)), tuple(range(0, 800, 9))])
def test_bad_series_cost_no_others(wording: Any, bad: tuple[int, ...]) -> None:
    with Cloud(Settings(wording=wording)) as cloud:
        points = eight_hundred()
        for place in bad:
            points[place] = too_old(points[place])
        outcome = cloud.sink().export(points)
        assert sorted(id(each.point) for each in outcome.rejected) == sorted(id(points[place]) for place in bad)
        assert {each.code for each in outcome.rejected} == {"INVALID_ARGUMENT"}
        assert all("25h in the past" in each.message for each in outcome.rejected)
        assert len(outcome.written) == 800 - len(bad)
        assert not outcome.already_written
        assert not outcome.retryable
        assert len(cloud.stored()) == 800 - len(bad)
        times = cloud.times_sent()
        assert {times[of(point)] for point in outcome.written} == {1}


@pytest.mark.parametrize("wording", WORDINGS)
def test_stored_and_bad_and_new_points_are_told_apart(wording: Any) -> None:
    with Cloud(Settings(wording=wording)) as cloud:
        points = window_of(SYSTEMS)
        cloud.sink().export(points[::3])
        bad = [too_old(gauge(job=job)) for job in SYSTEMS[::7]]
        cloud.front.requests.clear()
        outcome = cloud.sink().export([*points, *bad])
        assert sorted(id(each.point) for each in outcome.rejected) == sorted(map(id, bad))
        assert not outcome.retryable
        assert len(outcome.written) + len(outcome.already_written) == len(points)
        assert sum(cloud.stored().values()) == len(points)
        times = cloud.times_sent()
        fresh = [point for place, point in enumerate(points) if place % 3]
        assert {times[of(point)] for point in fresh} == {1}


def test_points_too_close_together_are_retryable(sink: CloudMonitoringSink, cloud: Cloud) -> None:
    sink.export([gauge(), gauge(job=SYSTEMS[1])])
    later = [gauge(end=NOW + timedelta(seconds=k), job=SYSTEMS[k]) for k in range(3)]
    outcome = sink.export([*later, too_old(gauge(job=SYSTEMS[3]))])
    assert [(each.point, each.code) for each in outcome.retryable] == [(later[1], "TOO_FREQUENT")]
    assert list(outcome.already_written) == [later[0]]
    assert list(outcome.written) == [later[2]]
    assert len(outcome.rejected) == 1


def test_a_bad_label_is_rejected_and_named(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    bad = count(outcome="x" * 1025)
    outcome = sink.export([count(outcome="delivered"), bad, count(outcome="published")])
    (refusal,) = outcome.rejected
    assert refusal.point is bad
    assert "1024" in refusal.message
    assert len(outcome.written) == 2


def test_an_unknown_location_costs_its_own_job_only(cloud: Cloud) -> None:
    sink = cloud.sink(locations={SYSTEMS[0]: "us-central1", SYSTEMS[1]: "US"})
    outcome = sink.export(window_of(SYSTEMS[:2]))
    assert {each.point.job for each in outcome.rejected} == {SYSTEMS[1]}
    assert {point.job for point in outcome.written} == {SYSTEMS[0]}


@pytest.mark.parametrize("code", ["INTERNAL", "UNAVAILABLE"])
def test_series_that_failed_for_a_moment_alone_are_sent_again(
    cloud: Cloud, sink: CloudMonitoringSink, code: str
) -> None:
    cloud.fault(status=code, series=3, count=1)
    points = window_of(SYSTEMS[:25])
    outcome = sink.export(points)
    assert len(outcome.written) == 200
    assert cloud.sizes() == [200, 3]


def test_series_that_keep_failing_are_retryable(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.fault(status="INTERNAL", series=3)
    points = window_of(SYSTEMS[:25])
    outcome = sink.export(points)
    assert [each.point for each in outcome.retryable] == points[:3]
    assert {each.code for each in outcome.retryable} == {"INTERNAL"}
    assert len(outcome.written) == 197
    assert cloud.sizes() == [200, 3]


def test_what_may_pass_and_what_never_will_are_told_apart_by_a_second_try(
    cloud: Cloud, sink: CloudMonitoringSink
) -> None:
    cloud.fault(status="UNAVAILABLE", series=2, count=1)
    points = [gauge(job=SYSTEMS[n]) for n in range(5)]
    points[4] = too_old(points[4])
    outcome = sink.export(points)
    assert [each.point for each in outcome.rejected] == [points[4]]
    assert sorted(map(id, outcome.written)) == sorted(map(id, points[:4]))
    assert {cloud.times_sent()[of(point)] for point in points[2:4]} == {1}


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "PERMISSION_DENIED"])
def test_other_codes_hold_their_points(cloud: Cloud, sink: CloudMonitoringSink, code: str) -> None:
    cloud.fault(status=code, series=2, count=1)
    outcome = sink.export([gauge(job=job) for job in SYSTEMS[:4]])
    assert [each.code for each in outcome.retryable] == [code] * 2
    assert len(outcome.written) == 2


def without_summary(given: Any) -> Any:
    del given.details[:]
    return given


def test_without_a_summary_what_is_not_named_is_read_back(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.front.reword = without_summary
    points = window_of(SYSTEMS[:5])
    bad = too_old(gauge(job=SYSTEMS[5]))
    outcome = sink.export([*points, bad])
    assert sorted(map(id, outcome.written)) == sorted(map(id, points))
    assert [each.point for each in outcome.rejected] == [bad]
    assert cloud.sizes() == [41]
    assert cloud.calls["monitoring_read", "ListTimeSeries", "OK"] == 3


def speechless(given: Any) -> Any:
    given.message = "One or more TimeSeries could not be written."
    return given


def test_without_names_what_is_stored_is_found_out_by_reading(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.front.reword = speechless
    points = window_of(SYSTEMS[:5])
    outcome = sink.export([*points, too_old(gauge(job=SYSTEMS[5]))])
    assert sorted(map(id, outcome.written)) == sorted(map(id, points))
    assert len(outcome.retryable) == 1
    assert {cloud.times_sent()[of(point)] for point in points} == {1}


def test_what_cannot_be_read_back_is_retryable_and_not_sent_again() -> None:
    with Cloud(Settings(read_delay_s=60)) as cloud:
        cloud.front.reword = speechless
        points = window_of(SYSTEMS[:5])
        bad = too_old(gauge(job=SYSTEMS[5]))
        outcome = cloud.sink().export([*points, bad])
        assert len(outcome.retryable) == 41
        assert cloud.sizes() == [41]
        cloud.clock.advance(61)
        cloud.front.reword = lambda given: given
        again = cloud.sink().export([*points, bad])
        assert sorted(map(id, again.already_written)) == sorted(map(id, points))
        assert [each.point for each in again.rejected] == [bad]


def test_where_reading_fails_the_undetermined_are_retryable(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.front.reword = speechless
    cloud.revoke("monitoring.timeSeries.list")
    outcome = sink.export([*window_of(SYSTEMS[:5]), too_old(gauge(job=SYSTEMS[5]))])
    assert len(outcome.retryable) == 41
    assert cloud.sizes() == [41]


def test_reading_back_asks_once_per_metric_for_all_batches(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    points = window_of(SYSTEMS)
    sink.export(points)
    cloud.calls.clear()
    outcome = sink.export(points)
    assert len(outcome.already_written) == len(points)
    assert cloud.calls == {
        ("monitoring_write", "CreateTimeSeries", "INVALID_ARGUMENT"): 3,
        ("monitoring_read", "ListTimeSeries", "OK"): 3,
    }


def blaming(bad: set[str], message: str) -> Any:
    """Refuse a request whole for the sake of some jobs in it."""

    def before(request: Any) -> Any:
        places = [n for n, series in enumerate(request.time_series) if series.resource.labels["job"] in bad]
        return status(INVALID, message.format(places[0])) if places else None

    return before


@pytest.mark.parametrize("message", ["Field timeSeries[{}].metric had an invalid value.", "Request was malformed."])
@pytest.mark.parametrize("bad", [{"system-7"}, {"system-0", "system-24"}, {f"system-{n}" for n in range(3, 20, 2)}])
def test_a_request_that_is_refused_whole_is_taken_apart(
    cloud: Cloud, sink: CloudMonitoringSink, message: str, bad: set[str]
) -> None:
    cloud.front.before = blaming(bad, message)
    points = window_of(SYSTEMS)
    outcome = sink.export(points)
    assert {each.point.job for each in outcome.rejected} == bad
    assert len(outcome.rejected) == 8 * len(bad)
    assert len(outcome.written) == len(points) - len(outcome.rejected)
    assert not outcome.retryable
    refused = cloud.times_sent()
    assert len(cloud.stored()) == len(outcome.written)
    assert all(refused[of(point)] >= 1 for point in outcome.written)


def test_a_request_that_is_wrong_in_itself_rejects_nobody(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.front.before = blaming(set(SYSTEMS), "Request was malformed.")
    outcome = sink.export(window_of(SYSTEMS[:25]))
    assert len(outcome.retryable) == 200
    assert {each.code for each in outcome.retryable} == {"INVALID_ARGUMENT"}
    assert len(cloud.front.requests) < 40


def test_a_series_that_is_blamed_alone_is_rejected(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.front.before = blaming(set(SYSTEMS), "Field timeSeries[{}].metric had an invalid value.")
    assert len(sink.export([gauge()]).rejected) == 1
