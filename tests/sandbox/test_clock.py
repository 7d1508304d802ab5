"""The sandbox's time: exact, never backwards, moved only by those who may."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.clock import EPOCH, Clock, from_us, to_us

START = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_and_microseconds_are_the_same_thing(moment: datetime) -> None:
    assert from_us(to_us(moment)) == moment


@given(st.integers(min_value=-(2**50), max_value=2**55))
def test_microseconds_survive_exactly(microseconds: int) -> None:
    assert to_us(from_us(microseconds)) == microseconds
    assert from_us(microseconds) - EPOCH == timedelta(microseconds=microseconds)


def test_other_time_zones_are_the_same_moment() -> None:
    assert to_us(START.astimezone(timezone(timedelta(hours=5)))) == to_us(START)


def test_a_clock_without_speed_stands_still_until_it_is_moved() -> None:
    clock = Clock(START, 0)
    assert clock.now() == START
    assert clock.advance(90.5) == START + timedelta(seconds=90.5)
    assert clock.now_us() == to_us(START) + 90_500_000
    assert clock.advance(0) == clock.now()


def test_a_running_clock_never_goes_back() -> None:
    clock = Clock(START, 1_000_000)
    seen = [clock.now_us() for _ in range(1000)]
    assert seen == sorted(seen)
    assert seen[-1] > seen[0] >= to_us(START)


def test_a_clock_starts_at_the_present_by_itself() -> None:
    before = datetime.now(UTC)
    assert before <= Clock().now()


@given(st.lists(st.integers(min_value=0, max_value=10**7), max_size=20))
def test_steps_add_up_without_rounding(milliseconds: list[int]) -> None:
    clock = Clock(START, 0)
    for step in milliseconds:
        clock.advance(step / 1000)
    assert clock.now_us() == to_us(START) + 1000 * sum(milliseconds)


def test_no_step_is_lost_between_threads() -> None:
    clock = Clock(START, 0)
    threads = [threading.Thread(target=lambda: [clock.advance(0.001) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == START + timedelta(seconds=2)


def test_time_does_not_go_backwards() -> None:
    with pytest.raises(ValueError, match="only moves forward"):
        Clock(START).advance(-1)
    with pytest.raises(ValueError, match="must not be negative"):
        Clock(START, -1)
