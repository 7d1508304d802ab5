"""What things cost: the dated price table, and pure arithmetic over it.

Money is US dollars, computed exactly (``Fraction``) and rounded once, when it becomes a float: so no order of adding up
changes a result. Months have 730 hours; GiB and TiB are binary.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from importlib import resources

import yaml

from exporter.errors import ConfigError, Mistake
from exporter.snapshots import PublishMinute, TableQueries

GIB = 2**30
TIB = 2**40
HOURS_PER_MONTH = 730

SECONDS_PER_DAY = 86_400
"""Pub/Sub charges for keeping unacknowledged messages once they are older than this (pricing page)."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The price table in use: a value by name, when it was looked up, and among how many systems free tiers are spread."""

    values: Mapping[str, float]
    as_of: date
    systems: int

    def __getitem__(self, name: str) -> Fraction:
        return Fraction(repr(self.values[name]))

    def free_bytes_per_hour(self, name: str, unit: int) -> Fraction:
        """One system's hourly part of a monthly free tier, in bytes; ``unit`` is the tier's unit in bytes."""
        return self[name] * unit / HOURS_PER_MONTH / max(1, self.systems)


@cache
def _table() -> tuple[Mapping[str, float], date]:
    text = resources.files("exporter").joinpath("prices.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    return {name: entry["value"] for name, entry in content["prices"].items()}, content["as_of"]


def load(overrides: Mapping[str, float], *, systems: int, file: str = "systems.yaml") -> Prices:
    """Build the price table with a configuration's overrides; an unknown name raises ``ConfigError``."""
    values, as_of = _table()
    mistakes = [
        Mistake(
            file, 0, f"exporter.prices.{name}", f"unknown price{_nearest(name, values)}; known: {', '.join(values)}"
        )
        for name in overrides
        if name not in values
    ]
    if mistakes:
        raise ConfigError(mistakes)
    return Prices({**values, **overrides}, as_of, systems)


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]}?" if close else ""


def billed_publish_bytes(prices: Prices, minutes: Iterable[PublishMinute]) -> int:
    """Bytes that Pub/Sub bills for publishing: messages with their overhead, at least the minimum per request, minute by minute."""
    overhead = prices["pubsub_message_overhead_bytes"]
    minimum = prices["pubsub_minimum_request_bytes"]
    # In whole numbers: there are thousands of minutes in a cycle.
    unit = math.lcm(overhead.denominator, minimum.denominator)
    per_message, per_request = int(overhead * unit), int(minimum * unit)
    return sum(
        -(-max(minute.message_bytes * unit + minute.messages * per_message, minute.requests * per_request) // unit)
        for minute in minutes
    )


def publish_usd(prices: Prices, billed_bytes: int, hours: int = 1) -> Fraction:
    """What publishing costs: billed bytes beyond the free tier's part."""
    free = prices.free_bytes_per_hour("pubsub_free_gib_per_month", GIB) * hours
    return max(Fraction(0), billed_bytes - free) * prices["pubsub_publish_per_tib"] / TIB


def delivery_usd(prices: Prices, messages: int, mean_billed_bytes: Fraction) -> Fraction:
    """What delivering messages (or forwarding them to a dead-letter topic) costs."""
    return messages * mean_billed_bytes * prices["pubsub_delivery_per_tib"] / TIB


def dead_letter_usd(prices: Prices, messages: int, mean_billed_bytes: Fraction) -> Fraction:
    """What forwarding messages to the dead-letter topic costs: they are published there."""
    return messages * mean_billed_bytes * prices["pubsub_publish_per_tib"] / TIB


def retention_usd(prices: Prices, retained_bytes: Iterable[int], sample_s: int = 60) -> Fraction:
    """What keeping a backlog over a day old costs; ``retained_bytes`` is one value per sample period."""
    byte_hours = Fraction(sum(retained_bytes) * sample_s, 3600)
    return byte_hours * prices["pubsub_retention_per_gib_month"] / GIB / HOURS_PER_MONTH


def storage_usd(prices: Prices, active_bytes: int, long_term_bytes: int, hours: Fraction = Fraction(1)) -> Fraction:
    """What storing a table costs for a number of hours."""
    active = active_bytes * prices["storage_active_per_gib_month"]
    long_term = long_term_bytes * prices["storage_long_term_per_gib_month"]
    return (active + long_term) * hours / GIB / HOURS_PER_MONTH


def query_usd(prices: Prices, queries: Iterable[TableQueries], hours: int = 1) -> Fraction:
    """What one table's part of query jobs costs: billed bytes on demand, or slot time where a slot-hour has a price."""
    billed = slot_hours = Fraction(0)
    for jobs in queries:
        billed += Fraction(jobs.bytes_billed, jobs.table_count)
        slot_hours += Fraction(jobs.slot_ms, 3_600_000 * jobs.table_count)
    if prices["slot_hour"]:
        return slot_hours * prices["slot_hour"]
    free = prices.free_bytes_per_hour("on_demand_free_tib_per_month", TIB) * hours
    return max(Fraction(0), billed - free) * prices["on_demand_per_tib"] / TIB
