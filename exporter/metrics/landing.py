"""Family landing: latency, delivered and duplicate messages, and the age of the data."""

from __future__ import annotations

from datetime import datetime

from exporter.metrics.points import count, distribution, gauge
from exporter.model import Distribution, Point, System
from exporter.snapshots import Landing


def points(system: System, landing: Landing) -> list[Point]:
    """Points of one window, the same however and whenever the window was measured."""
    window = landing.window
    made = [count(system, "messages", window, landing.delivered, outcome="delivered")]
    if landing.duplicate:
        made.append(count(system, "messages", window, landing.duplicate, outcome="duplicate"))
    if landing.measured_rows:
        histogram = Distribution(landing.measured_rows, landing.latency_sum_us / 1_000_000, landing.bucket_counts)
        made.append(distribution(system, "latency", window, histogram))
        good = landing.within_threshold
        made.append(count(system, "slo_events", window, good, objective="latency", result="good"))
        made.append(
            count(system, "slo_events", window, landing.measured_rows - good, objective="latency", result="bad")
        )
    made += [
        gauge(system, "latency_quantile", window.end, value_us / 1_000_000, quantile=name)
        for name, value_us in landing.quantiles_us
    ]
    return made


def data_age_s(at: datetime, newest_publish: datetime | None) -> float | None:
    """Age in seconds of the newest message that is queryable at a moment, or None where no message is known."""
    return None if newest_publish is None else max(0.0, (at - newest_publish).total_seconds())


def gauges(system: System, at: datetime, newest_publish: datetime | None) -> list[Point]:
    """The age of the data at the end of a collection."""
    age = data_age_s(at, newest_publish)
    return [] if age is None else [gauge(system, "data_age", at, age)]
