"""A fleet by hand: two systems, a local Cloud Monitoring with a few points, and what asks it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from exporter import config
from exporter.config import Config
from exporter.console.series.execution import Reader
from tests.sandbox.monitoring.cloud import NOW, PROJECT, Cloud, series

PREFIX = "custom.googleapis.com/pipeline/"
LABELS = {"location": "us-central1", "namespace": "flights", "task_id": "pipeline"}

_TEXT = """
fleet: flights
defaults: {project: acme-data, location: us-central1, owner: data-platform}
exporter: {monitoring_project: acme-observability, sinks: [SINKS]}
systems:
  - {id: fast, tier: critical, topic: fast, subscription: fast-bq, table: raw.fast}
  - {id: slow, tier: standard, topic: slow, subscription: slow-bq, table: raw.slow}
"""
"""A critical system has windows and an interval of 60 s, a standard one windows of 300 s and an interval of 900 s."""


def fleet(*sinks: str) -> Config:
    """Its configuration."""
    return config.parse(_TEXT.replace("SINKS", ", ".join(sinks or ("cloud_monitoring",))), "systems.yaml")


def gauge(
    cloud: Cloud, job: str, metric: str, values: Mapping[float, float], labels: dict[str, str] | None = None
) -> None:
    """Write a gauge's values by minutes before now."""
    for ago, value in sorted(values.items(), reverse=True):
        cloud.write(_series(job, metric, value, NOW - timedelta(minutes=ago), None, labels))


def count(
    cloud: Cloud,
    job: str,
    metric: str,
    window: timedelta,
    values: Mapping[float, Any],
    labels: dict[str, str] | None = None,
) -> None:
    """Write counts of windows by how many minutes before now they end."""
    for ago, value in sorted(values.items(), reverse=True):
        end = NOW - timedelta(minutes=ago)
        cloud.write(_series(job, metric, value, end, end - window + timedelta(milliseconds=1), labels))


def _series(
    job: str, metric: str, value: Any, end: datetime, start: datetime | None, labels: dict[str, str] | None
) -> Any:
    return series(value, end, start, PREFIX + metric, labels, ("generic_task", {**LABELS, "job": job}))


def reader(cloud: Cloud, **more: Any) -> Reader:
    """A reader that keeps nothing."""
    return Reader(cloud.client, PROJECT, keep_s=0.0, **more)
