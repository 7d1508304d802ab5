from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import state
from exporter.metrics.accounting import Basis, Unaccounted
from exporter.metrics.state import Health, Signals
from exporter.model import ActiveHours
from exporter.snapshots import Delivery, Landing, PublishMinute, Subscription
from tests.builders import T0, system, window

ACTIVE = Subscription(True, "ACTIVE", "t", "b", "d", "", True, 0.0)


def signals(
    bad: Sequence[int] = (0,) * 72,
    *,
    dead: Sequence[int] = (0,) * 72,
    subscription: Subscription | None = ACTIVE,
    backlog_age_s: float = 1.0,
    data_age_s: float = 10.0,
    balance: Unaccounted | None = None,
    active: bool = True,
) -> Signals:
    """Six hours of five-minute windows with 1,000 rows each, the last at the end."""
    windows = [window(at * 300) for at in range(72)]
    return Signals(
        landings=[
            Landing("s", w, landed_rows=1000, delivered=1000, measured_rows=1000, within_threshold=1000 - n)
            for w, n in zip(windows, bad, strict=True)
        ],
        deliveries=[
            Delivery("s", w, (PublishMinute(1000, 0, 1),), dead_lettered=d, backlog_age_s=backlog_age_s)
            for w, d in zip(windows, dead, strict=True)
        ],
        subscription=subscription,
        basis=Basis.MESSAGES,
        balance=balance,
        data_age_s=data_age_s,
        active=active,
    )


def test_a_quiet_system_is_healthy() -> None:
    assert state.judge(system(), signals()).health is Health.HEALTHY


@pytest.mark.parametrize(
    ("given_signals", "health", "reason"),
    [
        (
            signals(subscription=Subscription(False, "NOT_FOUND", "", "", "", "", True, 0.0)),
            Health.FAILING,
            "NOT_FOUND",
        ),
        (signals([0] * 60 + [150] * 12), Health.FAILING, "latency objective burns 15 x over 1 h"),
        (signals([0] * 60 + [150] * 11 + [0]), Health.DEGRADED, "latency objective burns 2.29 x over 6 h"),
        (signals(dead=[0] * 60 + [20] * 12), Health.FAILING, "errors objective burns 19.6 x over 1 h"),
        (signals(backlog_age_s=301.0), Health.FAILING, "oldest message waits 301 s"),
        (signals([11] * 72), Health.DEGRADED, "latency objective burns 1.1 x over 6 h"),
        (signals(dead=[0] * 71 + [1]), Health.DEGRADED, "1 messages dead-lettered in 1 h"),
        (signals(balance=Unaccounted(12000, 401)), Health.DEGRADED, "401 messages unaccounted"),
        (signals(data_age_s=901.0), Health.DEGRADED, "newest data is 901 s old"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_decides_the_health_and_is_named(given_signals: Signals, health: Health, reason: str) -> None:
    verdict = state.judge(system(), given_signals)
    assert verdict.health is health
    assert any(reason in each for each in verdict.reasons), verdict.reasons


def test_up_to_the_limits_a_system_stays_healthy() -> None:
    within = signals([9] * 72, backlog_age_s=300.0, data_age_s=900.0, balance=Unaccounted(12000, 400))
    assert state.judge(system(), within).health is Health.HEALTHY


def test_dead_letters_of_more_than_an_hour_ago_are_over() -> None:
    assert state.judge(system(), signals(dead=[0] * 59 + [1] + [0] * 12)).health is Health.HEALTHY


def test_outside_active_hours_old_data_is_no_fault() -> None:
    assert state.judge(system(), signals(data_age_s=9000.0, active=False)).health is Health.HEALTHY


OFFICE = ActiveHours(frozenset(range(5)), 8 * 60, 18 * 60, "Europe/Paris")
NIGHT = ActiveHours(frozenset({4}), 22 * 60, 6 * 60)


@pytest.mark.parametrize(
    ("hours", "moment", "active"),
    [
        (OFFICE, "2026-11-02T07:00:00+00:00", True),
        (OFFICE, "2026-11-02T06:59:59+00:00", False),
        (OFFICE, "2026-07-06T06:00:00+00:00", True),
        (OFFICE, "2026-11-02T17:00:00+00:00", False),
        (OFFICE, "2026-11-01T12:00:00+00:00", False),
        (NIGHT, "2026-11-06T22:00:00+00:00", True),
        (NIGHT, "2026-11-07T05:59:00+00:00", True),
        (NIGHT, "2026-11-07T06:00:00+00:00", False),
        (NIGHT, "2026-11-06T05:00:00+00:00", False),
    ],
)
def test_active_hours_are_local_and_may_pass_midnight(hours: ActiveHours, moment: str, active: bool) -> None:
    assert state.is_active(hours, datetime.fromisoformat(moment)) is active


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(ZoneInfo("UTC"))))  # noqa: DTZ001
def test_always_is_always(moment: datetime) -> None:
    assert state.is_active(ActiveHours(frozenset(range(7)), 0, 1440), moment)


def test_objectives_are_written_as_they_are_configured() -> None:
    found = {p.labels["objective"]: p.value for p in state.objective_points(system(), T0)}
    assert found == {
        "latency_threshold_s": 30.0,
        "latency_target": 0.99,
        "errors_target": 0.999,
        "data_age_s": 900.0,
        "active": 1.0,
    }


def test_unknown_state_storage_and_health_are_not_written() -> None:
    assert state.subscription_points(system(), None, T0) == []
    assert state.storage_points(system(), None, T0) == []
    assert state.health_points(system(), None, T0) == []


@pytest.mark.parametrize(
    ("former", "now", "written"),
    [
        ("NOT_FOUND", "ACTIVE", {"ACTIVE": 1, "NOT_FOUND": 1}),
        ("ACTIVE", "ACTIVE", {"ACTIVE": 1}),
        ("ACTIVE", "NOT_FOUND", {"NOT_FOUND": 0}),
        ("NOT_FOUND", "PERMISSION_DENIED", {"PERMISSION_DENIED": 0}),
        (None, "ACTIVE", {"ACTIVE": 1}),
    ],
)
def test_a_state_that_is_over_is_said_to_be(former: str | None, now: str, written: dict[str, int]) -> None:
    def subscription(name: str) -> Subscription:
        return Subscription(name == "ACTIVE", name, "", "", "", "", False, 0.0)

    before = None if former is None else subscription(former)
    found = state.subscription_points(system(), subscription(now), T0, before)
    assert {point.labels["state"]: point.value for point in found} == written
