"""Family fleet: all systems together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from exporter.metrics.catalog import FLEET_JOB
from exporter.model import Point, SystemSummary

HEALTHS = ("healthy", "degraded", "failing", "unknown")


def points(summaries: Sequence[SystemSummary], at: datetime) -> list[Point]:
    """Systems by health, the worst latency and the fleet's rates."""
    by_health = Counter(summary.health for summary in summaries)
    made = [_gauge("fleet/systems", at, by_health[health], health=health) for health in HEALTHS]
    worst = max((s.latency_p95_s for s in summaries if s.latency_p95_s is not None), default=None)
    if worst is not None:
        made.append(_gauge("fleet/worst_latency", at, worst))
    published = [
        s.published / s.delivery.length.total_seconds() for s in summaries if s.delivery and s.published is not None
    ]
    delivered = [
        s.delivered / s.landing.length.total_seconds() for s in summaries if s.landing and s.delivered is not None
    ]
    for outcome, rates in (("published", published), ("delivered", delivered)):
        if rates:
            made.append(_gauge("fleet/messages_per_second", at, sum(rates), outcome=outcome))
    return made


def _gauge(metric: str, at: datetime, value: float, **labels: str) -> Point:
    return Point(metric=metric, job=FLEET_JOB, end=at, value=float(value), labels=labels)
