"""Quotas and limits of Cloud Monitoring (https://cloud.google.com/monitoring/quotas), and how the sandbox plays it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Literal

from exporter.sandbox.conduct import Conduct
from exporter.sandbox.monitoring.errors import exhausted

MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there may be; smaller numbers make a quota easy to run into."""

    labels: int = 30
    descriptors: int = 10_000
    descriptor_creations_per_minute: int = 6_000
    series_per_resource: int = 200_000
    list_requests_per_minute: int = 6_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What the documentation leaves open or promises only in part, so that each answer can be tried; and the limits.

    Points of a series must be ``spacing_s`` apart, by their end times or by the clock at their arrival. A written point is
    readable after ``read_delay_s``. Errors are worded as the service does today (``current``: 2025 and later) or as it did before.
    A label that a metric's descriptor lacks is refused, or added to the descriptor, as was seen in the field for user-defined
    metrics. ``delivery_type`` is that of deliveries to BigQuery, whose true value nobody could confirm; ``push_latency_ms`` is
    what every push takes. ``ingest_delay_s`` is how late points of a metric are, and said to be. All of that is a choice of
    fields of ``Conduct``, for an engine that is made alone.
    """

    spacing: Literal["end_time", "clock"] = "end_time"
    spacing_s: float = 5.0
    read_delay_s: float = 0.0
    wording: Literal["current", "older"] = "current"
    new_labels: Literal["refuse", "add"] = "refuse"
    delivery_type: str = "push"
    push_latency_ms: int = 40
    ingest_delay_s: dict[str, float] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def over(self, conduct: Conduct) -> Conduct:
        """A conduct with what these settings have otherwise than by default."""
        usual = Settings()
        mine = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "limits"}
        changed = {name: value for name, value in mine.items() if value != getattr(usual, name)}
        delays = changed.pop("ingest_delay_s", None)
        if delays is not None:
            changed |= {"metric_delay_s": delays, "metric_announced_delay_s": delays}
        return conduct.changed(changed)


class PerMinute:
    """A quota of calls per minute of the clock."""

    __slots__ = ("_count", "_limit", "_minute", "_name")

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._minute = -1
        self._count = 0

    def count(self, now_us: int) -> None:
        """Count one more call; raises ``Refused`` when the minute's calls are used up."""
        minute, passed = divmod(now_us, MINUTE_US)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        if self._count >= self._limit:
            raise exhausted(self._name, timedelta(microseconds=MINUTE_US - passed))
        self._count += 1
