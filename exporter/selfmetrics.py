"""What the exporter says of itself: points of one cycle, under the job ``exporter``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from exporter.collection import Snapshot
from exporter.export import Sent
from exporter.metrics.catalog import EXPORTER_JOB
from exporter.model import Family, Point
from exporter.plan import Watermarks


def points(
    now: datetime,
    duration_s: float,
    calls: Mapping[tuple[str, str, str], int],
    sent: Sent,
    snapshot: Snapshot,
    expired: int,
    watermarks: Watermarks,
) -> list[Point]:
    """Describe one cycle; its counts cover the cycle's own millisecond, for a count needs a stretch of time."""
    made = [_gauge("exporter/up", now, 1), _gauge("exporter/cycle_duration", now, duration_s)]
    for family in (Family.LANDING, Family.DELIVERY, Family.SPEND):
        ends = [mark.end for (_, of), mark in watermarks.items() if of is family]
        if ends:
            lag_s = (now - min(ends)).total_seconds()
            made.append(_gauge("exporter/window_lag", now, lag_s, family=family.value))
    begin = now - timedelta(milliseconds=2)
    made += [
        _count("exporter/remote_calls", begin, now, number, api=api, method=method, code=code)
        for (api, method, code), number in sorted(calls.items())
    ]
    outcomes = {
        "written": sent.written,
        "already_written": sent.already_written,
        "rejected": len(sent.rejected),
        "retryable": len(sent.retryable),
    }
    made += [_count("exporter/points", begin, now, number, outcome=name) for name, number in outcomes.items()]
    by_reason = Counter((failure.source, failure.reason) for failure in snapshot.failures)
    made += [
        _count("exporter/failures", begin, now, number, source=source, reason=reason)
        for (source, reason), number in sorted(by_reason.items())
    ]
    made.append(_count("exporter/bytes_billed", begin, now, snapshot.bytes_billed))
    if expired:
        made.append(_count("exporter/windows_expired", begin, now, expired))
    return made


def _gauge(metric: str, at: datetime, value: float, **labels: str) -> Point:
    return Point(metric=metric, job=EXPORTER_JOB, end=at, value=float(value), labels=labels)


def _count(metric: str, start: datetime, end: datetime, value: float, **labels: str) -> Point:
    return Point(metric=metric, job=EXPORTER_JOB, start=start, end=end, value=float(value), labels=labels)
