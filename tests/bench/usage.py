"""What a candidate used of Google's services, as the sandbox counted it, and what that costs a month at list prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

TIB = 2**40
MIB = 2**20
MILLION = 1_000_000
HOURS_PER_MONTH = 730


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls by API, bytes billed by BigQuery, points stored, and time series that reads returned."""

    bigquery_calls: float = 0
    monitoring_reads: float = 0
    monitoring_writes: float = 0
    pubsub_calls: float = 0
    bytes_billed: float = 0
    points: float = 0
    distribution_points: float = 0
    series_read: float = 0

    @property
    def calls(self) -> float:
        """Remote calls of all APIs."""
        return self.bigquery_calls + self.monitoring_reads + self.monitoring_writes + self.pubsub_calls

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(*(getattr(self, each.name) - getattr(earlier, each.name) for each in fields(self)))

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __mul__(self, factor: float) -> Usage:
        return Usage(*(getattr(self, each.name) * factor for each in fields(self)))


def of_stats(stats: Mapping[str, Any]) -> Usage:
    """Everything that was used since the sandbox started, from its ``/stats``."""
    counts = {
        (api, method): sum(codes.values())
        for api, methods in stats["calls"].items()
        for method, codes in methods.items()
    }
    writes = sum(
        count for (api, method), count in counts.items() if api == "monitoring" and method.startswith("Create")
    )
    return Usage(
        bigquery_calls=sum(count for (api, _), count in counts.items() if api == "bigquery"),
        monitoring_reads=sum(count for (api, _), count in counts.items() if api == "monitoring") - writes,
        monitoring_writes=writes,
        pubsub_calls=sum(count for (api, _), count in counts.items() if api == "pubsub"),
        bytes_billed=stats["bytes_billed"],
        points=stats["points_stored"],
        distribution_points=stats["distribution_points_stored"],
        series_read=stats["series_returned"],
    )


@dataclass(frozen=True, slots=True)
class Bill:
    """A month in US dollars: queries, points of custom metrics, and reads of Cloud Monitoring."""

    queries_usd: float
    points_usd: float
    reads_usd: float

    @property
    def total_usd(self) -> float:
        """All of it."""
        return self.queries_usd + self.points_usd + self.reads_usd


def monthly(usage: Usage, hours: float, prices: Mapping[str, float]) -> Bill:
    """The month's bill of what is used every so many ``hours``; ``prices`` are by their names in ``exporter/prices.yaml``."""
    times = HOURS_PER_MONTH / hours
    scalar_points = usage.points - usage.distribution_points
    point_bytes = (
        scalar_points * prices["scalar_point_bytes"] + usage.distribution_points * prices["distribution_point_bytes"]
    )
    return Bill(
        queries_usd=times * usage.bytes_billed / TIB * prices["on_demand_per_tib"],
        points_usd=times * point_bytes / MIB * prices["custom_metrics_per_mib"],
        reads_usd=times * usage.series_read / MILLION * prices["monitoring_read_per_million_series"],
    )
