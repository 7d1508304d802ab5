from __future__ import annotations

import itertools
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.history import History
from exporter.model import Family, Watermark
from exporter.plan import Pace, SystemPlan, plan, within
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
    assert planned(7200, marks).storage_due


def test_over_the_budget_storage_waits_and_what_alerts_need_does_not() -> None:
    def thrifty(now_s: int) -> tuple[bool, bool]:
        mark = {("departures", Family.STATE): Watermark(T0 + timedelta(seconds=now_s - 3599), T0)}
        now = T0 + timedelta(seconds=now_s)
        (found,) = plan([system()], mark, History(), Pace(now=now, delivery_delay=DELAY, thrifty=True))
        return found.state_due, found.storage_due

    due = [thrifty(hour * 3600) for hour in range(24)]
    assert [state for state, _ in due] == [True] * 24
    assert [hour for hour, (_, storage) in enumerate(due) if storage] == [0, 6, 12, 18]


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


def test_deliveries_that_landing_completes_later_are_read_again_for_their_errors() -> None:
    history = History()
    kept = history.of("departures")
    windows = split(T0, T0 + HOUR, FIVE)
    kept.landings.add(Landing("departures", each, restored=True) for each in windows[:-3])
    kept.deliveries.add(Delivery("departures", each, restored=True) for each in windows)
    marks = {Family.LANDING: 2700, Family.DELIVERY: 3600, Family.SPEND: 0, Family.STATE: 3600}
    found = planned(3600 + 60, marks, history)
    assert found.landing == tuple(windows[-3:])
    assert found.delivery == ()
    assert set(windows[-3:]) <= set(found.delivery_asked)


def test_landings_that_a_due_delivery_needs_are_measured_though_they_are_stored() -> None:
    marks = {Family.LANDING: 3600, Family.DELIVERY: 2700, Family.SPEND: 0, Family.STATE: 3600}
    found = planned(3600 + 300, marks)
    assert found.landing == ()
    assert found.delivery[0] == window(2700)
    assert {window(2700), window(3000), window(3300)} <= set(found.landing_asked)


def test_what_was_measured_and_not_stored_is_not_measured_again() -> None:
    history = History()
    kept = history.of("departures")
    for each in split(T0, T0 + 2 * HOUR, FIVE):
        kept.landings.add([Landing("departures", each)])
        kept.deliveries.add([Delivery("departures", each)])
    marks = dict.fromkeys((Family.LANDING, Family.DELIVERY, Family.SPEND, Family.STATE), 3600)
    found = planned(7200 + 320, marks, history)
    assert found.landing[0] == window(3600)
    assert found.landing_asked == (window(7200),)
    assert found.delivery_asked == ()


def test_what_is_not_over_by_the_services_clock_is_left_out() -> None:
    pace = Pace(now=T0 + 3 * HOUR, delivery_delay=DELAY)
    (found,) = within(
        [planned(3 * 3600 + 20, {Family.LANDING: 3600, Family.DELIVERY: 3600})], T0 + timedelta(seconds=7210), pace
    )
    assert found.landing[-1] == window(6900)
    assert found.landing_asked[-1] == window(6900)
    assert found.delivery[-1].end <= T0 + timedelta(seconds=6920)


def test_a_standby_leaves_beginnings_and_what_is_fresh_to_others() -> None:
    def standing_by(since_s: int, marks: dict[tuple[str, Family], Watermark]) -> SystemPlan:
        now = T0 + timedelta(seconds=3620)
        began = now - timedelta(seconds=since_s)
        pace = Pace(now=now, delivery_delay=DELAY, grace=timedelta(minutes=2), began=began)
        (found,) = plan([system()], marks, History(), pace)
        return found

    assert not standing_by(119, {}).busy
    assert standing_by(-26 * 3600, {}).busy
    assert standing_by(120, {}).busy
    mark = {("departures", Family.LANDING): Watermark(T0 + timedelta(seconds=2700), T0)}
    assert standing_by(0, mark).landing == ()


@settings(max_examples=30)
@given(st.sampled_from([1, 4, 50, 500, 600]), st.integers(0, 86_000), st.integers(0, 86_000))
def test_what_is_collected_at_a_time_is_bounded(systems: int, landing_lag_s: int, delivery_lag_s: int) -> None:
    fleet = [system(id=f"s{number}", window_s=60, interval_s=900) for number in range(systems)]
    now = T0 + timedelta(hours=48, seconds=77)
    marks = {
        ("s0", family): Watermark(align_down(now - timedelta(seconds=lag_s), timedelta(minutes=1)), T0)
        for family, lag_s in ((Family.LANDING, landing_lag_s), (Family.DELIVERY, delivery_lag_s))
    }
    pace = Pace(now=now, delivery_delay=DELAY)
    first, whole = (plan(some, marks, History(), pace)[0] for some in (fleet, fleet[:1]))
    for some, every in ((first.landing, whole.landing), (first.delivery, whole.delivery)):
        assert some == every[: len(some)]
        assert len(some) <= max(12, 6000 // systems)
        if 15 <= len(some) < len(every):
            assert align_down(some[-1].end, timedelta(minutes=15)) == some[-1].end
    assert first.behind == (len(first.landing + first.delivery) < len(whole.landing + whole.delivery))
    assert not (first.behind and first.state_due)
    assert not whole.behind


def test_attention_makes_every_window_due() -> None:
    marks = {("departures", Family.LANDING): Watermark(T0 + timedelta(seconds=3600), T0)}
    now = T0 + timedelta(seconds=3920)
    (found,) = plan([system()], marks, History(), Pace(now=now, delivery_delay=DELAY))
    assert found.landing == ()
    (found,) = plan([system()], marks, History(), Pace(now=now, delivery_delay=DELAY, attention={"departures"}))
    assert found.landing == (window(3600),)


def test_where_nobody_tells_the_time_nothing_is_over_and_nothing_too_old() -> None:
    now = T0 + timedelta(hours=30)
    marks = {Family.LANDING: 3600, Family.DELIVERY: 3600, Family.SPEND: 3600}
    found_late = planned(30 * 3600, marks)
    assert found_late.landing
    assert found_late.expired
    (found,) = within([found_late], None, Pace(now=now, delivery_delay=DELAY))
    assert (found.landing, found.delivery, found.spend) == ((), (), ())
    assert (found.expired, found.expired_until) == (0, ())
