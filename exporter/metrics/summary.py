"""One system at a glance: the newest complete window of each family, its health, and in words what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.history import SystemHistory
from exporter.metrics import accounting, landing, spend, state
from exporter.metrics.accounting import Unaccounted
from exporter.metrics.state import Signals, Verdict
from exporter.model import Failure, Family, System, SystemSummary, Window
from exporter.snapshots import Delivery, Landing, Subscription
from exporter.windows import HOUR

UNKNOWN = "unknown"
_DAY = timedelta(hours=24)
_SIX_HOURS = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Present:
    """What a cycle knows of one system: its subscription, what failed for it, and how late each family may be."""

    now: datetime
    subscription: Subscription | None
    failures: Sequence[Failure]
    collected: bool
    delays: Mapping[Family, timedelta]


def balance(moment: datetime, kept: SystemHistory, subscription: Subscription | None) -> Unaccounted | None:
    """Unaccounted messages of the hour that ends at a moment which landing and delivery have both reached."""
    start = moment - HOUR
    return accounting.unaccounted(
        kept.landings.whole(start, moment), kept.deliveries.whole(start, moment), subscription
    )


def shared_end(kept: SystemHistory) -> datetime | None:
    """End of the newest window that landing and delivery have both reached."""
    landed, delivered = kept.landings.newest(), kept.deliveries.newest()
    return None if landed is None or delivered is None else min(landed.window.end, delivered.window.end)


def verdict(system: System, kept: SystemHistory, present: Present) -> Verdict | None:
    """Judge a system, or None while its landing or delivery is too old to tell."""
    slack = timedelta(seconds=2 * system.interval_s)
    for newest, family in ((kept.landings.newest(), Family.LANDING), (kept.deliveries.newest(), Family.DELIVERY)):
        limit = present.delays[family] + timedelta(seconds=system.interval_s) + slack
        if newest is None or present.now - newest.window.end > limit:
            broken = present.subscription is not None and not present.subscription.active
            return state.judge(system, _signals(system, kept, present)) if broken else None
    return state.judge(system, _signals(system, kept, present))


def _signals(system: System, kept: SystemHistory, present: Present) -> Signals:
    end = shared_end(kept) or present.now
    newest = kept.landings.newest()
    age_at = newest.window.end if newest is not None else present.now
    return Signals(
        landings=kept.landings.between(end - _SIX_HOURS, end),
        deliveries=kept.deliveries.between(end - _SIX_HOURS, end),
        subscription=present.subscription,
        basis=accounting.basis_of(system, present.subscription),
        balance=balance(end, kept, present.subscription),
        data_age_s=landing.data_age_s(age_at, kept.newest_publish_at(age_at)),
        active=state.is_active(system.active_hours, present.now),
    )


def summarise(system: System, kept: SystemHistory, present: Present, judged: Verdict | None) -> SystemSummary:
    """Put the newest values of every family side by side."""
    landed, delivered = kept.landings.newest(), kept.deliveries.newest()
    cost = kept.costs.newest()
    errors = _errors(system, kept, present.subscription)
    end = shared_end(kept)
    account = None if end is None else balance(end, kept, present.subscription)
    costs = [] if cost is None else kept.costs.between(cost.window.end - _DAY, cost.window.end)
    quantiles = dict(landed.quantiles_us) if landed is not None else {}
    return SystemSummary(
        id=system.id,
        tier=system.tier,
        health=UNKNOWN if judged is None else judged.health.name.lower(),
        collected=present.collected,
        landing=None if landed is None else landed.window,
        delivery=None if delivered is None else delivered.window,
        spend=None if cost is None else cost.window,
        published=None if delivered is None else delivered.published,
        delivered=None if landed is None else landed.delivered,
        duplicate=None if landed is None else landed.duplicate,
        dead_lettered=None if delivered is None else delivered.dead_lettered,
        rejected=None if delivered is None else delivered.rejected,
        latency_p50_s=_seconds(quantiles.get("0.5")),
        latency_p95_s=_seconds(quantiles.get("0.95")),
        latency_p99_s=_seconds(quantiles.get("0.99")),
        on_time_ratio=landed.within_threshold / landed.measured_rows if landed and landed.measured_rows else None,
        error_ratio=None if errors is None else errors.ratio,
        error_basis=None if errors is None else errors.basis.value,
        loss_ratio=None if account is None else account.loss_ratio,
        unaccounted_messages=None if account is None else account.messages,
        cost_per_message_usd=spend.cost_per_message(costs),
        ingest_cost_per_message_usd=spend.ingest_cost_per_message(costs),
        data_age_s=None
        if landed is None
        else landing.data_age_s(landed.window.end, kept.newest_publish_at(landed.window.end)),
        backlog_messages=None if delivered is None else delivered.backlog_messages,
        backlog_age_s=None if delivered is None else delivered.backlog_age_s,
        problem=_problem(system, landed, delivered, judged, present),
    )


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000


def _errors(system: System, kept: SystemHistory, subscription: Subscription | None) -> accounting.Errors | None:
    end = shared_end(kept)
    if end is None:
        return None
    length = timedelta(seconds=system.window_s)
    window = Window(end - length, end)
    landings = kept.landings.whole(window.start, window.end)
    deliveries = kept.deliveries.whole(window.start, window.end)
    if not landings or not deliveries:
        return None
    return accounting.errors(accounting.basis_of(system, subscription), landings[0], deliveries[0])


def _problem(
    system: System,
    landed: Landing | None,
    delivered: Delivery | None,
    judged: Verdict | None,
    present: Present,
) -> str | None:
    words: list[str] = []
    if judged is not None:
        words += judged.reasons
    for failure in present.failures:
        words.append(f"{failure.message}: {failure.remedy}" if failure.remedy else failure.message)
    denied = any(failure.source == "landing" for failure in present.failures)
    if landed is not None and not landed.measurable and not denied:
        words.append(_unmeasurable(system))
    if landed is not None and landed.negative_rows:
        words.append(f"{landed.negative_rows} messages have a publish time after their commit: clock skew")
    subscription = present.subscription
    if subscription is not None and subscription.active:
        words += _misconfigured(system, subscription)
    if judged is None and not words:
        if delivered is None or landed is None:
            words.append("no window has been measured yet")
        else:
            words.append("the newest measurement is too old to judge by")
    return "; ".join(dict.fromkeys(words)) or None


def _unmeasurable(system: System) -> str:
    return (
        f"latency cannot be measured: no {system.columns.publish_time} is readable in {system.table}; "
        "turn on write_metadata in the subscription and add its columns, or name them under columns"
    )


def _misconfigured(system: System, subscription: Subscription) -> list[str]:
    words = []
    expected = str(system.table)
    actual = subscription.table.replace(":", ".").replace("`", "")
    if not subscription.table:
        words.append(f"{system.subscription} is no BigQuery subscription: name the one that writes to {expected}")
    elif actual != expected:
        words.append(f"the subscription writes to {actual}, not to {expected}: correct table or subscription")
    if subscription.topic and subscription.topic != system.topic:
        words.append(f"the subscription belongs to {subscription.topic}, not to {system.topic}: correct topic")
    return words
