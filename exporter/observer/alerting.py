"""What alerting will cost: announced, and not charged before September 2027."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.model import System
from exporter.observer import cycles
from exporter.observer.usage import Usage


@dataclass(frozen=True, slots=True)
class Alert:
    """A kind of alert policy: metrics that its condition refers to, and how often it is evaluated, in seconds.

    One ``per_system`` has a condition per (window, interval) class, is rendered once per owner, and returns a point per system.
    """

    kind: str
    references: int
    evaluated_every_s: int = 60
    per_system: bool = True


ALERTS = (
    Alert("latency-burn", 2),
    Alert("errors-burn", 2),
    Alert("dead-letters", 1),
    Alert("backlog", 2),
    Alert("stale", 3),
    Alert("silent-loss", 2, 300),
    Alert("subscription-broken", 1),
    Alert("cost", 2, 3600),
    Alert("fleet-incident", 2, 60, per_system=False),
    Alert("exporter-absent", 1, 60, per_system=False),
    Alert("exporter-over-budget", 2, 3600, per_system=False),
)
"""The kinds of policies for a fleet."""


def usage(systems: Sequence[System]) -> Usage:
    """A month of alerting on these systems."""
    classes = {(system.owner, system.window_s, system.interval_s) for system in systems}
    references = points = 0
    for alert in ALERTS:
        copies, results = (len(classes), len(systems)) if alert.per_system else (1, 1)
        references += alert.references * copies
        points += alert.references * results * (cycles.MONTH_S // alert.evaluated_every_s)
    return Usage(alert_references=references, alert_points=points)
