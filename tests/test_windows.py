from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Window
from exporter.windows import EPOCH, MAX_AGE, Due, align_down, align_up, due, is_collection_end, period_s, split
from tests.builders import T0, system, window

LENGTHS = st.sampled_from([60, 300, 900, 1800, 3600]).map(lambda seconds: timedelta(seconds=seconds))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda naive: naive.replace(tzinfo=UTC))  # noqa: DTZ001
SETTLES = st.integers(0, 600).map(lambda seconds: timedelta(seconds=seconds))


@given(MOMENTS, LENGTHS)
def test_aligned_moments_are_the_nearest_multiples(moment: datetime, length: timedelta) -> None:
    down, up = align_down(moment, length), align_up(moment, length)
    assert (down - EPOCH) % length == timedelta(0) == (up - EPOCH) % length
    assert down <= moment <= up
    assert up - down in (timedelta(0), length)


@given(MOMENTS, LENGTHS, st.integers(1, 4), SETTLES, st.one_of(st.none(), st.integers(0, 100)))
def test_due_windows_are_whole_contiguous_complete_and_young(
    now: datetime, length: timedelta, factor: int, settle: timedelta, behind: int | None
) -> None:
    watermark = None if behind is None else align_down(now, length) - behind * length
    found = due(now=now, watermark=watermark, length=length, interval=factor * length, settle=settle)
    for before, after in zip(found.windows, found.windows[1:], strict=False):
        assert before.end == after.start
    for each in found.windows:
        assert each.length == length
        assert (each.start - EPOCH) % length == timedelta(0)
        assert each.end + settle <= now
        assert now - each.end <= MAX_AGE
        assert watermark is None or each.start >= watermark
    if found.windows and watermark is not None:
        assert found.windows[0].start == watermark + found.expired * length


@given(MOMENTS, LENGTHS, st.integers(1, 4), SETTLES)
def test_collecting_at_every_moment_misses_and_repeats_nothing(
    begin: datetime, length: timedelta, factor: int, settle: timedelta
) -> None:
    """Whenever cycles run, the windows of one after the other make up time without gap and overlap."""
    watermark = None
    collected: list[Window] = []
    for step in range(40):
        now = begin + step * length * 7 / 10
        found = due(now=now, watermark=watermark, length=length, interval=factor * length, settle=settle)
        assert found.expired == 0
        collected += found.windows
        if found.windows:
            watermark = found.windows[-1].end
    assert collected
    assert collected == list(split(collected[0].start, collected[-1].end, length))


def test_nothing_is_due_before_the_next_interval() -> None:
    def ask(seconds: int) -> Due:
        return due(
            now=T0 + timedelta(seconds=seconds),
            watermark=T0,
            length=timedelta(minutes=5),
            interval=timedelta(minutes=15),
            settle=timedelta(seconds=15),
        )

    assert ask(914) == Due()
    assert ask(915).windows == (window(0), window(300), window(600))


def test_without_watermark_it_starts_with_the_last_complete_window_or_with_since() -> None:
    five = timedelta(minutes=5)

    def ask(since: datetime | None) -> Due:
        now = T0 + timedelta(minutes=7)
        return due(now=now, watermark=None, length=five, interval=3 * five, settle=timedelta(0), since=since)

    assert ask(None).windows == (window(0),)
    assert ask(T0 - timedelta(minutes=8)).windows == (window(-600), window(-300), window(0))


def test_windows_over_a_day_old_are_counted_as_expired() -> None:
    hour = timedelta(hours=1)
    found = due(now=T0, watermark=T0 - timedelta(hours=30), length=hour, interval=hour, settle=timedelta(0))
    assert found.expired == 5
    assert found.windows[0].end == T0 - timedelta(hours=24)
    assert found.windows[-1].end == T0
    assert len(found.windows) == 25


def test_a_longer_window_never_overlaps_what_is_stored() -> None:
    found = due(
        now=T0 + timedelta(minutes=20),
        watermark=T0 + timedelta(minutes=3),
        length=timedelta(minutes=5),
        interval=timedelta(minutes=5),
        settle=timedelta(0),
    )
    assert found.windows[0] == window(300)


def test_gauges_belong_to_multiples_of_the_interval() -> None:
    assert is_collection_end(window(600), timedelta(minutes=15))
    assert not is_collection_end(window(300), timedelta(minutes=15))


@pytest.mark.parametrize(
    ("windows_s", "expected_s"),
    [
        ([], 60),
        ([60, 3600], 60),
        ([300, 3600], 300),
        ([180], 180),
        ([360], 180),
        ([600], 300),
        ([720], 240),
        ([3600], 300),
    ],
)
def test_cycles_are_frequent_enough_for_what_is_complete_minutes_later(windows_s: list[int], expected_s: int) -> None:
    assert period_s(system(window_s=window_s, interval_s=window_s) for window_s in windows_s) == expected_s


@given(st.sampled_from([60 * n for n in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)]))
def test_every_window_ends_with_a_period(window_s: int) -> None:
    found_s = period_s([system(window_s=window_s, interval_s=window_s)])
    assert found_s % 60 == window_s % found_s == 0
    assert found_s <= 300
