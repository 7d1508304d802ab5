"""Family spend: what an hour cost, by component, what was queried, and the cost of a message over trailing horizons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from exporter import pricing
from exporter.metrics.points import count, distribution, gauge
from exporter.model import LATENCY_BOUNDS_S, Distribution, Point, System, Window
from exporter.pricing import Prices
from exporter.snapshots import Delivery, HourCost, Landing, Storage, TableQueries

HORIZON_HOURS = {"1h": 1, "24h": 24}

USUALLY_ZERO = ("pubsub_dead_letter", "pubsub_retention")
"""Components that are not written while they are zero; they are known wherever pubsub_delivery is."""


@dataclass(frozen=True, slots=True)
class HourInputs:
    """Everything that an hour's cost is computed from; None where a source had no answer.

    ``landings`` and ``deliveries`` are all windows of the hour. ``written_bytes`` is the system's part of the bytes written to its
    table.
    """

    hour: Window
    landings: Sequence[Landing]
    deliveries: Sequence[Delivery]
    queries: Sequence[TableQueries] | None
    written_bytes: int | None
    storage: Storage | None


def hour_cost(inputs: HourInputs, prices: Prices) -> HourCost:
    """Add up one hour of one system."""
    minutes = [minute for delivery in inputs.deliveries for minute in delivery.publishes]
    published = sum(minute.messages for minute in minutes)
    billed_bytes = pricing.billed_publish_bytes(prices, minutes)
    rows = sum(landing.landed_rows for landing in inputs.landings)
    dead_lettered = sum(delivery.dead_lettered for delivery in inputs.deliveries)
    retained = [value for delivery in inputs.deliveries for value in delivery.retained_bytes]
    costs: dict[str, Fraction | None] = {
        "pubsub_publish": pricing.publish_usd(prices, billed_bytes),
        "pubsub_delivery": None,
        "pubsub_dead_letter": None,
        "pubsub_retention": pricing.retention_usd(prices, retained),
        "bigquery_storage": None,
        "bigquery_query": None,
    }
    if published or not rows + dead_lettered:
        mean_bytes = Fraction(billed_bytes, published) if published else Fraction(0)
        costs["pubsub_delivery"] = pricing.delivery_usd(prices, rows, mean_bytes)
        costs["pubsub_dead_letter"] = pricing.dead_letter_usd(prices, dead_lettered, mean_bytes)
    if inputs.storage is not None:
        stored = inputs.storage
        costs["bigquery_storage"] = pricing.storage_usd(prices, stored.active_bytes, stored.long_term_bytes)
    if inputs.queries is not None:
        costs["bigquery_query"] = pricing.query_usd(prices, inputs.queries)
    month_of_storage = None
    if inputs.written_bytes is not None:
        month = Fraction(pricing.HOURS_PER_MONTH)
        month_of_storage = float(pricing.storage_usd(prices, inputs.written_bytes, 0, month))
    return HourCost(
        window=inputs.hour,
        components={name: float(value) for name, value in costs.items() if value is not None},
        delivered=sum(landing.delivered for landing in inputs.landings),
        ingest_storage=month_of_storage,
    )


def cost_per_message(hours: Sequence[HourCost]) -> float | None:
    """All components / delivered messages over the hours whose components are all known; US dollars."""
    known = [hour for hour in hours if hour.complete]
    delivered = sum(hour.delivered for hour in known)
    return math.fsum(value for hour in known for value in hour.components.values()) / delivered if delivered else None


def ingest_cost_per_message(hours: Sequence[HourCost]) -> float | None:
    """Pub/Sub and a month of storage of the written bytes / delivered messages over the hours where both are known; US dollars."""
    known = [(hour.ingest_usd, hour.delivered) for hour in hours if hour.ingest_usd is not None]
    delivered = sum(messages for _, messages in known)
    return math.fsum(usd for usd, _ in known if usd is not None) / delivered if delivered else None


def points(system: System, inputs: HourInputs, cost: HourCost) -> list[Point]:
    """Points of one hour, the same however and whenever it was computed (but for the storage snapshot)."""
    hour = inputs.hour
    made = [
        count(system, "cost", hour, value, component=name)
        for name, value in cost.components.items()
        if value or name not in USUALLY_ZERO
    ]
    published_bytes = sum(m.message_bytes for delivery in inputs.deliveries for m in delivery.publishes)
    made.append(count(system, "bytes", hour, published_bytes, stage="published"))
    if inputs.written_bytes is not None:
        made.append(count(system, "bytes", hour, inputs.written_bytes, stage="written"))
    made += _attempts(system, hour, inputs.deliveries)
    if inputs.queries:
        made += _queries(system, hour, inputs.queries)
    return made


def _attempts(system: System, hour: Window, deliveries: Sequence[Delivery]) -> list[Point]:
    sums: dict[tuple[str, str], int] = {}
    for delivery in deliveries:
        for key, number in delivery.attempts:
            sums[key] = sums.get(key, 0) + number
    return [
        count(system, "delivery_attempts", hour, number, result=result, reason=reason)
        for (result, reason), number in sorted(sums.items())
    ]


def _queries(system: System, hour: Window, queries: Sequence[TableQueries]) -> list[Point]:
    succeeded = sum(jobs.succeeded for jobs in queries)
    failed = sum(jobs.failed for jobs in queries)
    processed = float(sum(Fraction(jobs.bytes_processed, jobs.table_count) for jobs in queries))
    billed = float(sum(Fraction(jobs.bytes_billed, jobs.table_count) for jobs in queries))
    buckets = tuple(sum(counts) for counts in zip(*(jobs.bucket_counts for jobs in queries), strict=True))
    if len(buckets) != len(LATENCY_BOUNDS_S) + 1:
        raise ValueError(f"{len(buckets)} buckets, not {len(LATENCY_BOUNDS_S) + 1}")
    total_s = sum(jobs.duration_sum_us for jobs in queries) / 1_000_000
    made = [
        count(system, "query_bytes", hour, processed, kind="processed"),
        count(system, "query_bytes", hour, billed, kind="billed"),
        distribution(system, "query_duration", hour, Distribution(succeeded + failed, total_s, buckets)),
    ]
    if succeeded:
        made.append(count(system, "queries", hour, succeeded, result="ok"))
    if failed:
        made.append(count(system, "queries", hour, failed, result="error"))
    return made


def gauges(system: System, hours: Sequence[HourCost]) -> list[Point]:
    """Costs per message at the end of the newest hour; ``hours`` are the known ones of the last 24, in order of time."""
    if not hours:
        return []
    end = hours[-1].window.end
    made = []
    for name, length in HORIZON_HOURS.items():
        recent = [hour for hour in hours if (end - hour.window.start).total_seconds() <= length * 3600]
        whole, ingest = cost_per_message(recent), ingest_cost_per_message(recent)
        if whole is not None:
            made.append(gauge(system, "cost_per_message", end, whole, horizon=name))
        if ingest is not None:
            made.append(gauge(system, "ingest_cost_per_message", end, ingest, horizon=name))
    return made
