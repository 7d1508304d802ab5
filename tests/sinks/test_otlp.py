"""What arrives at an OTLP receiver: each point once, in the request that the protocol and Google want, with all that it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config.types import OtlpSettings
from exporter.metrics.catalog import CATALOG, Kind
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point
from exporter.sinks.otlp import OtlpSink
from exporter.sinks.otlp_messages import metric_name
from exporter.windows import EPOCH
from tests.sinks.cloud import (
    FLEET,
    LOCATIONS,
    NOW,
    PREFIX,
    PROJECT,
    SYSTEMS,
    WINDOW,
    count,
    distribution,
    gauge,
    window_of,
)
from tests.sinks.otlp_receiver import Received, Receiver
from tests.sinks.test_promises import a_point

DELTA, CUMULATIVE = 1, 2


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def make(endpoint: str, temporality: str = "delta", **changes: object) -> OtlpSink:
    """A sink that sends to an address."""
    usual = {"project": PROJECT, "prefix": PREFIX, "fleet": FLEET, "locations": LOCATIONS, "environment": {}}
    return OtlpSink(OtlpSettings(endpoint, None, temporality), **{**usual, **changes})  # type: ignore[arg-type]


@pytest.fixture
def sink(receiver: Receiver) -> Iterator[OtlpSink]:
    made = make(receiver.endpoint)
    yield made
    made.close()


def ns(point: Point) -> tuple[int, int]:
    """Start and end in nanoseconds; a gauge has no start."""
    micros = timedelta(microseconds=1)
    start = 0 if point.start is None else (point.start - EPOCH) // micros * 1000
    return start, (point.end - EPOCH) // micros * 1000


def only(receiver: Receiver) -> Received:
    (stored,) = receiver.stored
    return stored


def test_a_count_is_a_delta_of_its_window(receiver: Receiver, sink: OtlpSink) -> None:
    point = count(7)
    assert sink.export([point]).written == (point,)
    found = only(receiver)
    assert (found.name, found.kind, found.temporality, found.monotonic) == ("pipeline_messages", "sum", DELTA, True)
    assert (found.unit, found.description) == ("{message}", CATALOG["messages"].description)
    assert (found.start, found.end) == (1793620500 * 10**9, 1793620800 * 10**9) == ns(point)
    assert found.point.as_double == 7
    assert found.attributes == {"outcome": "delivered"}


def test_a_gauge_holds_at_its_end(receiver: Receiver, sink: OtlpSink) -> None:
    sink.export([gauge(1.5, metric="latency_quantile", quantile="0.5")])
    found = only(receiver)
    assert (found.name, found.kind, found.unit) == ("pipeline_latency_quantile", "gauge", "s")
    assert (found.start, found.end, found.point.as_double) == (0, 1793620800 * 10**9, 1.5)
    assert found.attributes == {"quantile": "0.5"}


def test_a_distribution_has_its_bounds_and_counts_and_no_more(receiver: Receiver, sink: OtlpSink) -> None:
    point = distribution((3, 0, 4), 2.5)
    sink.export([point])
    found = only(receiver)
    assert (found.name, found.kind, found.temporality, found.unit) == ("pipeline_latency", "histogram", DELTA, "s")
    assert (found.start, found.end) == ns(point)
    assert (found.point.count, found.point.sum) == (7, 2.5)
    assert tuple(found.point.explicit_bounds) == LATENCY_BOUNDS_S
    assert tuple(found.point.bucket_counts) == (3, 0, 4, *(0,) * (len(LATENCY_BOUNDS_S) - 2))
    assert not found.point.HasField("min")
    assert not found.point.HasField("max")


def test_cumulatives_reset_with_each_window(receiver: Receiver) -> None:
    sink = make(receiver.endpoint, "cumulative")
    windows = [count(5, NOW - WINDOW), count(7, NOW), distribution((1,), 0.05)]
    sink.export(windows)
    sink.close()
    assert {found.temporality for found in receiver.stored} == {CUMULATIVE}
    first, second = sorted((found for found in receiver.stored if found.kind == "sum"), key=lambda found: found.end)
    assert second.start == first.end + 10**6
    assert (first.point.as_double, second.point.as_double) == (5, 7)


@pytest.mark.parametrize(
    ("point", "location", "instance"),
    [
        (gauge(), "us-central1", "pipeline"),
        (gauge(job="exporter", metric="exporter/up"), "europe-west1", "shard-2-of-3/1"),
        (gauge(job="fleet", metric="fleet/worst_latency"), "europe-west1", "shard-2-of-3/1"),
    ],
)
def test_the_resource_says_whose_it_is(receiver: Receiver, point: Point, location: str, instance: str) -> None:
    sink = make(receiver.endpoint, task_id="shard-2-of-3/1")
    sink.export([point])
    sink.close()
    assert only(receiver).resource == {
        "job": point.job,
        "namespace": "flights",
        "location": location,
        "instance": instance,
        "gcp.project_id": PROJECT,
        "service.name": point.job,
        "service.namespace": "flights",
        "service.instance.id": instance,
        "cloud.region": location,
    }


@pytest.mark.parametrize("prefix", ["custom.googleapis.com/pipeline", "workload.googleapis.com/a/b_c/d"])
def test_every_name_of_the_catalogue_is_valid_and_unlike_the_others(prefix: str) -> None:
    names = {metric_name(prefix, metric) for metric in CATALOG}
    assert len(names) == len(CATALOG)
    assert all(re.fullmatch("[a-zA-Z][a-zA-Z0-9_]*", name) for name in names)
    labels = {label for metric in CATALOG.values() for label in metric.labels}
    assert all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", label) for label in labels)
    assert labels.isdisjoint({"project_id", "location", "cluster", "namespace", "job", "instance", "le"})


def test_names_leave_the_host_out() -> None:
    assert metric_name("custom.googleapis.com/pipeline", "exporter/up") == "pipeline_exporter_up"
    assert metric_name("workload.googleapis.com/a/b", "messages") == "a_b_messages"


def test_equal_resources_and_metrics_are_given_once(receiver: Receiver, sink: OtlpSink) -> None:
    """Whatever the order of the points: a receiver may keep only the last of two that are equal."""
    points = window_of(SYSTEMS[:6])
    mixed = [point for start in range(8) for point in points[start::8]]
    sink.export(mixed)
    (request,) = receiver.requests
    resources = [
        next(a.value.string_value for a in r.resource.attributes if a.key == "job")
        for r in request.message.resource_metrics
    ]
    assert sorted(resources) == sorted(SYSTEMS[:6])
    for resource in request.message.resource_metrics:
        (scope,) = resource.scope_metrics
        assert Counter(metric.name for metric in scope.metrics) == {
            "pipeline_latency": 1,
            "pipeline_latency_quantile": 1,
            "pipeline_messages": 1,
        }
    assert len(receiver.stored) == 48


def test_a_request_holds_two_hundred_points_at_most(receiver: Receiver, sink: OtlpSink) -> None:
    points = window_of(SYSTEMS[:52])
    assert sorted(map(id, sink.export(points).written)) == sorted(map(id, points))
    assert receiver.sizes() == [200, 200, 16]
    assert len({found.series for found in receiver.stored}) == 416


def test_windows_of_a_series_travel_one_after_another(receiver: Receiver, sink: OtlpSink) -> None:
    points = [count(float(k), NOW - WINDOW * k, job) for k in range(4) for job in SYSTEMS[:3]]
    sink.export(points)
    assert receiver.sizes() == [3, 3, 3, 3]
    ends = [{found.end for found in request.points} for request in receiver.requests]
    assert ends == sorted(ends, key=min)
    assert all(len(each) == 1 for each in ends)


def test_nothing_to_send_is_nothing_sent(receiver: Receiver, sink: OtlpSink) -> None:
    sink.prepare()
    outcome = sink.export([])
    assert (outcome.written, outcome.rejected, outcome.retryable) == ((), (), ())
    assert receiver.requests == []


def test_a_connection_is_kept(receiver: Receiver, sink: OtlpSink) -> None:
    for k in range(3):
        sink.export([count(1, NOW + WINDOW * k)])
    assert (len(receiver.requests), receiver.connections) == (3, 1)


def test_what_is_unfit_costs_nobody_else(receiver: Receiver, sink: OtlpSink) -> None:
    bad = [
        gauge(float("nan")),
        gauge(job="unheard-of"),
        Point("messages", SYSTEMS[0], NOW, 1.0, {"outcome": "published"}),
        Point("latency", SYSTEMS[0], NOW, Distribution(2, 1.0, (1,)), {}, NOW - WINDOW),
        Point("no_such", SYSTEMS[0], NOW, 1.0),
    ]
    good = count()
    outcome = sink.export([*bad, good])
    assert [each.point for each in outcome.rejected] == bad
    assert outcome.written == (good,)
    assert receiver.sizes() == [1]


def test_it_cannot_be_read(receiver: Receiver, sink: OtlpSink) -> None:
    sink.export([gauge()])
    assert sink.watermarks(NOW - WINDOW, NOW) == {}
    assert sink.read("data_age", NOW - WINDOW, NOW) == []


@pytest.mark.parametrize("path", ["", "/", "/v1/metrics", "/v1/metrics/", "/otlp", "/otlp/v1/metrics"])
def test_the_path_is_added_where_it_is_missing(receiver: Receiver, path: str) -> None:
    sink = make(receiver.endpoint + path)
    assert sink.export([gauge()]).written
    assert receiver.requests[0].path == ("/otlp" if path.startswith("/otlp") else "") + "/v1/metrics"
    sink.close()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_a_point_holds_arrives(data: st.DataObject) -> None:
    sent = [data.draw(a_point(job)) for job in SYSTEMS[: data.draw(st.integers(1, 12))]]
    with Receiver() as receiver:
        sink = make(receiver.endpoint)
        outcome = sink.export(sent)
        sink.close()
    assert sorted(map(id, outcome.written)) == sorted(map(id, sent))
    found = {(each.name, each.resource["job"]): each for each in receiver.stored}
    assert len(receiver.stored) == len(found) == len(sent)
    for point in sent:
        each = found[metric_name(PREFIX, point.metric), point.job]
        assert each.attributes == point.labels
        assert (each.start, each.end) == ns(point)
        assert (
            each.kind
            == {Kind.GAUGE: "gauge", Kind.COUNT: "sum", Kind.DISTRIBUTION: "histogram"}[CATALOG[point.metric].kind]
        )
        if isinstance(point.value, Distribution):
            assert (each.point.count, each.point.sum) == (point.value.count, point.value.total)
            assert tuple(each.point.bucket_counts) == point.value.bucket_counts
        else:
            assert each.point.as_double == point.value
