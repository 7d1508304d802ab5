"""Points that a receiver does not want: which they are, and that they cost no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter import calls
from exporter.model import Point
from tests.sinks.cloud import NOW, SYSTEMS, WINDOW, count, window_of
from tests.sinks.otlp_bench import Bench, is_one_of, name, of, parts, stored
from tests.sinks.otlp_receiver import Answer, Receiver, refusal


@pytest.fixture(autouse=True, scope="module")
def _at_once() -> Iterator[None]:
    """Attempts do not wait for each other: what is tested here is not when they come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "_PAUSE_S", 0.001)
        yield


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def bench(receiver: Receiver) -> Iterator[Bench]:
    made = Bench(receiver)
    yield made
    made.sink.close()


# A request that is wrong as a whole.


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_point_that_is_refused_alone_is_rejected(bench: Bench, status: int) -> None:
    bench.receiver.always = refusal(status, "not this one")
    (refused,) = bench.sink.export([point := count()]).rejected
    assert (refused.point, refused.code) == (point, "INVALID_ARGUMENT")
    assert "not this one" in refused.message


def test_the_points_that_spoil_a_request_are_found_and_cost_no_others(bench: Bench) -> None:
    points = window_of(SYSTEMS[:25])
    bad = [points[3], points[77], points[199]]
    bench.receiver.poisoned = is_one_of(bad)
    outcome = bench.sink.export(points)
    assert [each.point for each in outcome.rejected] == bad
    assert len(outcome.written) == 197
    assert set(stored(bench.receiver).values()) == {1}
    assert len(bench.receiver.requests) < 50


def test_halving_ends_and_goes_on_at_the_next_export(bench: Bench) -> None:
    """A receiver that refuses everything: no storm of requests, and nothing lost that was not decided."""
    points = window_of(SYSTEMS[:50])
    bench.receiver.poisoned = lambda _: True
    outcome = bench.sink.export(points)
    assert len(bench.receiver.requests) <= 2 + 2 * 40
    assert parts(outcome) == Counter(map(id, points))
    assert outcome.rejected
    assert "is looked for at the next export" in outcome.retryable[-1].message
    bench.receiver.poisoned = lambda _: False
    left = [each.point for each in outcome.retryable]
    assert len(bench.sink.export(left).written) == len(left)


def test_later_points_wait_for_one_that_is_undecided(bench: Bench) -> None:
    points = [count(float(k), NOW - WINDOW * k, job) for k in range(2) for job in SYSTEMS]
    bench.receiver.poisoned = is_one_of(points[60:])
    outcome = bench.sink.export(points)
    undecided = {each.point.job for each in outcome.retryable if each.point.end < NOW}
    assert undecided
    assert {point.job for point in outcome.written} == set(SYSTEMS) - undecided
    held = [each for each in outcome.retryable if each.point.end == NOW]
    assert {each.point.job for each in held} == undecided
    assert all(each.message.startswith("held back behind an older point of its series: ") for each in held)


# A request that was taken in part: which part is not said, and it must not be sent again.


def test_all_of_a_request_refused_is_each_of_it(bench: Bench) -> None:
    bench.receiver.refuses = lambda _: True
    points = window_of(SYSTEMS[:2])
    outcome = bench.sink.export(points)
    assert [each.point for each in outcome.rejected] == points
    assert {(each.code, each.message) for each in outcome.rejected} == {("INVALID_ARGUMENT", "some points are wrong")}


def test_a_request_taken_in_part_is_not_sent_again(bench: Bench) -> None:
    points = window_of(SYSTEMS[:25])
    bench.receiver.refuses = is_one_of([points[3]])
    outcome = bench.sink.export(points)
    assert len(bench.receiver.requests) == 1
    assert set(stored(bench.receiver).values()) == {1}
    assert len(outcome.rejected) == 200
    assert "refused 1 of the 200 points of a request and does not say which" in outcome.rejected[0].message
    assert not outcome.retryable


def test_the_refused_series_is_known_after_three_more_exports(bench: Bench) -> None:
    first = window_of(SYSTEMS[:25])
    culprit = first[77]
    series = name(culprit)[:3]
    bench.receiver.refuses = lambda found: found.series == series
    for k in range(5):
        points = window_of(SYSTEMS[:25], NOW + WINDOW * k)
        bench.receiver.requests.clear()
        outcome = bench.sink.export(points)
        assert [200, 25, 3, 1, 1][k] == len(outcome.rejected)
        assert len(bench.receiver.requests) <= 11
    assert [name(each.point)[:3] for each in outcome.rejected] == [series]
    assert outcome.rejected[0].message == "some points are wrong"
    assert bench.receiver.sizes() == [199, 1]
    assert set(stored(bench.receiver).values()) == {1}
    bench.receiver.refuses = lambda _: False
    for k in (5, 6):
        bench.receiver.requests.clear()
        assert len(bench.sink.export(window_of(SYSTEMS[:25], NOW + WINDOW * k)).written) == 200
    assert bench.receiver.sizes() == [200]


def test_a_warning_is_no_refusal(bench: Bench) -> None:
    bench.receiver.warning = "please use fewer attributes"
    assert len(bench.sink.export([count()]).written) == 1


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_happens_the_outcome_is_true(data: st.DataObject) -> None:
    """Each point in one part; what is called written was taken, and of what was not called anything else nothing was lost."""
    statuses = [400, 401, 403, 404, 413, 429, 500, 502, 503, 504]
    trouble = st.one_of(
        st.sampled_from(statuses).map(refusal),
        st.sampled_from([Answer(drop=True), Answer(200, b"<html>"), Answer(drop=True, taken=True), Answer(taken=True)]),
    )
    told = data.draw(st.lists(trouble, max_size=8))
    points = [
        each
        for number in data.draw(st.lists(st.integers(0, 59), unique=True, min_size=1, max_size=40))
        for back in data.draw(st.lists(st.integers(0, 3), unique=True, min_size=1))
        for each in window_of([SYSTEMS[number]], NOW - WINDOW * back)
    ]
    spoiled = data.draw(st.lists(st.sampled_from(points), max_size=4, unique_by=id))
    with Receiver() as receiver:
        bench = Bench(receiver)
        receiver.answers.extend(told)
        receiver.poisoned = is_one_of(spoiled)
        left = points
        written: list[Point] = []
        rejected: list[Point] = []
        for _ in range(12):
            outcome = bench.sink.export(left)
            assert parts(outcome) == Counter(map(id, left))
            written += outcome.written
            rejected += [each.point for each in outcome.rejected]
            left = [each.point for each in outcome.retryable]
        bench.sink.close()
    assert not left
    taken = stored(receiver)
    assert of(written) <= taken.keys()
    # A status of 400 that came out of nowhere may have hit a request of one point.
    assert len(written) + len(rejected) == len(points)
    assert of(spoiled) <= of(rejected) | taken.keys()
    unheard = Answer(drop=True, taken=True)
    assert unheard in told or set(taken.values()) <= {1}
