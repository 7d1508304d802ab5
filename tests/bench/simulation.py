"""Virtual time: a day of one exporter, minute by minute, and an hour of fleets of many sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

from tests.bench import candidates
from tests.bench.candidates import Sample, Warm
from tests.bench.sandbox import HALF_PAST, QUARTER_S, QUARTERS, Sandbox, sandbox
from tests.bench.usage import Usage

_MINUTE_S = 60
_MINUTES_PER_HOUR = 60
_IDLE_MINUTES = 4
"""Minutes after a collection before the next window ends, when who needs attention is looked for: that depends on luck, not on size."""

_LIMIT_S = 1200
"""What a large cycle may take: the sandbox answers for all of BigQuery on the cores of one machine."""


@dataclass(frozen=True, slots=True)
class Hour:
    """Sixty cycles: what they used and took, and the memory that was resident afterwards."""

    used: Usage
    cpu_s: float
    rss_mib: float


@dataclass(frozen=True, slots=True)
class Day:
    """Hours of one exporter, after it caught up with ``before_hours``; ``catch_up`` is its first cycle."""

    systems: int
    before_hours: int
    catch_up: Sample
    hours: Sequence[Hour]

    @property
    def used(self) -> Usage:
        """What all hours used; without the catching up."""
        return reduce(add, (hour.used for hour in self.hours))


def day(python: Path, systems: int, before_hours: int, number: int) -> Day:
    """Simulate hours on a sandbox that answers without delay, after a past that fills the exporter's memory."""
    with (
        sandbox(systems, f"{before_hours}h", latency=None) as cloud,
        candidates.warm(python, cloud, cloud.config, before_hours, limit_s=_LIMIT_S) as warm,
    ):
        return Day(systems, before_hours, warm.collect(), list(_hours(warm, cloud, number)))


def _hours(warm: Warm, cloud: Sandbox, number: int) -> Iterator[Hour]:
    for _ in range(number):
        before, cpu_s, rss_mib = cloud.used(), 0.0, 0.0
        for _ in range(_MINUTES_PER_HOUR):
            cloud.advance(_MINUTE_S)
            cpu, rss_mib = warm.uncounted()
            cpu_s += cpu
        yield Hour(cloud.used() - before, cpu_s, rss_mib)


@dataclass(frozen=True, slots=True)
class Growth:
    """Cycles of a fleet of some size: a usual collection, one with all families due, and minutes in which nothing is collected."""

    systems: int
    usual: Sample
    all_families: Sample
    idle: Sequence[Sample]

    @property
    def used(self) -> Usage:
        """What an hour uses: a collection every quarter, one of them with all families, and in the other minutes as in those seen."""
        idle = reduce(add, (sample.used for sample in self.idle))
        times = (_MINUTES_PER_HOUR - QUARTERS) / len(self.idle)
        return self.usual.used * (QUARTERS - 1) + self.all_families.used + idle * times


def growth(python: Path, systems: int) -> Growth:
    """Measure a fleet, with the delays of the comparison, after a first cycle; raises ``Failed``."""
    with (
        sandbox(systems, "30m", now=HALF_PAST) as cloud,
        candidates.warm(python, cloud, cloud.config, 0, limit_s=_LIMIT_S) as warm,
    ):
        warm.begin()
        idle = [_minute(warm, cloud) for _ in range(_IDLE_MINUTES)]
        cloud.advance(QUARTER_S - _IDLE_MINUTES * _MINUTE_S)
        usual = warm.collect()
        cloud.advance(QUARTER_S)
        return Growth(systems, usual, warm.collect(), idle)


def _minute(warm: Warm, cloud: Sandbox) -> Sample:
    cloud.advance(_MINUTE_S)
    return warm.idle()
