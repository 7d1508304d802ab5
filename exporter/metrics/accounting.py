"""What needs both clocks, landing's and delivery's: errors, and messages that nobody can account for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from exporter.metrics.points import count, gauge
from exporter.model import Point, System, Window
from exporter.snapshots import Delivery, Landing, Subscription
from exporter.windows import HOUR


class Basis(StrEnum):
    """What an error is counted in: messages where failing ones are dead-lettered, else attempts."""

    MESSAGES = "messages"
    ATTEMPTS = "attempts"


@dataclass(frozen=True, slots=True)
class Errors:
    """Good and bad events of the errors objective in one window."""

    basis: Basis
    good: int
    bad: int

    @property
    def ratio(self) -> float | None:
        """Share of bad events, or None when nothing was tried."""
        total = self.good + self.bad
        return self.bad / total if total else None


@dataclass(frozen=True, slots=True)
class Unaccounted:
    """Published messages of an hour that were neither delivered, dead-lettered nor waiting; negative after a replay."""

    published: int
    messages: int

    @property
    def loss_ratio(self) -> float | None:
        """Share of the published messages, or None where it says nothing."""
        return self.messages / self.published if self.published and self.messages >= 0 else None

    @property
    def tolerance(self) -> float:
        """Up to where unaccounted messages are noise: 0.1 % or two minutes of traffic, whichever is more."""
        return max(self.published * 0.001, self.published * 2 / 60)


def basis_of(system: System, subscription: Subscription | None) -> Basis:
    """Messages where the subscription dead-letters, as far as is known."""
    dead_letters = subscription.dead_letter_topic if subscription else system.dead_letter_subscription
    return Basis.MESSAGES if dead_letters else Basis.ATTEMPTS


def errors(basis: Basis, landing: Landing, delivery: Delivery) -> Errors:
    """Good and bad events of one window that landing and delivery share."""
    return Errors(basis, *error_counts(basis, landing, delivery))


def error_counts(basis: Basis, landing: Landing, delivery: Delivery) -> tuple[int, int]:
    """The counts alone: health adds up hundreds of windows."""
    if basis is Basis.MESSAGES:
        return landing.delivered, delivery.dead_lettered
    return delivery.attempted("ok"), delivery.attempted("error")


def unaccounted(
    landings: Sequence[Landing], deliveries: Sequence[Delivery], subscription: Subscription | None
) -> Unaccounted | None:
    """Balance of one hour, of which both lists hold every window in order of time; None where it cannot be known."""
    if not landings or not deliveries or (subscription is not None and subscription.filter):
        return None
    if _span(landings) != _span(deliveries) or landings[-1].window.end - landings[0].window.start != HOUR:
        return None
    before, after = deliveries[0].backlog_messages_at_start, deliveries[-1].backlog_messages
    if before is None or after is None:
        return None
    published = sum(delivery.published for delivery in deliveries)
    delivered = sum(landing.delivered for landing in landings)
    dead_lettered = sum(delivery.dead_lettered for delivery in deliveries)
    return Unaccounted(published, published - delivered - dead_lettered - (after - before))


def _span(windows: Sequence[Landing] | Sequence[Delivery]) -> tuple[object, object, int]:
    return windows[0].window.start, windows[-1].window.end, len(windows)


def points(system: System, window: Window, found: Errors) -> list[Point]:
    """Events of the errors objective; nothing when nothing was tried."""
    if not found.good + found.bad:
        return []
    return [
        count(system, "slo_events", window, found.good, objective="errors", result="good"),
        count(system, "slo_events", window, found.bad, objective="errors", result="bad"),
    ]


def gauges(system: System, window: Window, found: Errors) -> list[Point]:
    """The share of errors in a collection's newest window."""
    return [] if found.ratio is None else [gauge(system, "error_ratio", window.end, found.ratio, basis=found.basis)]


def balance_points(system: System, hour_end: datetime, balance: Unaccounted | None) -> list[Point]:
    """The balance of a full hour; nothing where it cannot be known."""
    if balance is None:
        return []
    made = [gauge(system, "unaccounted_messages", hour_end, balance.messages)]
    if balance.loss_ratio is not None:
        made.append(gauge(system, "loss_ratio", hour_end, balance.loss_ratio))
    return made
