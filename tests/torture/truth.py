"""What really happened to a system, window by window, as the series that should tell it; from a dump, without the exporter's code."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from exporter.model import LATENCY_BOUNDS_US, System
from tests.end_to_end.recomputation import Landed, Truth, WindowTruth, hour_cost, parse_us
from tests.torture.stored import Histogram, Series, Value, series, trimmed

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several values: what a point may say that rests on a snapshot of which there were several."""

    values: tuple[float, ...]


Expected = Mapping[Series, Value | AnyOf]


class Dump:
    """The parts of a dump that concern tables: other people's query jobs and storage snapshots, by table."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.jobs: dict[str, list[Record]] = defaultdict(list)
        self.snapshots: dict[str, list[Record]] = defaultdict(list)
        for job in _records(directory / "jobs.jsonl"):
            if job["labels"].get("app") != "exporter" and job["ended"] is not None:
                for table in set(job["referenced_tables"]):
                    self.jobs[table].append(job)
        for snapshot in _records(directory / "storage.jsonl"):
            self.snapshots[snapshot["table"]].append(snapshot)


def _records(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Book:
    """The truth about one system; all times are microseconds."""

    def __init__(self, dump: Dump, system: System, prices: Mapping[str, float]) -> None:
        self._system = system
        self._prices = prices
        self._truth = Truth(
            dump.directory, system.id, system.subscription, round(system.duplicate_lookback_s * 1_000_000)
        )
        self._rows = sorted(zip(self._truth.landed, self._truth._first, strict=True), key=_commit_us)
        self._commits = [row.commit_us for row, _ in self._rows]
        self._jobs = dump.jobs[str(system.table)]
        self._storage = AnyOf(tuple(sorted({self._storage_usd(each) for each in dump.snapshots[str(system.table)]})))

    def landing(self, start_us: int, end_us: int) -> Expected:
        """What landed in a window."""
        truth = self._window(start_us, end_us)
        told: dict[Series, Value | AnyOf] = {
            series("messages", outcome="delivered"): truth.delivered,
            series("messages", outcome="duplicate"): truth.duplicate,
        }
        if truth.latencies_us:
            limit_us = round(self._system.objectives.latency_threshold_s * 1_000_000)
            good = bisect_right(truth.latencies_us, limit_us)
            told[series("latency")] = _histogram(truth.latencies_us)
            told[series("slo_events", objective="latency", result="good")] = good
            told[series("slo_events", objective="latency", result="bad")] = len(truth.latencies_us) - good
        return told

    def delivery(self, start_us: int, end_us: int) -> Expected:
        """What Pub/Sub did in a window."""
        names = ("published", "rejected", "dead_lettered")
        return {series("messages", outcome=name): self._truth.total(name, start_us, end_us) for name in names}

    def errors(self, start_us: int, end_us: int) -> Expected:
        """Events of the errors objective in a window, which landing and delivery tell together."""
        good, bad = (self._truth.total(name, start_us, end_us) for name in ("attempts_ok", "attempts_error"))
        if self._system.dead_letter_subscription:
            good = self._window(start_us, end_us).delivered
            bad = self._truth.total("dead_lettered", start_us, end_us)
        if not good + bad:
            return {}
        return {
            series("slo_events", objective="errors", result="good"): good,
            series("slo_events", objective="errors", result="bad"): bad,
        }

    def spend(self, start_us: int, end_us: int) -> Expected:
        """What an hour cost, by component, and what that is made of."""
        jobs = [job for job in self._jobs if start_us <= parse_us(job["ended"]) < end_us]
        costs = hour_cost(self._truth, start_us, [dict(job) for job in jobs], (0, 0), self._prices)
        told: dict[Series, Value | AnyOf] = {
            series("cost", component=name): float(value) for name, value in costs.items()
        }
        told[series("cost", component="bigquery_storage")] = self._storage
        told[series("bytes", stage="published")] = self._truth.total("published_bytes", start_us, end_us)
        told[series("bytes", stage="written")] = sum(row.size for row, _ in self._between(start_us, end_us))
        failed = sum(job["error"] is not None for job in jobs)
        told[series("queries", result="ok")] = len(jobs) - failed
        told[series("queries", result="error")] = failed
        for kind in ("processed", "billed"):
            parts = (Fraction(job[f"bytes_{kind}"], len(set(job["referenced_tables"]))) for job in jobs)
            told[series("query_bytes", kind=kind)] = float(sum(parts))
        return told

    def _between(self, start_us: int, end_us: int) -> Sequence[tuple[Landed, bool]]:
        return self._rows[bisect_left(self._commits, start_us) : bisect_left(self._commits, end_us)]

    def _window(self, start_us: int, end_us: int) -> WindowTruth:
        rows = self._between(start_us, end_us)
        latencies = (max(0, row.commit_us - row.publish_us) for row, _ in rows if row.publish_us is not None)
        return WindowTruth(len(rows), sum(first for _, first in rows), sorted(latencies))

    def _storage_usd(self, snapshot: Record) -> float:
        """What an hour of storage costs by one snapshot."""
        stored = (snapshot["active_logical_bytes"] or 0, snapshot["long_term_logical_bytes"] or 0)
        return float(hour_cost(self._truth, 0, [], stored, self._prices)["bigquery_storage"])


def _commit_us(counted: tuple[Landed, bool]) -> int:
    return counted[0].commit_us


def _histogram(latencies_us: Sequence[int]) -> Histogram:
    counts = [0] * (len(LATENCY_BOUNDS_US) + 1)
    for latency in latencies_us:
        counts[bisect_right(LATENCY_BOUNDS_US, latency)] += 1
    return Histogram(len(latencies_us), sum(latencies_us) / 1e6, trimmed(counts))
