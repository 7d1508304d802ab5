"""Our own series read back: watermarks, windows, pages and failures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from google.api.metric_pb2 import MetricDescriptor

from exporter.errors import Permanent, Transient
from exporter.model import LATENCY_BOUNDS_S, Family, Point, Watermark
from exporter.sandbox.monitoring import reading as sandbox_reading
from exporter.sinks.cloud_monitoring import CloudMonitoringSink
from exporter.windows import EPOCH
from tests.sinks.cloud import FLEET, NOW, PREFIX, PROJECT, SYSTEMS, WINDOW, Cloud, count, distribution, gauge, window_of

LIST = ("monitoring_read", "ListTimeSeries")
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def mark(end: datetime, written_at: datetime, family: Family = Family.LANDING, job: str = SYSTEMS[0]) -> Point:
    value = (end - EPOCH).total_seconds()
    return gauge(value, written_at, job, "exporter/watermark", family=family.value)


def test_the_newest_watermark_of_each_system_and_family(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    sink.export([mark(NOW - WINDOW * (3 - k), NOW - MINUTE * (3 - k)) for k in range(3)])
    sink.export([mark(NOW - WINDOW * 4, NOW - MINUTE, Family.DELIVERY), mark(NOW, NOW, Family.SPEND, SYSTEMS[1])])
    cloud.calls.clear()
    assert sink.watermarks(NOW - DAY, NOW) == {
        (SYSTEMS[0], Family.LANDING): Watermark(NOW - WINDOW, NOW - MINUTE),
        (SYSTEMS[0], Family.DELIVERY): Watermark(NOW - WINDOW * 4, NOW - MINUTE),
        (SYSTEMS[1], Family.SPEND): Watermark(NOW, NOW),
    }
    assert cloud.calls == {(*LIST, "OK"): 1}


def test_watermarks_are_on_the_systems_own_resource(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    sink.export([mark(NOW, NOW)])
    (found,) = cloud.monitoring.accepted()
    assert found["resource"]["labels"]["task_id"] == "pipeline"
    assert found["resource"]["labels"]["location"] == "us-central1"


def test_without_watermarks_there_are_none(sink: CloudMonitoringSink) -> None:
    assert sink.watermarks(NOW - DAY, NOW) == {}


def test_before_anything_was_ever_written_there_is_nothing(cloud: Cloud) -> None:
    sink = cloud.sink()
    assert sink.watermarks(NOW - DAY, NOW) == {}
    assert sink.read("messages", NOW - DAY, NOW) == []


def test_a_watermark_outside_the_asked_time_does_not_count(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    sink.export([mark(NOW - WINDOW * 2, NOW - timedelta(hours=2))])
    assert sink.watermarks(NOW - timedelta(hours=2), NOW) != {}
    assert cloud.sink().watermarks(NOW - timedelta(hours=2) + MINUTE, NOW) == {}
    # The same sink, which has seen it, says the same.
    assert sink.watermarks(NOW - timedelta(hours=2) + MINUTE, NOW) == {}


def test_a_later_question_finds_what_another_exporter_wrote_since(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    other = cloud.sink()
    key = (SYSTEMS[0], Family.LANDING)
    sink.export(
        [mark(NOW - WINDOW, NOW - timedelta(hours=3)), mark(NOW - WINDOW, NOW - timedelta(hours=3), job=SYSTEMS[1])]
    )
    assert len(sink.watermarks(NOW - DAY, NOW)) == 2
    cloud.clock.advance(60)
    other.export([mark(NOW, NOW - MINUTE)])
    found = sink.watermarks(NOW + MINUTE - DAY, NOW + MINUTE)
    assert found[key] == Watermark(NOW, NOW - MINUTE)
    assert found[SYSTEMS[1], Family.LANDING] == Watermark(NOW - WINDOW, NOW - timedelta(hours=3))
    assert found == cloud.sink().watermarks(NOW + MINUTE - DAY, NOW + MINUTE)
    # A question about the past is answered from the past.
    past = sink.watermarks(NOW - DAY, NOW - timedelta(hours=1))
    assert past[key] == Watermark(NOW - WINDOW, NOW - timedelta(hours=3))


def test_a_question_that_reaches_further_back_is_not_answered_from_memory(
    cloud: Cloud, sink: CloudMonitoringSink
) -> None:
    sink.export([mark(NOW - WINDOW, NOW - timedelta(hours=3)), mark(NOW, NOW, job=SYSTEMS[1])])
    assert sink.watermarks(NOW - timedelta(hours=1), NOW).keys() == {(SYSTEMS[1], Family.LANDING)}
    assert len(sink.watermarks(NOW - DAY, NOW)) == 2


def test_watermarks_of_other_fleets_and_unknown_families_are_not_ours(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    cloud.sink(fleet="trains").export([mark(NOW, NOW)])
    sink.export([gauge(1, metric="exporter/watermark", family="future")])
    assert sink.watermarks(NOW - DAY, NOW) == {}
    assert cloud.sink(fleet="trains").watermarks(NOW - DAY, NOW) == {(SYSTEMS[0], Family.LANDING): Watermark(NOW, NOW)}


def test_windows_come_back_exactly_and_ends_are_inclusive(sink: CloudMonitoringSink) -> None:
    points = [count(float(k), NOW - WINDOW * k) for k in range(5)]
    sink.export(points)
    assert (
        sorted(sink.read("messages", NOW - WINDOW * 3, NOW - WINDOW), key=lambda point: -point.end.timestamp())
        == points[1:4]
    )
    assert sink.read("messages", NOW, NOW) == points[:1]
    assert sink.read("messages", NOW - WINDOW + MINUTE, NOW - MINUTE) == []


def test_long_answers_come_in_pages(cloud: Cloud, sink: CloudMonitoringSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_reading, "MAX_PAGE", 7)
    points = [point for k in range(3) for point in window_of(SYSTEMS[:2], NOW - WINDOW * k)]
    sink.export([*points, *(mark(NOW - WINDOW * k, NOW - MINUTE * k, family) for k in range(5) for family in Family)])
    cloud.calls.clear()
    found = sink.read("messages", NOW - DAY, NOW)
    assert sorted(map(repr, found)) == sorted(repr(point) for point in points if point.metric == "messages")
    assert cloud.calls == {(*LIST, "OK"): 4}
    assert sink.watermarks(NOW - DAY, NOW) == {(SYSTEMS[0], family): Watermark(NOW, NOW) for family in Family}


def test_one_page_that_fails_for_a_moment_is_asked_for_again(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    sink.export([count()])
    cloud.fault("ListTimeSeries", status="UNAVAILABLE", count=1)
    assert sink.read("messages", NOW, NOW) == [count()]
    assert cloud.calls[*LIST, "UNAVAILABLE"] == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("UNAVAILABLE", Transient),
        ("RESOURCE_EXHAUSTED", Transient),
        ("PERMISSION_DENIED", Permanent),
        ("UNAUTHENTICATED", Permanent),
        ("NOT_FOUND", Permanent),
    ],
)
def test_a_failing_read_says_whether_asking_again_can_help(
    cloud: Cloud, sink: CloudMonitoringSink, code: str, kind: Any
) -> None:
    sink.export([count()])
    cloud.fault("ListTimeSeries", status=code)
    with pytest.raises(kind) as raised:
        sink.read("messages", NOW, NOW)
    assert raised.value.reason == code
    with pytest.raises(kind):
        sink.watermarks(NOW - DAY, NOW)


def test_a_hung_read_is_cut(cloud: Cloud) -> None:
    cloud.fault("ListTimeSeries", delay_ms=400)
    with pytest.raises(Transient) as raised:
        cloud.sink(timeout_s=0.1).read("messages", NOW, NOW)
    assert raised.value.reason == "DEADLINE_EXCEEDED"


def test_empty_and_absent_labels_are_one_and_numbers_of_others_are_read(
    cloud: Cloud, sink: CloudMonitoringSink
) -> None:
    cloud.client.create_metric_descriptor(
        request={
            "name": f"projects/{PROJECT}",
            "metric_descriptor": MetricDescriptor(
                type="custom.googleapis.com/other/backlog_messages",
                metric_kind=MetricDescriptor.GAUGE,
                value_type=MetricDescriptor.INT64,
            ),
        }
    )
    task = {"location": "us-central1", "namespace": FLEET, "job": SYSTEMS[0], "task_id": "pipeline"}
    point = {"interval": {"end_time": NOW}, "value": {"int64_value": 12}}
    series: Any = {
        "metric": {"type": "custom.googleapis.com/other/backlog_messages"},
        "resource": {"type": "generic_task", "labels": task},
        "points": [point],
    }
    cloud.client.create_time_series(name=f"projects/{PROJECT}", time_series=[series], retry=None)
    other = cloud.sink(prefix="custom.googleapis.com/other")
    assert other.read("backlog_messages", NOW, NOW) == [gauge(12.0, metric="backlog_messages")]
    attempts = Point("delivery_attempts", SYSTEMS[0], NOW, 3.0, {"result": "ok", "reason": ""}, NOW - WINDOW)
    assert sink.export([attempts]).written == (attempts,)
    assert sink.read("delivery_attempts", NOW, NOW) == [attempts]


def test_empty_buckets_that_are_left_out_at_the_end_are_read_as_empty(cloud: Cloud, sink: CloudMonitoringSink) -> None:
    task = {"location": "us-central1", "namespace": FLEET, "job": SYSTEMS[0], "task_id": "pipeline"}
    value = {
        "count": 3,
        "mean": 0.125,
        "bucket_counts": [1, 2],
        "bucket_options": {"explicit_buckets": {"bounds": LATENCY_BOUNDS_S}},
    }
    start = NOW - WINDOW + timedelta(milliseconds=1)
    series: Any = {
        "metric": {"type": f"{PREFIX}/latency"},
        "metric_kind": "CUMULATIVE",
        "resource": {"type": "generic_task", "labels": task},
        "points": [{"interval": {"start_time": start, "end_time": NOW}, "value": {"distribution_value": value}}],
    }
    cloud.client.create_time_series(name=f"projects/{PROJECT}", time_series=[series], retry=None)
    assert sink.read("latency", NOW, NOW) == [distribution((1, 2), 0.375)]
