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
    return made


def data_age_s(at: datetime, newest_publish: datetime | None) -> float | None:
    """Age in seconds of the newest message that is queryable at a moment, or None where no message is known."""
    return None if newest_publish is None else max(0.0, (at - newest_publish).total_seconds())


def gauges(system: System, landing: Landing, newest_publish: datetime | None) -> list[Point]:
    """Quantiles of a collection's newest window, and the age of the data at its end."""
    end = landing.window.end
    made = [
        gauge(system, "latency_quantile", end, value_us / 1_000_000, quantile=name)
        for name, value_us in landing.quantiles_us
    ]
    age = data_age_s(end, newest_publish)
    return made if age is None else [*made, gauge(system, "data_age", end, age)]
