"""What the exporter says of itself, under the job ``exporter``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exporter.export import Sent
from exporter.memory import Memory
from exporter.meter import Meter
from exporter.metrics.catalog import EXPORTER_JOB
from exporter.model import Failure, Family, Point

Calls = Mapping[tuple[str, str, str], int]


@dataclass(slots=True)
class Account:
    """What happened since it was written last: cycles that had nothing to do write next to nothing, and lose nothing."""

    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    bytes_billed: int = 0
    expired: int = 0
    overruns: int = 0

    def add(self, calls: Calls, failures: Iterable[Failure], sent: Sent, bytes_billed: int, expired: int) -> None:
        """Take in one cycle."""
        self.calls.update(calls)
        self.failures.update((failure.source, failure.reason) for failure in failures)
        self.points.update(
            written=sent.written,
            already_written=sent.already_written,
            rejected=len(sent.rejected),
            retryable=len(sent.retryable),
        )
        self.bytes_billed += bytes_billed
        self.expired += expired

    def close(self, now: datetime) -> list[Point]:
        """The account as points, zeros left out, and begin anew; they cover two milliseconds, for a count needs a stretch of time."""
        made = [
            _count("exporter/remote_calls", now, number, api=api, method=method, code=code)
            for (api, method, code), number in sorted(self.calls.items())
        ]
        made += [_count("exporter/points", now, number, outcome=name) for name, number in self.points.items() if number]
        made += [
            _count("exporter/failures", now, number, source=source, reason=reason)
            for (source, reason), number in sorted(self.failures.items())
        ]
        made.append(_count("exporter/bytes_billed", now, self.bytes_billed))
        others = {"exporter/windows_expired": self.expired, "exporter/overruns": self.overruns}
        made += [_count(metric, now, number) for metric, number in others.items() if number]
        for counter in (self.calls, self.failures, self.points):
            counter.clear()
        self.bytes_billed = self.expired = self.overruns = 0
        return made


def alive(now: datetime) -> Point:
    """The sign of life that every cycle writes; one that had nothing to do writes nothing else."""
    return _gauge("exporter/up", now, 1)


def points(now: datetime, duration_s: float, account: Account, memory: Memory, meter: Meter) -> list[Point]:
    """How the exporter is doing, and what has happened since this was written last: the account begins anew."""
    made = [
        _gauge("exporter/cycle_duration", now, duration_s),
        _gauge("exporter/attention", now, len(memory.attention.given(now))),
    ]
    for family in (Family.LANDING, Family.DELIVERY, Family.SPEND):
        ends = [mark.end for (_, of), mark in memory.watermarks.items() if of is family]
        if ends:
            lag_s = (now - min(ends)).total_seconds()
            made.append(_gauge("exporter/window_lag", now, lag_s, family=family.value))
    made += [_gauge("exporter/observer_cost", now, usd, component=name) for name, usd in meter.monthly_usd(now).items()]
    if meter.budget_usd is not None:
        made.append(_gauge("exporter/budget", now, meter.budget_usd))
    return [*made, *account.close(now)]


def _gauge(metric: str, at: datetime, value: float, **labels: str) -> Point:
    return Point(metric=metric, job=EXPORTER_JOB, end=at, value=float(value), labels=labels)


def _count(metric: str, end: datetime, value: float, **labels: str) -> Point:
    start = end - timedelta(milliseconds=2)
    return Point(metric=metric, job=EXPORTER_JOB, start=start, end=end, value=float(value), labels=labels)
