"""Family state: is the subscription active, what is stored, what was promised, and how is the system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from exporter.metrics.accounting import Basis, Unaccounted, error_counts
from exporter.metrics.points import gauge
from exporter.model import ActiveHours, Point, System
from exporter.snapshots import Delivery, Landing, Storage, Subscription
from exporter.windows import HOUR

PAGE_BURN_RATE = 14.4
"""Burns 2 % of a month's error budget in an hour (SRE workbook, alerting on SLOs)."""
SHORT_WINDOW = timedelta(minutes=5)
BACKLOG_AGE_FACTOR = 10

Rates = Mapping[str, float]
"""Burn rates by objective; an objective without events has none."""


class Health(IntEnum):
    """How a system is; unknown is no value."""

    FAILING = 0
    DEGRADED = 1
    HEALTHY = 2


@dataclass(frozen=True, slots=True)
class Signals:
    """What health is judged by: the trailing windows up to the newest that landing and delivery share, and the present state."""

    landings: Sequence[Landing]
    deliveries: Sequence[Delivery]
    subscription: Subscription | None
    basis: Basis
    balance: Unaccounted | None
    data_age_s: float | None
    active: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """A system's health and, in words, why it is not healthy."""

    health: Health
    reasons: tuple[str, ...] = ()


def is_active(hours: ActiveHours, moment: datetime) -> bool:
    """Whether silence at a moment would be a fault."""
    local = moment.astimezone(ZoneInfo(hours.timezone))
    minute = local.hour * 60 + local.minute
    if hours.start_minute < hours.end_minute:
        return local.weekday() in hours.weekdays and hours.start_minute <= minute < hours.end_minute
    yesterday = (local.weekday() - 1) % 7
    return (local.weekday() in hours.weekdays and minute >= hours.start_minute) or (
        yesterday in hours.weekdays and minute < hours.end_minute
    )


def burn_rate(good: int, bad: int, target: float) -> float | None:
    """How many times faster than allowed the error budget is spent; None without events."""
    return None if good + bad == 0 else bad / (good + bad) / (1 - target)


def _burn_rates(system: System, signals: Signals) -> tuple[Rates, Rates, Rates]:
    """Burn rates of both objectives over the short window, one hour and six, all of which end with the newest window."""
    if not signals.landings:
        return {}, {}, {}
    window = timedelta(seconds=system.window_s)
    end = signals.landings[-1].window.end
    starts = [end - max(length, window) for length in (SHORT_WINDOW, HOUR, 6 * HOUR)]
    by_window = {delivery.window: delivery for delivery in signals.deliveries}
    on_time = late = good = bad = 0
    found: list[Rates] = []
    for landing in reversed(signals.landings):
        while landing.window.start < starts[len(found)]:
            found.append(_rates(system, (on_time, late), (good, bad)))
            if len(found) == len(starts):
                return found[0], found[1], found[2]
        on_time += landing.within_threshold
        late += landing.measured_rows - landing.within_threshold
        delivery = by_window.get(landing.window)
        if delivery is not None:
            counts = error_counts(signals.basis, landing, delivery)
            good, bad = good + counts[0], bad + counts[1]
    found += [_rates(system, (on_time, late), (good, bad))] * (len(starts) - len(found))
    return found[0], found[1], found[2]


def _rates(system: System, latency: tuple[int, int], errors: tuple[int, int]) -> Rates:
    rates = {
        "latency": burn_rate(*latency, system.objectives.latency_target),
        "errors": burn_rate(*errors, system.objectives.errors_target),
    }
    return {name: rate for name, rate in rates.items() if rate is not None}


def judge(system: System, signals: Signals) -> Verdict:
    """Judge a system whose watermarks are fresh."""
    short, hour, six_hours = _burn_rates(system, signals)
    failing = _failing(system, signals, short, hour)
    if failing:
        return Verdict(Health.FAILING, tuple(failing))
    degraded = _degraded(system, signals, six_hours)
    if degraded:
        return Verdict(Health.DEGRADED, tuple(degraded))
    return Verdict(Health.HEALTHY)


def _failing(system: System, signals: Signals, short: Rates, hour: Rates) -> list[str]:
    reasons = []
    if signals.subscription is not None and not signals.subscription.active:
        # A subscription that exists names its destination, whose state this then is.
        what = "destination of the subscription" if signals.subscription.table else "subscription"
        reasons.append(f"{what} is {signals.subscription.state}")
    reasons += [
        f"{name} objective burns {rate:.3g} x over 1 h"
        for name, rate in hour.items()
        if rate >= PAGE_BURN_RATE and short.get(name, 0.0) >= PAGE_BURN_RATE
    ]
    age = signals.deliveries[-1].backlog_age_s if signals.deliveries else None
    if age is not None and age > BACKLOG_AGE_FACTOR * system.objectives.latency_threshold_s:
        reasons.append(f"oldest message waits {age:.0f} s")
    return reasons


def _degraded(system: System, signals: Signals, six_hours: Rates) -> list[str]:
    reasons = [f"{name} objective burns {rate:.3g} x over 6 h" for name, rate in six_hours.items() if rate >= 1]
    last_hour = [d for d in signals.deliveries if d.window.start >= signals.deliveries[-1].window.end - HOUR]
    dead_lettered = sum(delivery.dead_lettered for delivery in last_hour)
    if dead_lettered:
        reasons.append(f"{dead_lettered} messages dead-lettered in 1 h")
    if signals.balance is not None and signals.balance.messages > signals.balance.tolerance:
        reasons.append(f"{signals.balance.messages} messages unaccounted for in 1 h")
    published = any(delivery.published for delivery in last_hour)
    age = signals.data_age_s
    if signals.active and published and age is not None and age > system.objectives.data_age_s:
        reasons.append(f"newest data is {age:.0f} s old")
    return reasons


def subscription_points(
    system: System, subscription: Subscription | None, at: datetime, former: Subscription | None = None
) -> list[Point]:
    """Whether the subscription is active; nothing where its state is unknown.

    A ``former`` state that was not active, and is over, is said to be: its series would be taken for the present for a while.
    """
    if subscription is None:
        return []
    states = {subscription.state}
    if subscription.active and former is not None and not former.active:
        states.add(former.state)
    return [gauge(system, "subscription_active", at, int(subscription.active), state=state) for state in sorted(states)]


def health_points(system: System, verdict: Verdict | None, at: datetime) -> list[Point]:
    """A system's health; nothing while it is unknown."""
    return [] if verdict is None else [gauge(system, "health", at, int(verdict.health))]


def storage_points(system: System, storage: Storage | None, at: datetime) -> list[Point]:
    """Bytes stored; nothing where they are unknown."""
    if storage is None:
        return []
    return [
        gauge(system, "storage_bytes", at, storage.active_bytes, **{"class": "active"}),
        gauge(system, "storage_bytes", at, storage.long_term_bytes, **{"class": "long_term"}),
    ]


def info_points(system: System, at: datetime) -> list[Point]:
    """Who answers for a system, and the class of its measuring."""
    return [
        gauge(
            system,
            "info",
            at,
            1,
            owner=system.owner,
            tier=system.tier.value,
            window=str(system.window_s),
            interval=str(system.interval_s),
        )
    ]


def active_points(system: System, at: datetime) -> list[Point]:
    """Whether silence is a fault now."""
    return [gauge(system, "objective", at, float(is_active(system.active_hours, at)), objective="active")]


def objective_points(system: System, at: datetime) -> list[Point]:
    """The system's objectives, which alert policies compare with."""
    promised = system.objectives
    values = {
        "latency_threshold_s": promised.latency_threshold_s,
        "latency_target": promised.latency_target,
        "errors_target": promised.errors_target,
        "data_age_s": promised.data_age_s,
    }
    if promised.cost_per_message_usd is not None:
        values["cost_per_message_usd"] = promised.cost_per_message_usd
    made = [gauge(system, "objective", at, value, objective=name) for name, value in values.items()]
    return [*made, *active_points(system, at)]
