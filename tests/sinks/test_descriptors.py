"""Descriptors: complete, made once, and never in the way of points."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest
from google.api.label_pb2 import LabelDescriptor
from google.api.metric_pb2 import MetricDescriptor
from google.cloud.monitoring_v3 import ListMetricDescriptorsResponse

from exporter.metrics.catalog import CATALOG
from exporter.model import Family
from exporter.sinks.descriptors import describe
from tests.sinks.cloud import NOW, PREFIX, PROJECT, SYSTEMS, Cloud, count, gauge

CREATE = ("monitoring_write", "CreateMetricDescriptor")
LIST = ("monitoring_read", "ListMetricDescriptors")
AGE, MESSAGES = f"{PREFIX}/data_age", f"{PREFIX}/messages"


def described(cloud: Cloud) -> dict[str, Any]:
    request = {"name": f"projects/{PROJECT}", "filter": f'metric.type = starts_with("{PREFIX}/")'}
    (page,) = cloud.client.list_metric_descriptors(request=request).pages
    return {each.type: each for each in ListMetricDescriptorsResponse.pb(page).metric_descriptors}


def create(cloud: Cloud, descriptor: MetricDescriptor) -> None:
    cloud.client.create_metric_descriptor(
        request={"name": f"projects/{PROJECT}", "metric_descriptor": descriptor}, retry=None
    )


def test_every_metric_is_described_whole(cloud: Cloud) -> None:
    cloud.sink().prepare()
    found = described(cloud)
    assert found.keys() == {f"{PREFIX}/{name}" for name in CATALOG}
    for name, metric in CATALOG.items():
        each = found[f"{PREFIX}/{name}"]
        assert (each.unit, each.description, each.display_name) == (metric.unit, metric.description, name)
        assert [label.key for label in each.labels] == list(metric.labels)
        assert all(label.description for label in each.labels)
        assert each.metric_kind == (MetricDescriptor.GAUGE if metric.kind == "gauge" else MetricDescriptor.CUMULATIVE)
        assert not each.metadata.HasField("sample_period")
        timed = metric.family in (Family.LANDING, Family.DELIVERY, Family.SPEND)
        assert each.metadata.HasField("ingest_delay") is timed


def test_the_ingest_delay_can_be_given(cloud: Cloud) -> None:
    cloud.sink(ingest_delay_s={Family.LANDING: 75.5}).prepare()
    found = described(cloud)
    assert found[AGE].metadata.ingest_delay.ToMilliseconds() == 75_500
    assert not found[f"{PREFIX}/backlog_age"].metadata.HasField("ingest_delay")


def test_they_are_asked_for_once_and_made_once(cloud: Cloud) -> None:
    sink = cloud.sink()
    sink.prepare()
    assert cloud.calls == {(*LIST, "OK"): 1, (*CREATE, "OK"): len(CATALOG)}
    sink.prepare()
    sink.export([gauge()])
    assert cloud.calls == {
        (*LIST, "OK"): 1,
        (*CREATE, "OK"): len(CATALOG),
        ("monitoring_write", "CreateTimeSeries", "OK"): 1,
    }
    cloud.calls.clear()
    cloud.sink().prepare()
    assert cloud.calls == {(*LIST, "OK"): 1}


def test_without_prepare_points_get_their_descriptors_all_the_same(cloud: Cloud) -> None:
    assert len(cloud.sink().export([gauge(), count()]).written) == 2
    assert described(cloud)[AGE].unit == "s"


@pytest.mark.parametrize(
    "change", ["unit", "description", "display_name", "label", "label text", "delay", "sample period"]
)
def test_one_that_differs_is_brought_up_to_date(cloud: Cloud, change: str) -> None:
    stale = describe(CATALOG["messages"], PREFIX)
    if change == "label":
        del stale.labels[:]
    elif change == "label text":
        stale.labels[0].description = "?"
    elif change == "delay":
        stale.metadata.ClearField("ingest_delay")
    elif change == "sample period":
        stale.metadata.sample_period.FromSeconds(60)
    else:
        setattr(stale, change, "1")
    create(cloud, stale)
    cloud.sink().prepare()
    assert cloud.calls == {(*LIST, "OK"): 1, (*CREATE, "OK"): len(CATALOG)}
    found = described(cloud)[MESSAGES]
    found.ClearField("name")
    assert found == describe(CATALOG["messages"], PREFIX)


def test_a_label_that_somebody_added_is_left_alone(cloud: Cloud) -> None:
    cloud.sink().prepare()
    wider = describe(CATALOG["messages"], PREFIX)
    wider.labels.append(LabelDescriptor(key="colour"))
    create(cloud, wider)
    cloud.calls.clear()
    sink = cloud.sink()
    sink.prepare()
    assert cloud.calls == {(*LIST, "OK"): 1}
    assert len(sink.export([count()]).written) == 1
    assert sink.read("messages", NOW, NOW) == [count()]


def test_points_of_a_metric_that_cannot_be_described_wait(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    create(cloud, MetricDescriptor(type=AGE, metric_kind=MetricDescriptor.GAUGE, value_type=MetricDescriptor.INT64))
    sink = cloud.sink()
    with caplog.at_level(logging.WARNING):
        sink.prepare()
    assert f"metric descriptor {AGE} could not be written" in caplog.text
    age, messages = gauge(), count()
    outcome = sink.export([age, messages])
    (refusal,) = outcome.retryable
    assert refusal.point is age
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.message.startswith("its metric descriptor is missing: ")
    assert list(outcome.written) == [messages]


def test_one_that_failed_is_made_when_its_points_come(cloud: Cloud) -> None:
    cloud.fault("CreateMetricDescriptor", status="PERMISSION_DENIED", count=len(CATALOG))
    sink = cloud.sink()
    sink.prepare()
    assert described(cloud) == {}
    assert len(sink.export([gauge()]).written) == 1
    assert described(cloud).keys() == {AGE}


def test_without_the_right_to_create_nothing_is_lost(cloud: Cloud) -> None:
    cloud.revoke("monitoring.metricDescriptors.create")
    sink = cloud.sink()
    sink.prepare()
    assert [each.code for each in sink.export([gauge()]).retryable] == ["PERMISSION_DENIED"]
    assert not cloud.front.requests


def test_one_that_cannot_be_brought_up_to_date_is_good_enough_for_points(cloud: Cloud) -> None:
    stale = describe(CATALOG["data_age"], PREFIX)
    stale.description = "?"
    create(cloud, stale)
    cloud.revoke("monitoring.metricDescriptors.create")
    sink = cloud.sink()
    sink.prepare()
    outcome = sink.export([gauge(), count()])
    assert [point.metric for point in outcome.written] == ["data_age"]
    assert [each.point.metric for each in outcome.retryable] == ["messages"]


def test_without_the_right_to_list_they_are_created_all_the_same(cloud: Cloud) -> None:
    cloud.revoke("monitoring.metricDescriptors.list")
    sink = cloud.sink()
    sink.prepare()
    assert cloud.calls == {(*LIST, "PERMISSION_DENIED"): 1, (*CREATE, "OK"): len(CATALOG)}
    assert len(sink.export([gauge()]).written) == 1


def test_an_outage_at_the_start_is_no_death(cloud: Cloud) -> None:
    cloud.fault("*", status="UNAVAILABLE")
    sink = cloud.sink()
    sink.prepare()
    assert cloud.calls == {(*LIST, "UNAVAILABLE"): 3}
    outcome = sink.export([gauge()])
    assert [each.code for each in outcome.retryable] == ["UNAVAILABLE"]
    assert not cloud.front.requests
    cloud.faults.clear()
    assert len(sink.export([gauge()]).written) == 1
    assert len(described(cloud)) == len(CATALOG)


def test_they_are_not_those_of_the_opentelemetry_exporter(cloud: Cloud) -> None:
    sink = cloud.sink()
    sink.export([gauge(job=SYSTEMS[0]), gauge(job=SYSTEMS[1])])
    sink.export([count(outcome=outcome) for outcome in ("published", "delivered")])
    found = described(cloud)
    found[MESSAGES].ClearField("name")
    assert found[MESSAGES] == describe(CATALOG["messages"], PREFIX)
    assert Counter(cloud.calls)[*CREATE, "OK"] == len(CATALOG)
