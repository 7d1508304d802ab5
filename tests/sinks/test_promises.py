"""What an outcome says is true, whatever the API does: each point in one part, and what is called stored is in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.cloud.monitoring_v3 import TimeSeries
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter import calls
from exporter.metrics.catalog import CATALOG, Kind
from exporter.model import LATENCY_BOUNDS_S, Distribution, Outcome, Point
from exporter.sandbox.faults import Fault
from exporter.sandbox.monitoring.limits import Settings
from exporter.sinks.series import key_of_point, key_of_series
from tests.sinks.cloud import NOW, PREFIX, SYSTEMS, WINDOW, Cloud, count, gauge, of, window_of

Name = tuple[str, str, frozenset[tuple[str, str]], datetime]


@pytest.fixture(autouse=True, scope="module")
def _at_once() -> Iterator[None]:
    """Retries do not wait: what is tested here is not when they come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "_PAUSE_S", 0.001)
        yield


def name(point: Point) -> Name:
    return point.metric, point.job, frozenset(point.labels.items()), point.end


def kept(cloud: Cloud) -> dict[Name, tuple[float | Distribution, datetime]]:
    """Every accepted point, as the store tells it: value and start."""
    found = {}
    for each in cloud.monitoring.accepted():
        (point,) = each["points"]
        key = (
            each["metric"]["type"].removeprefix(f"{PREFIX}/"),
            each["resource"]["labels"]["job"],
            frozenset(each["metric"]["labels"].items()),
            datetime.fromisoformat(point["interval"]["endTime"]),
        )
        assert key not in found
        found[key] = _value(point["value"]), datetime.fromisoformat(point["interval"]["startTime"])
    return found


def _value(value: Mapping[str, Any]) -> float | Distribution:
    if "doubleValue" in value:
        return float(value["doubleValue"])
    given_value = value["distributionValue"]
    number = int(given_value.get("count", 0))
    counts = tuple(int(each) for each in given_value["bucketCounts"])
    return Distribution(number, round(given_value.get("mean", 0.0) * number, 6), counts)


def parts(outcome: Outcome) -> list[Point]:
    """All points of an outcome."""
    refused = [each.point for each in (*outcome.rejected, *outcome.retryable)]
    return [*outcome.written, *outcome.already_written, *refused]


def check(outcome: Outcome, sent: Sequence[Point], cloud: Cloud) -> None:
    """Hold an outcome against what was sent and what is stored."""
    assert Counter(map(id, parts(outcome))) == Counter(map(id, sent))
    stored = kept(cloud)
    for point in (*outcome.written, *outcome.already_written):
        assert stored[name(point)][0] == point.value
    assert not {name(each.point) for each in outcome.rejected} & stored.keys()


EIGHT_HUNDRED = [
    gauge(float(n), job=job, metric="latency_quantile", quantile=str(n)) for job in SYSTEMS[:40] for n in range(20)
]


@pytest.mark.parametrize("wording", ["current", "older"])
@pytest.mark.parametrize("refused", [1, 2, 37, 200])
@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"])
def test_the_refused_ones_are_named_and_no_others(wording: Any, refused: int, code: str) -> None:
    with Cloud(Settings(wording=wording)) as cloud:
        sink = cloud.sink()
        cloud.fault(status=code, series=refused, count=1)
        outcome = sink.export(EIGHT_HUNDRED)
        check(outcome, EIGHT_HUNDRED, cloud)
        named = outcome.rejected if code == "INVALID_ARGUMENT" else outcome.retryable
        assert {name(each.point) for each in named} == {name(each) for each in EIGHT_HUNDRED} - kept(cloud).keys()
        assert {each.code for each in named} == {code}
        assert (len(named), len(outcome.written)) == (refused, 800 - refused)
        assert set(cloud.times_sent().values()) == {1}


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL"])
@pytest.mark.parametrize("wording", ["current", "older"])
def test_what_was_accepted_is_not_sent_again_when_the_rest_is(wording: Any, code: str) -> None:
    with Cloud(Settings(wording=wording)) as cloud:
        sink = cloud.sink()
        cloud.fault(status=code, series=30, count=1)
        outcome = sink.export(EIGHT_HUNDRED)
        check(outcome, EIGHT_HUNDRED, cloud)
        assert len(outcome.written) == 800
        assert Counter(cloud.times_sent().values()) == {1: 770, 2: 30}


@pytest.mark.parametrize("failures", [1, 2])
def test_a_batch_that_comes_through_in_the_end_is_written_once(cloud: Cloud, failures: int) -> None:
    sink = cloud.sink()
    cloud.fault(status="UNAVAILABLE", count=failures)
    points = window_of(SYSTEMS[:25])
    outcome = sink.export(points)
    assert sorted(map(id, outcome.written)) == sorted(map(id, points))
    assert len(kept(cloud)) == 200
    assert cloud.calls["monitoring_write", "CreateTimeSeries", "UNAVAILABLE"] == failures


@pytest.mark.parametrize("wording", ["current", "older"])
@pytest.mark.parametrize("spacing", ["end_time", "clock"])
def test_points_too_close_together_wait_under_either_rule(spacing: Any, wording: Any) -> None:
    with Cloud(Settings(spacing=spacing, wording=wording)) as cloud:
        sink = cloud.sink()
        sink.export([gauge(job=job) for job in SYSTEMS[:3]])
        cloud.clock.advance(4)
        close = [gauge(job=job, end=NOW + timedelta(seconds=4)) for job in SYSTEMS[:3]]
        outcome = sink.export([*close, gauge(job=SYSTEMS[3])])
        assert [(each.point, each.code) for each in outcome.retryable] == [(each, "TOO_FREQUENT") for each in close]
        assert outcome.written == (gauge(job=SYSTEMS[3]),)
        cloud.clock.advance(60)
        later = [gauge(job=job, end=NOW + timedelta(seconds=64)) for job in SYSTEMS[:3]]
        assert sink.export(later).written == tuple(later)


def test_under_the_clock_rule_later_windows_of_a_series_wait() -> None:
    with Cloud(Settings(spacing="clock")) as cloud:
        sink = cloud.sink()
        points = [count(float(k), NOW - WINDOW * (3 - k)) for k in range(4)]
        outcome = sink.export(points)
        check(outcome, points, cloud)
        assert list(outcome.written) == points[:1]
        assert [(each.point, each.code) for each in outcome.retryable] == [
            (each, "TOO_FREQUENT") for each in points[1:]
        ]
        assert cloud.sizes() == [1, 1]
        for left in (points[1:], points[2:], points[3:]):
            cloud.clock.advance(6)
            assert sink.export(left).written == (left[0],)


@pytest.mark.parametrize("end", [NOW - timedelta(hours=25, seconds=1), NOW + timedelta(minutes=5, seconds=1)])
def test_what_is_too_old_or_too_far_ahead_is_rejected(cloud: Cloud, end: datetime) -> None:
    bad, good = gauge(end=end), gauge(job=SYSTEMS[1])
    outcome = cloud.sink().export([bad, good])
    assert [(each.point, each.code) for each in outcome.rejected] == [(bad, "INVALID_ARGUMENT")]
    assert outcome.written == (good,)


def test_the_series_of_another_replica_prove_nothing(cloud: Cloud) -> None:
    ours, other = cloud.sink(task_id="shard-1-of-2/0"), cloud.sink(task_id="shard-2-of-2/0")
    up = gauge(job="exporter", metric="exporter/up")
    assert other.export([up]).written == (up,)
    cloud.front.reword = _speechless
    cloud.fault(status="PERMISSION_DENIED", series=1)
    outcome = ours.export([up])
    assert [each.point for each in outcome.retryable] == [up]


def _speechless(status: Any) -> Any:
    status.message = "One or more TimeSeries could not be written."
    return status


CODES = ["UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED", "INVALID_ARGUMENT"]

METHODS = [
    "CreateTimeSeries",
    "CreateTimeSeries",
    "CreateMetricDescriptor",
    "ListMetricDescriptors",
    "ListTimeSeries",
    "*",
]
OFTEN = {"probability": st.sampled_from([0.3, 1.0]), "count": st.sampled_from([1, 2, 5, 100])}
ANY, STATUS = st.just("monitoring"), st.sampled_from(CODES)
FAULTS = st.one_of(
    st.builds(Fault, ANY, st.just("CreateTimeSeries"), status=STATUS, series=st.integers(1, 200), **OFTEN),
    st.builds(Fault, ANY, st.sampled_from(METHODS), status=STATUS, **OFTEN),
    st.builds(Fault, ANY, st.sampled_from(METHODS), garbage=st.just(True), **OFTEN),
)
SETTINGS = st.builds(
    Settings,
    spacing=st.sampled_from(["end_time", "clock"]),
    read_delay_s=st.sampled_from([0.0, 60.0]),
    wording=st.sampled_from(["current", "older"]),
)
POINTS = st.lists(
    st.tuples(st.integers(0, 29), st.sampled_from([-3000, -10, -2, -1, 0, 1])), unique=True, min_size=1, max_size=40
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(SETTINGS, st.lists(FAULTS, max_size=4), POINTS, st.integers(0, 40))
def test_whatever_happens_the_outcome_is_true(
    made: Settings, faults: list[Fault], places: list[tuple[int, int]], first: int
) -> None:
    windows = [
        each for number, back in places for each in window_of([SYSTEMS[number]], NOW + WINDOW * back)
    ]  # Windows that are too old and too far ahead among them.
    with Cloud(made) as cloud:
        sink = cloud.sink()
        # Part of it was sent before, by a process that is gone; windows of a series come in order.
        early = sorted(windows, key=lambda each: each.end)[: first * 8]
        check(cloud.sink().export(early), early, cloud)
        for fault in faults:
            cloud.faults.add(fault)
        sent = [each for each in windows if all(each is not other for other in early)]
        outcome = sink.export(sent)
        check(outcome, sent, cloud)
        # After the trouble everything gets where it belongs, and is sent no more than it has to be.
        cloud.faults.clear()
        for _ in range(8):
            cloud.clock.advance(30)
            left = [each.point for each in outcome.retryable]
            outcome = sink.export(left)
            check(outcome, left, cloud)
        assert not outcome.retryable


LABEL = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
MICROSECONDS = st.integers(0, 24 * 3600 * 1_000_000).map(lambda us: timedelta(microseconds=us))
BUCKETS = len(LATENCY_BOUNDS_S) + 1


@st.composite
def a_point(draw: st.DrawFn, job: str) -> Point:
    """Any point that is fit to be sent."""
    metric = draw(st.sampled_from(list(CATALOG.values())))
    end = NOW - draw(MICROSECONDS)
    start = None if metric.kind is Kind.GAUGE else end - timedelta(microseconds=1001) - draw(MICROSECONDS)
    labels = {label: draw(LABEL) for label in metric.labels}
    if metric.kind is not Kind.DISTRIBUTION:
        return Point(metric.name, job, end, draw(NUMBER), labels, start)
    filled = draw(st.dictionaries(st.integers(0, BUCKETS - 1), st.integers(0, 10_000)))
    counts = tuple(filled.get(place, 0) for place in range(BUCKETS))
    # Sums of whole microseconds, as they are measured.
    total = draw(st.integers(0, 10**13)) / 1_000_000 if any(counts) else 0.0
    return Point(metric.name, job, end, Distribution(sum(counts), total, counts), labels, start)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whatever_a_point_holds_it_comes_back(data: st.DataObject) -> None:
    sent = [data.draw(a_point(job)) for job in SYSTEMS[: data.draw(st.integers(1, 12))]]
    with Cloud() as cloud:
        sink = cloud.sink()
        outcome = sink.export(sent)
        assert sorted(map(id, outcome.written)) == sorted(map(id, sent))
        check(outcome, sent, cloud)
        for metric in {each.metric for each in sent}:
            read = {name(each): each for each in sink.read(metric, NOW - timedelta(days=2), NOW)}
            assert read == {name(each): each for each in sent if each.metric == metric}
        assert set(cloud.times_sent().values()) == {1}
        assert {of(each) for each in sent} == set(cloud.times_sent())


def test_an_empty_label_tells_no_series_from_another() -> None:
    kept_as = TimeSeries.pb(TimeSeries(metric={"type": f"{PREFIX}/delivery_attempts", "labels": {"result": "ok"}}))
    kept_as.resource.labels["job"] = SYSTEMS[0]
    sent = Point("delivery_attempts", SYSTEMS[0], NOW, 1.0, {"result": "ok", "reason": ""}, NOW - WINDOW)
    assert key_of_series(kept_as) == key_of_point(PREFIX, sent)
