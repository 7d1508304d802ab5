"""What alerting will cost: announced, and not charged before September 2027."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from exporter.model import System
from exporter.observer import cycles
from exporter.observer.usage import Usage


class Copies(Enum):
    """How often there is a policy of a kind in a fleet."""

    OWNER_AND_CLASS = "for each owner and (window, interval) class"
    CLASS = "for each class"
    ONE = "once"


@dataclass(frozen=True, slots=True)
class Alert:
    """A kind of alert policy: how many metrics its condition refers to, and how often it is evaluated, in seconds.

    A condition for each owner and class returns a point per system, any other one.
    """

    kind: str
    references: int
    evaluated_every_s: int = 60
    copies: Copies = Copies.OWNER_AND_CLASS


ALERTS = (
    Alert("latency-burn", 3),
    Alert("errors-burn", 3),
    Alert("backlog", 5),
    Alert("subscription-broken", 2),
    Alert("stale", 5),
    Alert("unmeasured", 3),
    Alert("silent-loss", 2, 300),
    Alert("dead-letters", 2, 300),
    Alert("latency-slow-burn", 3, 300),
    Alert("errors-slow-burn", 3, 300),
    Alert("cost", 3, 300),
    Alert("fleet-incident", 6, 60, Copies.CLASS),
    Alert("fleet-error", 11, 60, Copies.CLASS),
    Alert("fleet-warning", 5, 300, Copies.CLASS),
    Alert("exporter-absent", 1, 60, Copies.ONE),
    Alert("exporter-over-budget", 2, 300, Copies.ONE),
)
"""The kinds of policies for a fleet, as in ``alerts/``: tests hold this table against the templates."""


MOST_POLICIES = 500
"""What a project takes (Cloud Monitoring's quotas, alerting)."""


def policies(systems: Sequence[System]) -> int:
    """How many policies are rendered for these systems."""
    copies = _copies(systems)
    return sum(copies[alert.copies] for alert in ALERTS)


def usage(systems: Sequence[System]) -> Usage:
    """A month of alerting on these systems."""
    copies = _copies(systems)
    references = points = 0
    for alert in ALERTS:
        results = len(systems) if alert.copies is Copies.OWNER_AND_CLASS else copies[alert.copies]
        references += alert.references * copies[alert.copies]
        points += alert.references * results * (cycles.MONTH_S // alert.evaluated_every_s)
    return Usage(alert_references=references, alert_points=points)


def _copies(systems: Sequence[System]) -> Mapping[Copies, int]:
    return {
        Copies.OWNER_AND_CLASS: len({(system.owner, system.window_s, system.interval_s) for system in systems}),
        Copies.CLASS: len({(system.window_s, system.interval_s) for system in systems}),
        Copies.ONE: 1,
    }
