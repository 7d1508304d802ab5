"""What the exporter says of itself, under the job ``exporter``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exporter.export import Sent
from exporter.metrics.catalog import EXPORTER_JOB
from exporter.model import Failure, Family, Point
from exporter.plan import Watermarks

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
            written=len(sent.points),
            already_written=sent.already_written,
            rejected=len(sent.rejected),
            retryable=len(sent.retryable),
        )
        self.bytes_billed += bytes_billed
        self.expired += expired

    def counts(self, now: datetime) -> list[Point]:
        """The account as points, zeros left out; they cover two milliseconds, for a count needs a stretch of time."""
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
        return made


def alive(now: datetime) -> Point:
    """The sign of life that every cycle writes; one that had nothing to do writes nothing else."""
    return _gauge("exporter/up", now, 1)


@dataclass(frozen=True, slots=True)
class Condition:
    """How the exporter is doing; ``monthly_usd`` is what it costs a month, by component, where that is known."""

    duration_s: float
    watermarks: Watermarks
    attention: int
    monthly_usd: Mapping[str, float]
    budget_usd: float | None


def points(now: datetime, condition: Condition, account: Account) -> list[Point]:
    """Everything that the exporter says of itself after a cycle that did something."""
    return [alive(now), *_gauges(now, condition), *account.counts(now)]


def _gauges(now: datetime, condition: Condition) -> list[Point]:
    made = [
        _gauge("exporter/cycle_duration", now, condition.duration_s),
        _gauge("exporter/attention", now, condition.attention),
    ]
    for family in (Family.LANDING, Family.DELIVERY, Family.SPEND):
        ends = [mark.end for (_, of), mark in condition.watermarks.items() if of is family]
        if ends:
            lag_s = (now - min(ends)).total_seconds()
            made.append(_gauge("exporter/window_lag", now, lag_s, family=family.value))
    made += [_gauge("exporter/observer_cost", now, usd, component=name) for name, usd in condition.monthly_usd.items()]
    if condition.budget_usd is not None:
        made.append(_gauge("exporter/budget", now, condition.budget_usd))
    return made


def _gauge(metric: str, at: datetime, value: float, **labels: str) -> Point:
    return Point(metric=metric, job=EXPORTER_JOB, end=at, value=float(value), labels=labels)


def _count(metric: str, end: datetime, value: float, **labels: str) -> Point:
    start = end - timedelta(milliseconds=2)
    return Point(metric=metric, job=EXPORTER_JOB, start=start, end=end, value=float(value), labels=labels)
