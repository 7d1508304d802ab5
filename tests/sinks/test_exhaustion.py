"""An API that is asked too much is left alone, loses nothing by it, and reads are counted by what they return."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from exporter.circuits import Circuits
from exporter.errors import Transient
from exporter.metrics.catalog import CATALOG
from tests.sinks.cloud import NOW, SYSTEMS, WINDOW, Cloud, gauge, status, window_of
from tests.test_circuits import Clock

WRITE = ("monitoring_write", "CreateTimeSeries")
RESOURCE_EXHAUSTED = 8


def test_points_of_an_exhausted_quota_are_held_and_all_are_written_later(cloud: Cloud) -> None:
    clock = Clock()
    sink = cloud.sink(circuits=Circuits(clock))
    sink.prepare()
    cloud.calls.clear()
    points = window_of(SYSTEMS)
    left = [status(RESOURCE_EXHAUSTED, "slow down")]
    cloud.front.before = lambda _: left.pop() if left else None
    first = sink.export(points)
    assert not first.rejected
    assert len(first.written) + len(first.retryable) == len(points)
    assert {each.code for each in first.retryable} <= {"RESOURCE_EXHAUSTED", "circuitOpen"}
    sent = len(cloud.front.requests)

    second = sink.export([each.point for each in first.retryable])
    assert {each.code for each in second.retryable} == {"circuitOpen"}
    assert all("asked again after" in each.message for each in second.retryable)
    assert len(second.retryable) == len(first.retryable)
    assert len(cloud.front.requests) == sent
    assert sum(cloud.calls.values()) == sent

    # The probe's batch is written, and so are those that come after its success.
    clock.seconds += 300
    third = sink.export([each.point for each in second.retryable])
    fourth = sink.export([each.point for each in third.retryable])
    assert not fourth.retryable
    assert sum(cloud.stored().values()) == len(points)
    assert set(cloud.times_sent().values()) <= {1, 2}


def test_the_wait_that_the_api_asks_for_is_the_circuits(cloud: Cloud) -> None:
    clock = Clock()
    sink = cloud.sink(circuits=Circuits(clock))
    sink.prepare()
    cloud.fault(status="RESOURCE_EXHAUSTED", count=1)
    sink.export([gauge()])
    assert sink.retry_after == timedelta(seconds=1)
    clock.seconds += 0.9
    assert [each.code for each in sink.export([gauge()]).retryable] == ["circuitOpen"]
    clock.seconds += 0.1
    assert len(sink.export([gauge()]).written) == 1


def test_reading_and_writing_have_circuits_of_their_own(cloud: Cloud) -> None:
    sink = cloud.sink(circuits=Circuits(Clock()))
    sink.prepare()
    cloud.fault("ListTimeSeries", status="RESOURCE_EXHAUSTED", count=1)
    for reason in ("RESOURCE_EXHAUSTED", "circuitOpen"):
        with pytest.raises(Transient) as held:
            sink.read("messages", NOW - WINDOW, NOW)
        assert held.value.reason == reason
    assert len(sink.export([gauge()]).written) == 1


@pytest.mark.parametrize("circuits", [None, Circuits(Clock())], ids=["without", "with"])
def test_descriptors_that_cannot_be_listed_for_want_of_quota_are_not_all_created(
    cloud: Cloud, circuits: Circuits | None
) -> None:
    sink = cloud.sink(circuits=circuits)
    cloud.fault("ListMetricDescriptors", status="RESOURCE_EXHAUSTED")
    sink.prepare()
    assert sink.export([gauge()]).retryable
    assert not any(method == "CreateMetricDescriptor" for _, method, _ in cloud.calls)
    assert sum(cloud.calls.values()) == (2 if circuits is None else 1) < len(CATALOG)


def test_the_series_that_reads_return_are_counted(cloud: Cloud) -> None:
    returned: list[int] = []
    sink = cloud.sink(on_series=returned.append)
    sink.prepare()
    sink.export(window_of(SYSTEMS[:5]))
    points = sink.read("latency_quantile", NOW - WINDOW, NOW)
    series = Counter((point.job, str(point.labels)) for point in points)
    assert sum(returned) == len(series) == 15
    sink.watermarks(NOW - WINDOW, NOW)
    assert sum(returned) == 15


def test_a_page_that_fails_is_read_again(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.sinks.reading._PAGE_SIZE", 4)
    sink = cloud.sink()
    sink.prepare()
    sink.export(window_of(SYSTEMS[:5]))
    cloud.calls.clear()
    # Of six pages or so some fail: none is lost, none is there twice.
    cloud.fault("ListTimeSeries", status="UNAVAILABLE", count=1)
    found: list[Any] = sink.read("latency_quantile", NOW - WINDOW, NOW)
    assert len(found) == 15
    assert len({(point.job, point.labels["quantile"]) for point in found}) == 15
    assert cloud.calls["monitoring_read", "ListTimeSeries", "UNAVAILABLE"] == 1
    assert cloud.calls["monitoring_read", "ListTimeSeries", "OK"] >= 4
