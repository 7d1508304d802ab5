from __future__ import annotations

import itertools
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from exporter.history import History
from exporter.model import Family, Watermark
from exporter.plan import Pace, SystemPlan, plan
from exporter.snapshots import Delivery, Landing, PublishMinute
from exporter.windows import HOUR, align_down, split
from tests.builders import T0, system, window

DELAY = timedelta(seconds=300)
FIVE = timedelta(minutes=5)


def planned(
    now_s: int, marks: dict[Family, int] | None = None, history: History | None = None, since_s: int | None = None
) -> SystemPlan:
    watermarks = {
        ("departures", family): Watermark(T0 + timedelta(seconds=at), T0) for family, at in (marks or {}).items()
    }
    (found,) = plan(
        [system()],
        watermarks,
        history or History(),
        Pace(
            now=T0 + timedelta(seconds=now_s),
            delivery_delay=DELAY,
            since=None if since_s is None else T0 + timedelta(seconds=since_s),
        ),
    )
    return found


def test_a_new_system_starts_with_the_last_complete_window_of_each_family() -> None:
    found = planned(3600 + 915)
    assert found.landing == (window(3600 + 600),)
    assert found.delivery == (window(3600 + 300),)
    assert found.spend == (window(0, 3600),)
    assert found.state_due


def test_what_an_hour_costs_is_measured_from_its_start_but_not_written() -> None:
    found = planned(3600 + 915)
    assert found.landing_asked[0].start == found.delivery_asked[0].start == T0
    assert found.landing_asked[-1] == found.landing[-1]


def test_since_starts_at_the_full_hour_that_holds_it() -> None:
    found = planned(7200 + 400, since_s=1000)
    assert found.landing[0] == window(0)
    assert found.delivery[0] == window(0)
    assert found.spend == (window(0, 3600), window(3600, 3600))


def test_an_hour_is_due_when_landing_and_delivery_have_reached_its_end() -> None:
    marks = {Family.LANDING: 3600, Family.DELIVERY: 2700, Family.SPEND: 0, Family.STATE: 3600}
    assert planned(3600 + 299, marks).spend == ()
    assert planned(3600 + 300, marks).spend == (window(0, 3600),)


def test_a_whole_history_is_not_measured_again() -> None:
    history = History()
    windows = split(T0, T0 + HOUR, FIVE)
    kept = history.of("departures")
    kept.landings.add(Landing("departures", each) for each in windows)
    kept.deliveries.add(Delivery("departures", each) for each in windows)
    marks = {Family.LANDING: 3600, Family.DELIVERY: 3600, Family.SPEND: 3600, Family.STATE: 3600}
    found = planned(3600 + 1200, marks, history)
    assert found.landing_asked == found.landing == (window(3600), window(3900), window(4200))
    assert found.delivery_asked == found.delivery


def test_restored_windows_are_read_again_for_what_they_cost() -> None:
    history = History()
    kept = history.of("departures")
    windows = split(T0, T0 + HOUR, FIVE)
    kept.landings.add(Landing("departures", each) for each in windows)
    kept.deliveries.add(Delivery("departures", each, (PublishMinute(1, 0, 0),), restored=True) for each in windows)
    marks = {Family.LANDING: 3600, Family.DELIVERY: 3600, Family.SPEND: 0, Family.STATE: 3600}
    found = planned(3600 + 1200, marks, history)
    assert found.spend == (window(0, 3600),)
    assert found.delivery_asked[0] == window(0)
    assert found.landing_asked == found.landing


def test_hourly_state_is_due_once_an_hour() -> None:
    marks = {Family.STATE: 3601}
    assert not planned(7199, marks).state_due
    assert planned(7200, marks).state_due


@given(st.integers(0, 86_400), st.integers(0, 3600), st.integers(0, 3600))
def test_whatever_the_watermarks_measuring_covers_what_is_due(now_s: int, landing_lag: int, delivery_lag: int) -> None:
    marks = {
        Family.LANDING: (now_s - landing_lag) // 300 * 300,
        Family.DELIVERY: (now_s - delivery_lag) // 300 * 300,
        Family.SPEND: (now_s - 3600) // 3600 * 3600,
    }
    found = planned(now_s, marks)
    for due, measured in ((found.landing, found.landing_asked), (found.delivery, found.delivery_asked)):
        assert set(due) <= set(measured)
        assert list(measured) == sorted(measured)
        assert all(a.end == b.start for a, b in itertools.pairwise(measured))
    for hour in found.spend:
        assert hour.end == align_down(hour.end, HOUR)
