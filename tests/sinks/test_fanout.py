"""Several sinks: the owner gets what it would get alone, the others at least that, whatever fails and whenever it crashes."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter import calls
from exporter.model import Family, Outcome, Point, Refusal, Watermark
from exporter.sinks.fanout import Fanout
from exporter.windows import EPOCH
from tests.sinks.cloud import NOW, SYSTEMS, WINDOW, Cloud, count, gauge
from tests.sinks.otlp_receiver import Answer, Received, Receiver, refusal
from tests.sinks.test_otlp import make


def name(point: Point) -> tuple[str, str, datetime, frozenset[tuple[str, str]]]:
    return point.metric, point.job, point.end, frozenset(point.labels.items())


class Store:
    """A far end as simple as can be: keeps points, and does to each export what it is told to.

    It refuses what it has, as Cloud Monitoring does, where it is ``strict``.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.sent: list[Point] = []
        self.kept: dict[object, Point] = {}
        self.decide: Callable[[Point], str] = lambda _: "written"
        self.breaks = False
        self.closed = False

    def prepare(self) -> None:
        if self.breaks:
            raise RuntimeError("out of order")

    def export(self, points: Sequence[Point]) -> Outcome:
        if self.breaks:
            raise RuntimeError("out of order")
        found: dict[str, list[Point]] = {"written": [], "already": [], "rejected": [], "retryable": []}
        for point in points:
            self.sent.append(point)
            verdict = "already" if self.strict and name(point) in self.kept else self.decide(point)
            found[verdict].append(point)
            if verdict == "written":
                self.kept[name(point)] = point
        rejected, retryable = ([Refusal(p, "CODE", "no") for p in found[kind]] for kind in ("rejected", "retryable"))
        return Outcome(tuple(found["written"]), tuple(found["already"]), tuple(rejected), tuple(retryable))

    def watermarks(self, since: datetime, until: datetime) -> Mapping[tuple[str, Family], Watermark]:
        return {(SYSTEMS[0], Family.LANDING): Watermark(since, until)}

    def read(self, metric: str, since: datetime, until: datetime) -> list[Point]:
        return [point for point in self.kept.values() if point.metric == metric]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def owner() -> Store:
    return Store(strict=True)


@pytest.fixture
def other() -> Store:
    return Store()


@pytest.fixture
def fanout(owner: Store, other: Store) -> Fanout:
    return Fanout(owner, {"otlp": other})


def test_the_others_get_what_the_owner_has(fanout: Fanout, owner: Store, other: Store) -> None:
    decisions = {"published": "written", "delivered": "already", "duplicate": "rejected", "dead_lettered": "retryable"}
    owner.decide = lambda point: decisions[point.labels["outcome"]]
    points = [count(outcome=outcome) for outcome in decisions]
    outcome = fanout.export(points)
    assert [each.point for each in outcome.retryable] == points[3:]
    assert [each.point for each in outcome.rejected] == [points[2]]
    assert (outcome.written, outcome.already_written) == ((points[0],), (points[1],))
    assert {name(point) for point in other.kept.values()} == {name(point) for point in points[:3]}
    assert fanout.unsent() == frozenset()


def test_what_another_has_to_get_again_comes_with_the_next_export(fanout: Fanout, owner: Store, other: Store) -> None:
    other.decide = lambda _: "retryable"
    first, second = count(job=SYSTEMS[0]), count(job=SYSTEMS[1])
    assert fanout.export([first, second]).written == (first, second)
    assert fanout.unsent() == {SYSTEMS[0], SYSTEMS[1]}
    assert [(each.point, each.code, each.message) for each in fanout.other_refusals()] == [
        (first, "CODE", "otlp: no"),
        (second, "CODE", "otlp: no"),
    ]
    other.decide = lambda point: "written" if point.job == SYSTEMS[0] else "retryable"
    assert fanout.export([]).written == ()
    assert fanout.unsent() == {SYSTEMS[1]}
    assert len(fanout.other_refusals()) == 1
    other.decide = lambda _: "written"
    fanout.export([])
    assert (fanout.unsent(), fanout.other_refusals()) == (frozenset(), ())
    assert Counter(map(name, owner.sent)) == {name(first): 1, name(second): 1}


def test_what_waits_goes_before_what_is_new(fanout: Fanout, other: Store) -> None:
    other.decide = lambda _: "retryable"
    points = [count(float(k), NOW + WINDOW * k) for k in range(3)]
    fanout.export(points[:2])
    other.decide = lambda _: "written"
    other.sent.clear()
    fanout.export(points[2:])
    assert other.sent == points


def test_a_point_is_queued_once(fanout: Fanout, owner: Store, other: Store) -> None:
    other.decide = lambda _: "retryable"
    fanout.export([count()])
    assert len(fanout.export([count()]).already_written) == 1
    assert len(fanout.other_refusals()) == 1


def test_a_rejected_point_does_not_wait_and_is_named(fanout: Fanout, other: Store) -> None:
    other.decide = lambda _: "rejected"
    fanout.export([count()])
    assert fanout.unsent() == frozenset()
    assert [each.message for each in fanout.other_refusals()] == ["otlp: no"]


def test_one_of_the_others_holds_up_none(owner: Store) -> None:
    broken, slow, fine = Store(), Store(), Store()
    broken.breaks, slow.decide = True, lambda _: "retryable"
    fanout = Fanout(owner, {"broken": broken, "slow": slow, "fine": fine})
    fanout.prepare()
    assert len(fanout.export([count()]).written) == 1
    assert len(fine.kept) == 1
    assert [(each.code, each.message) for each in fanout.other_refusals()] == [
        ("UNKNOWN", "broken: RuntimeError('out of order')"),
        ("CODE", "slow: no"),
    ]
    broken.breaks = False
    fanout.export([])
    assert (len(broken.kept), len(fine.sent)) == (1, 1)


def test_it_is_read_where_the_owner_is_and_all_are_closed(fanout: Fanout, owner: Store, other: Store) -> None:
    fanout.export([count()])
    assert fanout.read("messages", NOW, NOW) == list(owner.kept.values())
    assert fanout.watermarks(NOW, NOW) == owner.watermarks(NOW, NOW)
    fanout.close()
    assert owner.closed
    assert other.closed


def test_what_is_too_old_is_given_up_and_said_once(
    fanout: Fanout, other: Store, caplog: pytest.LogCaptureFixture
) -> None:
    other.decide = lambda _: "retryable"
    for k in range(5):
        fanout.export([count(float(k), NOW + timedelta(hours=12) * k)])
    assert fanout.dropped == 2
    assert len(fanout.other_refusals()) == 3
    other.decide = lambda _: "written"
    fanout.export([])
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "sink otlp loses points" in caplog.text


def test_what_is_too_much_is_given_up_oldest_first(owner: Store, other: Store) -> None:
    fanout = Fanout(owner, {"otlp": other}, most_points=3)
    other.decide = lambda _: "retryable"
    points = [count(float(k), NOW + WINDOW * k) for k in range(5)]
    for point in points:
        fanout.export([point])
    assert fanout.dropped == 2
    other.decide = lambda _: "written"
    fanout.export([])
    assert list(other.kept.values()) == points[2:]


def test_a_long_past_comes_in_portions_and_the_new_is_not_kept_waiting_for_ever(owner: Store, other: Store) -> None:
    fanout = Fanout(owner, {"otlp": other})
    other.decide = lambda _: "retryable"
    past = [gauge(1.0, NOW + timedelta(seconds=k), SYSTEMS[k % 60]) for k in range(25_000)]
    fanout.export(past)
    other.decide = lambda _: "written"
    counts = []
    for _ in range(3):
        other.sent.clear()
        fanout.export([])
        counts.append(len(other.sent))
    assert counts == [10_000, 10_000, 5_000]


# The same with what is really used.


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def test_a_receiver_that_is_down_costs_cloud_monitoring_nothing(receiver: Receiver) -> None:
    with Cloud() as cloud:
        fanout = Fanout(cloud.sink(), {"otlp": make(receiver.endpoint)})
        fanout.prepare()
        receiver.always = refusal(403, "not you")
        points = [count(float(k), NOW - WINDOW * k, job) for k in range(3) for job in SYSTEMS[:4]]
        assert len(fanout.export(points).written) == 12
        assert sum(cloud.stored().values()) == 12
        assert fanout.unsent() == set(SYSTEMS[:4])
        assert {each.code for each in fanout.other_refusals()} == {"PERMISSION_DENIED"}
        receiver.always = None
        assert fanout.export([]) == Outcome()
        assert (fanout.unsent(), len(receiver.stored)) == (frozenset(), 12)
        assert sum(cloud.stored().values()) == 12
        fanout.close()


# Random failures, and crashes.

JOBS = SYSTEMS[:3]
FAMILY = Family.LANDING


def of_window(job: str, end: datetime) -> list[Point]:
    return [count(end.timestamp() % 1e5, end, job, outcome) for outcome in ("published", "delivered")]


class _Crash(Exception):
    pass


class Exporter:
    """What a cycle does with windows and watermarks, and nothing else; its memory is lost when it crashes."""

    def __init__(self, cloud: Cloud, receiver: Receiver) -> None:
        self.fanout = Fanout(cloud.sink(), {"otlp": make(receiver.endpoint)})
        found = self.fanout.watermarks(NOW - timedelta(hours=1), NOW + timedelta(hours=5))
        self.marks = {job: found[job, FAMILY].end if (job, FAMILY) in found else NOW for job in JOBS}

    def cycle(self, now: datetime, crash_after: int | None) -> None:
        """Measure every window that is over; a crash comes after so many exports."""
        steps = 0

        def export(points: list[Point]) -> Outcome:
            nonlocal steps
            if steps == crash_after:
                raise _Crash
            steps += 1
            return self.fanout.export(points)

        while due := [job for job in JOBS if self.marks[job] + WINDOW <= now]:
            outcome = export([point for job in due for point in of_window(job, self.marks[job] + WINDOW)])
            assert not outcome.retryable
            self.marks |= {job: self.marks[job] + WINDOW for job in due}
        unsent = self.fanout.unsent()
        export(
            [
                Point("exporter/watermark", job, now, mark.timestamp(), {"family": FAMILY.value})
                for job, mark in self.marks.items()
                if job not in unsent
            ]
        )


TROUBLE = st.sampled_from(
    [refusal(403), refusal(503), refusal(500), Answer(200, b"<html>"), Answer(drop=True), Answer(drop=True, taken=True)]
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nothing_is_lost_there_and_the_owner_sees_nothing_of_it(data: st.DataObject) -> None:
    cycles = data.draw(st.integers(1, 8))
    with Cloud() as cloud, Receiver() as receiver, pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "_PAUSE_S", 0.001)
        exporter = Exporter(cloud, receiver)
        for _ in range(cycles):
            cloud.clock.advance(WINDOW.total_seconds() + 30)
            receiver.always = data.draw(st.none() | TROUBLE)
            receiver.answers = deque(data.draw(st.lists(TROUBLE, max_size=4)))
            try:
                exporter.cycle(cloud.clock.now(), data.draw(st.none() | st.integers(0, 3)))
            except _Crash:
                exporter.fanout.close()
                exporter = Exporter(cloud, receiver)
        receiver.always, receiver.answers = None, deque()
        cloud.clock.advance(30)
        now = cloud.clock.now()
        exporter.cycle(now, None)
        assert exporter.fanout.unsent() == frozenset()
        exporter.fanout.close()
        ends = [NOW + WINDOW * k for k in range(1, (now - NOW) // WINDOW + 1)]
        windows = {
            ("pipeline_messages", *name(point)[1:]) for job in JOBS for end in ends for point in of_window(job, end)
        }
        there = {
            (found.name, found.resource["job"], at(found), frozenset(found.attributes.items()))
            for found in receiver.stored
        }
        assert windows <= there
        # And with the owner everything is as it is without the other: each window stored once.
        stored = [each for each in cloud.stored() if "/messages" in each]
        assert len(stored) == len(windows)
        assert set(cloud.stored().values()) == {1}


def at(found: Received) -> datetime:
    return EPOCH + timedelta(microseconds=found.end // 1000)
