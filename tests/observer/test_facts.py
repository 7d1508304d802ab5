"""How busy a table was, from the minutes in which it was written to."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from exporter.observer.facts import DAY, Activity, activity
from tests.builders import T0, system

MINUTE = timedelta(minutes=1)
SINCE = T0 - DAY


def test_a_table_that_is_written_to_each_minute_is_read_each_time() -> None:
    minutes = [SINCE + place * MINUTE for place in range(1440)]
    assert activity(system(), minutes, SINCE, T0) == Activity(Fraction(1), Fraction(96))


def test_an_idle_table_is_not_read() -> None:
    assert activity(system(), [], SINCE, T0) == Activity(Fraction(0), Fraction(0))


def test_a_table_is_read_once_more_before_it_is_found_idle() -> None:
    # One window of a day's 288 has rows, and two of its 96 collections read the table.
    assert activity(system(), [T0 - timedelta(hours=3)], SINCE, T0) == Activity(Fraction(1, 288), Fraction(2))


def test_a_shorter_time_is_projected_to_a_day() -> None:
    minutes = [T0 - timedelta(hours=2) + place * MINUTE for place in range(120)]
    assert activity(system(), minutes, T0 - timedelta(hours=2), T0) == Activity(Fraction(1), Fraction(96))


def test_less_than_a_collection_says_nothing() -> None:
    assert activity(system(), [T0], T0, T0 + timedelta(minutes=14)) is None


@given(st.sets(st.integers(0, 1439)), st.sampled_from([(60, 60), (300, 900), (3600, 3600), (300, 7200)]))
def test_shares_are_shares(minutes: set[int], lengths: tuple[int, int]) -> None:
    window_s, interval_s = lengths
    found = activity(
        system(window_s=window_s, interval_s=interval_s), [SINCE + place * MINUTE for place in minutes], SINCE, T0
    )
    assert found is not None
    assert 0 <= found.busy <= 1
    assert 0 <= found.reads_per_day <= DAY // timedelta(seconds=interval_s)
    assert (found.reads_per_day == 0) == (not minutes)
