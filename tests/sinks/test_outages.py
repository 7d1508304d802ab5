"""An API that fails, is slow, or refuses everything: one failing batch never stops the next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exporter.model import Outcome
from exporter.sinks.cloud_monitoring import CloudMonitoringSink
from tests.sinks.cloud import NOW, SYSTEMS, Cloud, gauge, status, window_of

WRITE = ("monitoring_write", "CreateTimeSeries")
UNAVAILABLE = 14


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL", "UNKNOWN"])
def test_what_passes_is_tried_again(cloud: Cloud, sink: CloudMonitoringSink, code: str) -> None:
    cloud.fault(status=code, count=1)
    points = window_of(SYSTEMS[:2])
    assert len(sink.export(points).written) == 16
    assert cloud.calls == {(*WRITE, code): 1, (*WRITE, "OK"): 1}


def test_a_garbled_answer_is_asked_for_again(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.fault(garbage=True, count=1)
    assert len(sink.export([gauge()]).written) == 1


def test_an_outage_is_given_up_on(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.fault(status="UNAVAILABLE")
    outcome = sink.export(window_of(SYSTEMS[:2]))
    assert outcome == Outcome(retryable=outcome.retryable)
    assert {(each.code, each.message) for each in outcome.retryable} == {
        ("UNAVAILABLE", "The service is currently unavailable.")
    }
    assert cloud.calls == {(*WRITE, "UNAVAILABLE"): 3}


def test_points_that_were_written_though_the_answer_was_lost_are_there(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    lost = [True]
    cloud.front.after = lambda _: status(UNAVAILABLE, "gone") if lost and lost.pop() else None
    points = window_of(SYSTEMS[:2])
    outcome = sink.export(points)
    assert sorted(map(id, outcome.already_written)) == sorted(map(id, points))
    assert sum(cloud.stored().values()) == 16


def test_a_hung_call_is_cut(cloud: Cloud) -> None:
    sink = cloud.sink(timeout_s=0.1)
    sink.prepare()
    cloud.fault(delay_ms=500)
    outcome = sink.export([gauge()])
    assert [each.code for each in outcome.retryable] == ["DEADLINE_EXCEEDED"]
    assert cloud.calls[*WRITE, "DEADLINE_EXCEEDED"] == 2
    # Both attempts arrived all the same, after they had been given up on: the next export learns it.
    cloud.faults.clear()
    again = cloud.sink().export([gauge()])
    assert len(again.already_written) + len(again.written) == 1
    assert len(cloud.stored()) == 1


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND", "RESOURCE_EXHAUSTED"])
def test_what_somebody_must_act_on_holds_the_points_and_is_not_tried_again(
    cloud: Cloud, sink: CloudMonitoringSink, code: str
) -> None:
    cloud.fault(status=code, count=1)
    outcome = sink.export(window_of(SYSTEMS[:2]))
    assert {each.code for each in outcome.retryable} == {code}
    assert len(outcome.retryable) == 16
    assert cloud.calls == {(*WRITE, code): 1}
    assert len(sink.export(window_of(SYSTEMS[:2])).written) == 16


def test_the_wait_that_a_quota_asks_for_is_kept(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    assert sink.retry_after is None
    cloud.fault(status="RESOURCE_EXHAUSTED", count=1)
    sink.export([gauge()])
    assert sink.retry_after == timedelta(seconds=1)
    sink.export([gauge()])
    assert sink.retry_after is None


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"])
def test_one_batch_of_five_costs_no_other(cloud: Cloud, sink: CloudMonitoringSink, code: str) -> None:
    points = [
        gauge(float(n), job=job, metric="latency_quantile", quantile=str(n)) for job in SYSTEMS[:50] for n in range(20)
    ]
    numbers = {"PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "INVALID_ARGUMENT": 3}

    def refused(request: Any) -> Any:
        jobs = {series.resource.labels["job"] for series in request.time_series}
        return status(numbers[code], "no") if jobs <= set(SYSTEMS[10:20]) else None

    cloud.front.before = refused
    outcome = sink.export(points)
    assert {each.point.job for each in outcome.retryable} == set(SYSTEMS[10:20])
    assert {each.code for each in outcome.retryable} == {code}
    assert len(outcome.written) == 800
    assert not outcome.rejected
    assert sorted(cloud.sizes(), reverse=True)[:5] == [200] * 5


def test_a_client_without_the_right_to_write_loses_nothing(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.revoke("monitoring.timeSeries.create")
    points = window_of(SYSTEMS[:30])
    outcome = sink.export(points)
    assert sorted(id(each.point) for each in outcome.retryable) == sorted(map(id, points))
    cloud.iam.restore("exporter", "monitoring.timeSeries.create", "acme-observability")
    assert len(sink.export(points).written) == len(points)


def test_calls_are_counted_without_being_asked(cloud: Cloud) -> None:
    sink = cloud.sink()
    assert len(sink.export([gauge(), gauge(end=NOW, job=SYSTEMS[1])]).written) == 2
    assert cloud.calls[*WRITE, "OK"] == 1
