"""Small systems and windows for tests of pure arithmetic."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from exporter.model import ActiveHours, Objectives, System, TableRef, Tier, Window

T0 = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
ALWAYS = ActiveHours(frozenset(range(7)), 0, 1440)

BASE = System(
    id="departures",
    project="acme-data",
    location="us-central1",
    metrics_location="us-central1",
    tier=Tier.STANDARD,
    window_s=300,
    interval_s=900,
    owner="data-platform",
    topic="projects/acme-data/topics/departures",
    subscription="projects/acme-data/subscriptions/departures-bq",
    table=TableRef("acme-data", "raw", "departures"),
    view=TableRef("acme-data", "curated", "departures"),
    objectives=Objectives(latency_threshold_s=30, latency_target=0.99, errors_target=0.999, data_age_s=900),
    active_hours=ALWAYS,
    dead_letter_subscription="projects/acme-data/subscriptions/departures-dlq",
)


def system(**changes: Any) -> System:
    """The usual system with some fields changed."""
    return replace(BASE, **changes)


def window(start_s: int, length_s: int = 300) -> Window:
    """A window that starts some seconds after T0."""
    start = T0 + timedelta(seconds=start_s)
    return Window(start, start + timedelta(seconds=length_s))
