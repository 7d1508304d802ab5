"""Family delivery: what Pub/Sub's own metrics say was published, rejected, dead-lettered, attempted, and waits."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, TypeVar

from exporter.metrics.points import count, gauge
from exporter.model import Point, System, Window
from exporter.pricing import SECONDS_PER_DAY
from exporter.snapshots import Delivery, PublishMinute, Readings

_Sample = TypeVar("_Sample", bound=tuple[Any, ...])

MAX_SAMPLE_AGE_S = 120
"""A gauge's sample counts for a moment when it is at most this old."""


def windows(system: System, readings: Readings, asked: Sequence[Window]) -> tuple[Delivery, ...]:
    """Samples of each window: counts whose period ended in ``(start, end]``, gauges as they stood at its start and end."""
    return tuple(_window(system, readings, window) for window in asked)


def _window(system: System, readings: Readings, window: Window) -> Delivery:
    start, end = int(window.start.timestamp()), int(window.end.timestamp())
    attempts: Counter[tuple[str, str]] = Counter()
    for _, result, reason, number in _within(readings.attempts, start, end):
        attempts[result, reason] += number
    return Delivery(
        system=system.id,
        window=window,
        publishes=_publishes(readings, start, end),
        rejected=sum(number for _, number in _within(readings.rejected, start, end)),
        dead_lettered=sum(number for _, number in _within(readings.dead_lettered, start, end)),
        attempts=tuple(sorted(attempts.items())),
        backlog_messages=_at(readings.backlog, end),
        backlog_messages_at_start=_at(readings.backlog, start),
        backlog_age_s=_at(readings.oldest_age, end),
        retained_bytes=_retained(readings, start, end),
    )


def _within(samples: Sequence[_Sample], start: int, end: int) -> Sequence[_Sample]:
    first = bisect_right(samples, start, key=_end)
    return samples[first : bisect_right(samples, end, key=_end)]


def _end(sample: tuple[Any, ...]) -> int:
    return int(sample[0])


def _publishes(readings: Readings, start: int, end: int) -> tuple[PublishMinute, ...]:
    messages: defaultdict[int, int] = defaultdict(int)
    sizes: defaultdict[int, int] = defaultdict(int)
    requests: defaultdict[int, int] = defaultdict(int)
    for at, number, size in _within(readings.sizes, start, end):
        messages[at] += number
        sizes[at] += size
    for at, number in _within(readings.requests, start, end):
        requests[at] += number
    ends = sorted(messages.keys() | requests.keys())
    return tuple(PublishMinute(messages[at], sizes[at], requests[at]) for at in ends)


def _at(samples: Sequence[tuple[int, int]], moment: int) -> int | None:
    place = bisect_right(samples, moment, key=_end)
    if not place or moment - samples[place - 1][0] > MAX_SAMPLE_AGE_S:
        return None
    return samples[place - 1][1]


def _retained(readings: Readings, start: int, end: int) -> tuple[int, ...]:
    if not any(age > SECONDS_PER_DAY for _, age in _within(readings.oldest_age, start, end)):
        return ()
    sizes = dict(_within(readings.backlog_bytes, start, end))
    return tuple(
        sizes[at] for at, age in _within(readings.oldest_age, start, end) if age > SECONDS_PER_DAY and at in sizes
    )


def points(system: System, delivery: Delivery) -> list[Point]:
    """Points of one window, the same however and whenever the window was read."""
    window = delivery.window
    made = [count(system, "messages", window, delivery.published, outcome="published")]
    if delivery.rejected:
        made.append(count(system, "messages", window, delivery.rejected, outcome="rejected"))
    if delivery.dead_lettered:
        made.append(count(system, "messages", window, delivery.dead_lettered, outcome="dead_lettered"))
    return made


def gauges(system: System, delivery: Delivery) -> list[Point]:
    """The backlog at the end of a collection."""
    made = []
    if delivery.backlog_messages is not None:
        made.append(gauge(system, "backlog_messages", delivery.window.end, delivery.backlog_messages))
    if delivery.backlog_age_s is not None:
        made.append(gauge(system, "backlog_age", delivery.window.end, delivery.backlog_age_s))
    return made
