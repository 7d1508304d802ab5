"""Calculates the exporter's numbers again from a dump, with nothing of the exporter: plain Python over rows and lines."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from pyarrow import parquet

HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch."""
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def parse_us(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 time."""
    return to_us(datetime.fromisoformat(text))


@dataclass
class Landed:
    """A row of a table, as the dump has it."""

    message_id: str | None
    publish_us: int | None
    commit_us: int
    size: int


@dataclass
class WindowTruth:
    """What really landed in a window."""

    rows: int
    delivered: int
    latencies_us: list[int]

    @property
    def duplicate(self) -> int:
        return self.rows - self.delivered


class Truth:
    """Everything that a dump says about one system."""

    def __init__(self, dump: Path, system: str, subscription: str, lookback_us: int) -> None:
        table = parquet.read_table(dump / "tables" / f"{system}.parquet").to_pylist()
        self.all_rows = len(table)
        self.landed = [
            Landed(
                row["message_id"],
                None if row["publish_time"] is None else to_us(row["publish_time"]),
                to_us(row["commit_time"]),
                row["bytes"],
            )
            for row in table
            if row["subscription_name"] == subscription
        ]
        self._first = self._first_time(lookback_us)
        self.minutes: dict[int, dict[str, Any]] = {}
        for line in (dump / "pubsub.jsonl").read_text().splitlines():
            record = json.loads(line)
            if record["system"] == system:
                self.minutes[parse_us(record["minute"])] = record

    def _first_time(self, lookback_us: int) -> list[bool]:
        """Row by row: is there no earlier row of the message within the lookback, and is it the first of its equals."""
        commits: dict[str, set[int]] = defaultdict(set)
        for row in self.landed:
            if row.message_id is not None:
                commits[row.message_id].add(row.commit_us)
        taken: set[tuple[str, int]] = set()
        first = []
        for row in self.landed:
            if row.message_id is None:
                first.append(True)
                continue
            earlier = any(row.commit_us - lookback_us <= at < row.commit_us for at in commits[row.message_id])
            key = (row.message_id, row.commit_us)
            first.append(not earlier and key not in taken)
            taken.add(key)
        return first

    def window(self, start_us: int, end_us: int) -> WindowTruth:
        """What landed in ``[start, end)``."""
        chosen = [
            (row, first)
            for row, first in zip(self.landed, self._first, strict=True)
            if start_us <= row.commit_us < end_us
        ]
        return WindowTruth(
            rows=len(chosen),
            delivered=sum(first for _, first in chosen),
            latencies_us=sorted(
                max(0, row.commit_us - row.publish_us) for row, _ in chosen if row.publish_us is not None
            ),
        )

    def total(self, name: str, start_us: int, end_us: int) -> int:
        """Sum of a count over the minutes of ``[start, end)``."""
        return sum(record[name] or 0 for at, record in self.minutes.items() if start_us <= at < end_us)

    def backlog(self, at_us: int) -> int | None:
        """Messages that waited at the end of the minute that ends at a moment."""
        record = self.minutes.get(at_us - MINUTE_US)
        backlog: int | None = None if record is None else record["backlog"]
        return backlog

    def unaccounted(self, end_us: int) -> int:
        """Published messages of the hour up to a moment that neither arrived, nor were dead-lettered, nor wait."""
        start_us = end_us - HOUR_US
        before, after = self.backlog(start_us), self.backlog(end_us)
        assert before is not None
        assert after is not None
        return (
            self.total("published", start_us, end_us)
            - self.window(start_us, end_us).delivered
            - self.total("dead_lettered", start_us, end_us)
            - (after - before)
        )

    def written_bytes(self, start_us: int, end_us: int) -> int:
        """Bytes of the rows that landed in ``[start, end)``."""
        return sum(row.size for row in self.landed if start_us <= row.commit_us < end_us)


def buckets(latencies_us: list[int], bounds_s: list[float]) -> list[int]:
    """Counts per bucket, lower bounds inclusive."""
    bounds_us = [round(bound * 1e6) for bound in bounds_s]
    counts = [0] * (len(bounds_us) + 1)
    for latency in latencies_us:
        counts[sum(1 for bound in bounds_us if bound <= latency)] += 1
    return counts


def quantile(latencies_us: list[int], share: float) -> float:
    """The latency, in seconds, that a share of the rows did not exceed."""
    place = max(0, -(-len(latencies_us) * round(share * 1000) // 1000) - 1)
    return latencies_us[place] / 1e6


def hour_cost(
    truth: Truth, hour_us: int, queries: list[dict[str, Any]], storage_bytes: tuple[int, int], prices: Mapping[str, Any]
) -> dict[str, Fraction]:
    """What an hour cost by component, exactly."""
    tib, gib = 2**40, 2**30
    price = {name: Fraction(str(value)) for name, value in prices.items() if isinstance(value, int | float)}
    billed = 0
    for at, record in truth.minutes.items():
        if hour_us <= at < hour_us + HOUR_US:
            by_message = record["published_bytes"] + record["published"] * prices["pubsub_message_overhead_bytes"]
            by_request = record["publish_requests"] * prices["pubsub_minimum_request_bytes"]
            billed += max(by_message, by_request)
    published = truth.total("published", hour_us, hour_us + HOUR_US)
    mean = Fraction(billed, published) if published else Fraction(0)
    rows = truth.window(hour_us, hour_us + HOUR_US).rows
    dead = truth.total("dead_lettered", hour_us, hour_us + HOUR_US)
    query_bytes = sum(
        (Fraction(job["bytes_billed"], len(set(job["referenced_tables"]))) for job in queries), start=Fraction(0)
    )
    return {
        "pubsub_publish": billed * price["pubsub_publish_per_tib"] / tib,
        "pubsub_delivery": rows * mean * price["pubsub_delivery_per_tib"] / tib,
        "pubsub_dead_letter": dead * mean * price["pubsub_publish_per_tib"] / tib,
        "pubsub_retention": Fraction(0),
        "bigquery_storage": (
            storage_bytes[0] * price["storage_active_per_gib_month"]
            + storage_bytes[1] * price["storage_long_term_per_gib_month"]
        )
        / gib
        / 730,
        "bigquery_query": query_bytes * price["on_demand_per_tib"] / tib,
    }


def queries_of(dump: Path, table: str, hour_us: int) -> list[dict[str, Any]]:
    """Somebody else's query jobs that ended in an hour and read a table."""
    found = []
    for line in (dump / "jobs.jsonl").read_text().splitlines():
        job = json.loads(line)
        own = job["labels"].get("app") == "exporter"
        ended = job["ended"]
        if own or ended is None or table not in job["referenced_tables"]:
            continue
        if hour_us <= parse_us(ended) < hour_us + HOUR_US:
            found.append(job)
    return found


def stored_points(dump: Path, metric: str) -> dict[str, list[dict[str, Any]]]:
    """Accepted points of one of our metrics, by system."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in (dump / "timeseries.jsonl").read_text().splitlines():
        series = json.loads(line)
        if series["metric"]["type"] == f"custom.googleapis.com/pipeline/{metric}":
            found[series["resource"]["labels"]["job"]].append(series)
    return found


def outcomes(series: list[dict[str, Any]], label: str) -> Counter[tuple[str, str]]:
    """Values of a count by (label's value, end of the window)."""
    counted: Counter[tuple[str, str]] = Counter()
    for each in series:
        point = each["points"][0]
        counted[each["metric"]["labels"][label], point["interval"]["endTime"]] += point["value"]["doubleValue"]
    return counted
